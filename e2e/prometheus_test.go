package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/prompb"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// send sends a request to one of Prometheus' APIs; auth adds the authentication.
func (s *server) send(method, path string, header map[string]string, body []byte, auth func(*http.Request)) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	auth(req)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// basic authenticates with the key as user name and password.
func (s *server) basic(r *http.Request) {
	r.SetBasicAuth(s.env["AWS_ACCESS_KEY_ID"], s.env["AWS_SECRET_ACCESS_KEY"])
}

// signed signs a request as Prometheus and Grafana do for Amazon Managed Prometheus.
func (s *server) signed(body []byte) func(*http.Request) {
	return func(r *http.Request) {
		sum := sha256.Sum256(body)
		credentials := aws.Credentials{AccessKeyID: s.env["AWS_ACCESS_KEY_ID"], SecretAccessKey: s.env["AWS_SECRET_ACCESS_KEY"]}
		if err := v4.NewSigner().SignHTTP(context.Background(), credentials, r, hex.EncodeToString(sum[:]), "aps", "us-east-1", time.Now()); err != nil {
			s.t.Fatal(err)
		}
	}
}

func unauthenticated(*http.Request) {}

var remoteWrite = map[string]string{
	"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0", "User-Agent": "Prometheus/3.0.0",
}

// series returns a remote write request with one sample.
func series(at time.Time, v float64, labels ...string) []byte {
	x := prompb.TimeSeries{Samples: []prompb.Sample{{Timestamp: at.UnixMilli(), Value: v}}}
	for i := 0; i < len(labels); i += 2 {
		x.Labels = append(x.Labels, prompb.Label{Name: labels[i], Value: labels[i+1]})
	}
	text, err := (&prompb.WriteRequest{Timeseries: []prompb.TimeSeries{x}}).Marshal()
	if err != nil {
		panic(err)
	}
	return snappy.Encode(nil, text)
}

// sum returns a metric's sum over the last hour.
func (s *server) sum(namespace, name string, dimensions map[string]string) float64 {
	s.t.Helper()
	in := &cloudwatch.GetMetricStatisticsInput{
		Namespace: aws.String(namespace), MetricName: aws.String(name), Statistics: []cw.Statistic{cw.StatisticSum}, Period: aws.Int32(3600),
		StartTime: aws.Time(time.Now().Add(-time.Hour)), EndTime: aws.Time(time.Now().Add(time.Hour)),
	}
	for k, v := range dimensions {
		in.Dimensions = append(in.Dimensions, cw.Dimension{Name: aws.String(k), Value: aws.String(v)})
	}
	out, err := s.cloudwatch().GetMetricStatistics(s.t.Context(), in)
	if err != nil {
		s.t.Fatal(err)
	}
	total := 0.0
	for _, p := range out.Datapoints {
		total += *p.Sum
	}
	return total
}

