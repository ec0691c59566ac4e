package history

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// commitEvery limits the memory of one transaction.
const commitEvery = 20_000 // samples

// seriesKey identifies a metric's samples in one unit, seriesRefs are the TSDB's references of its series, so that labels are built once.
type (
	seriesKey struct {
		series *metric.Series
		unit   string
	}
	seriesRefs [kinds]storage.SeriesRef
)

// writer appends to a tier.
type writer struct {
	ctx  context.Context //nolint:containedctx // of one flush
	tier *tier
	app  storage.Appender
	n    int
}

func (t *tier) writer(ctx context.Context) *writer { return &writer{ctx: ctx, tier: t} }

// summary writes all values of an interval. at is in milliseconds.
func (w *writer) summary(scope engine.Scope, key seriesKey, at int64, sum *metric.Summary) error {
	refs := w.tier.refs[key]
	if refs == nil {
		refs = &seriesRefs{}
		w.tier.refs[key] = refs
	}
	ls := func(k Kind) func() labels.Labels {
		return func() labels.Labels { return Labels(scope, key.series.ID(), key.unit, k) }
	}
	for kind, v := range [...]float64{Sum: sum.Sum, Count: sum.Count, Minimum: sum.Min, Maximum: sum.Max} {
		if err := w.sample(&refs[kind], ls(Kind(kind)), at, v, nil); err != nil {
			return err
		}
	}
	if len(sum.Distribution) == 0 {
		return nil
	}
	return w.sample(&refs[Distribution], ls(Distribution), at, 0, toHistogram(sum))
}

// sample appends one sample, by the reference of its series if there is one.
func (w *writer) sample(ref *storage.SeriesRef, ls func() labels.Labels, at int64, v float64, h *histogram.FloatHistogram) error {
	if w.app == nil {
		w.app = w.tier.db.Appender(w.ctx)
	}
	add := func(r storage.SeriesRef, l labels.Labels) (storage.SeriesRef, error) {
		if h != nil {
			return w.app.AppendHistogram(r, l, at, nil, h)
		}
		return w.app.Append(r, l, at, v)
	}
	var err error
	got := *ref
	if got != 0 {
		got, err = add(got, labels.EmptyLabels())
	}
	if got == 0 {
		got, err = add(0, ls()) // the first time, or the TSDB has dropped the reference
	}
	switch {
	case errors.Is(err, storage.ErrDuplicateSampleForTimestamp), errors.Is(err, storage.ErrTooOldSample), errors.Is(err, storage.ErrOutOfBounds):
		// It will never be accepted: a retry would block everything after it.
		w.tier.refused.Add(1)
		w.tier.log.Error("the history refuses a sample", "series", ls().String(), "at", at, "error", err)
		return nil
	case err != nil:
		return fmt.Errorf("writing the history of %d s: %w", w.tier.resolution, err)
	}
	*ref = got
	if w.n++; w.n >= commitEvery {
		return w.commit()
	}
	return nil
}

func (w *writer) commit() error {
	if w.app == nil {
		return nil
	}
	app := w.app
	w.app, w.n = nil, 0
	err := w.tier.guard(true, app.Commit)
	if err != nil {
		return fmt.Errorf("writing the history of %d s: %w", w.tier.resolution, err)
	}
	return nil
}

// abort discards uncommitted samples; after commit it does nothing.
func (w *writer) abort() {
	if w.app != nil {
		_ = w.app.Rollback() // there is an error already
		w.app = nil
	}
}

// minute contains the samples of one minute of a series that were sealed together.
type minute struct {
	key    seriesKey
	start  int64 // Unix seconds
	sealed int64
	late   int32
	total  metric.Summary
	fine   map[int64]metric.Summary // by second; nil without 1-second samples
	coarse metric.Summary           // 1-minute samples; if there are others, they count for the first second
}

