package metric

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

// State is the snapshot of a window.
type State struct {
	Retention time.Duration
	Evicted   time.Time     `json:",omitzero"`
	Series    []SeriesState // sorted by identity
	Since     int64         `json:",omitzero"`

	Keeps   bool           `json:",omitzero"` // a history is kept
	Sealed  int64          `json:",omitzero"`
	Kept    int64          `json:",omitzero"`
	Pending []PendingState `json:",omitempty"`
}

// PendingState is one Pending of a State.
type PendingState struct {
	Series int // index into State.Series
	Late   int32
	BucketState
}

// SeriesState is one series of a State.
type SeriesState struct {
	ID      ID
	Last    time.Time
	Keep    time.Duration `json:",omitzero"`
	Buckets []BucketState
}

// BucketState is the samples of one interval in one unit.
type BucketState struct {
	Start   int64 // Unix seconds
	Unit    string
	Fine    bool `json:",omitzero"` // the interval is a second, not a minute
	Summary Summary
}

// State returns the window's snapshot. Later samples do not change it.
func (w *Window) State() State {
	out := State{Retention: w.retention, Evicted: w.evicted, Since: w.since, Keeps: w.keeps, Sealed: w.sealed, Kept: w.kept}
	place := map[*Series]int{}
	for i, key := range slices.Sorted(maps.Keys(w.series)) {
		s := w.series[key]
		place[s] = i
		out.Series = append(out.Series, s.state())
	}
	for _, p := range w.pending {
		out.Pending = append(out.Pending, PendingState{place[p.Series], p.Late, BucketState{p.Start, p.Unit, p.Fine, p.Summary}})
	}
	slices.SortStableFunc(out.Pending, func(a, b PendingState) int {
		return cmp.Or(cmp.Compare(a.Series, b.Series), cmp.Compare(a.Start, b.Start), cmp.Compare(a.Late, b.Late))
	})
	return out
}

// Settings returns the snapshot of an empty window with the same settings.
func (w *Window) Settings() State { return State{Retention: w.retention} }

func (s *Series) state() SeriesState {
	out := SeriesState{ID: s.id, Last: s.Last(), Keep: s.keep}
	s.Range(math.MinInt64, math.MaxInt64, func(b BucketState) {
		b.Summary.Distribution = slices.Clone(b.Summary.Distribution)
		out.Buckets = append(out.Buckets, b)
	})
	return out
}

// FromState returns a window restored from a snapshot.
func FromState(s State) *Window {
	w := NewWindow(s.Retention)
	w.since, w.keeps, w.sealed, w.kept = s.Since, s.Keeps, s.Sealed, s.Kept
	w.evicted = s.Evicted
	for _, x := range s.Series {
		series := w.Series(x.ID)
		series.keep = x.Keep
		if !x.Last.IsZero() {
			series.last = x.Last.UnixNano()
		}
		for i := range x.Buckets {
			b := &x.Buckets[i]
			series.add(&bucket{start: b.Start, unit: series.unitCode(b.Unit), fine: b.Fine}, &b.Summary)
		}
	}
	for _, p := range s.Pending {
		w.pending = append(w.pending, Pending{w.Series(s.Series[p.Series].ID), p.Unit, p.Start, p.Fine, p.Late, p.Summary})
	}
	return w
}
