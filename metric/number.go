package metric

import "math"

// ValueMax bounds the size of a sample. AWS: MetricDatum, Value: values must be in the range of -2^360 to 2^360; NaN and the infinities
// are not supported.
const ValueMax = 0x1p360

// totalMax bounds the sum of the samples of one call, values times counts, each of which is at most ValueMax. A double holds the sum of 2^200
// of these without overflow.
const totalMax = 0x1p800

// InRange reports whether a sample may have this value: a number from -ValueMax to ValueMax.
func InRange(v float64) bool { return math.Abs(v) <= ValueMax }

// InRange reports whether a summary may be recorded: sums of such summaries stay finite.
func (s *Summary) InRange() bool {
	if !InRange(s.Min) || !InRange(s.Max) || !(math.Abs(s.Sum) <= totalMax) || !(s.Count >= 0 && s.Count <= totalMax) {
		return false
	}
	for _, b := range s.Distribution {
		if !(b.Count >= 0 && b.Count <= totalMax) {
			return false
		}
	}
	return true
}

// IsFinite reports whether v is a number: neither NaN nor an infinity.
func IsFinite(v float64) bool { return math.Abs(v) <= math.MaxFloat64 }

// Finite returns the number nearest to v that JSON can represent: the largest of its sign for an infinity, 0 for NaN. Computed values that
// are recorded go through it where they could overflow: journals and snapshots are JSON, which has neither infinities nor NaN.
func Finite(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return min(max(v, -math.MaxFloat64), math.MaxFloat64)
}
