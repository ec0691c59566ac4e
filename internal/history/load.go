package history

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// wanted is the data of a metric that a call needs.
type wanted struct {
	id          metric.ID
	key         string  // of the identity
	from, until int64   // starts of intervals in Unix seconds; until is exclusive
	kinds       kindSet // which values of the samples
	fine        bool    // 1-second samples are needed; otherwise minutes suffice
}

func wantedBy(id metric.ID, q metric.Query, earliest int64) wanted {
	from := q.From.Unix()
	return wanted{
		id: id, key: id.Key(), from: max(from, earliest), until: from + int64(q.Periods)*int64(q.Period/time.Second), kinds: needed(q.Statistic),
		fine: from%60 != 0 || q.Period%time.Minute != 0,
	}
}

func unitsWanted(id metric.ID, from, until time.Time) wanted {
	return wanted{
		id: id, key: id.Key(), from: from.Unix(), until: until.Unix(), kinds: setOf(Count), fine: from.Unix()%60 != 0 || until.Unix()%60 != 0,
	}
}

// covers reports whether loaded data contains the data of another request.
func (w *wanted) covers(o *wanted) bool {
	return w.from <= o.from && w.until >= o.until && o.kinds&^w.kinds == 0 && (w.fine || !o.fine)
}

// join merges another request for the same metric into this one.
func (w *wanted) join(o *wanted) {
	w.from, w.until, w.kinds, w.fine = min(w.from, o.from), max(w.until, o.until), w.kinds|o.kinds, w.fine || o.fine
}

// size estimates the number of samples of the result; one with a distribution counts as eight.
func (w *wanted) size(r Retention, now time.Time) int {
	n, upper := int64(0), w.until
	for i, step := range resolutions {
		lower := now.Add(-r[i]).Unix()
		if i == 0 && !w.fine {
			continue
		}
		n += max(0, upper-max(w.from, lower)) / step
		if i > 0 {
			upper = min(upper, lower)
		}
	}
	if w.kinds.has(Distribution) {
		n *= 8
	}
	return int(n) + 1
}

// loadMax is the maximum number of samples read at once and held, some 30 MB. A single metric may have more.
const loadMax = 300_000

// loaded contains samples of a metric, sorted by the intervals' starts. Values that were not requested are 0.
type loaded struct {
	wanted
	samples []metric.BucketState
}

// first returns the index of the first sample that begins at a time or later.
func (x *loaded) first(from int64) int {
	at, _ := slices.BinarySearchFunc(x.samples, from, func(b metric.BucketState, from int64) int {
		if b.Start < from {
			return -1
		}
		return 1
	})
	return at
}

// load returns the requested samples; nil if there are none.
func (s *source) load(w wanted) *loaded {
	if s.err != nil {
		return nil
	}
	x := s.loaded[w.key]
	if x == nil || !x.covers(&w) {
		if s.err = s.read(s.batch(w)); s.err != nil {
			return nil
		}
		x = s.loaded[w.key]
	}
	if len(x.samples) == 0 {
		return nil
	}
	return x
}

// batch returns a request and following ones, as many as fit; it drops loaded data if the first does not fit.
func (s *source) batch(w wanted) []*wanted {
	next := slices.IndexFunc(s.asked, func(o wanted) bool { return o.key == w.key && o.covers(&w) })
	if next < 0 {
		if x := s.loaded[w.key]; x != nil {
			w.join(&x.wanted)
		}
		s.asked = append([]wanted{w}, s.asked...)
		next = 0
	}
	s.asked = s.asked[next:]
	if s.held+s.asked[0].size(s.h.o.Retention, s.now) > s.h.room {
		s.held = 0
		clear(s.loaded)
	}
	var out []*wanted
	at := map[string]*wanted{}
	for len(s.asked) > 0 {
		o := s.asked[0]
		n := o.size(s.h.o.Retention, s.now)
		if len(out) > 0 && s.held+n > s.h.room {
			break
		}
		s.asked = s.asked[1:]
		if x := at[o.key]; x != nil {
			x.join(&o)
			continue // the estimate may be exceeded
		}
		at[o.key] = &o
		out = append(out, &o)
		s.held += n
	}
	return out
}

