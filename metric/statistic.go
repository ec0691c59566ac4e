package metric

import (
	"fmt"
	"strconv"
	"strings"
)

// StatisticKind is how a period's samples become one number.
type StatisticKind int

// Kinds of statistic.
const (
	SampleCount StatisticKind = iota + 1
	Sum
	Average
	Minimum
	Maximum
	Percentile
)

var statisticNames = []string{"", "SampleCount", "Sum", "Average", "Minimum", "Maximum"}

// Statistic is a parsed statistic: a kind and, for a percentile, its rank.
type Statistic struct {
	Kind StatisticKind
	Rank float64 // 0 to 100, for Percentile
}

// String returns CloudWatch's name of the statistic.
func (s Statistic) String() string {
	if s.Kind == Percentile {
		return "p" + strconv.FormatFloat(s.Rank, 'f', -1, 64)
	}
	if s.Kind > 0 && int(s.Kind) < len(statisticNames) {
		return statisticNames[s.Kind]
	}
	return "invalid"
}

// percentileDecimals is how many decimals a percentile's rank may have. AWS: CloudWatch user guide, statistics definitions.
const percentileDecimals = 10

// ParseStatistic reads one of CloudWatch's five statistics or a percentile such as p99.9.
func ParseStatistic(text string) (Statistic, error) {
	for kind, name := range statisticNames {
		if kind > 0 && name == text {
			return Statistic{Kind: StatisticKind(kind)}, nil
		}
	}
	if rank, ok := parseRank(text); ok {
		return Statistic{Percentile, rank}, nil
	}
	return Statistic{}, fmt.Errorf("The value %s for parameter ExtendedStatistic is not supported.", text) //nolint:staticcheck // AWS's own text
}

func parseRank(text string) (float64, bool) {
	digits, ok := strings.CutPrefix(text, "p")
	if !ok {
		return 0, false
	}
	whole, decimals, point := strings.Cut(digits, ".")
	if !allDigits(whole) || point && (!allDigits(decimals) || len(decimals) > percentileDecimals) {
		return 0, false
	}
	rank, err := strconv.ParseFloat(digits, 64)
	return rank, err == nil && rank <= 100
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// Of returns the statistic of the samples. ok is false where there are none, or where a percentile is not to be had: the
// samples are not known one by one, or some are negative.
// AWS: CloudWatch user guide, statistics definitions.
func (s Statistic) Of(sum *Summary) (v float64, ok bool) {
	if sum.Count == 0 {
		return 0, false
	}
	switch s.Kind {
	case SampleCount:
		return sum.Count, true
	case Sum:
		return sum.Sum, true
	case Average:
		return sum.Sum / sum.Count, true
	case Minimum:
		return sum.Min, true
	case Maximum:
		return sum.Max, true
	case Percentile:
		return sum.percentile(s.Rank)
	default:
		return 0, false
	}
}

// percentile reads a rank from the distribution, or from a statistic set all of whose samples are equal.
func (s *Summary) percentile(rank float64) (float64, bool) {
	if s.Min < 0 {
		return 0, false
	}
	if s.Min == s.Max {
		return s.Min, true
	}
	if len(s.Distribution) == 0 {
		return 0, false
	}
	return min(max(s.Distribution.Quantile(rank/100), s.Min), s.Max), true
}

// Quantile returns the value below which the fraction q (0 to 1) of the samples lies, to within 0.5 %. The distribution must
// not be empty.
func (d Distribution) Quantile(q float64) float64 {
	total := 0.0
	for _, b := range d {
		total += b.Count
	}
	want, seen := q*total-total*1e-12, 0.0 // 0.28 of 25 samples is 7 of them, whatever floats say
	for _, b := range d {
		seen += b.Count
		if seen >= want {
			return BucketValue(b.Index)
		}
	}
	return BucketValue(d[len(d)-1].Index)
}
