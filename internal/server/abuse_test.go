package server

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/snappy"
)

// packed is a text, a part of it many times over, and an end, compressed.
func packed(head, part string, times int, tail string) string {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // the level is one that there is
	_, _ = z.Write([]byte(head))                    // a buffer does not fail
	lot := []byte(strings.Repeat(part, 1000))
	for range times / 1000 {
		_, _ = z.Write(lot)
	}
	_, _ = z.Write([]byte(tail))
	_ = z.Close()
	return b.String()
}

// long is a field of protocol buffers with many parts in it.
func long(field int, part string, times int) string {
	b := binary.AppendUvarint(nil, uint64(field)<<3|2)
	return string(binary.AppendUvarint(b, uint64(len(part)*times)))
}

// heapMax is how much the heap may grow for one of the requests below, and for several at once: bodies unpack to 32 MB.
const heapMax = 400 << 20

// Requests that are small on the wire and large in memory are refused, and cost little, though their sender has a key.
func TestAuthenticatedClientsCannotExhaustMemory(t *testing.T) {
	r := startServer(t, nil)
	json := func(target string) http.Header {
		return http.Header{"X-Amz-Target": {target}, "Content-Type": {"application/x-amz-json-1.0"}}
	}
	gz := func(h http.Header) http.Header {
		h.Set("Content-Encoding", "gzip")
		return h
	}
	const put = "GraniteServiceVersion20100801.PutMetricData"
	cbor := func() http.Header {
		return http.Header{"Smithy-Protocol": {"rpc-v2-cbor"}, "Content-Type": {"application/cbor"}}
	}
	const cborPath = "/service/GraniteServiceVersion20100801/operation/PutMetricData"
	form := func() http.Header { return http.Header{"Content-Type": {"application/x-www-form-urlencoded"}} }
	proto := func() http.Header { return http.Header{"Content-Type": {"application/x-protobuf"}} }
	nested := strings.Repeat("\x9b\x00\x00\x00\x00\x7f\xff\xff\xff", 20)
	deep := "MetricData.member.1." + strings.Repeat("a.", 25)
	for _, c := range []struct {
		name, service, path, body string
		header                    http.Header
		status                    int
		want                      string
	}{
		{"10 million empty datums", "monitoring", "/", packed(`{"Namespace":"N","MetricData":[`, "{},", 10_000_000, "{}]}"), gz(json(put)), 400, "too many values"},
		{"nulls for datums", "monitoring", "/", packed(`{"Namespace":"N","MetricData":[`, "null,", 5_000_000, "null]}"), gz(json(put)), 400, "too many values"},
		{"numbers", "monitoring", "/", packed(`{"MetricData":[{"Values":[`, "1,", 10_000_000, "1]}]}"), gz(json(put)), 400, "too many values"},
		{"lists in lists", "monitoring", "/", packed(`{"MetricData":`, "[", 9_000, ""), gz(json(put)), 400, "SerializationException"},
		{"CBOR's lists that claim", "monitoring", cborPath, packed("\xa1jMetricData"+nested, "\x80", 30_000_000, ""), gz(cbor()), 400, "too many values"},
		{"CBOR's empty maps", "monitoring", cborPath, packed("\xa1jMetricData\x9f", "\xa0", 30_000_000, "\xff"), gz(cbor()), 400, "too many values"},
		{"empty tags", "sagemaker", "/", `{"ResourceArn":"arn:aws:sagemaker:us-east-1:123456789012:model/m","Tags":[` + strings.Repeat("{},", 1_300_000) + "{}]}",
			json("SageMaker.AddTags"), 400, "too many values"},
		{"many empty tags", "sagemaker", "/", `{"ResourceArn":"arn:aws:sagemaker:us-east-1:123456789012:model/m","Tags":[` + strings.Repeat("{},", 50_000) + "{}]}",
			json("SageMaker.AddTags"), 400, "10 validation errors detected"},
		{"parameters", "monitoring", "/", packed("Action=PutMetricData&Version=2010-08-01", "&a=b", 5_000_000, ""), gz(form()), 400, "too many parameters"},
		{"parameters with long names", "monitoring", "/", "Action=PutMetricData&Version=2010-08-01" + deepNames(deep, 45_000), form(), 400, "too many values"},
		{"empty metrics of OTLP", "aps", "/v1/metrics", packed(otlp(14_000_000), "\x12\x00", 14_000_000, ""), gz(proto()), 400, "messages, texts and lists"},
		{"OTLP's JSON", "aps", "/v1/metrics", packed(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[`, "{},", 10_000_000, "{}]}]}]}"),
			gz(http.Header{"Content-Type": {"application/json"}}), 400, "messages, texts and lists"},
		{"empty histograms of remote write", "aps", "/prometheus/api/v1/write",
			string(snappy.Encode(nil, []byte(long(1, "\x22\x00", 8_000_000)+strings.Repeat("\x22\x00", 8_000_000)))), proto(), 400, "messages, texts and lists"},
		{"a query that nests", "aps", "/prometheus/api/v1/query", "query=" + strings.Repeat("-", 3_000_000) + "1", form(), 400, "longer than"},
	} {
		heap := peak(t, func() {
			got := r.raw(strings.Replace(r.signed(c.service, "POST", c.path, c.body, c.header), "\r\n", "\r\nConnection: close\r\n", 1) + c.body)
			if !strings.HasPrefix(got, fmt.Sprintf("HTTP/1.1 %d", c.status)) || !strings.Contains(got, c.want) {
				t.Errorf("%s (%d bytes): %.400q, want %d with %q", c.name, len(c.body), got, c.status, c.want)
			}
		})
		if heap > heapMax {
			t.Errorf("%s (%d bytes): the heap grew by %d MB", c.name, len(c.body), heap>>20)
		}
	}
}

// deepNames are parameters that share nothing.
func deepNames(deep string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "&%d.%s=", i, deep)
	}
	return b.String()
}

// otlp is what stands before so many empty metrics of one scope.
func otlp(n int) string {
	scope := long(2, "\x12\x00", n)
	return long(1, "x", 2*n+len(scope)) + scope
}

// Queries that make many samples stop at their share of memory, several at once as well, and are refused where it shows beforehand.
func TestLargeQueries(t *testing.T) {
	r := startServer(t, nil)
	query := func(text string) string {
		body := url.Values{"query": {text}}.Encode()
		h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
		return strings.Replace(r.signed("aps", "POST", "/prometheus/api/v1/query", body, h), "\r\n", "\r\nConnection: close\r\n", 1) + body
	}
	series := "vector(1)"
	for i := range 10 {
		series += fmt.Sprintf(` or label_replace(vector(1), "a", "%d", "", "")`, i)
	}
	many := query("count_over_time((" + series + ")[5d:1s])")
	heap := peak(t, func() {
		for _, text := range []string{"count_over_time(vector(1)[3000d:1s])", "max_over_time(sum_over_time(vector(1)[1d:1s])[300d:1m])"} {
			if got := r.raw(query(text)); !strings.HasPrefix(got, "HTTP/1.1 400") || !strings.Contains(got, "is evaluated more than 500000 times") {
				t.Errorf("%.400q", got)
			}
		}
		var all sync.WaitGroup
		var stopped atomic.Int64
		for range 6 {
			all.Go(func() {
				switch got := r.raw(many); {
				case strings.HasPrefix(got, "HTTP/1.1 422") && strings.Contains(got, "too many samples"):
					stopped.Add(1)
				case strings.HasPrefix(got, "HTTP/1.1 503") && strings.Contains(got, "retry later"): // it did not get its turn
				default:
					t.Errorf("%.400q", got)
				}
			})
		}
		all.Wait()
		if stopped.Load() == 0 {
			t.Error("no query was stopped for its samples")
		}
	})
	if heap > heapMax {
		t.Errorf("the heap grew by %d MB", heap>>20)
	}
}

// An account has so many metrics and no more; those that it has go on.
func TestSeriesOfAnAccountAreCapped(t *testing.T) {
	r := startServer(t, func(o *Options) { o.Config.SeriesMax = 50 })
	put := func(from, to int) string {
		var data []string
		for i := from; i < to; i++ {
			data = append(data, fmt.Sprintf(`{"MetricName":"m%d","Value":1}`, i))
		}
		body := `{"Namespace":"N","MetricData":[` + strings.Join(data, ",") + `]}`
		h := http.Header{"X-Amz-Target": {"GraniteServiceVersion20100801.PutMetricData"}, "Content-Type": {"application/x-amz-json-1.0"}}
		return r.raw(strings.Replace(r.signed("monitoring", "POST", "/", body, h), "\r\n", "\r\nConnection: close\r\n", 1) + body)
	}
	for range 3 {
		if got := put(0, 50); !strings.HasPrefix(got, "HTTP/1.1 200") {
			t.Fatalf("%.400q", got)
		}
	}
	if got := put(0, 51); !strings.HasPrefix(got, "HTTP/1.1 400") || !strings.Contains(got, "LimitExceededFault") ||
		!strings.Contains(got, "has 50 metrics and this call would add 1; at most 50 are kept (series_max") {
		t.Errorf("%.400q", got)
	}
	if got := put(0, 50); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("what was there before is refused: %.400q", got)
	}
	if n := r.series.refused.Load(); n != 51 {
		t.Errorf("%d datapoints are counted as refused", n)
	}
}
