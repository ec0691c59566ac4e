package cloudwatch

import (
	"math"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/metric"
)

// summarize converts a datum's values to samples. A statistic set takes precedence over Values: recorded.
func summarize(s *metric.Summary, in *types.MetricDatum, at place) error {
	both := func(other string) error {
		return invalidCombination("The parameters %s.Value and %s.%s are mutually exclusive and you have specified both.", at, at, other)
	}
	switch {
	case in.Value != nil && len(in.Values) > 0:
		return both("Values")
	case in.Value != nil && in.StatisticValues != nil:
		return both("StatisticValues")
	case in.StatisticValues != nil:
		return statisticSet(s, in.StatisticValues, at)
	case in.Value != nil:
		if !valid(*in.Value) {
			return invalidNumber(*in.Value, at, "Value")
		}
		s.Add(*in.Value, 1)
		return nil
	case len(in.Values) > 0:
		return values(s, in, at)
	case len(in.Counts) > 0:
		return invalidCombination("The parameter values must appears when the counts parameter is specified.") // recorded
	default:
		return invalidCombination("At least one of the parameters must be specified.") // recorded
	}
}

func values(s *metric.Summary, in *types.MetricDatum, at place) error {
	if len(in.Values) > valuesMax {
		return invalidValue("The collection %s.Values must not have a size greater than %d.", at, valuesMax)
	}
	if len(in.Counts) > 0 && len(in.Counts) != len(in.Values) {
		return invalidValue("The parameters %s.Values and %s.Counts must be of the same size.", at, at)
	}
	for i, v := range in.Values {
		n := 1.0
		if len(in.Counts) > 0 {
			n = in.Counts[i]
		}
		if !valid(v) {
			return invalidNumber(v, at, "Values.member."+strconv.Itoa(i+1))
		}
		switch {
		case n < 0:
			return invalidValue("The parameter %s.Counts must contain only values greater than 0.", at) // recorded; 0 is accepted
		case !valid(n):
			return invalidNumber(n, at, "Counts.member."+strconv.Itoa(i+1))
		}
		s.Add(v, n) // a value with a count of 0 is still included in minimum and maximum: recorded
	}
	return nil
}

func statisticSet(s *metric.Summary, in *types.StatisticSet, at place) error {
	for _, x := range [...]struct {
		name  string
		value float64
	}{{"SampleCount", *in.SampleCount}, {"Sum", *in.Sum}, {"Minimum", *in.Minimum}, {"Maximum", *in.Maximum}} {
		if !valid(x.value) {
			return invalidNumber(x.value, at, "StatisticValues."+x.name)
		}
	}
	if *in.SampleCount <= 0 {
		return invalidValue("The parameter %s.StatisticValues.SampleCount must be greater than 0.", at) // recorded
	}
	if *in.Maximum < *in.Minimum {
		return invalidValue("The parameter %s.StatisticValues.Maximum must be greater than %s.StatisticValues.Minimum.", at, at)
	}
	*s = metric.StatisticSet{Count: *in.SampleCount, Sum: *in.Sum, Min: *in.Minimum, Max: *in.Maximum}.Summary()
	return nil
}

// valid reports whether a value is 0 or has an absolute value from 2^-360 to 2^360. AWS: MetricDatum: other values are
// refused; recorded.
func valid(v float64) bool { return v == 0 || metric.InRange(v) && math.Abs(v) >= metric.Tiny }

func invalidNumber(v float64, at place, member string) error {
	return invalidValue("The value %s for parameter %s.%s is invalid.", alarm.JavaDouble(v), at, member) // recorded
}

// checkValue refuses NaN and numbers that are too large; path names the parameter.
func checkValue(v float64, path string) error {
	if !metric.InRange(v) {
		return invalidValue("The value %s for parameter %s is invalid.", alarm.JavaDouble(v), path)
	}
	return nil
}
