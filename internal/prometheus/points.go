package prometheus

import (
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// points takes the datapoints of one metric of an export.
type points struct {
	b         *batch
	totals    *totals
	scope     engine.Scope
	namespace string
	resource  []metric.Dimension
	name      string
	unit      string
}

// take turns a metric's datapoints into datums. CloudWatch's samples are of an interval, as deltas are; totals are turned into the
// difference from the last, and levels (gauges, sums that also fall) are samples as they are.
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

// identify makes the identity of a datapoint's series; ok is false where it is refused. A datapoint's attributes win over its
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

// number takes a datapoint of a gauge or a sum. Where it is a total, it counts from its start on.
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

// since returns what a total counts since the last one of its series; ok is false where that is not known.
func (p points) since(id metric.ID, t total) (total, bool) {
	since, ok, full := p.totals.since(p.scope, id, t)
	if full {
		p.b.refuse(1, "a total of %s: too many series are remembered: export deltas", id)
	}
	return since, ok
}

// histogram takes a datapoint of a histogram with buckets of given bounds.
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
	lo, hi := math.Inf(-1), math.Inf(1) // of the samples, where they are known
	if isTotal {
		if h, ok = p.since(id, h); !ok {
			return
		}
	} else { // a total's are those since its start
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

// summarize puts the samples of each bucket into its middle, and into what is known of the extremes.
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

// middle is the value that stands for the samples of a bucket. One that is open ends at 0 or at its only bound.
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

// exponential takes a datapoint of a histogram whose bounds grow by 2^(2^-scale).
func (p points) exponential(x pmetric.ExponentialHistogramDataPoint) {
	if x.Flags().NoRecordedValue() {
		return
	}
	at := p.b.at(x.Timestamp())
	id, ok := p.identify(x.Attributes(), at)
	if !ok {
		return
	}
	growth := math.Pow(2, -float64(x.Scale())) // log2 of how bounds grow
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
