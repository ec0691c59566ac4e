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

// Refusal is the response to a failed authentication.
type Refusal struct {
	Status        int    // HTTP
	Code, Message string // AWS's error code, and its text for the caller
}

// Error renders the refusal for logs.
func (r *Refusal) Error() string { return r.Code + ": " + r.Message }

// Write renders the refusal as SageMaker Runtime renders its errors.
func (r *Refusal) Write(to *fasthttp.Response) {
	f := failure{Status: r.Status, Code: r.Code, Message: r.Message}
	f.write(to)
}

// Options are what a gateway needs besides its routes.
type Options struct {
	// Authenticate returns the scope whose endpoints a request may invoke, or why it may invoke none. A nil Authenticate refuses all.
	Authenticate func(ctx *fasthttp.RequestCtx) (engine.Scope, *Refusal)

	// LogFile returns where the log of a copy is, for the texts of model errors; nil leaves it out.
	LogFile func(hosting.CopyID) string

	// MaxBody is the limit of payloads in bytes, both ways; 0 means 25 MiB. A larger request gets 413; a larger answer is a
	// model error.
	MaxBody int

	// RequestID makes the identifier of one request; nil means random UUIDs. It is called by many goroutines.
	RequestID func() string

	// Now is the wall clock that latencies are measured with; nil means time.Now. It is called by many goroutines.
	Now func() time.Time

	// Queue bounds the requests that wait for a copy.
	Queue Queue

	// Concurrency returns how many invocations one copy of an image works on at a time where its variant's route does not say;
	// 0 is no limit. Nil means none for all. It is called when routes are applied.
	Concurrency func(image string) int

	// Wake asks for an instance of a variant that is scaled to zero and for which so many requests wait. It is called by the
	// goroutines of requests and must not block; it may be nil.
	Wake func(key engine.VariantKey, waiting int)

	// Ejected is called with all of a variant's ejected copies whenever that set changes. It must not block; it may be nil.
	Ejected func(key engine.VariantKey, ejected []engine.Ejection)

	// Eject sets when copies that fail are ejected.
	Eject Eject

	// Log gets requests that failed through the gateway's own fault, and of copies that are ejected; nil discards them.
	Log *slog.Logger
}

// Gateway answers invocations. Its methods may be called by any number of goroutines.
type Gateway struct {
	options Options
	closed  atomic.Bool
	routes  atomic.Pointer[table] // replaced, never changed
	totals  totals
	pins    sessions

	maxBody  atomic.Int64 // bytes
	held     atomic.Int64 // bytes of requests that wait
	stopping atomic.Bool  // no request waits for a variant that is scaled to zero any more

	mu     sync.Mutex // guards the fields below; requests never take it
	copies map[hosting.CopyID]*modelCopy
	lanes  map[engine.VariantKey]*lane
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
	o.Queue, o.Eject = o.Queue.withDefaults(), o.Eject.withDefaults()
	g := &Gateway{
		options: o, copies: map[hosting.CopyID]*modelCopy{}, lanes: map[engine.VariantKey]*lane{},
		totals: newTotals(), pins: sessions{pinned: map[sessionKey]pin{}},
	}
	g.routes.Store(&table{})
	g.SetMaxBody(o.MaxBody)
	return g
}

// SetMaxBody changes Options.MaxBody, for requests that come from now on.
func (g *Gateway) SetMaxBody(bytes int) { g.maxBody.Store(int64(bytes)) }

func (g *Gateway) bodyMax() int { return int(g.maxBody.Load()) }

// Totals returns how many requests were served and how many were refused or failed, since the gateway was made.
func (g *Gateway) Totals() (served, failed uint64) { return g.totals.sum() }

// Close refuses further invocations with ServiceUnavailable and closes the connections that are idle. Invocations in flight
// are answered; Drain and Flush still work. It never fails.
func (g *Gateway) Close() error {
	g.closed.Store(true)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.routes.Store(&table{})
	for _, i := range g.copies {
		i.retire()
	}
	g.stopping.Store(true)
	g.signal(nil)
	return nil
}
