package history

import (
	"context"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

var (
	_ expr.Source = (*source)(nil)
	_ expr.Source = (*window)(nil)
)

// Metrics calls f with what the metrics of a scope were. It looks into memory first, under the engine's lock. Where f asks for what
// memory does not have, it is called again with memory and disk together, and the lock is not held while disk is read.
func (h *History) Metrics(ctx context.Context, scope engine.Scope, f func(now time.Time, s expr.Source)) error {
	s := &source{ctx: ctx, h: h, scope: scope, loaded: map[string]*loaded{}}
	hot := &window{retention: h.o.Retention}
	if err := h.o.View(ctx, func(now time.Time, e *engine.Engine) {
		hot.Window = metric.NewWindow(0)
		if r := e.Region(scope); r != nil {
			hot.Window = r.Metrics
		}
		s.now, hot.now, hot.since = now, now, hot.Since().Unix()
		f(now, hot)
	}); err != nil || !hot.short {
		return err
	}
	f(s.now, s)
	return s.err
}

// window reads memory, and notes where that does not reach back far enough.
type window struct {
	*metric.Window
	retention Retention
	now       time.Time
	since     int64 // Unix seconds
	short     bool
}

// Datapoints implements expr.Source.
func (w *window) Datapoints(id metric.ID, q metric.Query, out []metric.Datapoint) []metric.Datapoint {
	if from := q.From.Unix(); w.short || from < w.since || from < w.retention.earliest(w.now, q.Period) {
		w.short = true
		return out
	}
	return w.Window.Datapoints(id, q, out)
}

// Units implements expr.Source.
func (w *window) Units(id metric.ID, from, until time.Time) []string {
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
	loaded map[string]*loaded // by metric
}

// memory is what the engine holds of times that it does not hold wholly: late samples on their way to disk.
type memory struct {
	since, kept int64
	late        map[*metric.Series][]metric.Pending
}

// loaded is a metric's samples of a range.
type loaded struct {
	from, until int64 // Unix seconds
	series      *metric.Series
}

// Datapoints implements expr.Source.
func (s *source) Datapoints(id metric.ID, q metric.Query, out []metric.Datapoint) []metric.Datapoint {
	from := q.From.Unix()
	x := s.load(id, from, from+int64(q.Periods)*int64(q.Period/time.Second), s.h.o.Retention.earliest(s.now, q.Period))
	if x == nil {
		return out
	}
	return x.Datapoints(q, out)
}

// Units implements expr.Source.
func (s *source) Units(id metric.ID, from, until time.Time) []string {
	if x := s.load(id, from.Unix(), until.Unix(), 0); x != nil {
		return x.Units(from, until)
	}
	return nil
}

// List implements expr.Source.
func (s *source) List(f metric.Filter) (out []metric.ID) {
	s.note(s.h.o.View(s.ctx, func(_ time.Time, e *engine.Engine) {
		if r := e.Region(s.scope); r != nil {
			out = r.Metrics.List(f)
		}
	}))
	return out
}

func (s *source) note(err error) {
	if s.err == nil {
		s.err = err
	}
}

// load returns a metric's samples of a range, but none before a moment; nil where there are none.
func (s *source) load(id metric.ID, from, until, earliest int64) *metric.Series {
	if s.err != nil {
		return nil
	}
	from = max(from, earliest)
	key := id.Key()
	if x := s.loaded[key]; x != nil && x.from <= from && x.until >= until {
		return clipped(x, from)
	}
	x := &loaded{from: from, until: until}
	x.series, s.err = s.read(id, from, until)
	s.loaded[key] = x
	return x.series
}

// clipped leaves out what is before a moment: a period that is too short to show it still.
func clipped(x *loaded, from int64) *metric.Series {
	if x.series == nil || from == x.from {
		return x.series
	}
	var out metric.Series
	x.series.Range(from, x.until, func(b metric.BucketState) { record(&out, b) })
	return &out
}

func record(s *metric.Series, b metric.BucketState) {
	resolution := metric.StandardResolution
	if b.Fine {
		resolution = metric.HighResolution
	}
	s.Record(time.Unix(b.Start, 0), resolution, b.Unit, &b.Summary)
}

// read joins what disk and memory have of a metric.
func (s *source) read(id metric.ID, from, until int64) (*metric.Series, error) {
	var hot []metric.BucketState
	var late []metric.Pending
	kept, since := map[engine.Scope]int64{}, until
	if err := s.h.o.View(s.ctx, func(_ time.Time, e *engine.Engine) {
		r := e.Region(s.scope)
		if r == nil {
			return
		}
		s.remember(r.Metrics)
		kept[s.scope], since = s.memory.kept, min(s.memory.since, until)
		x := r.Metrics.Find(id)
		if x == nil {
			return
		}
		late = s.memory.late[x]
		x.Range(max(from, since), until, func(b metric.BucketState) {
			b.Summary.Distribution = append(metric.Distribution(nil), b.Summary.Distribution...)
			hot = append(hot, b)
		})
	}); err != nil {
		return nil, err
	}
	var out metric.Series
	if from < since {
		if err := s.disk(&out, id, kept, from, since); err != nil {
			return nil, err
		}
	}
	for _, p := range late {
		if p.Start >= from && p.Start < since {
			record(&out, metric.BucketState{Start: p.Start, Unit: p.Unit, Fine: p.Fine, Summary: p.Summary})
		}
	}
	for _, b := range hot {
		record(&out, b)
	}
	if out.Last().IsZero() {
		return nil, nil
	}
	return &out, nil
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

// disk records what disk has of a metric.
func (s *source) disk(out *metric.Series, id metric.ID, kept map[engine.Scope]int64, from, until int64) error {
	p, err := s.h.openPast(s.ctx, s.now, kept, from, until)
	if err != nil {
		return err
	}
	defer p.close() //nolint:errcheck // it was read to the end, or there is another error
	all, err := p.read(s.ctx, from, until, matchers(s.scope, id)...)
	if err != nil {
		return err
	}
	type place struct {
		unit  string
		start int64
	}
	found := map[place]*metric.BucketState{}
	var order []*metric.BucketState
	for i := range all {
		_, of, unit, kind, ok := Identify(all[i].labels)
		if !ok || of.Key() != id.Key() {
			continue // it has more dimensions
		}
		for _, x := range all[i].intervals {
			b := found[place{unit, x.start}]
			if b == nil {
				b = &metric.BucketState{Start: x.start, Unit: unit, Fine: x.resolution < 60}
				found[place{unit, x.start}] = b
				order = append(order, b)
			}
			x.value.into(kind, &b.Summary)
		}
	}
	for _, b := range order {
		record(out, *b)
	}
	return nil
}

// into puts a series' value to where a summary has it.
func (a value) into(kind Kind, s *metric.Summary) {
	switch kind {
	case Sum:
		s.Sum = a.v
	case Count:
		s.Count = a.v
	case Minimum:
		s.Min = a.v
	case Maximum:
		s.Max = a.v
	default:
		s.Distribution = a.buckets
	}
}

// matchers select a metric's series, and those of the same name and more dimensions.
func matchers(scope engine.Scope, id metric.ID) []*labels.Matcher {
	equal := func(name, v string) *labels.Matcher { return labels.MustNewMatcher(labels.MatchEqual, name, v) }
	ms := []*labels.Matcher{
		equal(LabelMetric, id.Name), equal(LabelNamespace, id.Namespace), equal(LabelAccount, scope.Account), equal(LabelRegion, scope.Region),
	}
	for _, d := range id.Dimensions {
		if name, tells := labelName(d.Name); tells {
			ms = append(ms, equal(name, d.Value))
		}
	}
	return ms
}
