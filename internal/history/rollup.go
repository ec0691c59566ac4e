package history

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"

	"bellows.dev/bellows/metric"
)

// slice is the length of a tier's roll-up: a fifteenth of its retention, so that a tier keeps samples little longer than needed, and
// less than the TSDB's out-of-order window, so that a slice can be repeated.
func slice(r Retention, i int) int64 {
	if i == 0 || i == len(resolutions)-1 {
		return 0
	}
	n := min(int64(r[i].Seconds())/15, int64(lateMax.Seconds())/2)
	return max(floor(n, resolutions[i+1]), resolutions[i+1])
}

// rollUp moves samples older than a tier's retention to the next tier, slice by slice. A tier is complete up to the same time whether or not
// it had samples: later samples of earlier times are written to the tier with the rolled-up samples.
func (h *History) rollUp(ctx context.Context, now int64) error {
	for i := 1; i < len(resolutions)-1; i++ {
		t := h.tiers[i]
		if t.db == nil {
			continue
		}
		until := now - int64(h.o.Retention[i].Seconds())
		for {
			end, ok := h.nextSlice(i, until)
			if !ok {
				break
			}
			h.state.Rolling[i] = end
			if err := h.state.write(h.o.Dir, h.unsynced); err != nil {
				return err
			}
			if err := h.rollSlice(ctx, i); err != nil {
				return err
			}
		}
		if done := floor(until, t.slice); done > h.state.Rolled[i] {
			if err := h.rolledUpTo(i, done); err != nil {
				return err
			}
		}
	}
	return nil
}

// nextSlice returns the end of a tier's next slice that ends at or before a time. Ranges without samples are skipped. Slices end at multiples of
// their length, independent of their start, since the length may have been different with an earlier retention.
func (h *History) nextSlice(i int, until int64) (int64, bool) {
	t := h.tiers[i]
	oldest, any := t.after(h.state.Rolled[i])
	if !any {
		return 0, false
	}
	end := floor(max(h.state.Rolled[i], oldest), t.slice) + t.slice
	return end, end <= until
}