// Samples from Prometheus and OpenTelemetry become CloudWatch metrics, and requests without a key are refused.
func TestRemoteWriteAndOTLPIn(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	const write = "/prometheus/api/v1/write"
	body := series(time.Now(), 3, "__name__", "queue_depth", "job", "api")
	for name, auth := range map[string]func(*http.Request){
		"nobody": unauthenticated, "a wrong secret": func(r *http.Request) { r.SetBasicAuth(s.env["AWS_ACCESS_KEY_ID"], "wrong") }, "another body": s.signed([]byte("x")),
	} {
		if status, text := s.send(http.MethodPost, write, remoteWrite, body, auth); status != 401 && status != 403 {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if got := s.sum("Prometheus", "queue_depth", map[string]string{"job": "api"}); got != 0 {
		t.Errorf("unauthenticated clients wrote %v", got)
	}
	for name, auth := range map[string]func(*http.Request){"basic": s.basic, "signed": s.signed(body)} {
		if status, text := s.send(http.MethodPost, write, remoteWrite, body, auth); status != http.StatusNoContent {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if got := s.sum("Prometheus", "queue_depth", map[string]string{"job": "api"}); got != 6 {
		t.Errorf("two samples of 3 sum to %v", got)
	}
	status, text := s.send(http.MethodPost, write, remoteWrite, series(time.Now(), 1, "__name__", "m", "path", "/café"), s.basic)
	if status != 400 || !strings.Contains(text, "the label path") {
		t.Errorf("%d %s", status, text)
	}
	path := "/prometheus/api/v1/query?query=" + url.QueryEscape(`sum(queue_depth{job="api"})`) // Grafana also signs queries
	if status, text := s.send(http.MethodGet, path, nil, nil, s.signed(nil)); status != 200 || !strings.Contains(text, `"3"]`) {
		t.Errorf("a signed query: %d %s", status, text)
	}
	if status, text := s.send(http.MethodGet, path, nil, nil, unauthenticated); status != 401 {
		t.Errorf("an unauthenticated query: %d %s", status, text)
	}
	if a := s.raw("sagemaker", "/prometheus/api/v1/query", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, []byte("query=1"), time.Now(), nil); a.status != 403 {
		t.Errorf("signed for another service: %d %s", a.status, a.body)
	}
	m := pmetric.NewMetrics()
	r := m.ResourceMetrics().AppendEmpty()
	r.Resource().Attributes().PutStr("service.name", "cart")
	x := r.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	x.SetName("cart.items")
	p := x.SetEmptyGauge().DataPoints().AppendEmpty()
	p.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	p.SetIntValue(5)
	p.Attributes().PutStr("shop", "a")
	export, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(m)
	if err != nil {
		t.Fatal(err)
	}
	protobuf := map[string]string{"Content-Type": "application/x-protobuf"}
	if status, text := s.send(http.MethodPost, "/v1/metrics", protobuf, export, unauthenticated); status != 401 {
		t.Errorf("%d %s", status, text)
	}
	if status, text := s.send(http.MethodPost, "/v1/metrics", protobuf, export, s.basic); status != 200 || text != "" {
		t.Errorf("%d %q", status, text)
	}
	if got := s.sum("cart", "cart.items", map[string]string{"shop": "a"}); got != 5 {
		t.Errorf("OTLP: %v", got)
	}
}

// With --auth none on loopback, these APIs also need no authentication.
func TestPrometheusAPIsWithoutAuth(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir(), "--auth", "none")
	if status, text := s.send(http.MethodPost, "/prometheus/api/v1/write", remoteWrite, series(time.Now(), 3, "__name__", "m"), unauthenticated); status != http.StatusNoContent {
		t.Errorf("%d %s", status, text)
	}
	if got := s.sum("Prometheus", "m", nil); got != 3 {
		t.Errorf("%v", got)
	}
}

// tool finds a Prometheus program, which CI installs.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		lacking(t, name+" is not installed: Debian's package prometheus has it")
	}
	return path
}

// The server's own metrics follow the conventions for exporters, and need a key.
func TestMetricsOfTheServer(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	s.deploy("shown", 1, nil)
	_ = s.sum("N", "m", nil)
	text := s.get("/metrics")
	for _, want := range []string{
		`bellows_instances_desired{account="123456789012",endpoint="shown",region="us-east-1",variant="AllTraffic"} 1`,
		`bellows_api_request_duration_seconds_count{operation="GetMetricStatistics",service="CloudWatch"} 1`,
		"# TYPE bellows_journal_commit_duration_seconds histogram", "go_goroutines ", "process_resident_memory_bytes ",
		`bellows_history_disk_bytes{resolution="1m0s"} `, `bellows_ingested_datapoints_total{receiver="otlp",result="taken"} 0`, "bellows_history_failing 0",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	check := exec.CommandContext(t.Context(), tool(t, "promtool"), "check", "metrics")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

// A PromQL alarm evaluates recorded metrics and recovers. Queries run outside the engine, each series is a contributor, and a query that
// cannot be evaluated shows the reason.
func TestPromQLAlarm(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir(), "--clock-speed", "20")
	try := func(name, query string) error {
		_, err := s.cloudwatch().PutMetricAlarm(t.Context(), &cloudwatch.PutMetricAlarmInput{
			AlarmName: aws.String(name), EvaluationInterval: aws.Int32(10),
			EvaluationCriteria: &cw.EvaluationCriteriaMemberPromQLCriteria{Value: cw.AlarmPromQLCriteria{
				Query: aws.String(query), PendingPeriod: aws.Int32(0), RecoveryPeriod: aws.Int32(0),
			}},
		})
		return err
	}
	put := func(name, query string) {
		t.Helper()
		if err := try(name, query); err != nil {
			t.Fatal(err)
		}
	}
	for query, want := range map[string]string{"up{": "parse error", "1": "must return a result of vector type", "up[1m]": "must return a result of vector type"} {
		if err := try("refused", query); err == nil || !strings.Contains(err.Error(), "ValidationError") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", query, err)
		}
	}
	put("deep", `max by (Queue) (max_over_time(shop_queue_depth_max[1m])) > 100`)
	put("broken", `label_replace(shop_queue_depth_max, "a", "b", "c", "(")`)
	state := func(name string) *cw.MetricAlarm {
		out, err := s.cloudwatch().DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{name}})
		if err != nil || len(out.MetricAlarms) != 1 {
			t.Fatalf("%v, %v", out, err)
		}
		return &out.MetricAlarms[0]
	}
	if got := state("deep").StateValue; got != cw.StateValueOk {
		t.Errorf("a new PromQL alarm is %v", got)
	}
	feed := func() { // samples from the end of a minute soon leave the range of the query
		if _, err := s.cloudwatch().PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: aws.String("Shop"), MetricData: []cw.MetricDatum{
			{MetricName: aws.String("QueueDepth"), Value: aws.Float64(150), Dimensions: []cw.Dimension{{Name: aws.String("Queue"), Value: aws.String("orders")}}},
			{MetricName: aws.String("QueueDepth"), Value: aws.Float64(50), Dimensions: []cw.Dimension{{Name: aws.String("Queue"), Value: aws.String("mails")}}},
		}}); err != nil {
			t.Fatal(err)
		}
	}
	s.until("deep is in ALARM, by orders alone", func() bool {
		feed()
		contributors, err := s.cloudwatch().DescribeAlarmContributors(t.Context(), &cloudwatch.DescribeAlarmContributorsInput{AlarmName: aws.String("deep")})
		if err != nil || len(contributors.AlarmContributors) > 1 {
			t.Fatalf("%+v, %v", contributors, err)
		}
		return state("deep").StateValue == cw.StateValueAlarm && len(contributors.AlarmContributors) == 1 &&
			contributors.AlarmContributors[0].ContributorAttributes["Queue"] == "orders"
	})
	s.until("deep is OK again", func() bool { return state("deep").StateValue == cw.StateValueOk })
	if a := state("broken"); a.StateValue != cw.StateValueOk || !strings.Contains(aws.ToString(a.StateReason), "invalid regular expression") ||
		a.EvaluationState != cw.EvaluationStateEvaluationError {
		t.Errorf("%v %v %s", a.StateValue, a.EvaluationState, aws.ToString(a.StateReason))
	}
	text := s.get("/metrics")
	if !strings.Contains(text, `bellows_promql_alarm_queries_total{result="failed"} `) || strings.Contains(text, `bellows_promql_alarm_queries_total{result="failed"} 0`) {
		t.Error(text)
	}
}
