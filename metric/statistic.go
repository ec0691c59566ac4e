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
	TrimmedMean
	WinsorizedMean
	TrimmedCount
	TrimmedSum
	PercentileRank
)

// statisticNames are CloudWatch's names of the kinds that have no parameters.
var statisticNames = []string{"", "SampleCount", "Sum", "Average", "Minimum", "Maximum"}

// String returns the kind's name: CloudWatch's own for a statistic without parameters.
func (k StatisticKind) String() string {
	switch k {
	case SampleCount, Sum, Average, Minimum, Maximum:
		return statisticNames[k]
	case Percentile:
		return "Percentile"
	case TrimmedMean:
		return "TrimmedMean"
	case WinsorizedMean:
		return "WinsorizedMean"
	case TrimmedCount:
		return "TrimmedCount"
	case TrimmedSum:
		return "TrimmedSum"
	case PercentileRank:
		return "PercentileRank"
	default:
		return "invalid"
	}
}

// Statistic is a parsed statistic: a kind with, for Percentile, its rank and, for the kinds after it, the range of samples that count.
type Statistic struct {
	Kind StatisticKind
	Rank float64 // 0 to 100, for Percentile

	// Lower and Upper bound the range: percentages of the sorted samples or, where Fixed, values, of which the lower is outside the range
	// and the upper inside. NoLower and NoUpper leave a fixed range open.
	Lower, Upper            float64 `json:",omitzero"`
	Fixed, NoLower, NoUpper bool    `json:",omitzero"`

	Name string `json:",omitzero"` // of a statistic with a range, as it was given
}

// String returns CloudWatch's name of the statistic.
func (s Statistic) String() string {
	if s.Name != "" {
		return s.Name
	}
	if s.Kind == Percentile {
		return "p" + strconv.FormatFloat(s.Rank, 'f', -1, 64)
	}
	if s.Kind > 0 && int(s.Kind) < len(statisticNames) {
		return statisticNames[s.Kind]
	}
	return "invalid"
}

// Valid reports whether the statistic is one of those that ParseStatistic returns, as far as its numbers go.
func (s Statistic) Valid() bool {
	return s.Kind >= SampleCount && s.Kind <= PercentileRank && s.Rank >= 0 && s.Rank < rankMax && IsFinite(s.Lower) && IsFinite(s.Upper)
}

// rankMax is above the rank of every percentile: p100.5 is accepted. AWS: recorded.
const rankMax = 101

// percentileDecimals is the most decimals of a percentile's rank. AWS: CloudWatch user guide, statistics definitions.
const percentileDecimals = 10

// ParseStatistic parses one of CloudWatch's five statistics, a percentile such as p99.9, or a statistic over a range such as tm99,
// TM(10%:90%), PR(:300) or IQM. Its error has AWS's text.
func ParseStatistic(text string) (Statistic, error) {
	for kind, name := range statisticNames {
		if kind > 0 && name == text {
			return Statistic{Kind: StatisticKind(kind)}, nil
		}
	}
	if rank, ok := parseRank(text); ok {
		return Statistic{Kind: Percentile, Rank: rank}, nil
	}
	if s, ok := parseRange(text); ok {
		return s, nil
	}
	return Statistic{}, fmt.Errorf("The value %s for parameter ExtendedStatistic is not supported.", text) //nolint:staticcheck // AWS's own text
}

func parseRank(text string) (float64, bool) {
	digits, ok := strings.CutPrefix(text, "p")
	if !ok {
		return 0, false
	}
	rank, ok := parseNumber(digits)
	return rank, ok && rank < rankMax
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// Of returns the statistic of the samples. ok is false where there are none, and for percentiles and ranges where the
// samples are not known one by one or some are negative. The value is finite.
// AWS: CloudWatch user guide, statistics definitions.
func (s Statistic) Of(sum *Summary) (v float64, ok bool) {
	v, ok = s.of(sum)
	return Finite(v), ok // a statistic set may say that 1e-300 samples add up to 1e108
}

func (s Statistic) of(sum *Summary) (v float64, ok bool) {
	if sum.Empty() {
		return 0, false
	}
	switch s.Kind {
	case SampleCount:
		return sum.Count, true
	case Sum:
		return sum.Sum, true
	case Average:
		return sum.Sum / sum.Count, sum.Count > 0
	case Minimum:
		return sum.Min, true
	case Maximum:
		return sum.Max, true
	case Percentile:
		return sum.percentile(s.Rank)
	case TrimmedMean, WinsorizedMean, TrimmedCount, TrimmedSum, PercentileRank:
		return s.overRange(sum)
	default:
		return 0, false
	}
}

// percentile returns the percentile of a rank, from the distribution or from a statistic set all of whose samples are equal. p0 and p100 are
// always known. AWS: recorded.
func (s *Summary) percentile(rank float64) (float64, bool) {
	switch {
	case rank == 0:
		return s.Min, true
	case rank >= 100:
		return s.Max, true
	case s.Min < 0 || s.Count < 1-rounding:
		return 0, false
	case s.Min == s.Max: // whatever the sum: recorded
		return s.Min, true
	case !s.known():
		return 0, false
	default:
		return min(max(s.Distribution.Quantile(rank/100), s.Min), s.Max), true
	}
}

// Quantile returns the value below which the fraction q (0 to 1) of the samples lies, to within 0.55 %. The distribution must
// not be empty.
func (d Distribution) Quantile(q float64) float64 {
	total := 0.0
	for _, b := range d {
		total += b.Count
	}
	want, seen := q*total-total*1e-12, 0.0 // 0.28 of 25 samples is 7 of them, despite rounding errors
	for _, b := range d {
		seen += b.Count
		if seen >= want {
			return BucketValue(b.Index)
		}
	}
	return BucketValue(d[len(d)-1].Index)
}
