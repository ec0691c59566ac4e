package metric

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"time"
)

// Samples that are over wait here until the history has them. A minute is sealed sealAfter its end: what was recorded of it is handed
// over as it stands, and what comes later is handed over beside it, as late. So each sample is in exactly one Pending, whose content
// is the same whenever the past is decided again: writing one twice does no harm.
const (
	// sealAfter leaves collectors that report once a minute the time to do so.
	sealAfter = 2 * time.Minute

	// pendingMax bounds what waits: the samples of 100,000 metrics for 20 minutes.
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

// ErrPending refuses samples while more of them wait for the history than there is room for.
var ErrPending = errors.New("metric: the history is too far behind")

// KeepHistory makes the window hand over what is recorded from a moment on, and all that it holds.
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

// Record records a datum that may be late.
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

// Behind reports whether so much waits for the history that data is refused with ErrPending, and nothing more is sealed.
func (w *Window) Behind() bool { return len(w.pending) >= pendingMax }

// Seal hands over the minutes that are over.
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

// Sealed returns the end of the minutes that are sealed.
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

// Pending returns what waits for the history. It does not change any more: the history may read it at leisure. Those that are sealed
// after Sealed are not complete yet.
func (w *Window) Pending() []Pending { return slices.Clip(w.pending) }

// Kept drops what the history has: what was sealed at a moment or before.
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

// KeptThrough returns the moment up to which the history has what was sealed.
func (w *Window) KeptThrough() time.Time { return time.Unix(w.kept, 0).UTC() }

// Since returns the moment from which on the window holds every sample; before it, only the history does.
func (w *Window) Since() time.Time { return time.Unix(w.since, 0).UTC() }

// Recall gives a series all samples from a moment until the window's beginning, as the history has them: for an alarm that looks further
// back than the window did. The series is to Keep them.
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

// Open appends what is not sealed yet, as if it were.
func (w *Window) Open(out []Pending) []Pending {
	for _, s := range w.series { //tidy:unordered each Pending stands for itself
		s.Range(w.sealed, math.MaxInt64, func(b BucketState) {
			sum := Summary{b.Summary.StatisticSet, slices.Clone(b.Summary.Distribution)}
			out = append(out, Pending{s, b.Unit, b.Start, b.Fine, 0, sum})
		})
	}
	return out
}
