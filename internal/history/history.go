package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// Options are what a History works with.
type Options struct {
	Dir       string    // is made on first use
	Retention Retention // zero: DefaultRetention
	BytesMax  int64     // of disk space, all tiers together; 0: 20 GB
	Log       *slog.Logger

	// View and Step are the controller's.
	View func(ctx context.Context, f func(now time.Time, e *engine.Engine)) error
	Step func(ctx context.Context, in engine.Input) (engine.Result, error)

	// OnKept is called with what was written, once it is durable. It may be nil; it must not block.
	OnKept func(scope engine.Scope, samples []metric.Pending)
}

const defaultBytesMax = 20 << 30

// shares of the disk space, by tier, in percent.
var shares = [len(resolutions)]int64{15, 50, 20, 15}

// flushEvery is how often the history looks for what is over, on the wall's clock; patience is how long it waits after a failure.
const (
	flushEvery = time.Second
	patience   = 10 * time.Second
)

// History is the metrics' past. Its zero value is not ready; use Open.
type History struct {
	o     Options
	tiers [len(resolutions)]*tier
	ready chan struct{} // closed after the first try to open the tiers

	mu     sync.RWMutex // guards the fields below and the tiers' databases; held while queriers are opened
	opened bool
	state  state // written by Run alone

	held       atomic.Int64 // samples that wait to be written
	unsynced   bool         // for tests whose crashes spare the machine
	room       int          // loadMax
	generation atomic.Int64 // of what is on disk and in memory: it changes where samples go from one to the other
	recent     recent
	names      sync.Map // of (namespace, name): its Name

	health   sync.Mutex // guards the fields below
	failure  error
	kept     time.Time // up to where everything is written
	measured disk
}

// Open returns a history that lives in a directory. Nothing is read before Run.
func Open(o Options) (*History, error) {
	if o.Retention == (Retention{}) {
		o.Retention = DefaultRetention()
	}
	if o.BytesMax == 0 {
		o.BytesMax = defaultBytesMax
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the history's directory: %w", err)
	}
	h := &History{o: o, ready: make(chan struct{}), room: loadMax}
	for i, r := range resolutions {
		h.tiers[i] = &tier{
			resolution: r, slice: slice(o.Retention, i), dir: filepath.Join(o.Dir, fmt.Sprintf("%ds", r)), bytesMax: o.BytesMax / 100 * shares[i],
			log: slog.New(quiet{o.Log.Handler()}).With("history", fmt.Sprintf("%ds", r)),
		}
	}
	return h, nil
}

// Kept returns how long datapoints of 1, 60, 300 and 3,600 seconds are kept.
func (h *History) Kept() [4]time.Duration { return h.o.Retention }

// Run opens what is there, then writes what the engine hands over until ctx ends. Where something fails it says so, rests, and tries
// again: what is not written stays with the engine.
func (h *History) Run(ctx context.Context) error {
	defer func() { h.close() }()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		var err error
		if !h.opened {
			err = h.start(ctx)
		}
		if first {
			close(h.ready)
		}
		if err == nil {
			err = h.Flush(ctx)
		}
		h.note(ctx, err)
		rest := flushEvery
		if err != nil {
			rest = patience
		}
		timer.Reset(rest)
	}
}

// note remembers and says what is wrong.
func (h *History) note(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	h.health.Lock()
	before := h.failure
	h.failure = err
	h.health.Unlock()
	if err != nil {
		if before == nil || before.Error() != err.Error() {
			h.o.Log.Error("metric history cannot be written; the journal keeps the datapoints meanwhile", "error", err, "waiting", h.held.Load())
		}
	} else if before != nil {
		h.o.Log.Info("metric history is written again")
	}
}

