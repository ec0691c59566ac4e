package prometheus

import (
	"bytes"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"bellows.dev/bellows/metric"
)

func (w *world) post(path, kind, encoding string, body []byte) (int, string) {
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", kind)
	if encoding != "" {
		r.Header.Set("Content-Encoding", encoding)
	}
	return w.do(r)
}

func (w *world) write(m *prompb.WriteRequest) (int, string) {
	w.t.Helper()
	text, err := m.Marshal()
	if err != nil {
		w.t.Fatal(err)
	}
	return w.post(Prefix+"api/v1/write", "application/x-protobuf", "snappy", snappy.Encode(nil, text))
}

// recorded returns the recorded datums as text, one line per datum.
func (w *world) recorded() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, p := range w.puts {
		if p.Scope != home {
			w.t.Errorf("a put into %v", p.Scope)
		}
		for _, d := range p.Data {
			s := d.Summary
			out = append(out, d.ID.String()+" "+d.At.Format("15:04:05.000")+" "+d.Unit+" n="+number(s.Count)+" sum="+number(s.Sum)+" min="+number(s.Min)+" max="+number(s.Max))
		}
	}
	return out
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

func pairs(texts ...string) []prompb.Label {
	var out []prompb.Label
	for i := 0; i < len(texts); i += 2 {
		out = append(out, prompb.Label{Name: texts[i], Value: texts[i+1]})
	}
	return out
}

func ms(t time.Time) int64 { return t.UnixMilli() }

func TestRemoteWrite(t *testing.T) {
	w := open(t)
	status, body := w.write(&prompb.WriteRequest{
		Timeseries: []prompb.TimeSeries{
			{Labels: pairs("__name__", "http_requests_total", "code", "200", "empty", "", "job", "api"), Samples: []prompb.Sample{
				{Timestamp: ms(now) - 1500, Value: 3}, {Timestamp: ms(now), Value: 4},
				{Timestamp: ms(now), Value: math.Float64frombits(value.StaleNaN)}, {Timestamp: ms(now), Value: math.NaN()},
			}},
		},
		Metadata: []prompb.MetricMetadata{{Type: prompb.MetricMetadata_COUNTER, MetricFamilyName: "http_requests_total", Help: "Requests."}},
	})
	if status != http.StatusNoContent {
		t.Errorf("%d %s", status, body)
	}
	want := []string{
		"Prometheus/http_requests_total{code=200 job=api} 11:59:58.500 None n=1 sum=3 min=3 max=3",
		"Prometheus/http_requests_total{code=200 job=api} 12:00:00.000 None n=1 sum=4 min=4 max=4",
	}
	if d := cmp.Diff(want, w.recorded()); d != "" {
		t.Error(d)
	}
	_, body = w.get("metadata", "metric", "http_requests_total")
	same(t, body, `{"status":"success","data":{"http_requests_total":[{"type":"counter","help":"Requests.","unit":""}]}}`)
}

// Refused samples are reported with 400, so that they are not retried; the others are recorded.
func TestRemoteWriteRefuses(t *testing.T) {
	many := []string{"__name__", "many"}
	for i := range 31 {
		many = append(many, "l"+strconv.Itoa(i+10), "v")
	}
	at := []prompb.Sample{{Timestamp: ms(now), Value: 1}}
	for _, c := range []struct {
		name   string
		series prompb.TimeSeries
		want   string
	}{
		{"no name", prompb.TimeSeries{Labels: pairs("a", "b"), Samples: at}, `"{a=\"b\"}": the metric's name, "", is not 1 to 255 printable ASCII characters`},
		{"31 labels", prompb.TimeSeries{Labels: pairs(many...), Samples: at}, "it has 31 labels; a metric has at most 30 dimensions"},
		{"twice", prompb.TimeSeries{Labels: pairs("__name__", "m", "a", "1", "a", "2"), Samples: at}, `the label "a" is duplicated`},
		{"not ASCII", prompb.TimeSeries{Labels: pairs("__name__", "m", "path", "/café"), Samples: at}, `the value of the label path, "/café", is not 1 to 1024`},
		{"long", prompb.TimeSeries{Labels: pairs("__name__", "m", "a", strings.Repeat("x", 1025)), Samples: at}, "is not 1 to 1024"},
		{"old", prompb.TimeSeries{Labels: pairs("__name__", "m"), Samples: []prompb.Sample{{Timestamp: ms(now.Add(-oldest)) - 1}}}, "out of bounds"},
		{"new", prompb.TimeSeries{Labels: pairs("__name__", "m"), Samples: []prompb.Sample{{Timestamp: ms(now.Add(newest)) + 1}}}, "out of bounds"},
		{"infinite", prompb.TimeSeries{Labels: pairs("__name__", "m"), Samples: []prompb.Sample{{Timestamp: ms(now), Value: math.Inf(1)}}}, "is +Inf, beyond 2^360"},
		{"native", prompb.TimeSeries{Labels: pairs("__name__", "m"), Histograms: []prompb.Histogram{{Timestamp: ms(now)}}}, "native histograms are not accepted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := open(t)
			status, body := w.write(&prompb.WriteRequest{Timeseries: []prompb.TimeSeries{c.series, {Labels: pairs("__name__", "good"), Samples: at}}})
			if status != 400 || !strings.Contains(body, "1 datapoint is not recorded") || !strings.Contains(body, c.want) {
				t.Errorf("%d %s", status, body)
			}
			if got := w.recorded(); len(got) != 1 || !strings.HasPrefix(got[0], "Prometheus/good{}") {
				t.Errorf("recorded:  %q", got)
			}
		})
	}
}

