package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"
)

// peer is a real Prometheus that receives remote write.
type peer struct{ url string }

// startPrometheus runs Prometheus on a free port with a configuration and stops it at the end of the test.
func startPrometheus(t *testing.T, config string) *peer {
	t.Helper()
	program := tool(t, "prometheus")
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	cmd := exec.Command(program, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address,
		"--web.enable-remote-write-receiver", "--log.level=warn")
	var log strings.Builder
	cmd.Stderr, cmd.Stdout = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("prometheus ended with %v", err)
		}
		if t.Failed() {
			t.Logf("prometheus:\n%s", log.String())
		}
	})
	p := &peer{"http://" + address}
	within(t, "prometheus is ready", func() bool {
		resp, err := http.Get(p.url + "/-/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return p
}

// within waits until a condition holds.
func within(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(100*time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline:
			t.Fatalf("timed out waiting for: %s", what)
		case <-tick.C:
		}
	}
}

// ask sends a query.
func ask(t *testing.T, base, path string, auth func(*http.Request)) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/api/v1/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	auth(req)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// Bellows and a real Prometheus with the same samples give the same results for the same queries.
func TestQueriesMatchPrometheus(t *testing.T) {
	t.Parallel()
	real := startPrometheus(t, "global: {}\n")
	s := start(t, t.TempDir())
	now := time.Now().Truncate(time.Second)
	for i := range 40 {
		at := now.Add(time.Duration(i-40) * 15 * time.Second)
		for _, job := range []string{"a", "b"} {
			for name, v := range map[string]float64{"requests_total": float64(3*i + len(job)), "temperature": float64(i%7) - 2.5} {
				body := series(at, v, "__name__", name, "job", job, "le", "0.5", "region", "mars", "path", `/x"y\z`)
				if status, text := s.send(http.MethodPost, "/prometheus/api/v1/write", remoteWrite, body, s.basic); status != 204 {
					t.Fatalf("%d %s", status, text)
				}
				req, _ := http.NewRequest(http.MethodPost, real.url+"/api/v1/write", strings.NewReader(string(body)))
				for k, x := range remoteWrite {
					req.Header.Set(k, x)
				}
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusNoContent {
					t.Fatal(resp.Status)
				}
			}
		}
	}
	// Between two samples: since 3.0, ranges exclude their start; Debian's version is older.
	at, from := fmt.Sprint(now.Add(-8*time.Second).Unix()), fmt.Sprint(now.Add(-8*time.Second-9*time.Minute).Unix())
	q := url.QueryEscape
	worded := map[string]bool{} // errors whose texts have changed since
	current := func(path string) string {
		worded[path] = true
		return path
	}
	for _, path := range []string{
		"query?query=temperature&time=" + at,
		"query?query=" + q(`rate(requests_total{job="a"}[5m])`) + "&time=" + at,
		"query?query=" + q(`sum by (job) (increase(requests_total[5m])) > bool 3`) + "&time=" + at,
		"query?query=" + q(`temperature[1m]`) + "&time=" + at,
		"query?query=" + q(`scalar(temperature{job="b"})`) + "&time=" + at,
		"query?query=" + q(`"text"`) + "&time=" + at,
		"query?query=" + q(`absent(nothing{a="b"})`) + "&time=" + at,
		"query?query=nothing&time=" + at,
		"query_range?query=" + q(`avg_over_time(temperature[2m])`) + "&start=" + from + "&end=" + at + "&step=30",
		"query_range?query=" + q(`quantile(0.9, temperature)`) + "&start=" + from + "&end=" + at + "&step=1m",
		"series?match[]=" + q(`{job=~"a|b",__name__="temperature"}`) + "&start=" + from + "&end=" + at,
		"labels?start=" + from + "&end=" + at,
		"labels?match[]=nothing",
		"label/job/values", "label/__name__/values", "label/region/values", "label/nothing/values",
		"format_query?query=" + q("sum by(job)(rate(requests_total[5m]))"),
		current("query?query=1&time=x"),
		"query?query=" + q(`temperature{`) + "&time=" + at,
		current("query?query=&time=" + at),
		"query?query=" + q(`label_replace(temperature, "a", "b", "c", "(")`) + "&time=" + at,
		"query?query=1&timeout=x", "query_range?query=1&start=5&end=1&step=1", "query_range?query=1&start=1&end=2&step=0", "query_range?query=1&start=1&end=20000&step=1",
		"series", "series?match[]=" + q(`{job=""}`), current("query_range?query=" + q(`temperature[1m]`) + "&start=1&end=2&step=1"),
	} {
		wantStatus, wantText := ask(t, real.url, path, unauthenticated)
		gotStatus, gotText := ask(t, s.url+"/prometheus", path, s.basic)
		var want, got map[string]any
		decode(t, wantText, &want)
		decode(t, gotText, &got)
		delete(got, "infos") // new in 3.0
		if worded[path] {
			delete(want, "error")
			delete(got, "error")
		}
		if d := cmp.Diff(want, got, cmp.Comparer(alike)); wantStatus != gotStatus || d != "" {
			t.Errorf("%s: status %d, want %d; want -, got +:\n%s", path, gotStatus, wantStatus, d)
		}
	}
}

// alike compares texts; numbers may differ in their last digits, since floating-point sums are computed in another order.
func alike(a, b string) bool {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return a == b || errX == nil && errY == nil && math.Abs(x-y) <= 1e-12*math.Abs(x)
}

// promtool works on CloudWatch's metrics.
func TestPromtool(t *testing.T) {
	t.Parallel()
	promtool := tool(t, "promtool")
	s := start(t, t.TempDir())
	if _, err := s.cloudwatch().PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: aws.String("Shop"), MetricData: []cw.MetricDatum{{
		MetricName: aws.String("QueueDepth"), Values: []float64{2, 4}, Dimensions: []cw.Dimension{{Name: aws.String("Queue"), Value: aws.String("orders")}},
	}}}); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("promtool %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(s.env["AWS_ACCESS_KEY_ID"], s.env["AWS_SECRET_ACCESS_KEY"])
	base := u.String() + "/prometheus"
	const labels = `{Queue="orders", account="123456789012", metric="QueueDepth", namespace="Shop", region="us-east-1"}`
	if out := run("query", "instant", base, "shop_queue_depth_sum / shop_queue_depth_count"); !strings.HasPrefix(out, labels+" => 3 @[") {
		t.Error(out)
	}
	if out := run("query", "range", "--step=30s", base, "shop_queue_depth_max"); !strings.Contains(out, "shop_queue_depth_max"+labels+" =>\n4 @[") {
		t.Error(out)
	}
	if out := run("query", "series", "--match=shop_queue_depth_sum", base); strings.TrimSpace(out) != strings.ReplaceAll(labels, ", account", `, __name__="shop_queue_depth_sum", account`) {
		t.Error(out)
	}
	if out := run("query", "labels", base, "Queue"); strings.TrimSpace(out) != "orders" {
		t.Error(out)
	}
}

