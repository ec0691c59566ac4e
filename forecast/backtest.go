package forecast

import (
	"math"
	"slices"
)

// How members earn their weights.
const (
	trialDays  = 10   // how far back they are tried
	trialAhead = 48   // hours that each trial foretells, as far as they have passed
	fading     = 0.96 // what a trial counts beside the one six hours after it
	doubt      = 24   // hours of errors as large as everybody's that each member is given in advance
	patience   = 1.15 // members that erred at most so many times as much as the best are as good as it
	severity   = 4    // the power with which the others' weights fall
)

// trial is what asking in the past has shown.
type trial struct {
	weights []float64 // of the members

	ratios []vote  // what was, of what equal members would have said, hour by hour; sorted
	low    float64 // quantiles of ratios
	high   float64
	floor  float64 // what is added on both sides of a ratio, so that a load near zero has one
}

// backtest asks the members again, each six hours of the last week, and weighs them by their errors.
func (p *past) backtest() trial {
	t := trial{weights: make([]float64, len(members)), floor: 0.01 * p.anything()}
	equal := make([]float64, len(members))
	for m := range equal {
		equal[m] = 1
	}
	erred, everybody := make([]float64, len(members)), make([]float64, len(members))
	total, hours, counts := 0.0, 0.0, 1.0
	var c combiner
	for now := p.n - p.pace(); now >= p.season && now >= p.n-trialDays*p.season; now -= p.pace() {
		n := min((p.n-now)/p.hour(), trialAhead)
		asked := p.ask(now, n, p.hour())
		for i := range n {
			was := p.mean(p.n, now+i*p.hour(), now+(i+1)*p.hour())
			all := c.median(asked, equal, i)
			if math.IsNaN(was) || math.IsNaN(all) {
				continue
			}
			miss := counts * math.Abs(all-was)
			total, hours = total+miss, hours+counts
			t.ratios = append(t.ratios, vote{(was + t.floor) / (all + t.floor), counts})
			for m := range asked {
				if v := asked[m][i]; !math.IsNaN(v) {
					erred[m] += counts * math.Abs(v-was)
					everybody[m] += miss
				}
			}
		}
		counts *= fading
	}
	copy(t.weights, equal)
	if total > 0 {
		t.weigh(erred, everybody, doubt*total/hours)
	}
	t.low, t.high = quantile(t.ratios, 0.1), quantile(t.ratios, 0.9)
	return t
}

// weigh turns errors into weights. A member is held against everybody's median over the hours of which it spoke, so that one
// that was silent for long has neither advantage nor harm; the doubt keeps few hours from deciding much.
func (t *trial) weigh(erred, everybody []float64, doubt float64) {
	for m := range t.weights {
		t.weights[m] = (erred[m] + doubt) / (everybody[m] + doubt)
	}
	best := slices.Min(t.weights)
	for m, w := range t.weights {
		t.weights[m] = math.Pow(max(1, w/(patience*best)), -severity)
	}
}

// quantile sorts votes and returns the value at which a share of their weight is reached; 1 where there is none.
func quantile(votes []vote, q float64) float64 {
	if math.IsNaN(middle(votes)) { // it sorts them
		return 1
	}
	total := 0.0
	for _, v := range votes {
		total += v.weight
	}
	reached := 0.0
	for _, v := range votes {
		if reached += v.weight; reached >= q*total {
			return v.value
		}
	}
	return votes[len(votes)-1].value
}

// range80 bounds a value by the ratios of the past.
func (t *trial) range80(v float64) (low, high float64) {
	low = max((v+t.floor)*t.low-t.floor, 0)
	high = (v+t.floor)*t.high - t.floor
	return min(low, v), max(high, v)
}
