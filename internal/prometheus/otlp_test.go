package prometheus

import (
	"bytes"
	"compress/gzip"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"google.golang.org/protobuf/encoding/protowire"

	"bellows.dev/bellows/metric"
)

func stamp(t time.Time) pcommon.Timestamp { return pcommon.NewTimestampFromTime(t) }

// export builds an export of one resource; fill adds its metrics.
func export(fill func(pmetric.MetricSlice)) pmetric.Metrics {
	m := pmetric.NewMetrics()
	r := m.ResourceMetrics().AppendEmpty()
	a := r.Resource().Attributes()
	a.PutStr("service.name", "cart")
	a.PutStr("service.namespace", "shop")
	a.PutStr("telemetry.sdk.language", "go")
	a.PutStr("host.name", "h1")
	a.PutInt("process.pid", 7)
	fill(r.ScopeMetrics().AppendEmpty().Metrics())
	return m
}

func (w *world) exports(m pmetric.Metrics) (int, string) {
	w.t.Helper()
	text, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(m)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.post(OTLPPath, "application/x-protobuf", "", text)
}

func TestOTLPGaugesAndSums(t *testing.T) {
	w := open(t)
	status, body := w.exports(export(func(ms pmetric.MetricSlice) {
		m := ms.AppendEmpty()
		m.SetName("cart.items")
		m.SetUnit("{item}")
		p := m.SetEmptyGauge().DataPoints().AppendEmpty()
		p.SetTimestamp(stamp(now.Add(-time.Second)))
		p.SetIntValue(5)
		p.Attributes().PutStr("host.name", "h2") // the datapoint's attribute takes precedence
		p.Attributes().PutBool("vip", true)
		p = m.Gauge().DataPoints().AppendEmpty()
		p.SetDoubleValue(math.NaN())
		p = m.Gauge().DataPoints().AppendEmpty()
		p.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
		m = ms.AppendEmpty()
		m.SetName("bytes")
		m.SetUnit("By")
		s := m.SetEmptySum()
		s.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		s.SetIsMonotonic(true)
		s.DataPoints().AppendEmpty().SetDoubleValue(2.5) // without a time: the current time
		m = ms.AppendEmpty()
		m.SetName("open")
		s = m.SetEmptySum() // not monotonic: recorded as samples
		s.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		s.DataPoints().AppendEmpty().SetIntValue(9)
	}))
	if status != 200 || body != "" {
		t.Errorf("%d %q", status, body)
	}
	if d := cmp.Diff([]string{
		"shop/cart/cart.items{host.name=h2 process.pid=7 vip=true} 11:59:59.000 Count n=1 sum=5 min=5 max=5",
		"shop/cart/bytes{host.name=h1 process.pid=7} 12:00:00.000 Bytes n=1 sum=2.5 min=2.5 max=2.5",
		"shop/cart/open{host.name=h1 process.pid=7} 12:00:00.000 None n=1 sum=9 min=9 max=9",
	}, w.recorded()); d != "" {
		t.Error(d)
	}
}

// A total is converted to the difference from the previous one, including a start, a repetition and a restart.
func TestOTLPTotals(t *testing.T) {
	w := open(t)
	total := func(at, start time.Duration, v int64) {
		t.Helper()
		if status, body := w.exports(export(func(ms pmetric.MetricSlice) {
			m := ms.AppendEmpty()
			m.SetName("requests")
			s := m.SetEmptySum()
			s.SetIsMonotonic(true)
			s.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
			p := s.DataPoints().AppendEmpty()
			p.SetStartTimestamp(stamp(now.Add(start)))
			p.SetTimestamp(stamp(now.Add(at)))
			p.SetIntValue(v)
		})); status != 200 || body != "" {
			t.Errorf("%d %q", status, body)
		}
	}
	total(-50*time.Second, -time.Hour, 100) // started before this server: only a reference
	total(-40*time.Second, -time.Hour, 103) // 3
	total(-40*time.Second, -time.Hour, 103) // sent again
	total(-30*time.Second, -time.Hour, 103) // 0
	total(-20*time.Second, -25*time.Second, 4)
	total(-10*time.Second, -25*time.Second, 6) // 2
	total(-5*time.Second, -25*time.Second, 1)  // less: it was restarted
	var sums []string
	for _, line := range w.recorded() {
		sums = append(sums, strings.Fields(line)[5])
	}
	if d := cmp.Diff([]string{"sum=3", "sum=0", "sum=4", "sum=2", "sum=1"}, sums); d != "" {
		t.Error(d)
	}
}

