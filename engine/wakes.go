package engine

import (
	"slices"
	"time"
)

// wakes are the times at which endpoints that are not at rest must be reconciled. A step in which none is due costs one comparison, however
// many there are.
type wakes struct {
	at   map[string]time.Time
	next time.Time // no later than the earliest; zero where there is none
}

// set sets an endpoint's time; zero removes it.
func (w *wakes) set(name string, at time.Time) {
	if at.IsZero() {
		delete(w.at, name)
		return
	}
	w.at[name] = at
	if w.next.IsZero() || at.Before(w.next) {
		w.next = at
	}
}

// due removes the endpoints that are due and returns them by name.
func (w *wakes) due(now time.Time) []string {
	if w.next.IsZero() || now.Before(w.next) {
		return nil
	}
	var names []string
	w.next = time.Time{}
	for name, at := range w.at { //tidy:unordered sorted below; the earliest of all
		if !now.Before(at) {
			names = append(names, name)
		} else if w.next.IsZero() || at.Before(w.next) {
			w.next = at
		}
	}
	slices.Sort(names)
	for _, name := range names {
		delete(w.at, name)
	}
	return names
}
