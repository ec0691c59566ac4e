package invoke

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/socket"
)

// Reasons for which a request has to wait.
const (
	notBlocked blocked = iota
	busy               // each copy works on as many invocations as it may
	atZero             // the variant has no instance, and is to be woken
)

// blocked says why no instance can take a request now.
type blocked int

const (
	// clientEvery is how often a request that waits checks whether its client is still connected. It tries the copies too.
	clientEvery = 500 * time.Millisecond

	// wakeEvery is how often a wake-up is asked for again while requests wait: what prevented it may have changed.
	wakeEvery = 10 * time.Second

	// waiterBytes is what a request that waits takes besides its payload, roughly: its goroutine, its headers, its buffers.
	waiterBytes = 16 << 10
)

// Queue bounds the requests that wait for a copy. Zero members mean their defaults.
type Queue struct {
	Max   int   // requests that may wait for one variant; default 1000
	Bytes int64 // that all requests that wait may take together; default 256 MiB

	BusyMax time.Duration // wait for a copy with room; default 10 s
	ZeroMax time.Duration // wait for the first instance of a variant that is woken; default 60 s
}

func (o Queue) withDefaults() Queue {
	if o.Max == 0 {
		o.Max = 1000
	}
	if o.Bytes == 0 {
		o.Bytes = 256 << 20
	}
	if o.BusyMax == 0 {
		o.BusyMax = 10 * time.Second
	}
	if o.ZeroMax == 0 {
		o.ZeroMax = time.Minute
	}
	return o
}

// queue is the requests that wait for copies of one variant.
type queue struct {
	waiting atomic.Int32 // the length of list: checked first when a copy is released

	mu    sync.Mutex // guards the fields below
	list  []*waiter  // the longest waiting first
	asked time.Time  // when a wake-up was last asked for
}

// waiter is one request that waits.
type waiter struct {
	ready     chan struct{} // holds one signal
	home      *modelCopy    // the only one it can go to; nil: any
	signalled bool          // since it last tried; guarded by queue.mu
}

// enter adds a request at the end, unless the queue is full.
func (u *queue) enter(w *waiter, limit int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.list) >= limit {
		return false
	}
	u.list = append(u.list, w)
	u.waiting.Store(int32(len(u.list)))
	return true
}

func (u *queue) leave(w *waiter) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if at := slices.Index(u.list, w); at >= 0 {
		u.list = slices.Delete(u.list, at, at+1)
	}
	u.waiting.Store(int32(len(u.list)))
	if len(u.list) == 0 {
		u.list, u.asked = nil, time.Time{}
	}
}

// listen marks a request as not signalled. It must do so before it tries the copies: a release after that signals it again.
func (u *queue) listen(w *waiter) {
	u.mu.Lock()
	defer u.mu.Unlock()
	w.signalled = false
}

// next signals the longest waiting request that a copy which has room can take; a nil copy stands for any.
func (u *queue) next(i *modelCopy) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, w := range u.list {
		if !w.signalled && (w.home == nil || w.home == i) {
			w.signal()
			return
		}
	}
}

// all signals every request: routes have changed.
func (u *queue) all() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, w := range u.list {
		w.signal()
	}
}

