package metric

import (
	"slices"
	"time"
)

// Window is the hot window of one region: every series that had samples lately. Its zero value is not ready; use NewWindow.
type Window struct {
	retention time.Duration
	evicted   time.Time // when it was last gone through
	series    map[string]*Series
	since     int64 // Unix seconds: samples from here on are all there

	keeps   bool  // what is recorded goes to a history, too
	sealed  int64 // Unix seconds
	kept    int64 // Unix seconds
	pending []Pending
}

// NewWindow returns an empty window that keeps samples for at least the given time, and for a quarter of an hour more at most.
func NewWindow(retention time.Duration) *Window {
	return &Window{retention: retention, series: map[string]*Series{}}
}

// keyMax is how long keys usually are at most; longer ones are looked up a little more slowly.
const keyMax = 256

// Series returns the series of a metric, making it on first use. The handle stays good until Evict says that it removed series, so that
// recorders look it up once; for those that alarms look at, which Keep, for the window's life.
func (w *Window) Series(id ID) *Series {
	if s := w.Find(id); s != nil {
		return s
	}
	key := id.Key()
	s := &Series{id: id.within(key)}
	w.series[key] = s
	return s
}

// Find returns the series of a metric, or nil where it has none. It does not allocate, save for keys that are longer than keyMax.
func (w *Window) Find(id ID) *Series {
	var space [keyMax]byte
	return w.series[string(id.AppendKey(space[:0]))]
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

// Len returns how many series there are.
func (w *Window) Len() int { return len(w.series) }

const (
	// fineFor is how long samples keep a resolution of seconds. AWS: CloudWatch user guide, concepts.
	fineFor = 3 * time.Hour

	// listedFor is how long a metric without samples is there. AWS: ListMetrics: metrics without data for two weeks are not returned.
	listedFor = 14 * 24 * time.Hour

	// evictEvery is how often a window is gone through.
	evictEvery = 5 * time.Minute
)

// Evictable reports whether Evict has something to do.
func (w *Window) Evictable(now time.Time) bool { return Align(now, evictEvery).After(w.evicted) }

// Release forgets what was asked with Keep. Those who still need samples are to ask anew before Evict.
func (w *Window) Release() {
	for _, s := range w.series { //tidy:unordered each by itself
		s.keep = 0
	}
}

// Evict drops samples older than the retention, or than the series is asked to keep, if the history has them where one is kept, and rolls
// up old seconds. Now and then it does: it is to be called often. Series without samples for two weeks that no alarm looks at are removed;
// it reports whether there were any.
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
	for i := range w.pending { // what waits for the history names its series
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
	Since      time.Time // only metrics with a sample at this moment or later

	// Match, where it is set, says whether a metric is wanted that all else matches.
	Match func(id ID) bool
}

// List returns the metrics that have samples and match, in no order: callers sort what they keep, which may be few of them.
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
