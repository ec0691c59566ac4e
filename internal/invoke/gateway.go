package invoke

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
)

// payloadMax is SageMaker's limit of real-time payloads.
const payloadMax = 25 << 20

// Refusal is what a failed authentication answers.
type Refusal struct {
	Status        int    // HTTP
	Code, Message string // AWS's error code, and its text for the caller
}

// Error renders the refusal for logs.
func (r *Refusal) Error() string { return r.Code + ": " + r.Message }

// Options are what a gateway needs besides its routes.
type Options struct {
	// Authenticate tells whose endpoints a request may invoke, or why none. A nil Authenticate refuses all.
	Authenticate func(ctx *fasthttp.RequestCtx) (engine.Scope, *Refusal)

	// MaxBody is the limit of payloads in bytes, both ways; 0 means 25 MiB. A larger request gets 413; a larger answer is a
	// model error.
	MaxBody int

	// RequestID makes the identifier of one request; nil means random UUIDs. It is called by many goroutines.
	RequestID func() string

	// Now is the wall clock that latencies are measured with; nil means time.Now. It is called by many goroutines.
	Now func() time.Time

	// Log is told of requests that failed through the gateway's own fault; nil means nobody.
	Log *slog.Logger
}

// Gateway answers invocations. Its methods may be called by any number of goroutines.
type Gateway struct {
	options Options
	closed  atomic.Bool
	routes  atomic.Pointer[table] // replaced, never changed
	totals  totals
	pins    sessions

	mu        sync.Mutex // guards the fields below; requests never take it
	instances map[hosting.InstanceID]*instance
	counters  map[engine.VariantKey]*counter
}

// New makes a gateway without routes: every endpoint is unknown until Apply names it.
func New(o Options) *Gateway {
	if o.Authenticate == nil {
		o.Authenticate = func(*fasthttp.RequestCtx) (engine.Scope, *Refusal) {
			return engine.Scope{}, &Refusal{fasthttp.StatusForbidden, "AccessDeniedException", "This server takes no invocations."}
		}
	}
	if o.MaxBody == 0 {
		o.MaxBody = payloadMax
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{
		options: o, instances: map[hosting.InstanceID]*instance{}, counters: map[engine.VariantKey]*counter{},
		totals: newTotals(), pins: sessions{pinned: map[sessionKey]pin{}},
	}
	g.routes.Store(&table{})
	return g
}

// Totals returns how many requests were served and how many were refused or failed, since the gateway was made.
func (g *Gateway) Totals() (served, failed uint64) { return g.totals.sum() }

// Close refuses further invocations with ServiceUnavailable and closes the connections that are idle. Invocations in flight
// are answered; Drain and Flush still work. It never fails.
func (g *Gateway) Close() error {
	g.closed.Store(true)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.routes.Store(&table{})
	for _, i := range g.instances {
		i.retire()
	}
	return nil
}
