package predictive

import (
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

// Predefined metrics of predictive scaling. AWS has none for SageMaker; these are named as AWS names ECS's: a pair, the metric per
// instance that is to be at its target value, and the load of the whole variant.
const (
	PairInvocations = "SageMakerVariantInvocations"    // invocations a minute and instance, and all
	PairCPU         = "SageMakerVariantCPUUtilization" // percent of one core, average of the instances, and all

	ScalingInvocations = "SageMakerVariantInvocationsPerInstance"
	ScalingCPU         = "SageMakerVariantAverageCPUUtilization"
	LoadInvocations    = "SageMakerVariantTotalInvocations"
	LoadCPU            = "SageMakerVariantTotalCPUUtilization"
)

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

	// Queries of customized metrics; each has one that returns data. Without those of the capacity it is what the variant's
	// invocations and invocations per instance say.
	CustomScaling  []metric.DataQuery `json:",omitzero"`
	CustomLoad     []metric.DataQuery `json:",omitzero"`
	CustomCapacity []metric.DataQuery `json:",omitzero"`
}

// Metric names a predefined metric, or a pair of them.
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
func (r *Rule) History(k scaling.TargetKey) scaling.HistoryQueries {
	s := &r.Settings.Specs[0]
	q := scaling.HistoryQueries{Load: s.loadQueries(k)}
	if !s.exact() {
		q.Scaling, q.Capacity = s.scalingQueries(k), s.capacityQueries(k)
	}
	return q
}

// exact reports whether load and scaling metric are of one kind: then each minute's scaling metric is its load by the instances.
func (s *Spec) exact() bool {
	return s.Pair != nil || s.Load != nil && s.Scaling != nil &&
		(s.Load.Type == LoadInvocations && s.Scaling.Type == ScalingInvocations || s.Load.Type == LoadCPU && s.Scaling.Type == ScalingCPU)
}

func (s *Spec) loadQueries(k scaling.TargetKey) []metric.DataQuery {
	switch {
	case s.Load == nil && s.Pair == nil:
		return withPeriod(s.CustomLoad, loadPeriod)
	case s.Pair != nil && s.Pair.Type == PairCPU, s.Load != nil && s.Load.Type == LoadCPU:
		return []metric.DataQuery{variantQuery(k, "load", cpuMetric, metric.Sum, loadPeriod)}
	default:
		return []metric.DataQuery{variantQuery(k, "load", invocationsMetric, metric.Sum, loadPeriod)}
	}
}

func (s *Spec) scalingQueries(k scaling.TargetKey) []metric.DataQuery {
	switch {
	case s.Scaling == nil:
		return withPeriod(s.CustomScaling, scalingPeriod)
	case s.Scaling.Type == ScalingCPU:
		return []metric.DataQuery{variantQuery(k, "scaling", cpuMetric, metric.Average, scalingPeriod)}
	default:
		return []metric.DataQuery{variantQuery(k, "scaling", perInstanceMetric, metric.Sum, scalingPeriod)}
	}
}

// capacityQueries: each invocation adds 1 to the invocations and one by the instances to the other, so their ratio is the instances.
func (s *Spec) capacityQueries(k scaling.TargetKey) []metric.DataQuery {
	if len(s.CustomCapacity) > 0 {
		return withPeriod(s.CustomCapacity, scalingPeriod)
	}
	all, each := variantQuery(k, "all", invocationsMetric, metric.Sum, scalingPeriod), variantQuery(k, "each", perInstanceMetric, metric.Sum, scalingPeriod)
	all.Hidden, each.Hidden = true, true
	return []metric.DataQuery{all, each, {ID: "capacity", Expression: "all/each"}}
}

// Metrics of variants: namespace and name.
var (
	invocationsMetric = [2]string{"AWS/SageMaker", "Invocations"}
	perInstanceMetric = [2]string{"AWS/SageMaker", "InvocationsPerInstance"}
	cpuMetric         = [2]string{"/aws/sagemaker/Endpoints", "CPUUtilization"}
)

func variantQuery(k scaling.TargetKey, id string, name [2]string, kind metric.StatisticKind, period time.Duration) metric.DataQuery {
	endpoint, variant, _ := k.Variant()
	m := metric.NewID(name[0], name[1],
		metric.Dimension{Name: "EndpointName", Value: endpoint}, metric.Dimension{Name: "VariantName", Value: variant})
	return metric.DataQuery{ID: id, Stat: &metric.MetricStat{Metric: m, Statistic: metric.Statistic{Kind: kind}, Period: period}}
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
