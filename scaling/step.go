package scaling

import "time"

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

// ParseAdjustmentType returns the type of AWS's name; zero where there is none.
func ParseAdjustmentType(s string) AdjustmentType { return parse(s, ExactCapacity) }

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
func ParseAggregation(s string) Aggregation { return parse(s, AggregateMaximum) }

// StepConfig is a step scaling policy's configuration, with what the client left out left out.
type StepConfig struct {
	AdjustmentType AdjustmentType   // zero only in requests that keep it
	Steps          []StepAdjustment // 1 to 20, in the client's order; nil only in requests that keep them
	Cooldown       *time.Duration   // nil: 300 s
	Aggregation    Aggregation      // zero: Average
	MinMagnitude   *int             // PercentChangeInCapacity only: the least number of instances to change by
}

// StepAdjustment is by how much to scale when the breach, metric less threshold, lies between two bounds.
type StepAdjustment struct {
	Lower, Upper *float64 // nil: no bound
	Adjustment   int
}
