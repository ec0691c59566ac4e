package backtest

import (
	"slices"
	"testing"
)

func TestSeasonalNaiveRepeatsThePast(t *testing.T) {
	history := []float64{1, 2, 3, 4, 5, 6, 7, 8} // two values a day
	for _, x := range []struct {
		name string
		f    Forecaster
		want []float64
	}{
		{"a day ago, twice", DayAgo, []float64{7, 8, 7, 8}},
		{"two days ago", seasonalNaive(2), []float64{5, 6, 7, 8, 5}},
		{"less than a week of history", WeekAgo, []float64{7, 8, 7}},
		{"the last day's mean", LastDayMean, []float64{7.5, 7.5}},
	} {
		if got := x.f(history, 2, len(x.want)); !slices.Equal(got, x.want) {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
	}
}

// Origins at 4 and 6 of 9 values, two ahead; a day is two values: |5-3|, |6-4|, |7-5|, |8-6| of 5+6+7+8.
func TestWAPE(t *testing.T) {
	trace := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}
	p := Plan{Season: 2, First: 4, Every: 2, Horizon: 2, Keep: 100}
	if wape, n := p.WAPE(trace, DayAgo); wape != 8.0/26 || n != 2 {
		t.Errorf("%g at %d origins", wape, n)
	}
	known := func(history []float64, _, _ int) []float64 {
		if len(history) > 3 {
			t.Errorf("a forecaster got %d values of history, want at most 3", len(history))
		}
		last := history[len(history)-1]
		return []float64{last + 1, last + 2}
	}
	p.Keep = 3
	if wape, _ := p.WAPE(trace, known); wape != 0 {
		t.Errorf("a perfect forecast has an error of %g", wape)
	}
}

func TestHoltWintersFollowsASeason(t *testing.T) {
	var history []float64
	for range 30 {
		history = append(history, 10, 20, 60)
	}
	for i, v := range HoltWinters(history, 3, 6) {
		if want := history[i]; v < 0.99*want || v > 1.01*want {
			t.Errorf("value %d: %g, want %g", i, v, want)
		}
	}
}

func TestParseTrace(t *testing.T) {
	values, err := ParseTrace("# a comment, with a comma\noffset_seconds,requests\n0,7\n60,0\n120,2.5\n")
	if err != nil || !slices.Equal(values, []float64{7, 0, 2.5}) {
		t.Errorf("%v: %v", values, err)
	}
	if _, err := ParseTrace("0,many\n"); err == nil {
		t.Error("a line without a number was accepted")
	}
	if got := Aggregate([]float64{1, 2, 3, 4, 5}, 2); !slices.Equal(got, []float64{3, 7}) {
		t.Errorf("aggregated: %v", got)
	}
}
