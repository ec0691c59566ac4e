package backtest

import (
	"math"

	"bellows.dev/bellows/forecast"
)

// Forecaster forecasts the next horizon values from a history in which a day is season values.
type Forecaster func(history []float64, season, horizon int) []float64

// Bellows is the forecast of package forecast.
func Bellows(history []float64, season, horizon int) []float64 {
	f, err := forecast.New(forecast.History{Values: history, Season: season}, horizon)
	if err != nil {
		return LastDayMean(history, season, horizon)
	}
	return f.Values
}

// seasonalNaive is the forecast that repeats the value at the same time a number of seasons ago or, where that moment is not in the past
// yet, the same number of seasons earlier. Where the history is too short it repeats the value at the same time of the last day.
func seasonalNaive(seasons int) Forecaster {
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
	DayAgo  = seasonalNaive(1)
	WeekAgo = seasonalNaive(7)
)

// LastDayMean forecasts the mean of the last day for every moment.
func LastDayMean(history []float64, season, horizon int) []float64 {
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

// Smoothing weights of HoltWinters: common defaults, since Bellows' forecast is not tuned for a trace either.
const (
	hwLevel  = 0.2
	hwTrend  = 0.01
	hwSeason = 0.3
	hwDamp   = 0.98
)

// HoltWinters is exponential smoothing with a level, a damped trend and an additive season of a day. (Source: Winters,
// "Forecasting sales by exponentially weighted moving averages", 1960; the damped trend: Gardner and McKenzie, 1985.)
func HoltWinters(history []float64, season, horizon int) []float64 {
	level, trend := LastDayMean(history[:season], season, 1)[0], 0.0
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

// Plan says from which origins forecasts are evaluated.
type Plan struct {
	Season  int // values a day
	First   int // the first origin, in values
	Every   int // values between origins
	Horizon int // values
	Keep    int // values of history that a forecaster gets, at most
}

// TwoDays is the plan of predictive scaling: two days ahead, every six hours, from at most two weeks of history. It starts after a week,
// when both seasonal-naive forecasts have enough history. AWS: predictive scaling forecasts 48 hours every six hours from 14 days.
func TwoDays(season int) Plan {
	return Plan{Season: season, First: 7 * season, Every: season / 4, Horizon: 2 * season, Keep: 14 * season}
}

// WAPE returns the weighted absolute percentage error of a forecaster on a trace, and the number of origins. Missing values (NaN) of the
// trace are left out.
func (p Plan) WAPE(trace []float64, f Forecaster) (wape float64, origins int) {
	wrong, total := 0.0, 0.0
	for now := p.First; now+p.Horizon <= len(trace); now += p.Every {
		for i, v := range f(trace[max(0, now-p.Keep):now], p.Season, p.Horizon) {
			if actual := trace[now+i]; !math.IsNaN(actual) {
				if math.IsNaN(v) { // a naive forecast of a gap
					v = 0
				}
				wrong, total = wrong+math.Abs(v-actual), total+actual
			}
		}
		origins++
	}
	return wrong / total, origins
}
