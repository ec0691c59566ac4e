package step

import (
	"time"

	"bellows.dev/bellows/scaling"
)

// Type is the policy type.
type Type struct{}

// Name implements scaling.Type.
func (Type) Name() string { return "StepScaling" }

// Number implements scaling.Numbered.
func (Type) Number() int { return 1 }

// New implements scaling.Type.
func (Type) New() scaling.Rule { return &Rule{} }

// Fixed implements scaling.Fixed.
func (Type) Fixed() string {
	return "You cannot change a StepScaling policy to a non StepScaling policy, or vice versa."
}

// Rule is what a step scaling policy does.
type Rule struct {
	Settings *Config `json:"Step"`
}

var (
	_ scaling.Cooled      = (*Rule)(nil)
	_ scaling.Directed    = (*Rule)(nil)
	_ scaling.Aggregating = (*Rule)(nil)
	_ scaling.Executable  = (*Rule)(nil)
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
func (s *Config) Rule() scaling.Rule { return &Rule{Settings: s} }

// Cooldowns implements scaling.Cooled: one for both directions.
func (r *Rule) Cooldowns() (out, in time.Duration) {
	d := scaling.Or(r.Settings.Cooldown, scaling.CooldownDefault)
	return d, d
}

// Adjustment types.
const (
	ChangeInCapacity AdjustmentType = iota + 1
	PercentChangeInCapacity
	ExactCapacity
)

// AdjustmentType is how a step adjustment's number is meant.
type AdjustmentType int

// String returns AWS's name of the type.
func (t AdjustmentType) String() string {
	switch t {
	case ChangeInCapacity:
		return "ChangeInCapacity"
	case PercentChangeInCapacity:
		return "PercentChangeInCapacity"
	case ExactCapacity:
		return "ExactCapacity"
	default:
		return "invalid"
	}
}

// Valid reports whether it is one of the types.
func (t AdjustmentType) Valid() bool { return t >= ChangeInCapacity && t <= ExactCapacity }

// ParseAdjustmentType returns the type of AWS's name; zero where there is none.
func ParseAdjustmentType(s string) AdjustmentType { return scaling.Named(s, ExactCapacity) }

// Ways to make one value of an alarm's datapoints.
const (
	AggregateAverage Aggregation = iota + 1
	AggregateMinimum
	AggregateMaximum
)

// Aggregation is a step scaling policy's MetricAggregationType. Its zero value means Average.
type Aggregation int

// String returns AWS's name of the aggregation.
func (a Aggregation) String() string {
	switch a {
	case AggregateAverage:
		return "Average"
	case AggregateMinimum:
		return "Minimum"
	case AggregateMaximum:
		return "Maximum"
	default:
		return "invalid"
	}
}

// ParseAggregation returns the aggregation of AWS's name; zero where there is none.
func ParseAggregation(s string) Aggregation { return scaling.Named(s, AggregateMaximum) }

// Config is a step scaling policy's configuration, with what the client left out left out.
type Config struct {
	AdjustmentType AdjustmentType // zero only in requests that keep it
	Steps          []Adjustment   // 1 to 20, in the client's order; nil only in requests that keep them
	Cooldown       *time.Duration // nil: 300 s
	Aggregation    Aggregation    // zero: Average
	MinMagnitude   *int           // PercentChangeInCapacity only: the least number of instances to change by
}

// Adjustment is by how much to scale when the breach, metric less threshold, lies between two bounds.
type Adjustment struct {
	Lower, Upper *float64 // nil: no bound
	Adjustment   int
}
