package alarm

import (
	"cmp"
	"math"
	"slices"
	"time"

	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
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

	EvaluateLowSample bool `json:",omitzero"` // it is "evaluate", which is the default, and was given

	// Order are the metric's dimensions in the order given, where that is not by name: descriptions keep it. AWS: recorded.
	Order []metric.Dimension `json:",omitzero"`

	// Metrics: the alarm watches the one query of these that is not hidden. Metric, Statistic and Unit are unset then, and Period is
	// that query's.
	Metrics []metric.DataQuery `json:",omitzero"`

	Clock  *WallClock `json:",omitzero"` // nil: the window slides
	Slides bool       `json:",omitzero"` // EvaluationWindow was given as SlidingWindow, the default; descriptions keep it
	WarmUp *WarmUp    `json:",omitzero"` // nil: the alarm is evaluated at once

	// PromQL: the alarm watches what a query of Prometheus' language returns, and nothing above but Comparison is set.
	PromQL *PromQL `json:",omitzero"`
}

// Given returns the metric's dimensions in the order in which they were given.
func (r *Rule) Given() []metric.Dimension {
	if r.Order != nil {
		return r.Order
	}
	return r.Metric.Dimensions
}

// Scalar reports whether the alarm watches a metric by itself, not a list of queries or PromQL.
func (r *Rule) Scalar() bool { return r.PromQL == nil && len(r.Metrics) == 0 }

// toAlarm returns M, the datapoints to alarm.
func (r *Rule) toAlarm() int { return cmp.Or(r.DatapointsToM, r.Periods) }

// highResolution reports whether the alarm's period is under a minute.
func (r *Rule) highResolution() bool { return r.Period < time.Minute }

// Cadence is how often the alarm is evaluated: every 10 s for periods under a minute, hourly where N periods are longer than
// a day, else every minute; an alarm with a wall clock window always every minute. AWS: CloudWatch user guide, alarm evaluation.
func (r *Rule) Cadence() time.Duration {
	switch {
	case r.PromQL != nil:
		return r.PromQL.Interval
	case r.highResolution():
		return 10 * time.Second
	case r.Clock == nil && r.Period*time.Duration(r.Periods) > day:
		return time.Hour
	default:
		return time.Minute
	}
}

// Range is how many periods an evaluation looks back over: N, and one minute's worth more for short periods, as recorded for
// 10 s and N = 3; N + 2 for others.
func (r *Rule) Range() int {
	if r.highResolution() {
		return r.Periods + int(time.Minute/r.Period)
	}
	return r.Periods + 2
}

// Reach is how far back evaluations look, and one period more.
func (r *Rule) Reach() time.Duration { return r.Period * time.Duration(r.Range()+1) }

// expression reports whether the alarm watches an expression, and not a metric by itself or in a list.
func (r *Rule) expression() bool {
	for i := range r.Metrics {
		if q := &r.Metrics[i]; !q.Hidden {
			return q.Stat == nil
		}
	}
	return false
}

// wait returns how long after its end the alarm looks at a period: delay where it watches a metric, and nothing for an expression.
// AWS: recorded at 10 s; alarms on expressions saw a period 0.48 s after its end.
func (r *Rule) wait(delay time.Duration) time.Duration {
	if r.expression() {
		return 0
	}
	return delay
}

// Newest returns the start of the newest period that an evaluation at now looks at: the last that ended delay ago or earlier, or for an
// expression the last that ended. The window slides: periods of a minute or more end on whole minutes, or on whole hours where the alarm
// looks back more than a day; shorter ones are multiples of their length. A period that has not ended is never looked at.
// AWS: CloudWatch user guide, alarm evaluation windows; recorded for periods of 10 s and of 2 to 60 minutes.
func (r *Rule) Newest(now time.Time, delay time.Duration) time.Time {
	if r.Clock != nil {
		starts, _ := r.Clock.starts(now.Add(-r.wait(delay)), r.Period, 1)
		return starts[0]
	}
	step := r.Period
	if !r.highResolution() {
		step = r.Cadence()
	}
	return metric.Align(now.Add(-r.wait(delay)), step).Add(-r.Period)
}

