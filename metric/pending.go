package metric

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"time"
)

// Samples of past minutes wait here until the metric history has them. A minute is sealed sealAfter its end: what has been recorded of it
// becomes a Pending, and later samples become others, which are late. So each sample is in exactly one Pending, whose content is the same
// whenever the journal is replayed: writing one twice does no harm.
const (
	// sealAfter gives collectors that report once a minute time to do so.
	sealAfter = 2 * time.Minute

	// pendingMax bounds what waits: 20 minutes of 100,000 metrics.
	pendingMax = 2 << 20
)

// Pending is samples of one interval of a series, for the history.
type Pending struct {
	Series  *Series
	Unit    string
	Start   int64 // Unix seconds
	Fine    bool  // the interval is a second, not a minute
	Late    int32 // minutes from when the interval's minute was sealed until these were; 0 for those that came in time
	Summary Summary
}

// Sealed returns when the samples were sealed, in Unix seconds.
func (p *Pending) Sealed() int64 { return floor(p.Start, 60) + 60*(int64(p.Late)+1) }

// ErrPending refuses samples while as many wait for the history as may.
var ErrPending = errors.New("metric: the history is too far behind")

// KeepHistory has the window hand over all that it holds and all that is recorded from now on.
func (w *Window) KeepHistory(now time.Time) {
	if !w.keeps {
		w.keeps = true
		if len(w.series) == 0 {
			// What comes to a new window from before that is late: an older one may have had the moment, and the history has that.
			w.sealed = sealable(now)
			w.kept = w.sealed
		}
	}
}

func sealable(now time.Time) int64 { return floor(now.Add(-sealAfter).Unix(), 60) }

// Record records a datum, which may be late.
func (w *Window) Record(d *Datum) {
	s := w.Series(d.ID)
	fine := d.Resolution < StandardResolution
	start := floor(d.At.Unix(), int64(d.Resolution/time.Second))
	if late := (w.sealed - floor(start, 60)) / 60; w.keeps && late > 0 && !d.Summary.Empty() {
		sum := Summary{d.Summary.StatisticSet, slices.Clone(d.Summary.Distribution)}
		w.pending = append(w.pending, Pending{s, d.Unit, start, fine, int32(late), sum})
	}
	s.Record(d.At, d.Resolution, d.Unit, &d.Summary)
}

// Behind reports whether as much waits for the history as may: data is refused with ErrPending, and nothing more is sealed.
func (w *Window) Behind() bool { return len(w.pending) >= pendingMax }

// Seal seals the minutes that are due.
func (w *Window) Seal(now time.Time) {
	until := sealable(now)
	if !w.keeps || until <= w.sealed || w.Behind() {
		return
	}
	for _, s := range w.series { //tidy:unordered each Pending stands for itself
		s.Range(w.sealed, until, func(b BucketState) {
			sum := Summary{b.Summary.StatisticSet, slices.Clone(b.Summary.Distribution)}
			w.pending = append(w.pending, Pending{s, b.Unit, b.Start, b.Fine, 0, sum})
		})
	}
	w.sealed = until
}

// Sealed returns the end of the last minute that is sealed.
func (w *Window) Sealed() time.Time { return time.Unix(w.sealed, 0).UTC() }

// Sealable reports whether there are samples that Seal would hand over, or late ones that would be complete.
func (w *Window) Sealable(now time.Time) bool {
	until := sealable(now)
	if !w.keeps || until <= w.sealed || w.Behind() {
		return false
	}
	for _, s := range w.series { //tidy:unordered any of them
		if s.Last().Unix() >= w.sealed {
			return true
		}
	}
	return slices.ContainsFunc(w.pending, func(p Pending) bool { return p.Sealed() > w.sealed })
}

// Pending returns what waits for the history. It is not changed afterwards, so that the history may read it later. Those whose Sealed is
// after the window's are not complete yet.
func (w *Window) Pending() []Pending { return slices.Clip(w.pending) }

// Kept drops what the history has: what was sealed by a time.
func (w *Window) Kept(through time.Time) {
	var left []Pending
	for i := range w.pending {
		if w.pending[i].Sealed() > through.Unix() {
			left = append(left, w.pending[i])
		}
	}
	w.pending = left
	w.kept = max(w.kept, through.Unix())
}

// KeptThrough returns the time up to which the history has what was sealed.
func (w *Window) KeptThrough() time.Time { return time.Unix(w.kept, 0).UTC() }

// Since returns the time from which the window holds every sample; older ones are in the history alone.
func (w *Window) Since() time.Time { return time.Unix(w.since, 0).UTC() }

// Recall adds to a series all samples of the history from a time until the window's beginning, for an alarm that looks back further than the
// window does. The series must Keep them.
func (w *Window) Recall(id ID, from time.Time, samples []BucketState) {
	s := w.Series(id)
	var all []BucketState
	s.Range(math.MinInt64, math.MaxInt64, func(b BucketState) {
		if b.Start < from.Unix() || b.Start >= w.since {
			b.Summary.Distribution = slices.Clone(b.Summary.Distribution)
			all = append(all, b)
		}
	})
	for _, b := range samples {
		if b.Start >= from.Unix() && b.Start < w.since {
			all = append(all, b)
		}
	}
	slices.SortStableFunc(all, func(a, b BucketState) int { return cmp.Compare(a.Start, b.Start) })
	s.blocks, s.recent = nil, nil
	for i := range all {
		s.add(&bucket{start: all[i].Start, unit: s.unitCode(all[i].Unit), fine: all[i].Fine}, &all[i].Summary)
	}
}

// Open appends what is not sealed yet as if it were.
func (w *Window) Open(out []Pending) []Pending {
	for _, s := range w.series { //tidy:unordered each Pending stands for itself
		s.Range(w.sealed, math.MaxInt64, func(b BucketState) {
			sum := Summary{b.Summary.StatisticSet, slices.Clone(b.Summary.Distribution)}
			out = append(out, Pending{s, b.Unit, b.Start, b.Fine, 0, sum})
		})
	}
	return out
}
