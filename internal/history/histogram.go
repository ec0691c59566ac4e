package history

import (
	"github.com/prometheus/prometheus/model/histogram"

	"bellows.dev/bellows/metric"
)

// schema is the one whose buckets a metric.Distribution has: 64 to a doubling.
const schema = 6

// toHistogram turns a distribution into a native histogram: a gauge, since each is of its own interval only.
func toHistogram(sum *metric.Summary) *histogram.FloatHistogram {
	h := &histogram.FloatHistogram{
		CounterResetHint: histogram.GaugeType, Schema: schema, ZeroThreshold: metric.Tiny, Count: sum.Count, Sum: sum.Sum,
	}
	next := int32(0)
	for _, b := range sum.Distribution {
		if b.Index == metric.ZeroBucket {
			h.ZeroCount = b.Count
			continue
		}
		if n := len(h.PositiveSpans); n > 0 && b.Index == next {
			h.PositiveSpans[n-1].Length++
		} else {
			h.PositiveSpans = append(h.PositiveSpans, histogram.Span{Offset: b.Index - next, Length: 1})
		}
		h.PositiveBuckets = append(h.PositiveBuckets, b.Count)
		next = b.Index + 1
	}
	return h
}

// appendBuckets is the inverse of toHistogram. Chunks of the TSDB may have added empty buckets.
func appendBuckets(out metric.Distribution, h *histogram.FloatHistogram) metric.Distribution {
	if h.ZeroCount > 0 {
		out = append(out, metric.Bucket{Index: metric.ZeroBucket, Count: h.ZeroCount})
	}
	index, at := int32(0), 0
	for _, s := range h.PositiveSpans {
		index += s.Offset
		for range s.Length {
			if n := h.PositiveBuckets[at]; n > 0 {
				out = append(out, metric.Bucket{Index: index, Count: n})
			}
			index++
			at++
		}
	}
	return out
}

// histogram is what a Distribution's value is written as; nil for the numbers.
func (a value) histogram(kind Kind) *histogram.FloatHistogram {
	if kind != Distribution {
		return nil
	}
	return toHistogram(&metric.Summary{StatisticSet: metric.StatisticSet{Count: a.dist.count, Sum: a.dist.sum}, Distribution: a.dist.buckets})
}
