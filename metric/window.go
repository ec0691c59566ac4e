package metric

import (
	"maps"
	"slices"
	"time"
)

// Window is the hot window of one region: every series that had samples lately. Its zero value is not ready; use NewWindow.
type Window struct {
	retention time.Duration
	series    map[string]*Series
	since     int64 // Unix seconds: samples from here on are all there

	keeps   bool // what is recorded goes to a history, too
	sealed  int64
	pending []Pending
}

// NewWindow returns an empty window that keeps samples for at least the given time.
func NewWindow(retention time.Duration) *Window {
	return &Window{retention: retention, series: map[string]*Series{}}
}

// Series returns the series of a metric, making it on first use. The handle stays good for the window's life, so that
// recorders and alarms look it up once.
func (w *Window) Series(id ID) *Series {
	key := id.Key()
	s, found := w.series[key]
	if !found {
		s = &Series{id: id}
		w.series[key] = s
	}
	return s
}

// fineFor is how long samples keep a resolution of seconds. AWS: CloudWatch user guide, concepts.
const fineFor = 3 * time.Hour

// Evict drops samples older than the retention, or than the series is asked to keep, and rolls up old seconds. Series stay:
// alarms hold them.
func (w *Window) Evict(now time.Time) {
	rolled := Align(now, time.Minute).Add(-fineFor)
	w.since = max(w.since, Align(now.Add(-w.retention), time.Minute).Add(time.Minute).Unix())
	for _, s := range w.series { //tidy:unordered each is trimmed by itself
		s.Forget(now.Add(-max(w.retention, s.keep)))
		s.RollUp(rolled)
	}
}

// Find returns the series of a metric, or nil where it has none. It does not allocate.
func (w *Window) Find(id ID) *Series {
	var key [256]byte
	return w.series[string(id.AppendKey(key[:0]))]
}

// Datapoints appends a metric's datapoints to out, as Series.Datapoints does; none where there is no such metric.
func (w *Window) Datapoints(id ID, q Query, out []Datapoint) []Datapoint {
	if s := w.Find(id); s != nil {
		return s.Datapoints(q, out)
	}
	return out
}

// Units returns the units of a metric's samples from a moment on until another.
func (w *Window) Units(id ID, from, until time.Time) []string {
	if s := w.Find(id); s != nil {
		return s.Units(from, until)
	}
	return nil
}

// Filter selects metrics. Unset members match everything. A dimension without a value matches any value of its name; the
// metric must have all of them and may have more. AWS: CloudWatch API reference, ListMetrics.
type Filter struct {
	Namespace  string
	Name       string
	Dimensions []Dimension
	Since      time.Time // only metrics with a sample at this moment or later
}

// List returns the metrics that have samples and match, in the order of their keys.
func (w *Window) List(f Filter) []ID {
	var out []ID
	for _, key := range slices.Sorted(maps.Keys(w.series)) {
		if s := w.series[key]; !s.last.IsZero() && f.matches(s) {
			out = append(out, s.id)
		}
	}
	return out
}

func (f *Filter) matches(s *Series) bool {
	if f.Namespace != "" && f.Namespace != s.id.Namespace || f.Name != "" && f.Name != s.id.Name || s.last.Before(f.Since) {
		return false
	}
	for _, want := range f.Dimensions {
		if !slices.ContainsFunc(s.id.Dimensions, func(d Dimension) bool {
			return d.Name == want.Name && (want.Value == "" || d.Value == want.Value)
		}) {
			return false
		}
	}
	return true
}
