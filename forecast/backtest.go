package forecast

import (
	"math"
	"slices"
)

// Constants of the members' weights.
const (
	trialDays      = 10   // days of past trials
	trialAhead     = 48   // hours forecast by each trial, as far as they have passed
	trialDecay     = 0.96 // weight of a trial relative to the one six hours later
	priorHours     = 24   // hours of the average error with which each member starts
	tolerance      = 1.15 // members with at most this multiple of the smallest error have full weight
	weightExponent = 4    // exponent with which the others' weights fall
)

// trial is the result of evaluating the members in the past.
type trial struct {
	weights []float64 // of the members

	ratios []vote  // actual values divided by the forecast of equally weighted members, by the hour; sorted
	low    float64 // quantiles of ratios
	high   float64
	floor  float64 // added to both sides of a ratio, so that it is defined for a load near zero
}

// backtest evaluates the members every six hours of the past trial days and weights them by their errors.
func (p *past) backtest() trial {
	t := trial{weights: make([]float64, len(members)), floor: 0.01 * p.fallback()}
	equal := make([]float64, len(members))
	for m := range equal {
		equal[m] = 1
	}
	erred, average := make([]float64, len(members)), make([]float64, len(members))
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
					average[m] += miss
				}
			}
		}
		counts *= trialDecay
	}
	copy(t.weights, equal)
	if total > 0 {
		t.weigh(erred, average, priorHours*total/hours)
	}
	t.low, t.high = quantile(t.ratios, 0.1), quantile(t.ratios, 0.9)
	return t
}

// weigh converts errors to weights. A member is compared with the median of all members over the hours for which it has values, so that
// missing values are neither an advantage nor a disadvantage; the initial error limits the influence of few hours.
func (t *trial) weigh(erred, average []float64, prior float64) {
	for m := range t.weights {
		t.weights[m] = (erred[m] + prior) / (average[m] + prior)
	}
	best := slices.Min(t.weights)
	for m, w := range t.weights {
		t.weights[m] = math.Pow(max(1, w/(tolerance*best)), -weightExponent)
	}
}

// quantile sorts votes and returns the value at which a share of their weight is reached; 1 if there are none.
func quantile(votes []vote, q float64) float64 {
	if math.IsNaN(weightedMedian(votes)) { // weightedMedian sorts them
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

// range80 returns the range of a value according to past ratios.
func (t *trial) range80(v float64) (low, high float64) {
	low = max((v+t.floor)*t.low-t.floor, 0)
	high = (v+t.floor)*t.high - t.floor
	return min(low, v), max(high, v)
}