func TestRemoteWriteTwo(t *testing.T) {
	w := open(t)
	m := &writev2.Request{
		Symbols: []string{"", "__name__", "queue_depth", "job", "a", "Jobs that wait.", "jobs"},
		Timeseries: []writev2.TimeSeries{{
			LabelsRefs: []uint32{1, 2, 3, 4}, Samples: []writev2.Sample{{Timestamp: ms(now), Value: 7}},
			Metadata: writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_GAUGE, HelpRef: 5, UnitRef: 6},
		}},
	}
	text, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, Prefix+"api/v1/write", bytes.NewReader(snappy.Encode(nil, text)))
	r.Header.Set("Content-Type", "application/x-protobuf;proto="+messageV2)
	r.Header.Set("Content-Encoding", "snappy")
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	if rec.Code != http.StatusNoContent || rec.Header().Get("X-Prometheus-Remote-Write-Samples-Written") != "1" {
		t.Errorf("%d %s %v", rec.Code, rec.Body, rec.Header())
	}
	if d := cmp.Diff([]string{"Prometheus/queue_depth{job=a} 12:00:00.000 None n=1 sum=7 min=7 max=7"}, w.recorded()); d != "" {
		t.Error(d)
	}
	_, body := w.get("metadata")
	same(t, body, `{"status":"success","data":{"queue_depth":[{"type":"gauge","help":"Jobs that wait.","unit":"jobs"}]}}`)
}

// A configurable label determines the namespace of a series; AWS's own namespaces are refused.
func TestNamespaceLabel(t *testing.T) {
	w := open(t)
	w.handler.o.NamespaceLabel = "cw_namespace"
	at := []prompb.Sample{{Timestamp: ms(now), Value: 1}}
	status, body := w.write(&prompb.WriteRequest{Timeseries: []prompb.TimeSeries{
		{Labels: pairs("__name__", "m", "cw_namespace", "Shop"), Samples: at}, {Labels: pairs("__name__", "m"), Samples: at},
		{Labels: pairs("__name__", "m", "cw_namespace", "AWS/SageMaker"), Samples: at},
	}})
	if status != 400 || !strings.Contains(body, "reserved") {
		t.Errorf("%d %s", status, body)
	}
	got := w.recorded()
	if len(got) != 2 || !strings.HasPrefix(got[0], "Shop/m{}") || !strings.HasPrefix(got[1], "Prometheus/m{}") {
		t.Error(got)
	}
}

func TestInvalidRemoteWrite(t *testing.T) {
	w := open(t)
	bomb := append([]byte{0xff, 0xff, 0xff, 0xff, 0x0f}, 0) // claims to decompress to 4 GiB
	empties := snappy.Encode(nil, bytes.Repeat([]byte{0x0a, 0x00}, seriesMax+1))
	for _, c := range []struct {
		name, kind, encoding string
		body                 []byte
		status               int
	}{
		{"bomb", "application/x-protobuf", "snappy", bomb, http.StatusRequestEntityTooLarge},
		{"no snappy", "application/x-protobuf", "snappy", []byte("hello"), 400},
		{"no message", "application/x-protobuf", "snappy", snappy.Encode(nil, []byte("hello")), 400},
		{"series without end", "application/x-protobuf", "snappy", empties, 400},
		{"JSON", "application/json", "", []byte("{}"), 415},
		{"gzip", "application/x-protobuf", "gzip", nil, 415},
		{"another message", "application/x-protobuf;proto=io.prometheus.write.v9.Request", "snappy", nil, 415},
	} {
		if status, body := w.post(Prefix+"api/v1/write", c.kind, c.encoding, c.body); status != c.status {
			t.Errorf("%s: %d %s", c.name, status, body)
		}
	}
	if got := w.recorded(); got != nil {
		t.Errorf("recorded:  %v", got)
	}
}

