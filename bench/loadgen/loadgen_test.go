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

func TestClosedLoopCountsResponsesAndFailures(t *testing.T) {
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

// A stall of the server delays the requests that are due meanwhile; they are sent afterwards. A stall of the machine at the very end cannot be
// caught up with: then the test tries again.
func TestOpenLoopKeepsItsRateAndCountsStalls(t *testing.T) {
	const stall = 200 * time.Millisecond
	var r Report
	for range 5 {
		var n atomic.Int64
		s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if n.Add(1) == 1 { // while it is the only connection
				select {
				case <-time.After(stall):
				case <-r.Context().Done():
				}
			}
		}))
		var err error
		r, err = Run(t.Context(), Options{URL: s.URL, Connections: 1, Rate: 100, Duration: 500 * time.Millisecond})
		s.Close()
		if err != nil {
			t.Fatal(err)
		}
		if r.Answered > 51 {
			t.Fatalf("%v responses at 100 a second for 0.5 s", r.Answered)
		}
		if r.Answered >= 40 { // at most 30 if delayed requests were dropped
			break
		}
	}
	if r.Answered < 40 {
		t.Errorf("%v responses at 100 a second for 0.5 s, in every attempt", r.Answered)
	}
	if r.Percentile(80) < 10*time.Millisecond {
		t.Errorf("requests were delayed by a stall of %v, but p80 is %v", stall, r.Percentile(80))
	}
}

func TestFailuresAreNamed(t *testing.T) {
	var arrived atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if arrived.Add(1) > 2 { // the first two have timed out
			stop()
		}
		<-r.Context().Done()
	}))
	defer s.Close()
	r, err := Run(ctx, Options{URL: s.URL, Connections: 1, Duration: time.Minute, Timeout: 20 * time.Millisecond})
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
