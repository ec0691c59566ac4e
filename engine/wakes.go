package engine

import (
	"slices"
	"time"
)

// wakes are the moments at which endpoints that change want to be looked at. A step in which none is due costs one comparison,
// however many there are.
type wakes struct {
	at   map[string]time.Time
	next time.Time // no later than the earliest; zero where there is none
}

// set notes an endpoint's moment; the zero moment is none.
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

// due takes out the endpoints whose moment has come, by name.
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
