package prometheus

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/prompb"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/history"
	"bellows.dev/bellows/internal/queue"
	"bellows.dev/bellows/metric"
)

// Destination is the receiver of a Forwarder.
type Destination struct {
	URL     string
	Headers map[string]string

	// Username and Password are sent if Username is set.
	Username, Password string
}

// ForwarderOptions configures a Forwarder.
type ForwarderOptions struct {
	Destination
	Name      string        // for logs: the URL without secrets
	Client    *http.Client  // nil: a default client
	QueueMax  int           // maximum number of waiting intervals; 0: the default
	FirstWait time.Duration // delay between attempts, which doubles up to LastWait; 0: the defaults
	LastWait  time.Duration
	Log       *slog.Logger
}

// Limits of a Forwarder.
const (
	forwardMax     = 500 // intervals per request, with four samples each
	forwardQueue   = 200_000
	forwardTimeout = 30 * time.Second
	forwardWait    = 100 * time.Millisecond
	forwardWaitMax = 30 * time.Second
)

// Forwarder sends recorded samples to another system by Prometheus' remote write 1.0. Its queue is in memory: it never delays
// recording, and if it is full the newest samples are dropped. The metric history has all samples in any case.
type Forwarder struct {
	o    ForwarderOptions
	wake chan struct{}

	mu     sync.Mutex
	queue  []handed
	counts ForwarderCounts
}

// handed is one interval of a metric in a scope.
type handed struct {
	scope engine.Scope
	metric.Pending
}

// ForwarderCounts are a forwarder's counts since the start, in samples except for Waiting (intervals) and Retries (requests).
type ForwarderCounts struct {
	Sent    uint64
	Failed  uint64 // refused by the receiver
	Dropped uint64 // the queue was full
	Retries uint64 // requests that were retried
	Waiting int
}