// A series that started after the server counts from its start.
func TestOTLPTotalOfANewSeries(t *testing.T) {
	x := newTotals(now.Add(-time.Minute))
	id := metric.NewID("n", "m")
	since, ok, _ := x.since(home, id, total{at: now, start: stamp(now.Add(-30 * time.Second)), sum: 7})
	if !ok || since.sum != 7 {
		t.Errorf("%v %v", since, ok)
	}
	if _, ok, _ = x.since(home, metric.NewID("n", "o"), total{at: now, sum: 7}); ok {
		t.Error("a total without a start is counted")
	}
}

func TestOTLPHistograms(t *testing.T) {
	w := open(t)
	histogram := func(ms pmetric.MetricSlice, name string, temporality pmetric.AggregationTemporality, at time.Duration, sum float64, counts ...uint64) pmetric.HistogramDataPoint {
		m := ms.AppendEmpty()
		m.SetName(name)
		m.SetUnit("ms")
		h := m.SetEmptyHistogram()
		h.SetAggregationTemporality(temporality)
		p := h.DataPoints().AppendEmpty()
		p.SetTimestamp(stamp(now.Add(at)))
		p.SetSum(sum)
		p.ExplicitBounds().FromRaw([]float64{10, 20, 50})
		p.BucketCounts().FromRaw(counts)
		var n uint64
		for _, c := range counts {
			n += c
		}
		p.SetCount(n)
		return p
	}
	status, body := w.exports(export(func(ms pmetric.MetricSlice) {
		p := histogram(ms, "delta", pmetric.AggregationTemporalityDelta, 0, 100, 1, 4, 0, 1)
		p.SetMin(8)
		p.SetMax(60)
		histogram(ms, "total", pmetric.AggregationTemporalityCumulative, -10*time.Second, 100, 1, 4, 0, 1)
		histogram(ms, "total", pmetric.AggregationTemporalityCumulative, 0, 150, 1, 6, 1, 1)
		histogram(ms, "broken", pmetric.AggregationTemporalityDelta, 0, 1, 1)
		m := ms.AppendEmpty()
		m.SetName("exponential")
		h := m.SetEmptyExponentialHistogram()
		h.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		e := h.DataPoints().AppendEmpty()
		e.SetScale(0)
		e.SetZeroCount(2)
		e.Positive().SetOffset(1)
		e.Positive().BucketCounts().FromRaw([]uint64{3, 1}) // (2, 4] and (4, 8]
		e.SetCount(6)
		e.SetSum(15)
		e.SetMax(7)
		m = ms.AppendEmpty()
		m.SetName("summary")
		m.SetEmptySummary().DataPoints().AppendEmpty()
	}))
	if status != 200 || !strings.Contains(body, "2 datapoints are not recorded") || !strings.Contains(body, "export a histogram") || !strings.Contains(body, "1 buckets and 3 bounds") {
		t.Errorf("%d %q", status, body)
	}
	const own = "{host.name=h1 process.pid=7} 12:00:00.000 "
	if d := cmp.Diff([]string{
		"shop/cart/delta" + own + "Milliseconds n=6 sum=100 min=8 max=60",
		"shop/cart/total" + own + "Milliseconds n=3 sum=50 min=15 max=35", // two in (10, 20] and one in (20, 50]
		"shop/cart/exponential" + own + "None n=6 sum=15 min=0 max=7",
	}, w.recorded()); d != "" {
		t.Error(d)
	}
	median, _ := metric.ParseStatistic("p50")
	if v, ok := median.Of(&w.puts[0].Data[0].Summary); !ok || math.Abs(v-15) > 0.1 { // the middle of (10, 20]
		t.Errorf("the median is %v", v)
	}
}