// read reads several metrics from disk and memory.
func (s *source) read(all []*wanted) error {
	hot, late := make([][]metric.BucketState, len(all)), make([][]metric.Pending, len(all))
	kept, since := map[engine.Scope]int64{}, int64(math.MaxInt64)
	if err := s.h.o.View(s.ctx, func(_ time.Time, e *engine.Engine) {
		r := e.Region(s.scope)
		if r == nil {
			return
		}
		s.remember(r.Metrics)
		kept[s.scope], since = s.memory.kept, s.memory.since
		for i, w := range all {
			if x := r.Metrics.Find(w.id); x != nil {
				late[i] = s.memory.late[x]
				hot[i] = w.hot(x, since)
			}
		}
	}); err != nil {
		return err
	}
	from, until := int64(math.MaxInt64), int64(math.MinInt64)
	for _, w := range all {
		from, until = min(from, w.from), max(until, min(w.until, since))
	}
	var p *past
	if from < until {
		var err error
		if p, err = s.h.openPast(s.ctx, s.now, kept, from, until); err != nil {
			return err
		}
		defer p.close() //nolint:errcheck // it was read to the end, or there is another error
	}
	var lent space
	for i, w := range all {
		x := &loaded{wanted: *w}
		if end := min(w.until, since); w.from < end {
			var err error
			if x.samples, err = p.samples(s.ctx, s.scope, w, end, &lent); err != nil {
				return err
			}
		}
		for _, p := range late[i] {
			if p.Start >= w.from && p.Start < min(w.until, since) {
				x.samples = append(x.samples, metric.BucketState{Start: p.Start, Unit: p.Unit, Fine: p.Fine, Summary: p.Summary})
			}
		}
		x.samples = append(x.samples, hot[i]...)
		slices.SortStableFunc(x.samples, func(a, b metric.BucketState) int { return int(a.Start - b.Start) })
		s.loaded[w.key] = x
	}
	return nil
}

// hot copies the requested samples of a series in memory.
func (w *wanted) hot(x *metric.Series, since int64) (out []metric.BucketState) {
	x.Range(max(w.from, since), w.until, func(b metric.BucketState) {
		if w.kinds.has(Distribution) {
			b.Summary.Distribution = slices.Clone(b.Summary.Distribution)
		} else {
			b.Summary.Distribution = nil
		}
		out = append(out, b)
	})
	return out
}

// samples reads a metric's samples before a time from disk.
func (p *past) samples(ctx context.Context, scope engine.Scope, w *wanted, until int64, lent *space) ([]metric.BucketState, error) {
	var out []metric.BucketState
	starts := map[string][2]int{} // by unit: range of its samples
	for _, kind := range [...]Kind{Count, Sum, Minimum, Maximum, Distribution} {
		if !w.kinds.has(kind) {
			continue
		}
		all, err := p.read(ctx, selection{
			matchers: matchers(scope, w.id, kind), from: w.from, until: until, whole: !w.fine, space: lent,
			identify: func(ls labels.Labels) (engine.Scope, Kind, bool) {
				return scope, kind, labels.Equal(ls, Labels(scope, w.id, unitOf(ls), kind))
			},
		})
		if err != nil {
			return nil, err
		}
		for i := range all {
			unit := unitOf(all[i].labels)
			if kind == Count { // every sample has a Count
				starts[unit] = [2]int{len(out), len(out) + len(all[i].intervals)}
				out = slices.Grow(out, len(all[i].intervals))
				for _, x := range all[i].intervals {
					out = append(out, metric.BucketState{Start: x.start, Unit: unit, Fine: x.resolution < 60})
				}
			}
			at := starts[unit]
			put(out[at[0]:at[1]], kind, all[i].intervals)
		}
	}
	return out, nil
}

// put adds a series' values to their samples.
func put(to []metric.BucketState, kind Kind, values []interval) {
	for i := range values {
		for len(to) > 0 && to[0].Start < values[i].start {
			to = to[1:]
		}
		if len(to) > 0 && to[0].Start == values[i].start {
			values[i].value.into(kind, &to[0].Summary)
		}
	}
}

// into stores a value in a summary.
func (a value) into(kind Kind, s *metric.Summary) {
	switch kind {
	case Sum:
		s.Sum = a.v
	case Count:
		s.Count, s.Zero = a.v, a.v == 0
	case Minimum:
		s.Min = a.v
	case Maximum:
		s.Max = a.v
	default:
		s.Distribution = a.dist.buckets
	}
}

func unitOf(ls labels.Labels) string {
	if unit := ls.Get(LabelUnit); unit != "" {
		return unit
	}
	return "None"
}

// matchers select a metric's series of a kind, and those with the same name and further dimensions.
func matchers(scope engine.Scope, id metric.ID, kind Kind) []*labels.Matcher {
	equal := func(name, v string) *labels.Matcher { return labels.MustNewMatcher(labels.MatchEqual, name, v) }
	ms := []*labels.Matcher{
		equal(model.MetricNameLabel, Name(id.Namespace, id.Name)+suffixes[kind]), equal(LabelAccount, scope.Account), equal(LabelRegion, scope.Region),
	}
	exact := true
	for _, d := range id.Dimensions {
		name, tells := labelName(d.Name)
		exact = exact && tells
		if tells {
			ms = append(ms, equal(name, d.Value))
		}
	}
	if !exact {
		ms = append(ms, equal(LabelDimensions, dimensionsText(id)))
	}
	return ms
}
