package alarm

import (
	"cmp"
	"time"

	"bellows.dev/bellows/metric"
)

// Rule is what an alarm compares.
type Rule struct {
	Metric          metric.ID
	Statistic       metric.Statistic
	Unit            string // "": samples of every unit
	Period          time.Duration
	Periods         int // N, evaluation periods
	DatapointsToM   int // M, datapoints to alarm; 0: not set, which means N
	Threshold       float64
	Comparison      Comparison
	Missing         MissingData
	IgnoreLowSample bool // EvaluateLowSampleCountPercentile is "ignore"

	EvaluateLowSample bool `json:",omitzero"` // it is "evaluate", which is as if it were not set

	// PromQL: the alarm is about what a query of Prometheus' language returns, and nothing above but Comparison is set.
	PromQL *PromQL `json:",omitzero"`
}

// Scalar tells whether the alarm is about one metric.
func (r Rule) Scalar() bool { return r.PromQL == nil }

func (r Rule) toAlarm() int { return cmp.Or(r.DatapointsToM, r.Periods) }

// highResolution reports whether the alarm's period is under a minute.
func (r Rule) highResolution() bool { return r.Period < time.Minute }

// Cadence is how often the alarm is evaluated: every 10 s for periods under a minute, hourly where N periods are longer than
// a day, else every minute. AWS: CloudWatch user guide, alarm evaluation.
func (r Rule) Cadence() time.Duration {
	switch {
	case r.PromQL != nil:
		return r.PromQL.Interval
	case r.highResolution():
		return 10 * time.Second
	case r.Period*time.Duration(r.Periods) > 24*time.Hour:
		return time.Hour
	default:
		return time.Minute
	}
}

// Range is how many periods an evaluation looks back over: N, and one minute's worth more for short periods, as recorded for
// 10 s and N = 3; N + 2 for others.
func (r Rule) Range() int {
	if r.highResolution() {
		return r.Periods + int(time.Minute/r.Period)
	}
	return r.Periods + 2
}

// Newest is the start of the newest period that an evaluation at now looks at: the last that ended delay ago or earlier.
// Periods that are not over are never looked at.
func (r Rule) Newest(now time.Time, delay time.Duration) time.Time {
	return metric.Align(now.Add(-delay), r.Period).Add(-r.Period)
}

// Slots appends the evaluation range at now to out, newest first. It allocates only where out is too small.
func (r Rule) Slots(now time.Time, delay time.Duration, s *metric.Series, out []metric.Datapoint) []metric.Datapoint {
	n := r.Range()
	from := r.Newest(now, delay).Add(-time.Duration(n-1) * r.Period)
	out = s.Datapoints(metric.Query{Statistic: r.Statistic, Unit: r.Unit, Period: r.Period, From: from, Periods: n}, out[:0])
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// LowSamples reports whether a percentile rests on too few samples to be looked at: under 10/(1-p), or 10/p below the median.
// AWS: CloudWatch user guide, percentile-based alarms and low data samples; p90 of 99 samples is ignored, of 100 evaluated.
func (r Rule) LowSamples(slots []metric.Datapoint) bool {
	if !r.IgnoreLowSample || r.Statistic.Kind != metric.Percentile {
		return false
	}
	count := 0.0
	for _, p := range slots {
		count += p.Count
	}
	tail := min(r.Statistic.Rank, 100-r.Statistic.Rank) // in percent, so that p90's is exactly 10
	return count*tail < 1000
}
