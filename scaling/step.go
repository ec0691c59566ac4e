package scaling

import (
	"slices"
	"time"

	"bellows.dev/bellows/metric"
)

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

// step returns the adjustment whose interval holds the breach, if any does. At a high alarm the lower bound belongs to the
// interval and the upper does not; at a low alarm it is the other way round.
// AWS: step scaling policies, user guide, step adjustments.
func (s *StepConfig) step(breach float64, high bool) (StepAdjustment, bool) {
	breach = metric.Finite(breach) // a difference may overflow: it lies in the interval without a bound all the same
	for _, a := range s.Steps {
		lower, upper := a.lower(), a.upper()
		if high && lower <= breach && breach < upper {
			return a, true
		}
		if !high && lower < breach && breach <= upper {
			return a, true
		}
	}
	return StepAdjustment{}, false
}

// adjust applies an adjustment to a capacity: the result before rounding, the capacity, and the minimum magnitude where that is what
// the capacity changes by.
// E.g. 11 + 30 % is 14.3, so 14; 3 - 10 % is 2.7, so 2; 4 + 25 % with a least magnitude of 2 is 5, so 6.
func (s *StepConfig) adjust(current, adjustment int) (raw float64, want, least int) {
	switch s.AdjustmentType {
	case ExactCapacity:
		return float64(adjustment), adjustment, 0
	case PercentChangeInCapacity:
		raw = float64(current) + float64(current)*float64(adjustment)/100
		change, least := s.percent(current, adjustment)
		return raw, max(0, current+change), least
	default:
		want = max(0, current+adjustment)
		return float64(want), want, 0
	}
}

// percent rounds a change in percent toward zero, but to at least one instance, then to at least the minimum magnitude.
// Percent of nothing is nothing; the magnitude then says by how much to leave zero (AWS: not documented).
// AWS: PutScalingPolicy, AdjustmentType; step scaling policies, user guide.
func (s *StepConfig) percent(current, percent int) (change, least int) {
	if percent == 0 {
		return 0, 0
	}
	sign := 1
	if percent < 0 {
		sign = -1
	}
	product := current * percent
	change = product / 100
	if change == 0 && product != 0 {
		change = sign
	}
	if least = or(s.MinMagnitude, 0); change*sign < least {
		return sign * least, least
	}
	return change, 0
}

// aggregate makes one value of an alarm's datapoints, of which there is at least one.
func (s *StepConfig) aggregate(datapoints []float64) float64 {
	switch s.Aggregation {
	case AggregateMinimum:
		return slices.Min(datapoints)
	case AggregateMaximum:
		return slices.Max(datapoints)
	default:
		return mean(datapoints)
	}
}

func mean(datapoints []float64) float64 {
	sum := 0.0
	for _, v := range datapoints {
		sum += v
	}
	return metric.Finite(sum / float64(len(datapoints)))
}
