package demo

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"

	"bellows.dev/bellows/metric"
)

// sendEvery is how often the load sends the requests that are due; inFlightMax bounds the requests in flight.
const (
	sendEvery   = 5 * time.Millisecond
	inFlightMax = 256
)

// load invokes the demo's endpoint at a rate that can be changed, in an open loop: it does not wait for answers.
type load struct {
	client *sagemakerruntime.Client

	mu           sync.Mutex
	rate         float64 // requests a second
	total, wrong uint64
	firstError   error
	recent       metric.Summary // latencies in milliseconds since the last look
	since        time.Time
}

func newLoad(c *sagemakerruntime.Client) *load { return &load{client: c, since: time.Now()} }

// run sends until ctx ends, then waits for the answers.
func (l *load) run(ctx context.Context) {
	var flying sync.WaitGroup
	defer flying.Wait()
	slots := make(chan struct{}, inFlightMax)
	tick := time.NewTicker(sendEvery)
	defer tick.Stop()
	due, last := 0.0, time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			l.mu.Lock()
			due = math.Min(due+l.rate*now.Sub(last).Seconds(), inFlightMax)
			l.mu.Unlock()
			last = now
		}
		for ; due >= 1; due-- {
			select {
			case slots <- struct{}{}:
				flying.Go(func() {
					l.send(context.WithoutCancel(ctx))
					<-slots
				})
			default: // all slots wait for answers
			}
		}
	}
}

func (l *load) send(ctx context.Context) {
	begun := time.Now()
	_, err := l.client.InvokeEndpoint(ctx, &sagemakerruntime.InvokeEndpointInput{
		EndpointName: aws.String(endpointName), ContentType: aws.String("text/csv"), Body: []byte("6.1,2.8,4.7,1.2\n"),
	})
	took := float64(time.Since(begun)) / float64(time.Millisecond)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total++
	l.recent.Add(took, 1)
	if err != nil {
		l.wrong++
		if l.firstError == nil {
			l.firstError = err
		}
	}
}

// ramp moves the rate from one value to another over a while.
func (l *load) ramp(ctx context.Context, from, to float64, over time.Duration) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); ; {
		part := math.Min(float64(time.Since(begun))/float64(over), 1)
		l.mu.Lock()
		l.rate = from + (to-from)*part
		l.mu.Unlock()
		if part == 1 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// look returns the rate and the latencies since the last look: requests a second, and milliseconds.
func (l *load) look() (rate, p50, p99 float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	rate = l.recent.Count / now.Sub(l.since).Seconds()
	if len(l.recent.Distribution) > 0 {
		p50, p99 = l.recent.Distribution.Quantile(0.5), l.recent.Distribution.Quantile(0.99)
	}
	l.recent, l.since = metric.Summary{}, now
	return rate, p50, p99
}

func (l *load) sent() (total, wrong uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total, l.wrong
}

// failure is the first error of a request.
func (l *load) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.firstError
}
