package prometheus

import (
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// points converts the datapoints of one metric of an export.
type points struct {
	b         *batch
	totals    *totals
	scope     engine.Scope
	namespace string
	resource  []metric.Dimension
	name      string
	unit      string
}

// take converts a metric's datapoints to datums. CloudWatch's samples cover an interval, as deltas do; totals are converted to the
// difference from the previous one, and non-monotonic values (gauges, sums that can fall) are recorded as samples.
func (p points) take(m pmetric.Metric) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		for _, x := range m.Gauge().DataPoints().All() {
			p.number(x, false)
		}
	case pmetric.MetricTypeSum:
		s := m.Sum()
		total := s.AggregationTemporality() == pmetric.AggregationTemporalityCumulative
		if s.AggregationTemporality() == pmetric.AggregationTemporalityUnspecified {
			p.b.refuse(s.DataPoints().Len(), "the sum %q has no temporality", p.name)
			return
		}
		for _, x := range s.DataPoints().All() {
			p.number(x, total && s.IsMonotonic())
		}
	case pmetric.MetricTypeHistogram:
		h := m.Histogram()
		if h.AggregationTemporality() == pmetric.AggregationTemporalityUnspecified {
			p.b.refuse(h.DataPoints().Len(), "the histogram %q has no temporality", p.name)
			return
		}
		for _, x := range h.DataPoints().All() {
			p.histogram(x, h.AggregationTemporality() == pmetric.AggregationTemporalityCumulative)
		}
	case pmetric.MetricTypeExponentialHistogram:
		h := m.ExponentialHistogram()
		if h.AggregationTemporality() != pmetric.AggregationTemporalityDelta {
			p.b.refuse(h.DataPoints().Len(), "the exponential histogram %q is cumulative: export deltas", p.name)
			return
		}
		for _, x := range h.DataPoints().All() {
			p.exponential(x)
		}
	case pmetric.MetricTypeSummary:
		p.b.refuse(m.Summary().DataPoints().Len(), "%q is a summary: export a histogram", p.name)
	case pmetric.MetricTypeEmpty:
		// a metric without datapoints
	}
}

// identify returns the identity of a datapoint's series; ok is false if it is refused. A datapoint's attributes take precedence over its
// resource's.
func (p points) identify(attributes pcommon.Map, at time.Time) (metric.ID, bool) {
	dimensions := make([]metric.Dimension, 0, len(p.resource)+attributes.Len())
	for _, x := range p.resource {
		if _, own := attributes.Get(x.Name); !own && x.Value != "" {
			dimensions = append(dimensions, x)
		}
	}
	for k, v := range attributes.All() {
		if s := v.AsString(); s != "" {
			dimensions = append(dimensions, metric.Dimension{Name: k, Value: s})
		}
	}
	id, err := identify(p.namespace, p.name, dimensions)
	if err != nil {
		p.b.refuse(1, "a datapoint of %q: %v", p.name, err)
		return id, false
	}
	if !p.b.inRange(at) {
		p.b.refuse(1, "out of bounds: a datapoint of %s is of %s", id, at.Format(time.RFC3339))
		return id, false
	}
	return id, true
}

func (p points) put(id metric.ID, at time.Time, s metric.Summary) {
	if s.Count == 0 {
		return
	}
	for _, v := range []float64{s.Count, s.Sum, s.Min, s.Max} {
		if !metric.InRange(v) {
			p.b.refuse(1, "a datapoint of %s has the value %v", id, v)
			return
		}
	}
	p.b.data = append(p.b.data, metric.Datum{ID: id, At: at, Resolution: metric.HighResolution, Unit: p.unit, Summary: s})
}

// number converts a datapoint of a gauge or a sum. A total counts from its start.
func (p points) number(x pmetric.NumberDataPoint, isTotal bool) {
	if x.Flags().NoRecordedValue() || x.ValueType() == pmetric.NumberDataPointValueTypeEmpty {
		return
	}
	v := x.DoubleValue()
	if x.ValueType() == pmetric.NumberDataPointValueTypeInt {
		v = float64(x.IntValue())
	}
	if math.IsNaN(v) {
		return
	}
	at := p.b.at(x.Timestamp())
	id, ok := p.identify(x.Attributes(), at)
	if !ok {
		return
	}
	if isTotal {
		since, ok := p.since(id, total{at: at, start: x.StartTimestamp(), sum: v})
		if !ok {
			return
		}
		v = since.sum
	}
	var s metric.Summary
	s.Add(v, 1)
	p.put(id, at, s)
}

