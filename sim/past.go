package sim

import (
	"slices"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// pastKept is the retention of a world's metric history.
const pastKept = 15 * 24 * time.Hour

// Remember adds samples to the world's metric history from before the start of the engine.
func (w *World) Remember(id metric.ID, at time.Time, s metric.Summary) {
	w.past.Series(id).Record(at, metric.StandardResolution, "None", &s)
}

// remind responds to the engine's requests for metric history.
func (w *World) remind(events []engine.Event) error {
	for _, e := range events {
		if asked, ok := e.(engine.HistoryWanted); ok {
			if _, err := w.Do(engine.ReadHistory(asked, memory{w.past, w.Engine.Region(asked.Scope).Metrics})); err != nil {
				return err
			}
		}
	}
	return nil
}

// memory is an expr.Source over the metric history and the engine's window.
type memory struct{ past, present *metric.Window }

// Datapoints reads each period from its source.
func (m memory) Datapoints(id metric.ID, q metric.Query, out []metric.Datapoint) []metric.Datapoint {
	from := len(out)
	out = m.past.Datapoints(id, q, out)
	if len(out) == from {
		return m.present.Datapoints(id, q, out)
	}
	for i, p := range m.present.Datapoints(id, q, nil) {
		if !p.Missing {
			out[from+i] = p
		}
	}
	return out
}

// Units returns the units of both.
func (m memory) Units(id metric.ID, from, until time.Time) []string {
	units := m.past.Units(id, from, until)
	for _, u := range m.present.Units(id, from, until) {
		if !slices.Contains(units, u) {
			units = append(units, u)
		}
	}
	return units
}

// List returns the metrics of both.
func (m memory) List(f metric.Filter) []metric.ID {
	all := append(m.past.List(f), m.present.List(f)...)
	slices.SortFunc(all, func(a, b metric.ID) int {
		switch {
		case a.Key() < b.Key():
			return -1
		case a.Key() > b.Key():
			return 1
		default:
			return 0
		}
	})
	return slices.CompactFunc(all, func(a, b metric.ID) bool { return a.Key() == b.Key() })
}
