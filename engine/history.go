package engine

import "time"

// KeepHistory begins a metric history: from then on the windows hand over the samples of past minutes, and drop none before the history has
// them.
type KeepHistory struct{}

// HistoryKept says that the metric history durably has all samples of a scope that were sealed by a time.
type HistoryKept struct {
	Scope   Scope
	Through time.Time
}

// KeepsHistory reports whether a metric history is kept.
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
