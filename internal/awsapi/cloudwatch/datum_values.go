package cloudwatch

import (
	"math"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/metric"
)

// summarize turns a datum's values into samples. Statistic sets win over Values: recorded.
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
	default:
		return missingParameter("At least one of the parameters %s.Value, %s.Values and %s.StatisticValues must be specified.", at, at, at)
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
		if n < 0 || !valid(n) {
			return invalidNumber(n, at, "Counts.member."+strconv.Itoa(i+1))
		}
		if n > 0 {
			s.Add(v, n)
		}
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
		return invalidNumber(*in.SampleCount, at, "StatisticValues.SampleCount")
	}
	if *in.Maximum < *in.Minimum {
		return invalidValue("The parameter %s.StatisticValues.Maximum must be greater than %s.StatisticValues.Minimum.", at, at)
	}
	s.StatisticSet = metric.StatisticSet{Count: *in.SampleCount, Sum: *in.Sum, Min: *in.Minimum, Max: *in.Maximum}
	return nil
}

// valueMax and its mirror image bound a value's size; between them lies 0. AWS: MetricDatum: values that are too large or too small are
// refused; both were recorded.
const valueMax = 0x1p360

func valid(v float64) bool {
	size := math.Abs(v)
	return size <= valueMax && size >= 1/valueMax || v == 0
}

func invalidNumber(v float64, at place, member string) error {
	return invalidValue("The value %s for parameter %s.%s is invalid.", javaNumber(v), at, member)
}

// checkValue refuses numbers that are none, or too large; path names the parameter.
func checkValue(v float64, path string) error {
	if !(math.Abs(v) <= valueMax) {
		return invalidValue("The value %s for parameter %s is invalid.", javaNumber(v), path)
	}
	return nil
}

// javaNumber prints a number as AWS does in refusals: with a comma behind each thousand, and no more than three decimals. AWS: recorded.
func javaNumber(v float64) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 0):
		return strings.Replace("-∞", "-", sign(v), 1)
	}
	digits := strconv.FormatFloat(math.Abs(v), 'f', -1, 64)
	whole, decimals, _ := strings.Cut(digits, ".")
	if len(decimals) > 3 {
		whole, decimals, _ = strings.Cut(strconv.FormatFloat(math.Abs(v), 'f', 3, 64), ".")
	}
	var b strings.Builder
	b.WriteString(sign(v))
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	if decimals = strings.TrimRight(decimals, "0"); decimals != "" {
		b.WriteString("." + decimals)
	}
	return b.String()
}

func sign(v float64) string {
	if math.Signbit(v) {
		return "-"
	}
	return ""
}