// NewForwarder returns a forwarder, which is started by Run.
func NewForwarder(o ForwarderOptions) *Forwarder {
	if o.Client == nil {
		o.Client = &http.Client{Timeout: forwardTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	o.QueueMax = cmp.Or(o.QueueMax, forwardQueue)
	o.FirstWait, o.LastWait = cmp.Or(o.FirstWait, forwardWait), cmp.Or(o.LastWait, forwardWaitMax)
	return &Forwarder{o: o, wake: make(chan struct{}, 1)}
}

// Name returns its name in logs and metrics.
func (f *Forwarder) Name() string { return f.o.Name }

// kinds are the values sent for each interval.
var forwarded = [...]history.Kind{history.Sum, history.Count, history.Minimum, history.Maximum}

// Take queues recorded samples. It never blocks. Series received by remote write are not forwarded, since they would circulate if two
// systems sent to each other.
func (f *Forwarder) Take(scope engine.Scope, all []metric.Pending) {
	dropped := 0
	f.mu.Lock()
	for i := range all {
		if all[i].Series.ID().Namespace == Namespace {
			continue
		}
		if len(f.queue) >= f.o.QueueMax {
			dropped++
			continue
		}
		f.queue = append(f.queue, handed{scope, all[i]})
	}
	f.counts.Dropped += uint64(dropped * len(forwarded))
	f.mu.Unlock()
	if dropped > 0 {
		f.o.Log.Error("remote write is behind: samples are dropped", "to", f.o.Name, "intervals", dropped)
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Counts returns the counts since the start.
func (f *Forwarder) Counts() ForwarderCounts {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.counts
	c.Waiting = len(f.queue)
	return c
}

// Run sends until ctx ends.
func (f *Forwarder) Run(ctx context.Context) {
	defer f.o.Client.CloseIdleConnections()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		}
		for ctx.Err() == nil {
			f.mu.Lock()
			n := min(len(f.queue), forwardMax)
			batch := f.queue[:n:n]
			f.mu.Unlock()
			if n == 0 {
				break
			}
			f.send(ctx, batch)
		}
	}
}

// send sends the front of the queue, with as many tries as it takes until the receiver accepts or refuses it.
func (f *Forwarder) send(ctx context.Context, batch []handed) {
	body, samples, err := encode(batch)
	if err == nil {
		err = f.backoff().Retry(ctx, func(int) (again bool, after time.Duration, err error) {
			if again, after, err = f.post(ctx, body); again {
				f.o.Log.Warn("remote write has to be tried again", "to", f.o.Name, "error", err)
				f.mu.Lock()
				f.counts.Retries++
				f.mu.Unlock()
			}
			return again, after, err
		})
	}
	if ctx.Err() != nil {
		return // what waits is lost with the process, not in the history
	}
	if err != nil {
		f.o.Log.Error("the receiver of remote write refuses samples", "to", f.o.Name, "samples", samples, "error", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.queue = f.queue[len(batch):]; len(f.queue) == 0 {
		f.queue = nil
	}
	if err != nil {
		f.counts.Failed += uint64(samples)
	} else {
		f.counts.Sent += uint64(samples)
	}
}

func (f *Forwarder) backoff() queue.Backoff {
	return queue.Backoff{First: f.o.FirstWait, Last: f.o.LastWait, Spread: true}
}

// encode writes a request, each series with its samples in their order.
func encode(batch []handed) (body []byte, samples int, err error) {
	type key struct {
		scope  engine.Scope
		series *metric.Series
		unit   string
		at     int64
	}
	intervals := map[key]metric.Summary{} // intervals of a second and of a minute may begin at the same time
	var keys []key
	for i := range batch {
		h := &batch[i]
		k := key{h.scope, h.Series, h.Unit, h.Start*1000 + int64(h.Late)} // as in the metric history
		sum, found := intervals[k]
		if !found {
			keys = append(keys, k)
		}
		sum.StatisticSet.Merge(h.Summary.StatisticSet)
		intervals[k] = sum
	}
	slices.SortStableFunc(keys, func(a, b key) int { return cmp.Compare(a.at, b.at) })
	var m prompb.WriteRequest
	place := map[key]int{} // of a series' first sample
	for _, k := range keys {
		of := k
		of.at = 0
		at, found := place[of]
		if !found {
			at = len(m.Timeseries)
			place[of] = at
			for _, kind := range forwarded {
				m.Timeseries = append(m.Timeseries, prompb.TimeSeries{Labels: prompb.FromLabels(history.Labels(k.scope, k.series.ID(), k.unit, kind), nil)})
			}
		}
		sum := intervals[k]
		for i, v := range [...]float64{sum.Sum, sum.Count, sum.Min, sum.Max} {
			m.Timeseries[at+i].Samples = append(m.Timeseries[at+i].Samples, prompb.Sample{Timestamp: k.at, Value: v})
			samples++
		}
	}
	text, err := m.Marshal()
	if err != nil {
		return nil, samples, fmt.Errorf("encoding samples: %w", err)
	}
	return snappy.Encode(nil, text), samples, nil
}

// post sends a request once. again reports whether it may be retried, after the given delay. Prometheus: remote write specification, retries.
func (f *Forwarder) post(ctx context.Context, body []byte) (again bool, after time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.o.URL, bytes.NewReader(body))
	if err != nil {
		return false, 0, fmt.Errorf("making a request: %w", err)
	}
	for name, value := range f.o.Headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Content-Encoding", "snappy")
	req.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	req.Header.Set("User-Agent", "Bellows")
	if f.o.Username != "" {
		req.SetBasicAuth(f.o.Username, f.o.Password)
	}
	resp, err := f.o.Client.Do(req)
	if err != nil {
		return true, 0, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return true, 0, fmt.Errorf("reading the response: %w", err)
	}
	if resp.StatusCode/100 == 2 {
		return false, 0, nil
	}
	err = fmt.Errorf("it answered %s: %s", resp.Status, bytes.TrimSpace(text))
	if s, bad := strconv.Atoi(resp.Header.Get("Retry-After")); bad == nil && s > 0 {
		after = min(time.Duration(s)*time.Second, f.o.LastWait)
	}
	return resp.StatusCode/100 == 5 || resp.StatusCode == http.StatusTooManyRequests, after, err
}
