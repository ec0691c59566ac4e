package metric

import (
	"slices"
	"time"
)

// Window is the hot window of one scope: the recent samples of every metric. Its zero value is not ready; use NewWindow.
type Window struct {
	retention time.Duration
	evicted   time.Time // when Evict last did something
	series    map[string]*Series
	since     int64 // Unix seconds: the window has all samples from then on

	keeps   bool  // a history is kept: what is recorded goes there, too
	sealed  int64 // Unix seconds
	kept    int64 // Unix seconds
	pending []Pending
}

// NewWindow returns an empty window that keeps samples for at least the given time, and at most a quarter of an hour more.
func NewWindow(retention time.Duration) *Window {
	return &Window{retention: retention, series: map[string]*Series{}}
}

// keyMax is the length of keys up to which a lookup does not allocate.
const keyMax = 256

// Series returns the series of a metric, creating it on first use. The pointer is valid until Evict reports that it removed series, or for
// the window's life where the series is one that someone has asked to Keep: so it is looked up once.
func (w *Window) Series(id ID) *Series {
	if s := w.Find(id); s != nil {
		return s
	}
	key := id.Key()
	s := &Series{id: id.within(key)}
	w.series[key] = s
	return s
}

// Find returns the series of a metric, or nil where it has none. It does not allocate, except for keys longer than keyMax.
func (w *Window) Find(id ID) *Series {
	var space [keyMax]byte
	return w.series[string(id.AppendKey(space[:0]))]
}

// Datapoints appends a metric's datapoints to out, as Series.Datapoints does; none where the metric has no series.
func (w *Window) Datapoints(id ID, q Query, out []Datapoint) []Datapoint {
	if s := w.Find(id); s != nil {
		return s.Datapoints(q, out)
	}
	return out
}

// Units returns the units of a metric's samples from a time until another.
func (w *Window) Units(id ID, from, until time.Time) []string {
	if s := w.Find(id); s != nil {
		return s.Units(from, until)
	}
	return nil
}

// Len returns how many series there are.
func (w *Window) Len() int { return len(w.series) }

const (
	// fineFor is how long samples keep a resolution of seconds. AWS: CloudWatch user guide, concepts.
	fineFor = 3 * time.Hour

	// listedFor is how long a metric without new samples exists. AWS: ListMetrics: metrics without data for two weeks are not returned.
	listedFor = 14 * 24 * time.Hour

	// evictEvery is how often Evict does something.
	evictEvery = 5 * time.Minute
)

// Evictable reports whether Evict has something to do.
func (w *Window) Evictable(now time.Time) bool { return Align(now, evictEvery).After(w.evicted) }

// Release ends what Keep asked for. Those who still need old samples call Keep again before Evict.
func (w *Window) Release() {
	for _, s := range w.series { //tidy:unordered each by itself
		s.keep = 0
	}
}

// Evict drops samples that are older than the retention and than their series was asked to keep, unless a history is kept that does not have
// them yet, and rolls up old seconds. It removes series that had no samples for two weeks and were not asked to keep any, and reports whether
// there were any. It is called often, and does this every few minutes.
func (w *Window) Evict(now time.Time) (removed bool) {
	if !w.Evictable(now) {
		return false
	}
	at := Align(now, evictEvery)
	w.evicted = at
	bound := at.Add(-w.retention)
	if sealed := w.Sealed(); w.keeps && sealed.Before(bound) {
		bound = sealed
	}
	w.since = max(w.since, floor(bound.Unix(), span))
	idle := map[string]*Series{}
	for key, s := range w.series { //tidy:unordered each is trimmed by itself
		s.Forget(earlier(bound, at.Add(-s.keep)))
		s.RollUp(at.Add(-fineFor))
		if s.keep == 0 && s.Last().Before(at.Add(-listedFor)) {
			idle[key] = s
		}
	}
	if len(idle) == 0 {
		return false
	}
	for i := range w.pending { // what waits for the history refers to its series
		delete(idle, w.pending[i].Series.id.Key())
	}
	for key := range idle { //tidy:unordered all of them go
		delete(w.series, key)
	}
	return len(idle) > 0
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Filter selects metrics. Unset members match everything. A dimension without a value matches any value of its name; the
// metric must have all of them and may have more. AWS: CloudWatch API reference, ListMetrics.
type Filter struct {
	Namespace  string
	Name       string
	Dimensions []Dimension
	Since      time.Time // only metrics with a sample at this time or later

	// Match, where it is set, reports whether to select a metric that matches everything else.
	Match func(id ID) bool
}

// List returns the metrics that have samples and match, in no order: callers sort those they keep, which may be few.
func (w *Window) List(f Filter) []ID {
	var out []ID
	for _, s := range w.series { //tidy:unordered as the comment says
		if s.last != 0 && f.matches(s) {
			out = append(out, s.id)
		}
	}
	return out
}

func (f *Filter) matches(s *Series) bool {
	if f.Namespace != "" && f.Namespace != s.id.Namespace || f.Name != "" && f.Name != s.id.Name || s.Last().Before(f.Since) {
		return false
	}
	for _, want := range f.Dimensions {
		if !slices.ContainsFunc(s.id.Dimensions, func(d Dimension) bool {
			return d.Name == want.Name && (want.Value == "" || d.Value == want.Value)
		}) {
			return false
		}
	}
	return f.Match == nil || f.Match(s.id)
}
