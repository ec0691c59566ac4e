package loadgen

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

func TestClosedLoopReportsAnswersAndFailures(t *testing.T) {
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "hello" || r.Method != http.MethodPost || r.Header.Get("X-Test") != "1" {
			t.Errorf("the server got %s %q %v", r.Method, body, r.Header)
		}
		if n.Add(1)%10 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer s.Close()
	r, err := Run(t.Context(), Options{
		URL: s.URL + "/x", Body: []byte("hello"), Header: map[string]string{"X-Test": "1"}, Connections: 4, Duration: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	if total := r.Answered + r.Failures(); total != float64(n.Load()) || r.Failed["status 503"] != float64(n.Load()/10) {
		t.Errorf("%d requests, reported %v", n.Load(), &r)
	}
	if r.Latency.Count != r.Answered || r.Percentile(50) <= 0 || r.Percentile(99) < r.Percentile(50) {
		t.Errorf("latencies %v", &r)
	}
}

func TestOpenLoopKeepsItsRateAndCountsStalls(t *testing.T) {
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			select { // one stall, while it is the only connection
			case <-time.After(200 * time.Millisecond):
			case <-r.Context().Done():
			}
		}
	}))
	defer s.Close()
	r, err := Run(t.Context(), Options{URL: s.URL, Connections: 1, Rate: 100, Duration: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if r.Answered < 40 || r.Answered > 51 {
		t.Errorf("%v answers at 100 a second for 0.5 s", r.Answered)
	}
	if r.Percentile(80) < 10*time.Millisecond {
		t.Errorf("requests that a stall of 200 ms delayed were due, and yet p80 is %v", r.Percentile(80))
	}
}

func TestFailuresAreNamed(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer s.Close()
	r, err := Run(t.Context(), Options{URL: s.URL, Connections: 1, Duration: 50 * time.Millisecond, Timeout: 20 * time.Millisecond})
	if err != nil || r.Failed["timeout"] < 1 || r.Answered != 0 || r.Percentile(50) != 0 {
		t.Errorf("%v, %v", &r, err)
	}
	if _, err := Run(t.Context(), Options{URL: "ftp://x"}); err == nil {
		t.Error("no error for a URL that is not http")
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := Run(stopped, Options{URL: s.URL, Duration: time.Hour}); err != nil || r.Answered+r.Failures() != 0 {
		t.Errorf("%v, %v", &r, err)
	}
}
