package history

import (
	"github.com/prometheus/prometheus/model/histogram"

	"bellows.dev/bellows/metric"
)

// schema is the histogram schema with the buckets of metric.Distribution: 64 per doubling.
const schema = 6

// toHistogram converts a distribution to a native histogram, a gauge, since each covers only its own interval.
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

// appendBuckets is the inverse of toHistogram. The TSDB's chunks may have added empty buckets.
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

// histogram returns the histogram as which a Distribution's value is written; nil for numbers.
func (a value) histogram(kind Kind) *histogram.FloatHistogram {
	if kind != Distribution {
		return nil
	}
	return toHistogram(&metric.Summary{StatisticSet: metric.StatisticSet{Count: a.dist.count, Sum: a.dist.sum}, Distribution: a.dist.buckets})
}