// Slots returns the periods of the evaluation range at now, newest first, in the memory of m.
func (r *Rule) Slots(now time.Time, delay time.Duration, s *metric.Series, m *Scratch) []metric.Datapoint {
	if r.Clock != nil {
		return r.wallSlots(now.Add(-r.wait(delay)), s, m)
	}
	n := r.Range()
	from := r.Newest(now, delay).Add(-time.Duration(n-1) * r.Period)
	q := metric.Query{Statistic: r.Statistic, Unit: r.Unit, Period: r.Period, From: from, Periods: n, Space: &m.space}
	out := s.Datapoints(q, m.slots[:0])
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// MathSlots is Slots for an alarm with a list of queries: program is the compiled list, or nil where this version cannot compile it, which
// counts as no data.
func (r *Rule) MathSlots(now time.Time, delay time.Duration, program *expr.Program, src expr.Source, m *Scratch) []metric.Datapoint {
	newest, n := r.Newest(now, delay), r.Range()
	var values []float64
	if program != nil {
		results, err := program.Eval(src, expr.Options{From: newest.Add(-time.Duration(n-1) * r.Period), Until: newest.Add(r.Period)}, &m.math)
		if err == nil && len(results) == 1 {
			values = results[0].Values
		}
	}
	out := m.slots[:0]
	for i := range n {
		p := metric.Datapoint{Start: newest.Add(-time.Duration(i) * r.Period), Missing: true} // also where the value is infinite or not a number
		if at := n - 1 - i; at < len(values) && values[at]-values[at] == 0 {
			p.Value, p.Missing = values[at], false
		}
		out = append(out, p)
	}
	return out
}

// LowSamples reports whether an alarm that ignores low sample counts has a datapoint with too few samples for its percentile p: fewer than
// 10/(1-p), or 10/p below the median, in its period. p0 and p100 need no more than one. AWS: CloudWatch user guide, percentile-based alarms
// and low data samples; p90 of 99 samples is ignored, of 100 evaluated: recorded.
func (r *Rule) LowSamples(datapoints []metric.Datapoint) bool {
	if !r.IgnoreLowSample || r.Statistic.Kind != metric.Percentile || r.Statistic.Rank <= 0 || r.Statistic.Rank >= 100 {
		return false
	}
	// Ranks have at most ten decimals: in units of the last one the arithmetic is exact, which it is not in binary fractions.
	const whole = 100 * 1e10
	rank := math.Round(r.Statistic.Rank * 1e10)
	tail := min(rank, whole-rank)
	return slices.ContainsFunc(datapoints, func(p metric.Datapoint) bool { return p.Count*tail < 10*whole })
}

// Expects checks and compiles the queries of an alarm: exactly one of them is watched, and gives one time series, whatever metrics exist.
// It returns them compiled, and the index of the watched one, or fails with *Error.
// AWS: PutMetricAlarm, API reference, Metrics; the texts are recorded.
func Expects(queries []metric.DataQuery) (*expr.Program, int, error) {
	watched := slices.IndexFunc(queries, func(q metric.DataQuery) bool { return !q.Hidden })
	if watched < 0 || slices.ContainsFunc(queries[watched+1:], func(q metric.DataQuery) bool { return !q.Hidden }) {
		return nil, 0, &Error{"Exactly one element of the metrics list should return data."}
	}
	program, err := expr.Compile(queries)
	if err != nil {
		return nil, 0, &Error{err.Error()}
	}
	for i := range queries {
		if program.Searches(i) {
			return nil, 0, &Error{"SEARCH is not supported on Metric Alarms."}
		}
	}
	if program.Type(watched) != expr.Series {
		return nil, 0, &Error{"Metrics expression that return multi time series are only allowed for MetricsInsights expression with an ORDER BY clause"}
	}
	return program, watched, nil
}
