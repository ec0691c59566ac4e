package engine

import "time"

// KeepHistory begins a history of metrics: from then on the windows hand over what is over, and forget nothing of it before it is kept.
type KeepHistory struct{}

// HistoryKept says that the history durably has all of a scope that was sealed at a moment or before.
type HistoryKept struct {
	Scope   Scope
	Through time.Time
}

// KeepsHistory reports whether a history is kept.
func (e *Engine) KeepsHistory() bool { return e.keeps }

func (KeepHistory) apply(e *Engine) (Result, error) {
	e.keeps = true
	for _, r := range e.sorted {
		r.Metrics.KeepHistory(e.now)
	}
	return nil, nil
}

func (in HistoryKept) apply(e *Engine) (Result, error) {
	if r := e.regions[in.Scope]; r != nil {
		r.Metrics.Kept(in.Through)
	}
	return nil, nil
}