// minutes collects sealed samples in order of arrival.
func minutes(pending []metric.Pending, through int64) []*minute {
	type name struct {
		key   seriesKey
		start int64
		late  int32
	}
	found := make(map[name]*minute, len(pending))
	out := make([]*minute, 0, len(pending))
	for i := range pending {
		p := &pending[i]
		if p.Sealed() > through {
			continue
		}
		n := name{seriesKey{p.Series, p.Unit}, floor(p.Start, 60), p.Late}
		m := found[n]
		if m == nil {
			m = &minute{key: n.key, start: n.start, late: n.late, sealed: p.Sealed()}
			found[n] = m
			out = append(out, m)
		}
		m.total = merged(m.total, p.Summary)
		if !p.Fine {
			m.coarse = merged(m.coarse, p.Summary)
			continue
		}
		if m.fine == nil {
			m.fine = map[int64]metric.Summary{}
		}
		m.fine[p.Start] = merged(m.fine[p.Start], p.Summary)
	}
	// Timely ones first, so that the TSDBs' newest times advance before late samples, which are then recognised as late.
	slices.SortStableFunc(out, func(a, b *minute) int { return int(min(a.late, 1) - min(b.late, 1)) })
	return out
}

// merged returns the sum of two summaries without changing them.
func merged(a, b metric.Summary) metric.Summary {
	if a.Empty() {
		return b
	}
	out := metric.Summary{StatisticSet: a.StatisticSet, Distribution: slices.Clone(a.Distribution)}
	out.Merge(b)
	return out
}

// write writes minutes to their tiers: seconds to the finest while they are recent, all to the tier of minutes or, if that has
// already been rolled up, to the coarser one.
func (h *History) write(ctx context.Context, scope engine.Scope, now int64, all []*minute) error {
	var writers [len(resolutions)]*writer
	defer func() {
		for _, w := range writers {
			if w != nil {
				w.abort()
			}
		}
	}()
	to := func(i int) (*writer, error) {
		if writers[i] == nil {
			if err := h.open(i); err != nil {
				return nil, err
			}
			writers[i] = h.tiers[i].writer(ctx)
		}
		return writers[i], nil
	}
	put := func(i int, m *minute, at int64, sum *metric.Summary) error {
		w, err := to(i)
		if err != nil {
			return err
		}
		return w.summary(scope, m.key, at, sum)
	}
	var late []*minute
	for _, m := range all {
		if m.fine != nil && h.keepsSeconds(m, now) {
			if !m.coarse.Empty() {
				m.fine[m.start] = merged(m.fine[m.start], m.coarse)
			}
			for _, second := range sorted(m.fine) {
				sum := m.fine[second]
				if err := put(0, m, second*1000+int64(m.late), &sum); err != nil {
					return err
				}
			}
		}
		if h.state.home(m.start) > 1 {
			late = append(late, m)
			continue
		}
		if err := put(1, m, m.start*1000+int64(m.late), &m.total); err != nil {
			return err
		}
	}
	for _, m := range h.coarser(late) {
		i := h.state.home(m.start)
		if err := put(i, m, m.start*1000+(m.sealed-m.start)/60, &m.total); err != nil {
			return err
		}
	}
	for _, w := range writers {
		if w == nil {
			continue
		}
		if err := w.commit(); err != nil {
			return err
		}
		if h.unsynced {
			continue
		}
		if err := w.tier.sync(); err != nil {
			return err
		}
	}
	return nil
}

// keepsSeconds reports whether a minute's seconds are written: if they are so late that the lateness does not fit into the milliseconds of a
// second, they are recorded by the minute.
func (h *History) keepsSeconds(m *minute, now int64) bool {
	return m.late < 1000 && m.start >= h.o.Retention.seconds(now)
}

// coarser merges late minutes to the intervals of their tiers.
func (h *History) coarser(late []*minute) []*minute {
	type name struct {
		key           seriesKey
		start, sealed int64
	}
	found := map[name]*minute{}
	var out []*minute
	for _, m := range late {
		n := name{m.key, floor(m.start, resolutions[h.state.home(m.start)]), m.sealed}
		if found[n] == nil {
			found[n] = &minute{key: m.key, start: n.start, sealed: m.sealed}
			out = append(out, found[n])
		}
		found[n].total = merged(found[n].total, m.total)
	}
	return out
}

func sorted(m map[int64]metric.Summary) []int64 {
	out := make([]int64, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
