package metric

import (
	"math"
	"time"
)

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
	for i, b := range s.Distribution {
		if !(b.Count >= 0 && b.Count <= totalMax) || b.Index != ZeroBucket && (b.Index < bucketMin || b.Index > bucketMax) {
			return false
		}
		if i > 0 && s.Distribution[i-1].Index >= b.Index {
			return false
		}
	}
	return true
}

// The buckets of the smallest and the largest sample that distributions count, Tiny and ValueMax.
const (
	bucketMin = -360 * perDoubling
	bucketMax = 360 * perDoubling
)

// TimeInRange reports whether a sample may be of this time: within the years from 1970 to 2261, whose nanoseconds can be counted.
func TimeInRange(t time.Time) bool { return UnixInRange(t.Unix()) }

// UnixInRange is TimeInRange of a time in Unix seconds.
func UnixInRange(seconds int64) bool { return seconds >= 0 && seconds < unixMax }

// unixMax is the beginning of 2262 in Unix seconds.
const unixMax = 9_214_646_400

// InRange reports whether the samples of an interval may be recorded.
func (b *BucketState) InRange() bool { return UnixInRange(b.Start) && b.Summary.InRange() }

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
