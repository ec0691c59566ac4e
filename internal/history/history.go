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

// Options configures a History.
type Options struct {
	Dir       string    // created on first use
	Retention Retention // zero: DefaultRetention
	BytesMax  int64     // disk space of all tiers together; 0: 20 GB
	Log       *slog.Logger

	// View and Step are those of the controller.
	View func(ctx context.Context, f func(now time.Time, e *engine.Engine)) error
	Step func(ctx context.Context, in engine.Input) (engine.Result, error)

	// OnKept is called with written samples once they are durable. It may be nil; it must not block.
	OnKept func(scope engine.Scope, samples []metric.Pending)
}

const defaultBytesMax = 20 << 30

// shares of the disk space by tier, in percent.
var shares = [len(resolutions)]int64{15, 50, 20, 15}

// flushEvery is the interval of flushes in wall time; retryAfter is the delay after a failure.
const (
	flushEvery = time.Second
	retryAfter = 10 * time.Second
)

// History is the metric history. Its zero value is not usable; use Open.
type History struct {
	o     Options
	tiers [len(resolutions)]*tier
	ready chan struct{} // closed after the first attempt to open the tiers

	mu     sync.RWMutex // guards the fields below and the tiers' databases; held while queriers are opened
	opened bool
	state  state // written only by Run

	held       atomic.Int64 // samples that wait to be written
	unsynced   bool         // for tests that simulate process crashes only
	room       int          // loadMax
	generation atomic.Int64 // changes when samples move from memory to disk
	recent     recent
	names      sync.Map // (namespace, name) → Name

	noted []byte // the manifest as last written

	health   sync.Mutex // guards the fields below
	failure  error
	damage   []string  // data found missing or damaged
	kept     time.Time // time up to which everything is written
	measured disk
}

// Open returns the history of a directory. Nothing is read before Run.
func Open(o Options) (*History, error) {
	if o.Retention == (Retention{}) {
		o.Retention = DefaultRetention()
	}
	if o.BytesMax == 0 {
		o.BytesMax = defaultBytesMax
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating the history's directory: %w", err)
	}
	h := &History{o: o, ready: make(chan struct{}), room: loadMax}
	for i, r := range resolutions {
		h.tiers[i] = &tier{
			resolution: r, slice: slice(o.Retention, i), dir: filepath.Join(o.Dir, fmt.Sprintf("%ds", r)), bytesMax: o.BytesMax / 100 * shares[i],
			log: slog.New(quiet{o.Log.Handler()}).With("history", fmt.Sprintf("%ds", r)), report: h.report, drop: h.note,
		}
	}
	return h, nil
}

// Kept returns the retention of datapoints of 1, 60, 300 and 3,600 seconds.
func (h *History) Kept() [4]time.Duration { return h.o.Retention }

// Run opens existing tiers, then writes the samples that the engine hands over until ctx ends. After a failure it logs, waits and
// retries: unwritten samples stay in the engine.
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
			err = h.heal()
		}
		if err == nil {
			err = h.Flush(ctx)
		}
		h.failed(ctx, err)
		rest := flushEvery
		if err != nil {
			rest = retryAfter
		}
		timer.Reset(rest)
	}
}

// failed stores and logs a failure.
func (h *History) failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	if t := (interface{ Unavailable() })(nil); errors.As(err, &t) {
		h.o.Log.Debug("the write of metric history is tried again", "error", err) // the journal reports its own failures
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

// start opens existing tiers and finishes an interrupted roll-up.
func (h *History) start(ctx context.Context) error {
	s, damage := readState(h.o.Dir)
	if damage != nil && !errors.Is(damage, errDamagedState) {
		return damage
	}
	h.mu.Lock()
	h.state = s
	h.mu.Unlock()
	if err := h.examine(ctx); err != nil {
		return err
	}
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
	return h.note(nil)
}

// examine reports what is missing compared with the manifest. The tiers are not open.
func (h *History) examine(ctx context.Context) error {
	m, err := readManifest(h.o.Dir)
	if errors.Is(err, errDamagedManifest) {
		h.report(slog.LevelWarn, fmt.Sprintf("%s is damaged: %v. Blocks that are missing were not noticed; it is written again", manifestPath(h.o.Dir), err))
	} else if err != nil {
		return err
	}
	var now time.Time
	if err := h.o.View(ctx, func(at time.Time, _ *engine.Engine) { now = at }); err != nil {
		return err
	}
	for i, t := range h.tiers {
		t.record = m.Tiers[filepath.Base(t.dir)]
		if err := t.aside.find(t.dir); err != nil {
			return err
		}
		if err := t.examine(h.dropBefore(i, now.Unix()) * 1000); err != nil {
			return err
		}
	}
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

// batch contains the samples of one scope.
type batch struct {
	scope   engine.Scope
	pending []metric.Pending
	sealed  time.Time
}

// Flush writes the samples that the engine hands over, confirms them, and rolls up what is due. It is called by Run, or by tests instead.
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
		h.confirmed(b)
	}
	h.held.Store(0)
	if err := h.rollUp(ctx, now.Unix()); err != nil {
		return err
	}
	if err := h.dropOld(ctx, now.Unix()); err != nil {
		return err
	}
	return h.note(nil)
}

// gather gets complete minutes from the engine. It steps a tick if nothing else advances time.
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

// confirmed passes on samples that are now on disk.
func (h *History) confirmed(b batch) {
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

// quiet passes on a TSDB's warnings and errors only.
type quiet struct{ slog.Handler }

// Enabled implements slog.Handler.
func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && q.Handler.Enabled(ctx, l)
}

// Handle implements slog.Handler. It drops warnings of overlapping blocks, which late samples cause.
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

// errClosed is the error of a history that is closed or could not be opened.
var errClosed = errors.New("the metric history is closed")
