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

// Metrics calls f with the metrics of a scope, first with those in memory, under the engine's lock. If f requests data that is not
// in memory, it is called again with memory and disk, and the lock is not held while disk is read; the requests of the first call are then
// read for many metrics at once. If f searches for metrics, they are matched without the lock, and f is called again with the result. All
// calls of f must make the same requests, depending only on results. It returns an error when ctx ends.
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

// Recall returns a metric's samples since a time that the engine's window may not have, for engine.PutMetricAlarm; false if it
// has all. Errors are logged.
func (h *History) Recall(ctx context.Context, scope engine.Scope, id metric.ID, back time.Duration) (engine.PastSamples, bool) {
	const next = 15 * 60 // seconds: the window may have advanced when the engine gets them
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
		h.o.Log.Warn("a new alarm starts without earlier samples of its metric", "metric", id.String(), "error", err)
		return engine.PastSamples{}, false
	}
	x := s.loaded[w.key]
	if x == nil || len(x.samples) == 0 {
		return engine.PastSamples{}, false
	}
	return engine.PastSamples{ID: id, From: time.Unix(w.from, 0).UTC(), Samples: x.samples}, true
}

// window reads memory and records the requests, and whether memory does not reach back far enough.
type window struct {
	*metric.Window
	retention Retention
	now       time.Time
	since     int64 // Unix seconds
	short     bool
	asked     []wanted
	found     [][]metric.ID  // by the searches so far
	searches  int            // of this call
	search    *metric.Filter // the first search without a result yet: nothing else can be read
}

// begin prepares the window for a call.
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

// source reads memory and disk. It stores the first error and returns nothing after it.
type source struct {
	ctx    context.Context //nolint:containedctx // of one call
	h      *History
	scope  engine.Scope
	now    time.Time
	err    error
	memory memory
	asked  []wanted           // the remaining expected requests in order
	loaded map[string]*loaded // by metric
	held   int                // approximate number of samples in loaded

	found    [][]metric.ID // results of searches, if known
	searches int
}

// memory contains samples of times before the window: late samples that are not on disk yet.
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
	// Earlier samples may be loaded because of a longer period.
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

// find lists the matching metrics. The slow matching of a search's terms is done without the engine's lock.
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

// remember reads late samples if memory has changed since the last call.
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
