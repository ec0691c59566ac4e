package loadgen

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/metric"
)

// responseMax is the largest accepted response body, in bytes.
const responseMax = 64 << 20

// Options describe the load.
type Options struct {
	URL    string            // http only
	Method string            // default POST
	Header map[string]string // besides Host and Content-Length
	Body   []byte

	Connections int           // requests in flight at most; default 32
	Rate        float64       // requests per second (open loop); 0 means a closed loop
	Duration    time.Duration // of sending; responses to requests in flight are awaited
	Timeout     time.Duration // of one response; default 10 s
}

// Report is the outcome of a load.
type Report struct {
	Answered float64            // responses with a 2XX status
	Failed   map[string]float64 // other outcomes by kind: "status 503", "timeout", "connection"
	Took     time.Duration
	Latency  metric.Summary // of 2XX responses, in microseconds; in an open loop since the request was due
}

// Rate is the number of 2XX responses per second.
func (r *Report) Rate() float64 { return r.Answered / r.Took.Seconds() }

// Percentile is the p-th percentile of the latency, 0 < p ≤ 100; 0 without responses.
func (r *Report) Percentile(p float64) time.Duration {
	if r.Latency.Count == 0 {
		return 0
	}
	return time.Duration(r.Latency.Distribution.Quantile(p/100) * float64(time.Microsecond))
}

// Failures is the number of requests without a 2XX response.
func (r *Report) Failures() float64 {
	sum := 0.0
	for _, kind := range slices.Sorted(maps.Keys(r.Failed)) {
		sum += r.Failed[kind]
	}
	return sum
}

// String formats the report on one line.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%.0f requests/s, p50 %v, p99 %v", r.Rate(), r.Percentile(50), r.Percentile(99))
	for _, kind := range slices.Sorted(maps.Keys(r.Failed)) {
		fmt.Fprintf(&b, ", %.0f× %s", r.Failed[kind], kind)
	}
	return b.String()
}

// Run sends requests until the duration is over or the context ends. It fails if the options do not make a valid request; failures of the
// server are reported, not returned.
func Run(ctx context.Context, o Options) (Report, error) {
	if o.Connections <= 0 {
		o.Connections = 32
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	address, request, err := o.request()
	if err != nil {
		return Report{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.Duration)
	defer cancel()
	run := &run{options: o, address: address, request: request, started: time.Now()}
	workers := make([]worker, o.Connections)
	var group sync.WaitGroup
	for i := range workers {
		w := &workers[i]
		w.run, w.report.Failed = run, map[string]float64{}
		group.Go(func() { w.loop(ctx) })
	}
	group.Wait()
	all := Report{Failed: map[string]float64{}, Took: time.Since(run.started)}
	for i := range workers {
		w := &workers[i].report
		all.Answered += w.Answered
		all.Latency.Merge(w.Latency)
		for kind, n := range w.Failed {
			all.Failed[kind] += n
		}
	}
	return all, nil
}

// request serialises the request once: all requests are the same bytes.
func (o *Options) request() (address string, request []byte, err error) {
	r := fasthttp.AcquireRequest()
	defer fasthttp.ReleaseRequest(r)
	r.SetRequestURI(o.URL)
	if string(r.URI().Scheme()) != "http" || len(r.URI().Host()) == 0 {
		return "", nil, fmt.Errorf("load generator: %q is not an http URL", o.URL)
	}
	address = string(r.URI().Host())
	if !strings.Contains(address, ":") {
		address += ":80"
	}
	r.Header.SetMethod(fasthttp.MethodPost)
	if o.Method != "" {
		r.Header.SetMethod(o.Method)
	}
	for name, value := range o.Header {
		r.Header.Set(name, value)
	}
	r.SetBody(o.Body)
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	if err := r.Write(w); err != nil {
		return "", nil, fmt.Errorf("load generator: rendering the request: %w", err)
	}
	if err := w.Flush(); err != nil {
		return "", nil, fmt.Errorf("load generator: rendering the request: %w", err)
	}
	return address, b.Bytes(), nil
}

// run is shared by all workers.
type run struct {
	options Options
	address string
	request []byte
	started time.Time
	next    atomic.Int64 // number of the next request of an open loop
}

// worker owns one connection.
type worker struct {
	run      *run
	socket   net.Conn // nil before the first request and after a failure
	reader   *bufio.Reader
	response fasthttp.Response
	report   Report
}

func (w *worker) loop(ctx context.Context) {
	defer w.disconnect()
	for ctx.Err() == nil {
		due, ok := w.due(ctx)
		if !ok {
			return
		}
		began := time.Now()
		status, err := w.exchange(ctx)
		switch {
		case err != nil && ctx.Err() != nil && w.socket == nil:
			return // the run ended while it connected
		case err != nil && time.Since(began) >= w.run.options.Timeout:
			w.disconnect()
			w.report.Failed["timeout"]++
		case err != nil:
			w.disconnect()
			w.report.Failed["connection"]++
		case status < 200 || status > 299:
			w.report.Failed[fmt.Sprintf("status %d", status)]++
		default:
			w.report.Answered++
			w.report.Latency.Add(float64(time.Since(due))/float64(time.Microsecond), 1)
		}
	}
}

// due waits until the next request is due. It returns false when the run is over.
func (w *worker) due(ctx context.Context) (time.Time, bool) {
	if w.run.options.Rate <= 0 {
		return time.Now(), true
	}
	n := w.run.next.Add(1) - 1
	due := w.run.started.Add(time.Duration(float64(n) / w.run.options.Rate * float64(time.Second)))
	if wait := time.Until(due); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return due, false
		}
	}
	return due, true
}

func (w *worker) exchange(ctx context.Context) (status int, err error) {
	if w.socket == nil {
		d := net.Dialer{Timeout: w.run.options.Timeout}
		socket, err := d.DialContext(ctx, "tcp", w.run.address)
		if err != nil {
			return 0, err
		}
		w.socket, w.reader = socket, bufio.NewReaderSize(socket, 16<<10)
	}
	if err := w.socket.SetDeadline(time.Now().Add(w.run.options.Timeout)); err != nil {
		return 0, err
	}
	if _, err := w.socket.Write(w.run.request); err != nil {
		return 0, err
	}
	if err := w.response.ReadLimitBody(w.reader, responseMax); err != nil {
		return 0, err
	}
	status = w.response.StatusCode()
	if w.response.ConnectionClose() {
		w.disconnect()
	}
	return status, nil
}

// disconnect closes the connection. Errors of closing do not matter.
func (w *worker) disconnect() {
	if w.socket != nil {
		_ = w.socket.Close()
		w.socket = nil
	}
}