// redo finishes slices that were in progress when the last server ended. Nothing may be written before.
func (h *History) redo(ctx context.Context) error {
	for i := 1; i < len(resolutions)-1; i++ {
		if h.state.Rolling[i] <= h.state.Rolled[i] || h.tiers[i].db == nil {
			continue
		}
		if err := h.rollSlice(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// rollSlice rolls up the slice in progress and publishes it.
func (h *History) rollSlice(ctx context.Context, i int) error {
	source, from, until := h.tiers[i], h.state.Rolled[i], h.state.Rolling[i]
	q, err := source.db.Querier(from*1000, until*1000-1)
	if err != nil {
		return fmt.Errorf("rolling up %d s: %w", source.resolution, err)
	}
	defer q.Close() //nolint:errcheck // it was read to the end, or there is another error
	set := q.Select(ctx, false, nil, labels.MustNewMatcher(labels.MatchRegexp, LabelMetric, ".+"))
	var w *writer
	defer func() {
		if w != nil {
			w.abort()
		}
	}()
	var d decoder
	for set.Next() {
		if w == nil {
			if err := h.open(i + 1); err != nil {
				return err
			}
			w = h.tiers[i+1].writer(ctx)
		}
		if err := w.rolled(set.At(), &d); err != nil {
			source.suspect(d.it.Err())
			return err
		}
	}
	if err := set.Err(); err != nil {
		source.suspect(err)
		return fmt.Errorf("rolling up %d s: %w", source.resolution, err)
	}
	if w != nil {
		if err := w.commit(); err != nil {
			return err
		}
		if err := h.tiers[i+1].seal(from, until); err != nil {
			return err
		}
	}
	return h.rolledUpTo(i, until)
}

// rolledUpTo publishes that the coarser tier contains a tier's samples before a time.
func (h *History) rolledUpTo(i int, until int64) error {
	next := h.state
	next.Rolled[i] = until
	if err := next.write(h.o.Dir, h.unsynced); err != nil {
		return err
	}
	h.mu.Lock()
	h.state = next
	h.mu.Unlock()
	h.generation.Add(1)
	h.tiers[i].rolled.Store(until * 1000)
	return nil
}

// rolled writes one series' samples, merged to the intervals of the writer's tier.
func (w *writer) rolled(s storage.Series, d *decoder) error {
	ls := s.Labels()
	_, _, _, kind, ok := Identify(ls)
	if !ok {
		return nil
	}
	var ref storage.SeriesRef
	start, sum := int64(math.MinInt64), value{}
	flush := func() error {
		if start == math.MinInt64 {
			return nil
		}
		return w.sample(&ref, func() labels.Labels { return ls }, start*1000, sum.v, sum.histogram(kind))
	}
	d.begin(s)
	for at, v, ok := d.next(); ok; at, v, ok = d.next() {
		if s := floor(floor(at, 1000)/1000, w.tier.resolution); s != start {
			if err := flush(); err != nil {
				return err
			}
			start, sum = s, v
			continue
		}
		sum = sum.join(kind, v)
	}
	if err := d.it.Err(); err != nil {
		return fmt.Errorf("rolling up to %d s: %w", w.tier.resolution, err)
	}
	return flush()
}

// seal writes a slice that was just written as a block, so that an idle tier takes no memory.
func (t *tier) seal(from, until int64) error {
	head := t.db.Head()
	if head.MinTime() >= until*1000 || head.MaxTime() < from*1000 {
		return t.sync()
	}
	t.changed = true
	if err := t.guard(false, func() error {
		return t.db.CompactHead(tsdb.NewRangeHead(head, max(head.MinTime(), 0), until*1000-1))
	}); err != nil {
		return fmt.Errorf("sealing the history of %d s: %w", t.resolution, err)
	}
	return t.sync()
}

// value is the value of a sample: a number or, for a Distribution, buckets with their count and sum.
type value struct {
	v    float64
	dist *dist
}

type dist struct {
	count, sum float64
	buckets    metric.Distribution
}

// join adds two samples of one interval.
func (a value) join(kind Kind, b value) value {
	switch kind {
	case Minimum:
		return value{v: min(a.v, b.v)}
	case Maximum:
		return value{v: max(a.v, b.v)}
	case Distribution:
		out := &dist{a.dist.count + b.dist.count, a.dist.sum + b.dist.sum, slices.Clone(a.dist.buckets)}
		out.buckets.Merge(b.dist.buckets)
		return value{dist: out}
	default:
		return value{v: a.v + b.v}
	}
}

// dropBefore returns the time in seconds before which a tier's samples are no longer needed.
func (h *History) dropBefore(i int, now int64) int64 {
	before := now - int64(h.o.Retention[i].Seconds())
	if i == 0 {
		before = h.o.Retention.seconds(now)
	}
	if i > 0 && i < len(resolutions)-1 {
		before = min(before, h.state.Rolled[i])
	}
	return before
}

// dropOld drops the samples of each tier that are no longer needed.
func (h *History) dropOld(ctx context.Context, now int64) error {
	for i, t := range h.tiers {
		t.dropBefore.Store(h.dropBefore(i, now) * 1000)
		if err := errors.Join(t.rest(ctx), t.maintain(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// rest releases a tier's memory if all its samples are too old; without new samples the TSDB would not.
func (t *tier) rest(ctx context.Context) error {
	if t.db == nil || t.db.Head().NumSeries() == 0 {
		return nil
	}
	head, before := t.db.Head(), t.dropBefore.Load()
	if head.MaxTime() >= before || head.MaxOOOTime() >= before {
		return nil
	}
	t.changed = true
	if err := t.guard(false, func() error {
		if err := t.db.CompactHead(tsdb.NewRangeHead(head, head.MinTime(), head.MaxTime())); err != nil {
			return err
		}
		return t.db.CompactOOOHead(ctx)
	}); err != nil {
		return fmt.Errorf("dropping old history of %d s: %w", t.resolution, err)
	}
	return nil
}
