package demomodel

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, leakOptions()...) }

// leakOptions ignores goroutines of fasthttp: one for the lifetime of the process, and one per stopped server, which sleeps up
// to ten seconds before it ends.
func leakOptions() []goleak.Option {
	return []goleak.Option{
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	}
}

// running is a server in this process.
type running struct {
	url  string
	stop func() error // requests a stop and waits for it
}

func start(t *testing.T, env map[string]string) running {
	t.Helper()
	port := freePort(t)
	full := map[string]string{EnvPort: strconv.Itoa(port)}
	for k, v := range env {
		full[k] = v
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, func(k string) string { return full[k] }, io.Discard) }()
	stop := sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	r := running{url: "http://127.0.0.1:" + strconv.Itoa(port), stop: stop}
	deadline := time.Now().Add(time.Minute)
	for {
		resp, err := http.Get(r.url + "/ping")
		if err == nil {
			resp.Body.Close()
			return r
		}
		if time.Now().After(deadline) || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatal(err)
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// answer contains the parts of a response that tests check.
type answer struct {
	Status int
	Type   string
	Body   string
}

func (r running) do(t *testing.T, method, path, contentType, accept, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{"Content-Type": contentType, "Accept": accept} {
		if v != "" {
			req.Header.Set(k, v)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header.Get("Content-Type"), string(got)}
}

func TestServer(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	r := start(t, nil)
	const rows = "5.1,3.5,1.4,0.2\n6.3,3.3,6.0,2.5\n"
	for name, c := range map[string]struct {
		method, path, contentType, accept, body string
		want                                    answer
	}{
		"csv":             {"POST", "/invocations", "text/csv", "", rows, answer{200, "text/csv", "setosa\nvirginica\n"}},
		"csv, parameters": {"POST", "/invocations", "Text/CSV; charset=utf-8", "*/*", rows, answer{200, "text/csv", "setosa\nvirginica\n"}},
		"json to csv": {"POST", "/invocations", "application/json", "image/png, text/csv;q=0.5", `{"instances":[[6,2.2,4,1]]}`,
			answer{200, "text/csv", "versicolor\n"}},
		"a bad row":        {"POST", "/invocations", "text/csv", "", "1,2", answer{400, plain, "line 1: want 4 numbers, found 2\n"}},
		"bad JSON":         {"POST", "/invocations", "application/json", "", `{}`, answer{400, plain, "\"instances\" is missing or empty\n"}},
		"another type":     {"POST", "/invocations", "image/png", "", "x", answer{415, plain, "unsupported Content-Type; want text/csv or application/json\n"}},
		"no type":          {"POST", "/invocations", "", "", rows, answer{415, plain, "unsupported Content-Type; want text/csv or application/json\n"}},
		"another accept":   {"POST", "/invocations", "text/csv", "image/png", rows, answer{406, plain, "unsupported Accept; want text/csv or application/json\n"}},
		"a wrong method":   {"GET", "/invocations", "", "", "", answer{405, plain, "want GET /ping or POST /invocations\n"}},
		"an unknown path":  {"GET", "/", "", "", "", answer{404, plain, "no such path; there are GET /ping and POST /invocations\n"}},
		"a healthy ping":   {"GET", "/ping", "", "", "", answer{200, "", ""}},
		"wildcard of text": {"POST", "/invocations", "application/json", "text/*", `{"instances":[[6,2.2,4,1]]}`, answer{200, "text/csv", "versicolor\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := r.do(t, c.method, c.path, c.contentType, c.accept, c.body)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

const plain = "text/plain; charset=utf-8"

func TestServerAnswersJSON(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	r := start(t, nil)
	got := r.do(t, "POST", "/invocations", "text/csv", "application/json", "5.1,3.5,1.4,0.2")
	var out struct {
		Predictions []prediction `json:"predictions"`
	}
	if err := json.Unmarshal([]byte(got.Body), &out); err != nil || got.Status != 200 || got.Type != "application/json" {
		t.Fatalf("%+v: %v", got, err)
	}
	if len(out.Predictions) != 1 || out.Predictions[0].Label != "setosa" || out.Predictions[0].Probabilities[0] < 0.9 {
		t.Errorf("predictions %+v", out.Predictions)
	}
}

// An invocation in progress when a stop is requested gets its response.
func TestServerFinishesInvocationsInFlight(t *testing.T) {
	r := start(t, map[string]string{EnvLatency: "50"})
	conn := r.conn(t)
	fmt.Fprintf(conn, "POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: 15\r\nExpect: 100-continue\r\n\r\n")
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("%q, %v", line, err)
	}
	stopped := make(chan error)
	go func() { stopped <- r.stop() }()
	fmt.Fprint(conn, "5.1,3.5,1.4,0.2")
	reply, err := io.ReadAll(in)
	if err != nil || !bytes.Contains(reply, []byte("HTTP/1.1 200")) || !bytes.HasSuffix(reply, []byte("setosa\n")) {
		t.Errorf("reply %q, %v", reply, err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func (r running) conn(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestLatencyAndProcessorTimeAreSpent(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	r := start(t, map[string]string{EnvLatency: "20", EnvCPU: "10", EnvConcurrency: "1"})
	begin := time.Now()
	if got := r.do(t, "POST", "/invocations", "text/csv", "", "5.1,3.5,1.4,0.2"); got.Status != 200 {
		t.Fatalf("%+v", got)
	}
	if took := time.Since(begin); took < 30*time.Millisecond {
		t.Errorf("an invocation took %v, want 30ms or more", took)
	}
}

func TestPingSwitches(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	if got := start(t, map[string]string{EnvFailPing: "1"}).do(t, "GET", "/ping", "", "", ""); got.Status != 503 {
		t.Errorf("%+v, want 503", got)
	}
	r := start(t, map[string]string{EnvFailPingAfter: "2"}) // start has pinged once
	if got := r.do(t, "GET", "/ping", "", "", ""); got.Status != 200 {
		t.Errorf("second ping: %+v, want 200", got)
	}
	if got := r.do(t, "GET", "/ping", "", "", ""); got.Status != 503 {
		t.Errorf("third ping: %+v, want 503", got)
	}
}

func TestServeRefusesBadSettings(t *testing.T) {
	for key, value := range map[string]string{
		EnvPort: "http", EnvLatency: "-1", EnvCPU: "1.5", EnvStartDelay: "99999999999", EnvFailPing: "2", EnvExitAtStart: "1",
	} {
		err := Serve(t.Context(), func(k string) string {
			if k == key {
				return value
			}
			return ""
		}, io.Discard)
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s=%s: error %v, want one that names it", key, value, err)
		}
	}
}

func TestServeStopsDuringItsStartDelay(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Serve(ctx, func(k string) string { return map[string]string{EnvStartDelay: "3600000"}[k] }, io.Discard); err != nil {
		t.Error(err)
	}
}

func BenchmarkPredictCSV(b *testing.B) {
	m := trainedModel(b)
	body := []byte("5.1,3.5,1.4,0.2\n6.3,3.3,6.0,2.5\n")
	b.ReportAllocs()
	for b.Loop() {
		rows, err := rowsOfCSV(body)
		if err != nil {
			b.Fatal(err)
		}
		m.csvOf(rows)
	}
}
