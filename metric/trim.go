package metric

import (
	"strconv"
	"strings"
)

// bound is one end of a statistic's range: a percentage of the samples, or a value; an open bound is neither.
type bound struct {
	open    bool
	percent bool
	value   float64
}

// functions are the statistics with a range, by name in capitals; in lower case, with one number NN, they mean the range (:NN%).
var functions = map[string]StatisticKind{
	"TM": TrimmedMean, "WM": WinsorizedMean, "TC": TrimmedCount, "TS": TrimmedSum, "PR": PercentileRank,
}

// parseRange parses a statistic with a range: IQM, tmNN, TM(a%:b%), TM(a:b) and the like.
// AWS: CloudWatch user guide, statistics definitions.
func parseRange(text string) (Statistic, bool) {
	if text == "IQM" {
		return Statistic{Kind: TrimmedMean, Lower: 25, Upper: 75, Name: text}, true
	}
	if len(text) < 3 {
		return Statistic{}, false
	}
	name, rest := text[:2], text[2:]
	kind, known := functions[strings.ToUpper(name)]
	if !known {
		return Statistic{}, false
	}
	if strings.ToLower(name) == name {
		upper, ok := parseNumber(rest)
		return Statistic{Kind: kind, Upper: upper, Name: text}, ok && upper <= 100 && kind != PercentileRank
	}
	inner, ok := strings.CutPrefix(rest, "(")
	inner, closed := strings.CutSuffix(inner, ")")
	low, high, parted := strings.Cut(inner, ":")
	lower, ok1 := parseBound(low)
	upper, ok2 := parseBound(high)
	if strings.ToUpper(name) != name || !ok || !closed || !parted || !ok1 || !ok2 {
		return Statistic{}, false
	}
	return ranged(kind, text, lower, upper)
}

// ranged returns a statistic with a range of two bounds: both percentages or both values, and not both open.
func ranged(kind StatisticKind, text string, lower, upper bound) (Statistic, bool) {
	s := Statistic{Kind: kind, Name: text, Lower: lower.value, Upper: upper.value}
	switch {
	case lower.open && upper.open, !lower.open && !upper.open && (lower.percent != upper.percent || lower.value >= upper.value):
		return s, false
	case lower.percent || upper.percent:
		if upper.open {
			s.Upper = 100
		}
		return s, kind != PercentileRank && s.Upper <= 100 && s.Lower < s.Upper
	default:
		s.Fixed, s.NoLower, s.NoUpper = true, lower.open, upper.open
		return s, true
	}
}

func parseBound(text string) (bound, bool) {
	if text == "" {
		return bound{open: true}, true
	}
	number, percent := strings.CutSuffix(text, "%")
	v, ok := parseNumber(number) // a bound below 0 is refused: recorded
	return bound{percent: percent, value: v}, ok
}

// parseNumber parses a decimal number with at most ten decimals.
func parseNumber(text string) (float64, bool) {
	whole, decimals, point := strings.Cut(text, ".")
	if !allDigits(whole) || point && (!allDigits(decimals) || len(decimals) > percentileDecimals) {
		return 0, false
	}
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil && IsFinite(v)
}

// weighted is a value and how many samples have it.
type weighted struct{ value, count float64 }

// values returns how many different values the summary's samples have, one per bucket; 0 where they are not known one by one.
func (s *Summary) values() int {
	switch {
	case s.Min < 0:
		return 0
	case s.equal():
		return 1
	default:
		return len(s.Distribution)
	}
}

// value returns the i-th of them in ascending order.
func (s *Summary) value(i int) weighted {
	if s.equal() {
		return weighted{s.Min, s.Count}
	}
	b := s.Distribution[i]
	return weighted{min(max(BucketValue(b.Index), s.Min), s.Max), b.Count}
}

// overRange computes the statistics with a range. ok is false where the samples are not known one by one, or where none is in the range and
// the statistic is a mean. A range of values considers the samples that are known, a rank counts all of them.
// AWS: recorded.
func (s Statistic) overRange(sum *Summary) (v float64, ok bool) {
	switch {
	case sum.values() == 0 || sum.Count == 0:
		return 0, false
	case !s.Fixed && (sum.Count < 1-rounding || !sum.equal() && !sum.known()):
		return 0, false
	}
	if s.Kind == PercentileRank && s.Lower == sum.Min { // the rank of the least value is 0: recorded
		s.NoLower = true
	}
	t := s.trim(sum)
	switch s.Kind {
	case TrimmedCount:
		return t.count, true
	case TrimmedSum:
		return t.sum, true
	case PercentileRank:
		return 100 * t.count / sum.Count, true
	case WinsorizedMean:
		return (t.sum + t.below*t.low + t.above*t.high) / (t.count + t.below + t.above), true
	default:
		return t.sum / t.count, t.count > 0
	}
}

// under and over report whether a bucket's value is outside a fixed range. A bucket is on one side of a bound as a whole, so that samples
// equal to the bound are on the right side.
func (s Statistic) under(v float64) bool {
	return !s.NoLower && BucketIndex(v) <= BucketIndex(s.Lower)
}

func (s Statistic) over(v float64) bool {
	return !s.NoUpper && BucketIndex(v) > BucketIndex(s.Upper)
}

// trimmed are the samples within a range, and outside it.
type trimmed struct {
	count, sum   float64
	below, above float64 // samples on either side
	low, high    float64 // what winsorizing makes of them
}

// trim splits samples by the range. Of a value that a percentage divides, the part within counts.
func (s Statistic) trim(sum *Summary) trimmed {
	t := trimmed{low: s.Lower, high: s.Upper}
	from, to := s.Lower/100*sum.Count, s.Upper/100*sum.Count
	seen, inside := 0.0, false
	for i := range sum.values() {
		x := sum.value(i)
		var below, above float64
		switch {
		case s.Fixed && s.under(x.value):
			below = x.count
		case s.Fixed && s.over(x.value):
			above = x.count
		case !s.Fixed:
			below = min(max(from-seen, 0), x.count)
			above = min(max(seen+x.count-to, 0), x.count)
		}
		seen += x.count
		n := max(x.count-below-above, 0)
		t.below, t.above = t.below+below, t.above+above
		t.count, t.sum = t.count+n, t.sum+n*x.value
		if n > 0 && !s.Fixed {
			if !inside {
				t.low, inside = x.value, true
			}
			t.high = x.value
		}
	}
	return t
}
