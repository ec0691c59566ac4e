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

// tally returns what was answered since the last Flush.
func (c *counter) tally() tally {
	var t tally
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		t.answered += s.sum.Answered
		t.failed += s.sum.Errors5XX
		s.mu.Unlock()
	}
	return t
}

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
	// send it to are all the server's side, so 5XX, whatever status the caller gets (ModelError is always 424).
	// AWS: Invocation4XXErrors counts requests "where the model returned a 4xx HTTP response code", Invocation5XXErrors likewise.
	client, server bool
	model          bool // a model error

	// AWS: NoCapacityInvocationFailures counts calls that fail because nothing is provisioned. No model answered, and none has
	// failed: they are no 4XX, 5XX or model errors.
	noCapacity bool

	asked   bool // the request reached a model server: there is a model latency
	latency time.Duration
	total   time.Duration
}

func (c *counter) answered(o outcome) {
	s := c.shard()
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.noCapacity {
		s.sum.NoCapacity++ // without a sample of errors and of latencies
		return
	}
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

// take returns what was measured and starts a new interval.
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
		all.NoCapacity += o.NoCapacity
		all.Answered += o.Answered
		all.ModelLatency.Merge(o.ModelLatency)
		all.OverheadLatency.Merge(o.OverheadLatency)
	}
	return all
}

// Flush returns what was measured since the last Flush, sorted by key. Variants of which nothing was measured are absent, save those with
// invocations in flight. It also closes connections and forgets sessions that have been idle or expired for long enough, so it
// should be called about once a second.
func (g *Gateway) Flush() []engine.VariantObservation {
	now := time.Now()
	g.pins.expire(g.options.Now())
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget()
	loads := map[*lane]*workload{}
	for _, i := range g.copies {
		x := loads[i.lane]
		if x == nil {
			x = i.lane.newWorkload()
			loads[i.lane] = x
		}
		x.add(i.inFlight.Load(), i.retired.Load())
		i.upstream.Load().prune(now)
	}
	var all []engine.VariantObservation
	routed := g.routed()
	for key, l := range g.lanes {
		o := l.flush()
		o.Key = key
		x := loads[l]
		if o.Invocations+o.Answered == 0 && (x == nil || x.sum == 0) {
			if !routed[l] && x == nil && l.queue.waiting.Load() == 0 {
				delete(g.lanes, key)
			}
			continue
		}
		if x != nil {
			o.Concurrency = x.concurrency
		}
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b engine.VariantObservation) int { return compareKeys(a.Key, b.Key) })
	return all
}

func (g *Gateway) routed() map[*lane]bool {
	routed := map[*lane]bool{}
	for _, x := range *g.routes.Load() {
		for i := range x.variants {
			routed[x.variants[i].lane] = true
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