// A real Prometheus writes to Bellows: its series have their original names. (Debian's is built without SigV4.)
func TestPrometheusWritesToBellows(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	startPrometheus(t, fmt.Sprintf(`
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: bellows
    static_configs: [{targets: [%q]}]
    basic_auth: {username: %s, password: %q}
remote_write:
  - url: %s/prometheus/api/v1/write
    basic_auth: {username: %s, password: %q}
    queue_config: {batch_send_deadline: 1s}
    metadata_config: {send_interval: 1s}
`, strings.TrimPrefix(s.url, "http://"), s.env["AWS_ACCESS_KEY_ID"], s.env["AWS_SECRET_ACCESS_KEY"], s.url, s.env["AWS_ACCESS_KEY_ID"], s.env["AWS_SECRET_ACCESS_KEY"]))
	within(t, "up is written", func() bool {
		_, text := ask(t, s.url+"/prometheus", "query?query="+url.QueryEscape(`up{job="bellows"} == 1`), s.basic)
		return strings.Contains(text, `"__name__":"up"`)
	})
	within(t, "the metadata is written", func() bool {
		_, text := ask(t, s.url+"/prometheus", "metadata?metric=bellows_uptime_seconds", s.basic)
		return strings.Contains(text, `"Seconds since the server started."`)
	})
}

// Recorded samples are sent to a real Prometheus, whose queries find them.
func TestBellowsWritesToPrometheus(t *testing.T) {
	t.Parallel()
	real := startPrometheus(t, "global: {}\n")
	config := filepath.Join(t.TempDir(), "bellows.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "remote_write: [{url: %q}]\n", real.url+"/api/v1/write"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, t.TempDir(), "--config", config, "--clock-speed", "30") // a minute is sent three minutes after its start
	if _, err := s.cloudwatch().PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: aws.String("Shop"), MetricData: []cw.MetricDatum{{
		MetricName: aws.String("QueueDepth"), Values: []float64{2, 4}, Dimensions: []cw.Dimension{{Name: aws.String("Queue"), Value: aws.String("orders")}},
	}}}); err != nil {
		t.Fatal(err)
	}
	within(t, "Prometheus has the metric", func() bool {
		_, text := ask(t, real.url, "query?query="+url.QueryEscape(`sum_over_time(shop_queue_depth_sum[10m])`)+"&time="+fmt.Sprint(time.Now().Add(9*time.Minute).Unix()), unauthenticated)
		var a struct {
			Data struct {
				Result []struct {
					Metric map[string]string
					Value  [2]any
				}
			}
		}
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			t.Fatal(err)
		}
		return len(a.Data.Result) == 1 && a.Data.Result[0].Metric["Queue"] == "orders" && a.Data.Result[0].Value[1] == "6"
	})
	if text := s.get("/metrics"); !strings.Contains(text, `bellows_remote_write_samples_total{result="failed",url="`+real.url+`/api/v1/write"} 0`) {
		t.Error(text)
	}
}