const otlpJSON = `{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}}]},"scopeMetrics":[{"metrics":[
 {"name":"load","gauge":{"dataPoints":[{"timeUnixNano":"1795608000000000000","asDouble":0.5,"attributes":[{"key":"core","value":{"intValue":"3"}}]}]}},
 {"name":"old","gauge":{"dataPoints":[{"timeUnixNano":"1","asInt":"1"}]}}]}]}]}`

func TestOTLPInJSONPackedAndNot(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(otlpJSON)); err != nil {
		t.Fatal(err)
	}
	z.Close()
	for encoding, text := range map[string][]byte{"": []byte(otlpJSON), "gzip": packed.Bytes()} {
		for _, path := range []string{OTLPPath, Prefix + "api/v1/otlp/v1/metrics"} {
			w := open(t)
			status, body := w.post(path, "application/json; charset=utf-8", encoding, text)
			if status != 200 {
				t.Errorf("%d %s", status, body)
			}
			same(t, body, `{"partialSuccess":{"rejectedDataPoints":"1","errorMessage":"1 datapoint is not recorded: out of bounds: a datapoint of cart/old{} is of 1970-01-01T00:00:00Z"}}`)
			if d := cmp.Diff([]string{"cart/load{core=3} 12:00:00.000 None n=1 sum=0.5 min=0.5 max=0.5"}, w.recorded()); d != "" {
				t.Error(d)
			}
		}
	}
}

func TestInvalidOTLP(t *testing.T) {
	w := open(t)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range unpackedMax>>20 + 1 {
		z.Write(make([]byte, 1<<20))
	}
	z.Close()
	deep := []byte{0x0a, 0x00} // an attribute whose value is a list of lists of …
	for i := range 1000 {
		deep = append(protowire.AppendVarint([]byte{[2]byte{1, 5}[i%2]<<3 | 2}, uint64(len(deep))), deep...)
	}
	for _, field := range []byte{2, 1, 1, 1} {
		deep = append(protowire.AppendVarint([]byte{field<<3 | 2}, uint64(len(deep))), deep...)
	}
	for _, c := range []struct {
		name, kind, encoding string
		body                 []byte
		status               int
	}{
		{"deep", "application/x-protobuf", "", deep, 400},
		{"deep JSON", "application/json", "", []byte(strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000)), 400},
		{"bomb", "application/x-protobuf", "gzip", bomb.Bytes(), 413},
		{"no gzip", "application/x-protobuf", "gzip", []byte("x"), 400},
		{"no message", "application/x-protobuf", "", []byte("hello"), 400},
		{"no JSON", "application/json", "", []byte("{"), 400},
		{"text", "text/plain", "", nil, 415},
		{"zstd", "application/x-protobuf", "zstd", nil, 415},
	} {
		if status, body := w.post(OTLPPath, c.kind, c.encoding, c.body); status != c.status {
			t.Errorf("%s: %d %s", c.name, status, body)
		}
	}
	if status, _ := w.do(get405(OTLPPath)); status != http.StatusMethodNotAllowed {
		t.Error(status)
	}
	if w.recorded() != nil {
		t.Error(w.recorded())
	}
}

func FuzzOTLP(f *testing.F) {
	f.Add([]byte(otlpJSON), true)
	m := export(func(ms pmetric.MetricSlice) {
		x := ms.AppendEmpty()
		x.SetName("m")
		p := x.SetEmptyHistogram().DataPoints().AppendEmpty()
		x.Histogram().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		p.ExplicitBounds().FromRaw([]float64{1})
		p.BucketCounts().FromRaw([]uint64{1, 2})
		p.SetCount(3)
	})
	text, _ := (&pmetric.ProtoMarshaler{}).MarshalMetrics(m)
	f.Add(text, false)
	d := New(Options{Now: func() time.Time { return now }})
	f.Fuzz(func(t *testing.T, body []byte, asJSON bool) {
		kind := protobufType
		if asJSON {
			kind = jsonType
		}
		m, err := decodeOTLP(kind, body)
		if err != nil {
			return
		}
		b := &batch{now: now}
		d.translate(b, &call{scope: home}, m)
		valid(t, b)
	})
}
