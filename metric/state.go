package metric

import (
	"maps"
	"slices"
	"time"
)

// State is a window's content in a form that can be written down and read again.
type State struct {
	Retention time.Duration
	Series    []SeriesState // sorted by identity
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
	out := State{Retention: w.retention}
	for _, key := range slices.Sorted(maps.Keys(w.series)) {
		s := w.series[key]
		state := SeriesState{ID: s.id, Last: s.last, Keep: s.keep}
		for _, b := range s.buckets {
			sum := Summary{b.sum.StatisticSet, slices.Clone(b.sum.Distribution)}
			state.Buckets = append(state.Buckets, BucketState{b.start, b.unit, b.fine, sum})
		}
		out.Series = append(out.Series, state)
	}
	return out
}

// FromState returns a window with the content that State gave.
func FromState(s State) *Window {
	w := NewWindow(s.Retention)
	for _, x := range s.Series {
		series := w.Series(x.ID)
		series.last, series.keep = x.Last, x.Keep
		for _, b := range x.Buckets {
			series.buckets = append(series.buckets, bucket{b.Start, b.Unit, b.Fine, b.Summary})
		}
	}
	return w
}
