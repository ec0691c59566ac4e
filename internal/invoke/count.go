package invoke

import (
	"cmp"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bellows.dev/bellows/engine"
)

// shards spreads counters over the cores, so that they do not wait for one another: a power of two.
func shards() int {
	n := 1
	for n < min(runtime.GOMAXPROCS(0), 16) {
		n *= 2
	}
	return n
}

// counter measures one variant since the last Flush.
type counter struct{ shards []shard }

type shard struct {
	mu  sync.Mutex
	sum engine.VariantObservation // without key and concurrency
	_   [64]byte                  // a cache line between neighbours
}

func newCounter() *counter { return &counter{make([]shard, shards())} }

func (c *counter) shard() *shard { return &c.shards[rand.Uint32()&uint32(len(c.shards)-1)] }

// routed counts an invocation as it is sent to the variant, which has a number of instances in service.
func (c *counter) routed(instances int) {
	s := c.shard()
	s.mu.Lock()
	s.sum.Invocations++
	if instances > 0 {
		s.sum.InvocationsPerInstance += 1 / float64(instances)
	}
	s.mu.Unlock()
}

// outcome is how an invocation that a variant was picked for ended.
type outcome struct {
	// A failed answer is a 4XX where the model itself gave one. Its own 5XX, no answer in time, broken HTTP, and no instance to
	// ask are all the server's side, so 5XX, whatever status the caller is told (ModelError is always 424).
	// AWS: Invocation4XXErrors counts requests "where the model returned a 4xx HTTP response code", Invocation5XXErrors likewise.
	client, server bool
	model          bool // a model error

	asked   bool // the request reached a model server: there is a model latency
	latency time.Duration
	total   time.Duration
}

func (c *counter) answered(o outcome) {
	s := c.shard()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum.Answered++
	if o.client {
		s.sum.Errors4XX++
	}
	if o.server {
		s.sum.Errors5XX++
	}
	if o.model {
		s.sum.ModelErrors++
	}
	if o.asked {
		s.sum.ModelLatency.Add(microseconds(o.latency), 1)
	}
	s.sum.OverheadLatency.Add(microseconds(o.total-o.latency), 1)
}

// microseconds of a duration; a wall clock that was set back gives 0.
func microseconds(d time.Duration) float64 { return max(0, float64(d)/float64(time.Microsecond)) }

// take returns what was measured and starts anew.
func (c *counter) take() engine.VariantObservation {
	var all engine.VariantObservation
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		o := s.sum
		s.sum = engine.VariantObservation{}
		s.mu.Unlock()
		all.Invocations += o.Invocations
		all.InvocationsPerInstance += o.InvocationsPerInstance
		all.Errors4XX += o.Errors4XX
		all.Errors5XX += o.Errors5XX
		all.ModelErrors += o.ModelErrors
		all.Answered += o.Answered
		all.ModelLatency.Merge(o.ModelLatency)
		all.OverheadLatency.Merge(o.OverheadLatency)
	}
	return all
}

// Flush returns what was measured since the last Flush, sorted by key. Variants without news are absent, save those with
// invocations in flight. It also closes connections and forgets sessions that have been idle or expired for long enough, so it
// should be called about once a second.
func (g *Gateway) Flush() []engine.VariantObservation {
	now := time.Now()
	g.pins.expire(g.options.Now())
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget()
	inFlight := map[*counter]float64{}
	concurrency := map[*counter]*engine.VariantObservation{}
	for _, i := range g.instances {
		o := concurrency[i.counter]
		if o == nil {
			o = &engine.VariantObservation{}
			concurrency[i.counter] = o
		}
		n := float64(i.inFlight.Load())
		o.Concurrency.Add(n, 1)
		inFlight[i.counter] += n
		i.upstream.Load().prune(now)
	}
	var all []engine.VariantObservation
	routed := g.routed()
	for key, c := range g.counters {
		o := c.take()
		o.Key = key
		if o.Invocations+o.Answered+inFlight[c] == 0 {
			if !routed[c] && concurrency[c] == nil {
				delete(g.counters, key)
			}
			continue
		}
		if x := concurrency[c]; x != nil {
			o.Concurrency = x.Concurrency
		}
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b engine.VariantObservation) int { return compareKeys(a.Key, b.Key) })
	return all
}

func (g *Gateway) routed() map[*counter]bool {
	routed := map[*counter]bool{}
	for _, x := range *g.routes.Load() {
		for i := range x.variants {
			routed[x.variants[i].counter] = true
		}
	}
	return routed
}

func compareKeys(a, b engine.VariantKey) int {
	return cmp.Or(
		strings.Compare(a.Account, b.Account), strings.Compare(a.Region, b.Region),
		strings.Compare(a.Endpoint, b.Endpoint), strings.Compare(a.Variant, b.Variant),
	)
}

// totals counts requests for the health page.
type totals []total

type total struct {
	served, failed atomic.Uint64
	_              [112]byte
}

func newTotals() totals { return make(totals, shards()) }

func (t totals) add(served bool) {
	s := &t[rand.Uint32()&uint32(len(t)-1)]
	if served {
		s.served.Add(1)
	} else {
		s.failed.Add(1)
	}
}

func (t totals) sum() (served, failed uint64) {
	for i := range t {
		served += t[i].served.Load()
		failed += t[i].failed.Load()
	}
	return served, failed
}
