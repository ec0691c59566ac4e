package tracking

import (
	"time"

	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// Statistics of a customized metric.
const (
	Average Statistic = iota + 1
	Minimum
	Maximum
	SampleCount
	Sum
)

// Statistic is how a period's samples become one datapoint: one of the five that a customized metric may name, which are fewer than an
// alarm's (metric.Statistic). AWS: CustomizedMetricSpecification, Statistic.
type Statistic int

// String returns CloudWatch's name of the statistic.
func (s Statistic) String() string {
	switch s {
	case Average:
		return "Average"
	case Minimum:
		return "Minimum"
	case Maximum:
		return "Maximum"
	case SampleCount:
		return "SampleCount"
	case Sum:
		return "Sum"
	default:
		return "invalid"
	}
}

// ParseStatistic returns the statistic of CloudWatch's name; zero where there is none.
func ParseStatistic(s string) Statistic { return scaling.Named(s, Sum) }

// metric returns the statistic as an alarm has it.
func (s Statistic) metric() metric.Statistic {
	switch s {
	case Average:
		return metric.Statistic{Kind: metric.Average}
	case Minimum:
		return metric.Statistic{Kind: metric.Minimum}
	case Maximum:
		return metric.Statistic{Kind: metric.Maximum}
	case SampleCount:
		return metric.Statistic{Kind: metric.SampleCount}
	default:
		return metric.Statistic{Kind: metric.Sum}
	}
}

// Type is the policy type.
type Type struct{}

// Name implements scaling.Type.
func (Type) Name() string { return "TargetTrackingScaling" }

// Number implements scaling.Numbered.
func (Type) Number() int { return 2 }

// New implements scaling.Type.
func (Type) New() scaling.Rule { return &Rule{} }

// Rule is what a target tracking policy does, with the names of the alarms that it owns.
type Rule struct {
	Settings *Config `json:"TargetTracking"`

	AlarmHigh string
	AlarmLow  string // "" where scale-in is disabled
}

var (
	_ scaling.AlarmOwner = (*Rule)(nil)
	_ scaling.Measured   = (*Rule)(nil)
	_ scaling.Cooled     = (*Rule)(nil)
	_ scaling.Directed   = (*Rule)(nil)
	_ scaling.Agreeing   = (*Rule)(nil)
)

// Type implements scaling.Rule.
func (*Rule) Type() scaling.Type { return Type{} }

// Config implements scaling.Rule.
func (r *Rule) Config() scaling.Config {
	if r.Settings == nil {
		return nil
	}
	return r.Settings
}

// Rule implements scaling.Config.
func (c *Config) Rule() scaling.Rule { return &Rule{Settings: c} }

// Cooldowns implements scaling.Cooled.
func (r *Rule) Cooldowns() (out, in time.Duration) {
	return scaling.Or(r.Settings.ScaleOutCooldown, scaling.CooldownDefault), scaling.Or(r.Settings.ScaleInCooldown, scaling.CooldownDefault)
}

// ScalesIn implements scaling.Directed.
func (r *Rule) ScalesIn() bool { return !r.scaleInDisabled() }

// LeavesZero implements scaling.Directed.
func (*Rule) LeavesZero() bool { return true }

// AgreesBy implements scaling.Agreeing.
func (r *Rule) AgreesBy() (alarm string, has bool) { return r.AlarmLow, !r.scaleInDisabled() }

// Peers implements scaling.Agreeing.
func (*Rule) Peers() string { return "target tracking policies" }

func (r *Rule) scaleInDisabled() bool { return scaling.Or(r.Settings.DisableScaleIn, false) }

// Config is a target tracking policy's configuration. Exactly one of the two metrics is set.
type Config struct {
	TargetValue float64
	Predefined  *PredefinedSpec
	Customized  *CustomizedSpec

	// The cooldowns: nil means SageMaker's 300 s, zero none.
	ScaleOutCooldown, ScaleInCooldown *time.Duration

	DisableScaleIn *bool // nil: false
}

// PredefinedSpec names a predefined metric.
type PredefinedSpec struct {
	Metric        PredefinedMetric // by its name
	ResourceLabel string           // for load balancers only: refused here
}

// CustomizedSpec describes any other metric: either by its members, or by Queries.
type CustomizedSpec struct {
	Namespace  string
	Name       string
	Dimensions []metric.Dimension // in the client's order
	Statistic  Statistic
	Unit       string        // CloudWatch's name of a unit; "" where none was given
	Period     time.Duration `json:",omitempty"` // groups': 10, 30 or 60 s; zero: 60 s
	Queries    []MetricQuery // metric math; the members above are unset then
}

// MetricQuery is one line of metric math.
type MetricQuery struct {
	ID         string
	Expression string
	Stat       *MetricStat
	Label      string
	ReturnData *bool
}

// MetricStat is a metric and the statistic to take of it.
type MetricStat struct {
	Namespace  string
	Name       string
	Dimensions []metric.Dimension
	Statistic  string
	Unit       string
}
