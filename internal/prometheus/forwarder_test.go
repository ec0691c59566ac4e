package prometheus

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"

	"bellows.dev/bellows/metric"
)

// receiver is a receiver of remote write.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	answers  []int // the next status codes; 204 if empty
	lines    []string
	requests int
	user     string
	tenant   string
}

func receive(t *testing.T, answers ...int) *receiver {
	t.Helper()
	r := &receiver{answers: answers}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.requests++
		r.tenant = q.Header.Get("X-Scope-Orgid")
		r.user, _, _ = q.BasicAuth()
		if len(r.answers) > 0 {
			status := r.answers[0]
			r.answers = r.answers[1:]
			http.Error(w, "no", status)
			return
		}
		if q.Header.Get("Content-Encoding") != "snappy" || q.Header.Get("X-Prometheus-Remote-Write-Version") != "0.1.0" {
			t.Errorf("%v", q.Header)
		}
		body, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		plain, err := unsnap(body)
		if err != nil {
			t.Error(err)
		}
		var m prompb.WriteRequest
		if err := m.Unmarshal(plain); err != nil {
			t.Error(err)
		}
		var b labels.ScratchBuilder
		for _, x := range m.Timeseries {
			ls := x.ToLabels(&b, nil)
			line := ls.Get("__name__") + " " + ls.Get("d") + " " + ls.Get("region")
			for _, s := range x.Samples {
				line += fmt.Sprintf(" %d=%v", s.Timestamp-now.UnixMilli(), s.Value)
			}
			r.lines = append(r.lines, line)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(r.Close)
	return r
}

// pending returns intervals as the metric history passes them.
func pending(namespace, dimension string, offsets ...int64) []metric.Pending {
	w := metric.NewWindow(time.Hour)
	series := w.Series(metric.NewID(namespace, "QueueDepth", metric.Dimension{Name: "d", Value: dimension}))
	var out []metric.Pending
	for _, o := range offsets {
		p := metric.Pending{Series: series, Unit: "None", Start: now.Unix() + o, Fine: true}
		p.Summary.Add(float64(o), 1)
		p.Summary.Add(1, 1)
		out = append(out, p)
	}
	return out
}

// forward runs a forwarder until it is idle.
func forward(t *testing.T, o ForwarderOptions, until func(ForwarderCounts) bool, batches ...[]metric.Pending) ForwarderCounts {
	t.Helper()
	o.Log, o.FirstWait, o.LastWait = slog.New(slog.DiscardHandler), time.Millisecond, 5*time.Millisecond
	f := NewForwarder(o)
	for _, b := range batches {
		f.Take(home, b)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { f.Run(ctx) })
	defer work.Wait()
	defer cancel()
	deadline, tick := time.After(time.Minute), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !until(f.Counts()) {
		select {
		case <-deadline:
			t.Fatalf("the forwarder does not become idle: %+v", f.Counts())
		case <-tick.C:
		}
	}
	return f.Counts()
}

func idle(c ForwarderCounts) bool { return c.Waiting == 0 }

func TestForwarding(t *testing.T) {
	r := receive(t)
	o := ForwarderOptions{Destination: Destination{
		URL: r.URL + "/api/v1/write", Headers: map[string]string{"X-Scope-OrgID": "bellows"}, Username: "u", Password: "p",
	}}
	a := pending("Shop", "a", 61, 60, 60)
	a[2].Fine = false // a minute that begins at the same time as a second
	c := forward(t, o, idle, a, pending("Shop", "b", 7), pending(Namespace, "a", 1))
	if c.Sent != 12 || c.Failed+c.Dropped+c.Retries != 0 {
		t.Errorf("%+v", c)
	}
	slices.Sort(r.lines)
	if d := cmp.Diff([]string{
		"shop_queue_depth_count a us-east-1 60000=4 61000=2", "shop_queue_depth_count b us-east-1 7000=2",
		"shop_queue_depth_max a us-east-1 60000=60 61000=61", "shop_queue_depth_max b us-east-1 7000=7",
		"shop_queue_depth_min a us-east-1 60000=1 61000=1", "shop_queue_depth_min b us-east-1 7000=1",
		"shop_queue_depth_sum a us-east-1 60000=122 61000=62", "shop_queue_depth_sum b us-east-1 7000=8",
	}, r.lines); d != "" {
		t.Error(d)
	}
	if r.tenant != "bellows" || r.user != "u" {
		t.Errorf("%q %q", r.tenant, r.user)
	}
}

// Requests that a receiver cannot accept now are retried; refused ones are not.
func TestForwardingIsRetried(t *testing.T) {
	r := receive(t, 503, 429, 500)
	c := forward(t, ForwarderOptions{Destination: Destination{URL: r.URL}}, idle, pending("Shop", "a", 1))
	if c.Sent != 4 || c.Retries != 3 || len(r.lines) != 4 {
		t.Errorf("%+v %v", c, r.lines)
	}
	r = receive(t, 400)
	c = forward(t, ForwarderOptions{Destination: Destination{URL: r.URL}}, idle, pending("Shop", "a", 1))
	if c.Failed != 4 || c.Retries != 0 || r.requests != 1 {
		t.Errorf("%+v", c)
	}
}

// Without a receiver the queue stays bounded, and recording is not delayed.
func TestForwardingWithoutReceiver(t *testing.T) {
	r := receive(t)
	r.Close()
	c := forward(t, ForwarderOptions{Destination: Destination{URL: r.URL}, QueueMax: 3}, func(c ForwarderCounts) bool { return c.Retries > 2 },
		pending("Shop", "a", 1, 2), pending("Shop", "b", 1, 2))
	if c.Waiting != 3 || c.Dropped != 4 || c.Sent != 0 {
		t.Errorf("%+v", c)
	}
}

func TestForwardingInRequests(t *testing.T) {
	r := receive(t)
	var all []metric.Pending
	for i := range int64(forwardMax + 1) {
		all = append(all, pending("Shop", "a", i)...)
	}
	if c := forward(t, ForwarderOptions{Destination: Destination{URL: r.URL}}, idle, all); c.Sent != 4*(forwardMax+1) || r.requests != 2 {
		t.Errorf("%+v in %d requests", c, r.requests)
	}
}
