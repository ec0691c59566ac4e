package forecast_test

import (
	"errors"
	"maps"
	"math"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"bellows.dev/bellows/forecast"
	"bellows.dev/bellows/forecast/backtest"
)

func traces(t testing.TB) map[string][]float64 {
	t.Helper()
	out := map[string][]float64{}
	for name, hour := range map[string]int{"servegen-qwen-large": 6, "worldcup98-weeks1-3": 60, "azure-llm-code": 10} {
		text, err := os.ReadFile("testdata/" + name + ".csv")
		if err != nil {
			t.Fatal(err)
		}
		values, err := backtest.ParseTrace(string(text))
		if err != nil {
			t.Fatal(err)
		}
		out[name] = backtest.Aggregate(values, hour)
	}
	return out
}

// On every trace the forecast is closer than the same time a day ago and the same time a week ago.
func TestCloserThanSeasonalNaiveOnEveryTrace(t *testing.T) {
	for name, values := range traces(t) {
		checkCloser(t, name, values, 1)
	}
}

// Loads for which nothing was tuned. A load that repeats exactly each week cannot be forecast better than by its noise; a random
// walk has no season, and the value of a day ago is as good as any.
func TestCloserThanSeasonalNaiveOnOtherLoads(t *testing.T) {
	for name, values := range loads() {
		slack := 1.02
		if name == "walk" {
			slack = 1.1
		}
		checkCloser(t, name, values, slack)
	}
}

func checkCloser(t *testing.T, name string, values []float64, slack float64) {
	t.Helper()
	plan := backtest.TwoDays(24)
	ours, origins := plan.WAPE(values, backtest.Bellows)
	day, _ := plan.WAPE(values, backtest.DayAgo)
	week, _ := plan.WAPE(values, backtest.WeekAgo)
	t.Logf("%s: ours %.3f, day ago %.3f, week ago %.3f, at %d origins", name, ours, day, week, origins)
	if origins < 10 || !(ours < slack*min(day, week)) {
		t.Errorf("%s: WAPE %.4f at %d origins; a day ago has %.4f, a week ago %.4f", name, ours, origins, day, week)
	}
}

// loads returns loads of three weeks of hours each: seasons with noise, growth, a step, gaps, a random walk, and no season.
func loads() map[string][]float64 {
	state := uint64(7)
	uniform := func() float64 {
		state = state*6364136223846793005 + 1442695040888963407
		z := (state ^ state>>33) * 0xff51afd7ed558ccd
		return float64(z>>11) / (1 << 53)
	}
	noise := func(size float64) float64 {
		return math.Exp(size * math.Sqrt(-2*math.Log(1-uniform())) * math.Cos(2*math.Pi*uniform()))
	}
	day := func(h int) float64 {
		x := 2 * math.Pi * float64(h%24) / 24
		return 100 + 60*math.Sin(x-2) + 20*math.Sin(2*x)
	}
	weekday := func(h int) float64 {
		if h/24%7 >= 5 {
			return 0.35
		}
		return 1
	}
	at, walk := 0.0, make([]float64, 21*24)
	for i := range walk {
		at += 0.07 * math.Log(noise(1))
		walk[i] = 100 * math.Exp(at)
	}
	out := map[string][]float64{"walk": walk}
	kinds := map[string]func(h int) float64{
		"daily":              func(h int) float64 { return day(h) * noise(0.1) },
		"weekly":             func(h int) float64 { return day(h) * weekday(h) * noise(0.1) },
		"weekly, noisy":      func(h int) float64 { return day(h) * weekday(h) * noise(0.4) },
		"growing":            func(h int) float64 { return day(h) * (1 + float64(h)/24*0.08) * noise(0.05) },
		"growing, weekly":    func(h int) float64 { return day(h) * weekday(h) * math.Exp(0.04*float64(h)/24) * noise(0.05) },
		"no season, no news": func(int) float64 { return 100 * noise(0.5) },
	}
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		values := make([]float64, 21*24)
		for h := range values {
			values[h] = kinds[name](h)
		}
		out[name] = values
	}
	step := make([]float64, 21*24)
	for h := range step {
		step[h] = day(h) * weekday(h) * noise(0.1)
		if h >= 12*24 {
			step[h] *= 2.5
		}
	}
	out["step"] = step
	gaps := slices.Clone(out["weekly"])
	for h := range gaps {
		if h%29 < 3 || h > 9*24 && h < 9*24+17 {
			gaps[h] = math.NaN()
		}
	}
	out["gaps"] = gaps
	return out
}

func TestAHolidayChangesLittle(t *testing.T) {
	values := make([]float64, 14*24)
	for h := range values {
		values[h] = 100 + 50*math.Sin(2*math.Pi*float64(h)/24)
	}
	usual := ask(t, values, 48)
	holiday := slices.Clone(values)
	for h := 11 * 24; h < 12*24; h++ {
		holiday[h] /= 5
	}
	for i, v := range ask(t, holiday, 48) {
		if math.Abs(v-usual[i]) > 0.05*usual[i] {
			t.Errorf("hour %d: %g with a holiday three days ago, else %g", i, v, usual[i])
		}
	}
}