// since returns the difference of a total from the previous one of its series; ok is false if it is unknown.
func (p points) since(id metric.ID, t total) (total, bool) {
	since, ok, full := p.totals.since(p.scope, id, t)
	if full {
		p.b.refuse(1, "a total of %s: too many series are remembered: export deltas", id)
	}
	return since, ok
}

// histogram converts a datapoint of a histogram with explicit bounds.
func (p points) histogram(x pmetric.HistogramDataPoint, isTotal bool) {
	if x.Flags().NoRecordedValue() {
		return
	}
	at := p.b.at(x.Timestamp())
	id, ok := p.identify(x.Attributes(), at)
	if !ok {
		return
	}
	bounds, counts := x.ExplicitBounds().AsRaw(), x.BucketCounts().AsRaw()
	if len(counts) > 0 && len(counts) != len(bounds)+1 || !ascending(bounds) {
		p.b.refuse(1, "a datapoint of %s has %d buckets and %d bounds, or bounds that do not ascend", id, len(counts), len(bounds))
		return
	}
	h := total{at: at, start: x.StartTimestamp(), sum: x.Sum(), count: float64(x.Count()), bounds: bounds, counts: counts}
	lo, hi := math.Inf(-1), math.Inf(1) // of the samples, if known
	if isTotal {
		if h, ok = p.since(id, h); !ok {
			return
		}
	} else { // those of a total apply since its start
		if x.HasMin() {
			lo = x.Min()
		}
		if x.HasMax() {
			hi = x.Max()
		}
	}
	p.put(id, at, summarize(h, lo, hi))
}

func ascending(bounds []float64) bool {
	for i, b := range bounds {
		if !metric.IsFinite(b) || i > 0 && b <= bounds[i-1] {
			return false
		}
	}
	return true
}

// summarize places the samples of each bucket at its middle, within the known extremes.
func summarize(h total, lo, hi float64) metric.Summary {
	var s metric.Summary
	for i, n := range h.counts {
		if n == 0 {
			continue
		}
		from, to := lo, hi
		if i > 0 {
			from = max(from, h.bounds[i-1])
		}
		if i < len(h.bounds) {
			to = min(to, h.bounds[i])
		}
		s.Add(middle(from, to), float64(n))
	}
	if h.count > 0 && s.Count == 0 { // without buckets
		mean := h.sum / h.count
		s.StatisticSet.Add(mean, h.count)
	}
	if !math.IsInf(lo, -1) {
		s.Min = lo
	}
	if !math.IsInf(hi, 1) {
		s.Max = hi
	}
	s.Count, s.Sum = h.count, h.sum
	return s
}

// middle returns the value used for the samples of a bucket. An open bucket ends at 0 or at its only bound.
func middle(from, to float64) float64 {
	switch {
	case math.IsInf(from, -1) && math.IsInf(to, 1):
		return 0
	case math.IsInf(to, 1):
		return from
	case math.IsInf(from, -1) && to > 0:
		return to / 2
	case math.IsInf(from, -1):
		return to
	default:
		return from + (to-from)/2
	}
}

// exponential converts a datapoint of a histogram whose bounds grow by 2^(2^-scale).
func (p points) exponential(x pmetric.ExponentialHistogramDataPoint) {
	if x.Flags().NoRecordedValue() {
		return
	}
	at := p.b.at(x.Timestamp())
	id, ok := p.identify(x.Attributes(), at)
	if !ok {
		return
	}
	growth := math.Pow(2, -float64(x.Scale())) // log2 of the growth of bounds
	var s metric.Summary
	each := func(b pmetric.ExponentialHistogramDataPointBuckets, sign float64) {
		for i, n := range b.BucketCounts().All() {
			if n > 0 {
				s.Add(sign*math.Exp2((float64(b.Offset())+float64(i)+0.5)*growth), float64(n))
			}
		}
	}
	each(x.Negative(), -1)
	if n := x.ZeroCount(); n > 0 {
		s.Add(0, float64(n))
	}
	each(x.Positive(), 1)
	s.Count, s.Sum = float64(x.Count()), x.Sum()
	if x.HasMin() {
		s.Min = x.Min()
	}
	if x.HasMax() {
		s.Max = x.Max()
	}
	p.put(id, at, s)
}