func (w *waiter) signal() {
	w.signalled = true
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

// asks reports whether it is time to ask for a wake-up.
func (u *queue) asks(now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.asked.IsZero() && now.Sub(u.asked) < wakeEvery {
		return false
	}
	u.asked = now
	return true
}

// wait holds a request until a copy can take it, and counts it as in flight there. It fails where the queue is full, the
// deadline passes, or the client goes away.
func (g *Gateway) wait(ctx *fasthttp.RequestCtx, q *request) *failure {
	size := int64(cap(q.body)) + waiterBytes
	defer g.held.Add(-size)
	lane, reason := q.variant.lane, q.blocked
	w := &waiter{ready: make(chan struct{}, 1), home: q.home}
	if g.held.Add(size) > g.options.Queue.Bytes || !lane.queue.enter(w, g.options.Queue.Max) {
		return q.overflow(reason)
	}
	defer lane.queue.leave(w)
	most := g.options.Queue.BusyMax
	if reason == atZero {
		most = g.options.Queue.ZeroMax
	}
	deadline := time.NewTimer(most)
	defer deadline.Stop()
	look := time.NewTicker(clientEvery)
	defer look.Stop()
	q.waited = true
	for {
		lane.queue.listen(w)
		if g.closed.Load() {
			return shuttingDown()
		}
		v, f := g.pick(q, nil)
		if v != nil {
			q.variant = v
		}
		if q.blocked == notBlocked {
			lane.queue.next(q.copy) // the signal may have been that of another copy's release
			return f
		}
		if q.blocked == atZero {
			if g.stopping.Load() {
				return shuttingDown()
			}
			g.wake(lane)
		}
		select {
		case <-w.ready:
		case <-look.C:
			if socket.Peek(ctx.Conn()) == socket.End {
				ctx.SetConnectionClose()
				return &failure{Status: statusClientGone, Code: "ClientClosedRequest", Message: "The client went away while its request waited."}
			}
		case <-deadline.C:
			return q.waitedTooLong(q.blocked, most)
		}
	}
}

// statusClientGone is what logs and counters see of a request whose client went away. No client reads the answer.
const statusClientGone = 499

// wake asks for a copy of a variant that has none, at once for the first request that waits and again from time to time.
func (g *Gateway) wake(l *lane) {
	if g.options.Wake != nil && l.queue.asks(time.Now()) {
		g.options.Wake(l.key, int(l.queue.waiting.Load()))
	}
}

// Seconds after which a client should try again: a copy gets room soon, and a start takes its time, of an instance or of the next server.
const (
	retryBusy = 1
	retryZero = 10
	retryDown = 5
)

// shuttingDown refuses a request of a server that ends.
func shuttingDown() *failure {
	f := unavailable("This server is shutting down.")
	f.RetryAfter = retryDown
	return f
}

func (q *request) overflow(b blocked) *failure {
	if b == atZero {
		f := unavailable("Variant %s of endpoint %s is scaled to zero and starts an instance; the queue of requests that wait for it is full (queue_max).", q.variant.name, q.endpoint)
		f.RetryAfter = retryZero
		return f
	}
	f := unavailable("The instances of variant %s of endpoint %s are busy, and the queue of requests that wait for them is full (queue_max).", q.variant.name, q.endpoint)
	f.RetryAfter = retryBusy
	return f
}

func (q *request) waitedTooLong(b blocked, most time.Duration) *failure {
	if b == atZero {
		f := unavailable("Variant %s of endpoint %s is scaled to zero and had no instance in service within %v.", q.variant.name, q.endpoint, most)
		f.RetryAfter = retryZero
		return f
	}
	f := unavailable("No instance of variant %s of endpoint %s had room for the request within %v.", q.variant.name, q.endpoint, most)
	f.RetryAfter = retryBusy
	return f
}

// Refuse ends the waiting of requests for variants that are scaled to zero, now and from now on: it is for a server that shuts down.
// Requests that wait for busy copies go on waiting.
func (g *Gateway) Refuse() {
	g.stopping.Store(true)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.signal(nil)
}

// signal wakes the requests that wait for variants of some endpoints, of all where routes are nil, since routes have changed. The gateway
// is locked.
func (g *Gateway) signal(routes []engine.Route) {
	for _, l := range g.lanes {
		if l.queue.waiting.Load() == 0 {
			continue
		}
		if routes == nil || slices.ContainsFunc(routes, func(r engine.Route) bool {
			return r.Key == engine.EndpointKey{Scope: l.key.Scope, Endpoint: l.key.Endpoint}
		}) {
			l.queue.all()
		}
	}
}
