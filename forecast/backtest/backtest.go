package rolling

import (
	"math"

	"bellows.dev/bellows/forecast"
)

// Forecaster foretells horizon values from a history, the season of which is so many values.
type Forecaster func(history []float64, season, horizon int) []float64

// Ours is Bellows' forecast.
func Ours(history []float64, season, horizon int) []float64 {
	f, err := forecast.New(forecast.History{Values: history, Season: season}, horizon)
	if err != nil {
		return LastDay(history, season, horizon)
	}
	return f.Values
}

// ago is the seasonal-naive forecast: the value at the same time so many seasons ago, or, where that is not over yet, as many
// again before. Where the history does not reach so far it says what the last day's same time says.
func ago(seasons int) Forecaster {
	return func(history []float64, season, horizon int) []float64 {
		out := make([]float64, horizon)
		for i := range out {
			period := seasons * season
			at := len(history) + i - period*(i/period+1)
			if at < 0 {
				at = len(history) + i - season*(i/season+1)
			}
			out[i] = history[at]
		}
		return out
	}
}

// The seasonal-naive forecasts.
var (
	DayAgo  = ago(1)
	WeekAgo = ago(7)
)

// LastDay says the last day's mean, always.
func LastDay(history []float64, season, horizon int) []float64 {
	sum, n := 0.0, 0.0
	for _, v := range history[max(0, len(history)-season):] {
		if !math.IsNaN(v) {
			sum, n = sum+v, n+1
		}
	}
	out := make([]float64, horizon)
	for i := range out {
		out[i] = sum / max(n, 1)
	}
	return out
}

// Smoothing weights of HoltWinters: usual ones, since a peer is not tuned for a trace either.
const (
	hwLevel  = 0.2
	hwTrend  = 0.01
	hwSeason = 0.3
	hwDamp   = 0.98
)

// HoltWinters is exponential smoothing with a level, a damped trend and an additive season of a day. (Source: Winters,
// "Forecasting sales by exponentially weighted moving averages", 1960; the damped trend: Gardner and McKenzie, 1985.)
func HoltWinters(history []float64, season, horizon int) []float64 {
	level, trend := LastDay(history[:season], season, 1)[0], 0.0
	seasonal := make([]float64, season)
	for i := range seasonal {
		seasonal[i] = history[i] - level
		if math.IsNaN(seasonal[i]) {
			seasonal[i] = 0
		}
	}
	for i := season; i < len(history); i++ {
		at, v := i%season, history[i]
		if math.IsNaN(v) {
			continue
		}
		before := level
		level = hwLevel*(v-seasonal[at]) + (1-hwLevel)*(level+hwDamp*trend)
		trend = hwTrend*(level-before) + (1-hwTrend)*hwDamp*trend
		seasonal[at] = hwSeason*(v-level) + (1-hwSeason)*seasonal[at]
	}
	out := make([]float64, horizon)
	ahead, damp := 0.0, 1.0
	for i := range out {
		damp *= hwDamp
		ahead += damp * trend
		out[i] = max(0, level+ahead+seasonal[(len(history)+i)%season])
	}
	return out
}

// Plan says from which moments forecasts are judged.
type Plan struct {
	Season  int // values a day
	First   int // the first origin, in values
	Every   int // values between origins
	Horizon int // values
	Keep    int // values of history that a forecaster is given at most
}

// TwoDays is what predictive scaling does: two days ahead, again each six hours, from at most two weeks; the first time after
// a week, when both naive forecasts have what they need.
func TwoDays(season int) Plan {
	return Plan{Season: season, First: 7 * season, Every: season / 4, Horizon: 2 * season, Keep: 14 * season}
}

// WAPE judges a forecaster on a trace, and counts the origins. Values that are not known (NaN) do not count.
func (p Plan) WAPE(trace []float64, f Forecaster) (wape float64, origins int) {
	miss, total := 0.0, 0.0
	for now := p.First; now+p.Horizon <= len(trace); now += p.Every {
		said := f(trace[max(0, now-p.Keep):now], p.Season, p.Horizon)
		for i, v := range said {
			if was := trace[now+i]; !math.IsNaN(was) {
				if math.IsNaN(v) { // a naive forecast of a gap
					v = 0
				}
				miss, total = miss+math.Abs(v-was), total+was
			}
		}
		origins++
	}
	return miss / total, origins
}