// start opens the tiers that are there and finishes what was under way.
func (h *History) start(ctx context.Context) error {
	s, damage := readState(h.o.Dir)
	if damage != nil && !errors.Is(damage, errDamagedState) {
		return damage
	}
	h.mu.Lock()
	h.state = s
	h.mu.Unlock()
	for i, t := range h.tiers {
		t.rolled.Store(s.Rolled[i] * 1000)
		if t.exists() {
			if err := h.open(i); err != nil {
				return err
			}
		}
	}
	if damage != nil {
		if err := h.repair(damage); err != nil {
			return err
		}
	}
	if err := h.redo(ctx); err != nil {
		return err
	}
	var begun bool
	if err := h.o.View(ctx, func(_ time.Time, e *engine.Engine) { begun = e.KeepsHistory() }); err != nil {
		return err
	}
	if !begun {
		if _, err := h.o.Step(ctx, engine.KeepHistory{}); err != nil {
			return err
		}
	}
	h.mu.Lock()
	h.opened = true
	h.mu.Unlock()
	return nil
}

// open opens a tier on first use.
func (h *History) open(i int) error {
	if h.tiers[i].db != nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tiers[i].open(h.o.Retention[i])
}

func (h *History) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.tiers {
		if err := t.close(); err != nil {
			h.o.Log.Error("metric history could not be closed", "error", err)
		}
	}
	h.opened = false
}

// batch is what one scope hands over.
type batch struct {
	scope   engine.Scope
	pending []metric.Pending
	sealed  time.Time
}

// Flush writes what the engine hands over, tells it so, and rolls up what is due. It is for Run, and for tests in its place.
func (h *History) Flush(ctx context.Context) error {
	now, batches, err := h.gather(ctx)
	if err != nil {
		return err
	}
	if len(batches) == 0 {
		return nil
	}
	h.hold(batches)
	if err := h.writable(ctx); err != nil {
		return err
	}
	for _, b := range batches {
		if err := h.write(ctx, b.scope, now.Unix(), minutes(b.pending, b.sealed.Unix())); err != nil {
			return err
		}
		if _, err := h.o.Step(ctx, engine.HistoryKept{Scope: b.scope, Through: b.sealed}); err != nil {
			return err
		}
		h.generation.Add(1)
		h.told(b)
	}
	h.held.Store(0)
	if err := h.rollUp(ctx, now.Unix()); err != nil {
		return err
	}
	return h.dropOld(ctx, now.Unix())
}

// gather asks the engine for what is complete. Where nothing else makes time pass, it does.
func (h *History) gather(ctx context.Context) (now time.Time, out []batch, err error) {
	stuck := false
	look := func(at time.Time, e *engine.Engine) {
		now, out = at, nil
		for _, r := range e.Regions() {
			b := batch{r.Scope, r.Metrics.Pending(), r.Metrics.Sealed()}
			for i := range b.pending {
				if b.pending[i].Sealed() <= b.sealed.Unix() {
					out = append(out, b)
					break
				}
			}
			stuck = stuck || e.Now().Add(time.Minute).Before(at) && r.Metrics.Sealable(at)
		}
	}
	if err := h.o.View(ctx, look); err != nil || !stuck {
		return now, out, err
	}
	if _, err := h.o.Step(ctx, engine.Tick{}); err != nil {
		return now, nil, err
	}
	return now, out, h.o.View(ctx, look)
}

// told passes on what is on disk now.
func (h *History) told(b batch) {
	h.health.Lock()
	h.kept = b.sealed
	h.health.Unlock()
	if h.o.OnKept == nil {
		return
	}
	var done []metric.Pending
	for _, p := range b.pending {
		if p.Sealed() <= b.sealed.Unix() {
			done = append(done, p)
		}
	}
	h.o.OnKept(b.scope, done)
}

// quiet passes a TSDB's warnings and errors on; what it does all the time is nobody's news.
type quiet struct{ slog.Handler }

// Enabled implements slog.Handler.
func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && q.Handler.Enabled(ctx, l)
}

// Handle implements slog.Handler. Blocks overlap wherever samples come late.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "Overlapping blocks found") {
		return nil
	}
	return q.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }

// errClosed says that a history is not open any more, or could not be opened.
var errClosed = errors.New("the metric history is closed")
