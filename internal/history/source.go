package history

import (
	"context"
	"slices"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

var (
	_ expr.Source = (*source)(nil)
	_ expr.Source = (*window)(nil)
)

// Metrics calls f with what the metrics of a scope were. It looks into memory first, under the engine's lock. Where f asks for what
// memory does not have, it is called again with memory and disk together, and the lock is not held while disk is read. What f asked for
// the first time is then read many metrics at once. Where f searches for metrics, the lock is not held while each is held against the
// search, and f is called again with what was found. The calls of f must ask the same, up to what it finds. It fails when ctx ends.
func (h *History) Metrics(ctx context.Context, scope engine.Scope, f func(now time.Time, s expr.Source)) error {
	s := &source{ctx: ctx, h: h, scope: scope, loaded: map[string]*loaded{}}
	hot := &window{retention: h.o.Retention}
	for {
		if err := h.o.View(ctx, func(now time.Time, e *engine.Engine) {
			hot.begin(now, e.Region(scope))
			s.now = now
			f(now, hot)
		}); err != nil {
			return err
		}
		if hot.search == nil {
			break
		}
		s.found = append(s.found, s.find(*hot.search))
		if hot.found = s.found; s.err != nil {
			return s.err
		}
	}
	if !hot.short {
		return nil
	}
	s.asked = hot.asked
	f(s.now, s)
	return s.err
}

// Recall returns a metric's samples from so long ago on that the engine's window may not have, for engine.PutMetricAlarm; false where it
// has all. Where they cannot be read it says so in the log.
func (h *History) Recall(ctx context.Context, scope engine.Scope, id metric.ID, back time.Duration) (engine.PastSamples, bool) {
	const next = 15 * 60 // seconds: the window may have moved on when the engine gets them
	s := &source{ctx: ctx, h: h, scope: scope, loaded: map[string]*loaded{}}
	w := wanted{id: id, key: id.Key(), kinds: setOf(Count, Sum, Minimum, Maximum, Distribution), fine: true}
	err := h.o.View(ctx, func(now time.Time, e *engine.Engine) {
		s.now, w.from = now, floor(now.Add(-back).Unix(), 60)
		if r := e.Region(scope); r != nil && w.from < r.Metrics.Since().Unix() {
			w.until = r.Metrics.Since().Unix() + next
		}
	})
	if err == nil && w.until > 0 {
		err = s.read([]*wanted{&w})
	}
	if err != nil {
		h.o.Log.Warn("a new alarm begins without the past of its metric", "metric", id.String(), "error", err)
		return engine.PastSamples{}, false
	}
	x := s.loaded[w.key]
	if x == nil || len(x.samples) == 0 {
		return engine.PastSamples{}, false
	}
	return engine.PastSamples{ID: id, From: time.Unix(w.from, 0).UTC(), Samples: x.samples}, true
}

// window reads memory, and notes what it is asked, and where it does not reach back far enough.
type window struct {
	*metric.Window
	retention Retention
	now       time.Time
	since     int64 // Unix seconds
	short     bool
	asked     []wanted
	found     [][]metric.ID  // by the searches so far
	searches  int            // of this call
	search    *metric.Filter // the first one that is not answered yet: there is nothing else to read
}

// begin readies the window for a call.
func (w *window) begin(now time.Time, r *engine.Region) {
	w.Window = metric.NewWindow(0)
	if r != nil {
		w.Window = r.Metrics
	}
	w.now, w.since, w.short, w.asked, w.searches, w.search = now, w.Since().Unix(), false, nil, 0, nil
}

// List implements expr.Source.
func (w *window) List(f metric.Filter) []metric.ID {
	if w.searches++; w.searches <= len(w.found) {
		return slices.Clone(w.found[w.searches-1])
	}
	if w.search == nil {
		w.search = &f
	}
	return nil
}

// Datapoints implements expr.Source.
func (w *window) Datapoints(id metric.ID, q metric.Query, out []metric.Datapoint) []metric.Datapoint {
	if w.search != nil {
		return out
	}
	w.asked = append(w.asked, wantedBy(id, q, w.retention.earliest(w.now, q.Period)))
	if from := q.From.Unix(); w.short || from < w.since || from < w.retention.earliest(w.now, q.Period) {
		w.short = true
		return out
	}
	return w.Window.Datapoints(id, q, out)
}

// Units implements expr.Source.
func (w *window) Units(id metric.ID, from, until time.Time) []string {
	if w.search != nil {
		return nil
	}
	w.asked = append(w.asked, unitsWanted(id, from, until))
	if w.short || from.Unix() < w.since {
		w.short = true
		return nil
	}
	return w.Window.Units(id, from, until)
}

// source reads memory and disk together. It remembers the first error, and has nothing after it.
type source struct {
	ctx    context.Context //nolint:containedctx // of one call
	h      *History
	scope  engine.Scope
	now    time.Time
	err    error
	memory memory
	asked  []wanted           // what is left of what will be asked, in that order
	loaded map[string]*loaded // by metric
	held   int                // samples in loaded, about

	found    [][]metric.ID // by the searches, where they are known already
	searches int
}

// memory is what the engine holds of times that it does not hold wholly: late samples on their way to disk.
type memory struct {
	since, kept int64
	late        map[*metric.Series][]metric.Pending
}

// Datapoints implements expr.Source.
func (s *source) Datapoints(id metric.ID, q metric.Query, out []metric.Datapoint) []metric.Datapoint {
	earliest := s.h.o.Retention.earliest(s.now, q.Period)
	x := s.load(wantedBy(id, q, earliest))
	if x == nil {
		return out
	}
	// What is earlier may be there for a longer period's sake.
	first := x.first(max(q.From.Unix(), earliest))
	return q.Datapoints(x.samples[first:], out)
}

// Units implements expr.Source.
func (s *source) Units(id metric.ID, from, until time.Time) []string {
	x := s.load(unitsWanted(id, from, until))
	if x == nil {
		return nil
	}
	var out []string
	for _, b := range x.samples[x.first(from.Unix()):x.first(until.Unix())] {
		if !slices.Contains(out, b.Unit) {
			out = append(out, b.Unit)
		}
	}
	return out
}

// List implements expr.Source.
func (s *source) List(f metric.Filter) []metric.ID {
	if s.searches++; s.searches <= len(s.found) {
		return slices.Clone(s.found[s.searches-1])
	}
	return s.find(f)
}

// find lists the metrics that match. Each is held against what takes long, a search's terms, without the engine's lock.
func (s *source) find(f metric.Filter) (out []metric.ID) {
	match := f.Match
	f.Match = nil
	s.note(s.h.o.View(s.ctx, func(_ time.Time, e *engine.Engine) {
		if r := e.Region(s.scope); r != nil {
			out = r.Metrics.List(f)
		}
	}))
	if match == nil {
		return out
	}
	kept := out[:0]
	for _, id := range out {
		if s.note(s.ctx.Err()); s.err != nil {
			return nil
		}
		if match(id) {
			kept = append(kept, id)
		}
	}
	return kept
}

func (s *source) note(err error) {
	if s.err == nil {
		s.err = err
	}
}

// remember looks for late samples, where memory has changed since it last did.
func (s *source) remember(w *metric.Window) {
	since, kept := w.Since().Unix(), w.KeptThrough().Unix()
	if s.memory.late != nil && s.memory.since == since && s.memory.kept == kept {
		return
	}
	s.memory = memory{since, kept, map[*metric.Series][]metric.Pending{}}
	for _, p := range w.Pending() {
		if p.Start < since && p.Sealed() > kept {
			s.memory.late[p.Series] = append(s.memory.late[p.Series], p)
		}
	}
}
