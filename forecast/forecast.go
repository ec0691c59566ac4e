package forecast

import (
	"cmp"
	"errors"
	"math"
	"slices"
)

// Limits of the history, in seasons.
const (
	seasonsMax = 14 // AWS: predictive scaling, how it works: up to 14 days of history
	week       = 7  // seasons
)

// History is the past of a load, evenly spaced, oldest first, up to the time of the forecast.
type History struct {
	Values []float64 // not negative; NaN for a missing value
	Season int       // values per day: 24 for hours, 1440 for minutes
}

// Forecast contains the expected values from the end of the history on.
type Forecast struct {
	Values []float64 // the median

	// Low and High are the 10 % and 90 % quantiles according to past errors.
	Low, High []float64
}

// ErrShort is the error of a history with less than one season of values.
// AWS: predictive scaling, how it works: at least 24 hours of data.
var ErrShort = errors.New("forecast: the history has less than a day of values")

// New forecasts ahead values. It returns ErrShort if there are too few known values.
func New(h History, horizon int) (Forecast, error) {
	if h.Season < 1 || horizon < 0 {
		return Forecast{}, errors.New("forecast: a season has at least one value, and a horizon is not negative")
	}
	p := newPast(h)
	if p.known(0, p.n) < float64(h.Season) {
		return Forecast{}, ErrShort
	}
	trial := p.backtest()
	f := Forecast{Values: make([]float64, horizon), Low: make([]float64, horizon), High: make([]float64, horizon)}
	forecasts := p.ask(p.n, horizon, 1)
	var c combiner
	for i := range f.Values {
		v := c.median(forecasts, trial.weights, i)
		if math.IsNaN(v) {
			v = p.fallback()
		}
		f.Values[i] = v
		f.Low[i], f.High[i] = trial.range80(v)
	}
	return f, nil
}

// past computes the mean of any interval of the history in constant time.
type past struct {
	n, season int
	sum, seen []float64 // sum and number of the known values before each position
}

func newPast(h History) *past {
	values := h.Values
	if most := seasonsMax * h.Season; len(values) > most {
		values = values[len(values)-most:]
	}
	p := &past{n: len(values), season: h.Season, sum: make([]float64, len(values)+1), seen: make([]float64, len(values)+1)}
	for i, v := range values {
		p.sum[i+1], p.seen[i+1] = p.sum[i], p.seen[i]
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			p.sum[i+1] += max(v, 0)
			p.seen[i+1]++
		}
	}
	return p
}

// known counts the known values in an interval of positions.
func (p *past) known(from, until int) float64 { return p.seen[until] - p.seen[from] }

// mean returns the mean of the known values in an interval before now; NaN if there are none.
func (p *past) mean(now, from, until int) float64 {
	from, until = max(from, 0), min(until, now)
	if until <= from || p.known(from, until) == 0 {
		return math.NaN()
	}
	return max(p.sum[until]-p.sum[from], 0) / p.known(from, until)
}

// fallback is the forecast if no member has a value.
func (p *past) fallback() float64 { return p.mean(p.n, 0, p.n) }

// Lengths in values for a season of a day: ten minutes, an hour, three and six hours.
func (p *past) smooth() int { return (p.season + 72) / 144 }
func (p *past) hour() int   { return max(p.season/24, 1) }
func (p *past) recent() int { return max(p.season/8, 1) }
func (p *past) pace() int   { return max(p.season/4, 1) }

// combiner computes weighted medians without allocation.
type combiner struct{ votes []vote }

type vote struct{ value, weight float64 }

// median returns the weighted median of the members' forecasts of one value; the lower one of two, since loads
// have a long upper tail. NaN if no member has a value.
func (c *combiner) median(forecasts [][]float64, weights []float64, at int) float64 {
	c.votes = c.votes[:0]
	for m, values := range forecasts {
		if v := values[at]; !math.IsNaN(v) && weights[m] > 0 {
			c.votes = append(c.votes, vote{v, weights[m]})
		}
	}
	return weightedMedian(c.votes)
}

// weightedMedian sorts votes and returns the value at which half of their weight is reached.
func weightedMedian(votes []vote) float64 {
	if len(votes) == 0 {
		return math.NaN()
	}
	sortVotes(votes)
	total := 0.0
	for _, v := range votes {
		total += v.weight
	}
	reached := 0.0
	for _, v := range votes {
		if reached += v.weight; reached >= total/2 {
			return v.value
		}
	}
	return votes[len(votes)-1].value
}

// sortVotes sorts by value, with insertion sort, as the number of votes is small. It takes most of a forecast's time.
func sortVotes(votes []vote) {
	if len(votes) > 32 {
		slices.SortFunc(votes, func(a, b vote) int { return cmp.Compare(a.value, b.value) })
		return
	}
	for i := 1; i < len(votes); i++ {
		v, at := votes[i], i
		for ; at > 0 && votes[at-1].value > v.value; at-- {
			votes[at] = votes[at-1]
		}
		votes[at] = v
	}
}
