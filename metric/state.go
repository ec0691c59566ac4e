package metric

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// State is a window's content in a form that can be written down and read again.
type State struct {
	Retention time.Duration
	Series    []SeriesState // sorted by identity
	Since     int64         `json:",omitzero"`

	Keeps   bool           `json:",omitzero"` // a history is kept
	Sealed  int64          `json:",omitzero"`
	Pending []PendingState `json:",omitempty"`
}

// PendingState is one Pending of a State.
type PendingState struct {
	Series int // its place among the state's
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

// State returns the window's content. It shares nothing that later samples change.
func (w *Window) State() State {
	out := State{Retention: w.retention, Since: w.since, Keeps: w.keeps, Sealed: w.sealed}
	place := map[*Series]int{}
	for i, key := range slices.Sorted(maps.Keys(w.series)) {
		s := w.series[key]
		place[s] = i
		state := SeriesState{ID: s.id, Last: s.last, Keep: s.keep}
		for _, b := range s.buckets {
			sum := Summary{b.sum.StatisticSet, slices.Clone(b.sum.Distribution)}
			state.Buckets = append(state.Buckets, BucketState{b.start, b.unit, b.fine, sum})
		}
		out.Series = append(out.Series, state)
	}
	for _, p := range w.pending {
		out.Pending = append(out.Pending, PendingState{place[p.Series], p.Late, BucketState{p.Start, p.Unit, p.Fine, p.Summary}})
	}
	slices.SortStableFunc(out.Pending, func(a, b PendingState) int {
		return cmp.Or(cmp.Compare(a.Series, b.Series), cmp.Compare(a.Start, b.Start), cmp.Compare(a.Late, b.Late))
	})
	return out
}

// FromState returns a window with the content that State gave.
func FromState(s State) *Window {
	w := NewWindow(s.Retention)
	w.since, w.keeps, w.sealed = s.Since, s.Keeps, s.Sealed
	for _, x := range s.Series {
		series := w.Series(x.ID)
		series.last, series.keep = x.Last, x.Keep
		for _, b := range x.Buckets {
			series.buckets = append(series.buckets, bucket{b.Start, b.Unit, b.Fine, b.Summary})
		}
	}
	for _, p := range s.Pending {
		w.pending = append(w.pending, Pending{w.Series(s.Series[p.Series].ID), p.Unit, p.Start, p.Fine, p.Late, p.Summary})
	}
	return w
}