func TestRepeatingLoadIsForecastExactly(t *testing.T) {
	values := make([]float64, 14*24)
	for h := range values {
		values[h] = float64(10 + h%24)
		if h/24%7 >= 5 {
			values[h] /= 2
		}
	}
	for i, v := range ask(t, values, 7*24) {
		if want := values[i]; math.Abs(v-want) > 1e-9*want {
			t.Errorf("hour %d: %g, want %g", i, v, want)
		}
	}
}

func ask(t testing.TB, values []float64, horizon int) []float64 {
	t.Helper()
	f, err := forecast.New(forecast.History{Values: values, Season: 24}, horizon)
	if err != nil {
		t.Fatal(err)
	}
	return f.Values
}

func TestHistoryNeedsADay(t *testing.T) {
	values := make([]float64, 30)
	for i := range 7 {
		values[i] = math.NaN()
	}
	if _, err := forecast.New(forecast.History{Values: values, Season: 24}, 48); !errors.Is(err, forecast.ErrShort) {
		t.Errorf("23 known values: %v", err)
	}
	if _, err := forecast.New(forecast.History{Values: values[6:], Season: 23}, 48); err != nil {
		t.Errorf("a whole season: %v", err)
	}
	if _, err := forecast.New(forecast.History{Values: values}, 48); err == nil {
		t.Error("a season of length 0 was accepted")
	}
}

// About eight of ten values lie between Low and High: past errors predict future ones.
func TestTheRangeHoldsEightOfTen(t *testing.T) {
	for _, name := range []string{"daily", "weekly", "no season, no news"} {
		values, within, all := loads()[name], 0, 0
		for now := 10 * 24; now+48 <= len(values); now += 6 {
			f, err := forecast.New(forecast.History{Values: values[:now], Season: 24}, 48)
			if err != nil {
				t.Fatal(err)
			}
			for i := range f.Values {
				if all++; f.Low[i] <= values[now+i] && values[now+i] <= f.High[i] {
					within++
				}
			}
		}
		if share := float64(within) / float64(all); share < 0.7 || share > 0.92 {
			t.Errorf("%s: %.2f of the values are within the range", name, share)
		}
	}
}

// history draws a random history with gaps, zeros and spikes.
func history(t *rapid.T) forecast.History {
	season := rapid.IntRange(1, 48).Draw(t, "season")
	values := rapid.SliceOfN(rapid.OneOf(
		rapid.Float64Range(0, 1000), rapid.Just(0.0), rapid.Just(math.NaN()), rapid.Float64Range(0, 1e12),
	), season, 16*season).Draw(t, "values")
	return forecast.History{Values: values, Season: season}
}

func TestForecastsAreFiniteAndNeverNegative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := history(t)
		f, err := forecast.New(h, 2*h.Season)
		if errors.Is(err, forecast.ErrShort) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range f.Values {
			if !(f.Low[i] >= 0 && f.Low[i] <= v && v <= f.High[i]) || math.IsInf(f.High[i], 0) {
				t.Fatalf("value %d: %g <= %g <= %g", i, f.Low[i], v, f.High[i])
			}
		}
		again, _ := forecast.New(h, 2*h.Season)
		if !slices.Equal(f.Values, again.Values) || !slices.Equal(f.High, again.High) {
			t.Fatal("the same history gave another forecast")
		}
	})
}

// Units do not matter: a load in dozens is forecast in dozens. Powers of two keep floating-point values exact.
func TestUnitsDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := history(t)
		scale := math.Pow(2, float64(rapid.IntRange(-20, 20).Draw(t, "power")))
		scaled := forecast.History{Values: make([]float64, len(h.Values)), Season: h.Season}
		for i, v := range h.Values {
			scaled.Values[i] = v * scale
		}
		f, err := forecast.New(h, h.Season)
		g, err2 := forecast.New(scaled, h.Season)
		if (err == nil) != (err2 == nil) {
			t.Fatalf("%v, %v", err, err2)
		}
		for i := range f.Values {
			if f.Values[i]*scale != g.Values[i] {
				t.Fatalf("value %d: %g, and of %g times as much %g", i, f.Values[i], scale, g.Values[i])
			}
		}
	})
}

// Values older than two weeks have no effect.
func TestOnlyTwoWeeksAreUsed(t *testing.T) {
	values := traces(t)["worldcup98-weeks1-3"]
	if !slices.Equal(ask(t, values, 48), ask(t, values[len(values)-14*24:], 48)) {
		t.Error("values older than two weeks changed the forecast")
	}
}

func BenchmarkNew(b *testing.B) {
	for name, season := range map[string]int{"two weeks of hours": 24, "two weeks of 5 minutes": 288, "two weeks of minutes": 1440} {
		values := make([]float64, 14*season)
		for i := range values {
			values[i] = 100 + 50*math.Sin(2*math.Pi*float64(i)/float64(season)) + float64(i*7919%31)
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := forecast.New(forecast.History{Values: values, Season: season}, 2*season); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