// If the journal cannot be written, the sender is asked to retry.
func TestRemoteWriteAsksForRetry(t *testing.T) {
	w := open(t)
	w.err = errors.New("the journal cannot be written")
	if status, _ := w.write(&prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{
		Labels: pairs("__name__", "m"), Samples: []prompb.Sample{{Timestamp: ms(now), Value: 1}},
	}}}); status/100 != 5 {
		t.Errorf("%d", status)
	}
}

// Large requests are put in steps.
func TestRemoteWriteInSteps(t *testing.T) {
	w := open(t)
	m := &prompb.WriteRequest{}
	for i := range 2500 {
		m.Timeseries = append(m.Timeseries, prompb.TimeSeries{
			Labels: pairs("__name__", "m", "i", strconv.Itoa(i)), Samples: []prompb.Sample{{Timestamp: ms(now), Value: 1}},
		})
	}
	if status, body := w.write(m); status != 204 {
		t.Fatalf("%d %s", status, body)
	}
	if len(w.puts) != 3 || len(w.recorded()) != 2500 {
		t.Errorf("%d steps, %d datums", len(w.puts), len(w.recorded()))
	}
}

// A request of 2,000 samples as sent by Prometheus, from the wire to the engine's input.
func BenchmarkRemoteWrite(b *testing.B) {
	m := prompb.WriteRequest{}
	for i := range 2000 {
		m.Timeseries = append(m.Timeseries, prompb.TimeSeries{
			Labels:  pairs("__name__", "http_request_duration_seconds_bucket", "code", "200", "instance", "10.0.0.1:"+strconv.Itoa(i), "job", "api", "le", "0.5"),
			Samples: []prompb.Sample{{Timestamp: ms(now), Value: float64(i)}},
		})
	}
	text, err := m.Marshal()
	if err != nil {
		b.Fatal(err)
	}
	body := snappy.Encode(nil, text)
	d := New(Options{Now: func() time.Time { return now }})
	for b.Loop() {
		plain, err := unsnap(body)
		if err != nil {
			b.Fatal(err)
		}
		x := &batch{now: now}
		if err := d.decodeWrite(x, messageV1, plain, &call{scope: home}); err != nil || len(x.data) != 2000 {
			b.Fatalf("%v, %d", err, len(x.data))
		}
	}
	b.ReportMetric(2000*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
}

func FuzzRemoteWrite(f *testing.F) {
	m := prompb.WriteRequest{
		Timeseries: []prompb.TimeSeries{{Labels: pairs("__name__", "m", "a", "b"), Samples: []prompb.Sample{{Timestamp: ms(now), Value: 1}}}},
		Metadata:   []prompb.MetricMetadata{{Type: prompb.MetricMetadata_GAUGE, MetricFamilyName: "m"}},
	}
	text, _ := m.Marshal()
	f.Add(snappy.Encode(nil, text), false)
	two := writev2.Request{Symbols: []string{"", "__name__", "m"}, Timeseries: []writev2.TimeSeries{{LabelsRefs: []uint32{1, 2}, Samples: []writev2.Sample{{Timestamp: ms(now), Value: 1}}}}}
	text, _ = two.Marshal()
	f.Add(snappy.Encode(nil, text), true)
	d := New(Options{Now: func() time.Time { return now }})
	f.Fuzz(func(t *testing.T, body []byte, second bool) {
		plain, err := unsnap(body)
		if err != nil {
			return
		}
		message := messageV1
		if second {
			message = messageV2
		}
		b := &batch{now: now}
		if err := d.decodeWrite(b, message, plain, &call{scope: home}); err != nil {
			return
		}
		valid(t, b)
	})
}

// valid checks a batch against the rules of PutMetricData.
func valid(t *testing.T, b *batch) {
	t.Helper()
	for _, d := range b.data {
		if _, err := identify(d.ID.Namespace, d.ID.Name, d.ID.Dimensions); err != nil {
			t.Errorf("recorded:  %v", err)
		}
		for _, v := range []float64{d.Summary.Count, d.Summary.Sum, d.Summary.Min, d.Summary.Max} {
			if !metric.InRange(v) {
				t.Errorf("recorded:  %v of %v", v, d.ID)
			}
		}
		if d.Summary.Count <= 0 || d.Summary.Min > d.Summary.Max || !b.inRange(d.At) || d.Resolution != metric.HighResolution {
			t.Errorf("recorded:  %+v", d)
		}
	}
}
