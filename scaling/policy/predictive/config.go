package predictive

import (
	"slices"
	"time"

	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// Modes of predictive scaling.
const (
	ForecastOnly Mode = iota + 1
	ForecastAndScale
)

// Mode says whether forecasts change capacities.
type Mode int

// String returns AWS's name of the mode.
func (m Mode) String() string {
	switch m {
	case ForecastOnly:
		return "ForecastOnly"
	case ForecastAndScale:
		return "ForecastAndScale"
	default:
		return "invalid"
	}
}

// ParseMode returns the mode of AWS's name; zero where there is none.
func ParseMode(s string) Mode { return scaling.Named(s, ForecastAndScale) }

// What happens where a forecast approaches or exceeds the maximum capacity.
const (
	HonorMaxCapacity BreachBehavior = iota + 1
	IncreaseMaxCapacity
)

// BreachBehavior is what predictive scaling does where a forecast approaches or exceeds the maximum capacity.
type BreachBehavior int

// String returns AWS's name of the behavior.
func (b BreachBehavior) String() string {
	switch b {
	case HonorMaxCapacity:
		return "HonorMaxCapacity"
	case IncreaseMaxCapacity:
		return "IncreaseMaxCapacity"
	default:
		return "invalid"
	}
}

// ParseBreachBehavior returns the behavior of AWS's name; zero where there is none.
func ParseBreachBehavior(s string) BreachBehavior { return scaling.Named(s, IncreaseMaxCapacity) }

// Config is what a predictive scaling policy forecasts and does. Optional members are nil or zero where the client left
// them out.
type Config struct {
	Specs []Spec // exactly one

	Mode      Mode           // zero: ForecastOnly
	Buffer    *time.Duration // how long before its hour capacity is asked for; nil: 5 min
	Breach    BreachBehavior // zero: HonorMaxCapacity
	MaxBuffer *int           // percent of the forecast on top of it that the maximum is raised to: IncreaseMaxCapacity only
}

// Spec is the metrics of a predictive scaling policy: either a pair, or one of the scaling and one of the load metrics.
type Spec struct {
	TargetValue float64 // of the scaling metric

	Pair    *Metric `json:",omitzero"`
	Scaling *Metric `json:",omitzero"`
	Load    *Metric `json:",omitzero"`

	// Queries of customized metrics; each has one that returns data. Without those of the capacity it is what the dimension has for it:
	// scaling.Forecastable.
	CustomScaling  []metric.DataQuery `json:",omitzero"`
	CustomLoad     []metric.DataQuery `json:",omitzero"`
	CustomCapacity []metric.DataQuery `json:",omitzero"`
}

// Metric names a predefined metric, or a pair of them, of the target's dimension.
type Metric struct {
	Type          string
	ResourceLabel string `json:",omitzero"` // for load balancers only: refused here
}

// bufferDefault is AWS's SchedulingBufferTime. AWS: PredictiveScalingPolicyConfiguration.
const bufferDefault = 5 * time.Minute

func (c *Config) buffer() time.Duration { return scaling.Or(c.Buffer, bufferDefault) }
func (c *Config) target() float64       { return c.Specs[0].TargetValue }

// maxFor is the maximum capacity that goes with a forecast: at least most; where it may be raised, so far above the forecast that
// there is room for more than was forecast. E.g. with a buffer of 10 %, a forecast of 50 and a maximum of 40 make 55.
// AWS: PredictiveScalingPolicyConfiguration, MaxCapacityBuffer.
func (c *Config) maxFor(capacity, most int) int {
	if c.Breach != IncreaseMaxCapacity {
		return most
	}
	return max(most, scaling.Ceil(float64(capacity)*(1+float64(scaling.Or(c.MaxBuffer, 0))/100)))
}

// Resolutions at which histories are read: the load is added up over each hour, whatever the period; the others are means of what
// target tracking would see.
const (
	loadPeriod    = 5 * time.Minute
	scalingPeriod = time.Minute
)

// History implements scaling.Forecaster.
func (r *Rule) History(k scaling.TargetKey, m scaling.Metrics) scaling.HistoryQueries {
	d, ok := m.(scaling.Forecastable)
	if !ok {
		return scaling.HistoryQueries{} // Put refuses those
	}
	s := &r.Settings.Specs[0]
	q := scaling.HistoryQueries{Load: s.loadQueries(k, d)}
	if !s.exact(d) {
		q.Scaling, q.Capacity = s.scalingQueries(k, d), s.capacityQueries(k, d)
	}
	return q
}

// exact reports whether load and scaling metric are of one pair: then each minute's scaling metric is its load by the capacity.
func (s *Spec) exact(d scaling.Forecastable) bool {
	if s.Pair != nil {
		return true
	}
	return s.Load != nil && s.Scaling != nil && slices.ContainsFunc(d.Pairs(), func(x scaling.MetricPair) bool {
		return x.Load.Name == s.Load.Type && x.Scaling.Name == s.Scaling.Type
	})
}

func (s *Spec) loadQueries(k scaling.TargetKey, d scaling.Forecastable) []metric.DataQuery {
	for _, x := range d.Pairs() {
		if s.Pair != nil && s.Pair.Type == x.Name || s.Load != nil && s.Load.Type == x.Load.Name {
			return []metric.DataQuery{x.Load.Query("load", d.MetricDimensions(k.ResourceID), loadPeriod)}
		}
	}
	return withPeriod(s.CustomLoad, loadPeriod)
}

func (s *Spec) scalingQueries(k scaling.TargetKey, d scaling.Forecastable) []metric.DataQuery {
	for _, x := range d.Pairs() {
		if s.Scaling != nil && s.Scaling.Type == x.Scaling.Name {
			return []metric.DataQuery{x.Scaling.Query("scaling", d.MetricDimensions(k.ResourceID), scalingPeriod)}
		}
	}
	return withPeriod(s.CustomScaling, scalingPeriod)
}

func (s *Spec) capacityQueries(k scaling.TargetKey, d scaling.Forecastable) []metric.DataQuery {
	if len(s.CustomCapacity) > 0 {
		return withPeriod(s.CustomCapacity, scalingPeriod)
	}
	return d.CapacityQueries(k.ResourceID, scalingPeriod)
}

// withPeriod gives the metrics of customized queries a period: they have none of their own.
func withPeriod(queries []metric.DataQuery, period time.Duration) []metric.DataQuery {
	out := make([]metric.DataQuery, len(queries))
	for i, q := range queries {
		if q.Stat != nil {
			stat := *q.Stat
			stat.Period = period
			q.Stat = &stat
		}
		out[i] = q
	}
	return out
}
