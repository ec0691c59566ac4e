package history

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

var (
	_ storage.Queryable = (*History)(nil)
	_ storage.Querier   = (*querier)(nil)
)

// recent contains the samples that are only in memory: not sealed, or not written. It is renewed when it is old.
type recent struct {
	mu         sync.Mutex
	made       time.Time // wall time
	generation int64
	snapshot   *snapshot
}

// snapshotFor is how long one copy of memory is used for all queries, since alarms and dashboards send many at once.
const snapshotFor = 500 * time.Millisecond

// snapshot is a copy of the samples in memory.
type snapshot struct {
	now     time.Time
	kept    map[engine.Scope]int64
	metrics []recentMetric
}

// recentMetric is a metric's samples in one unit.
type recentMetric struct {
	scope   engine.Scope
	key     seriesKey
	minutes []*minute
}

// look returns a current snapshot.
func (h *History) look(ctx context.Context) (*snapshot, error) {
	h.recent.mu.Lock()
	defer h.recent.mu.Unlock()
	if s := h.recent.snapshot; s != nil && h.recent.generation == h.generation.Load() && time.Since(h.recent.made) < snapshotFor {
		return s, nil
	}
	s := &snapshot{kept: map[engine.Scope]int64{}}
	generation := h.generation.Load()
	open := map[engine.Scope][]metric.Pending{}
	if err := h.o.View(ctx, func(now time.Time, e *engine.Engine) {
		s.now = now
		for _, r := range e.Regions() {
			kept := r.Metrics.KeptThrough().Unix()
			s.kept[r.Scope] = kept
			var all []metric.Pending
			for _, p := range r.Metrics.Pending() {
				if p.Sealed() > kept {
					all = append(all, p)
				}
			}
			open[r.Scope] = r.Metrics.Open(all)
		}
	}); err != nil {
		return nil, err
	}
	for scope, pending := range open {
		at := map[seriesKey]int{}
		for _, m := range minutes(pending, now(s).Unix()) {
			i, found := at[m.key]
			if !found {
				i = len(s.metrics)
				at[m.key] = i
				s.metrics = append(s.metrics, recentMetric{scope: scope, key: m.key})
			}
			s.metrics[i].minutes = append(s.metrics[i].minutes, m)
		}
	}
	h.recent.snapshot, h.recent.generation, h.recent.made = s, generation, time.Now()
	return s, nil
}

// now is later than the sealing of anything in a snapshot.
func now(s *snapshot) time.Time { return s.now.Add(100 * day) }

// label returns the value of a label of a metric's series of a kind.
func (h *History) label(m *recentMetric, kind Kind, name string) string {
	id := m.key.series.ID()
	switch name {
	case model.MetricNameLabel:
		return h.name(id) + suffixes[kind]
	case LabelAccount:
		return m.scope.Account
	case LabelRegion:
		return m.scope.Region
	case LabelNamespace:
		return id.Namespace
	case LabelMetric:
		return id.Name
	default:
		return Labels(m.scope, id, m.key.unit, kind).Get(name)
	}
}

// name returns Name, cached per metric.
func (h *History) name(id metric.ID) string {
	key := [2]string{id.Namespace, id.Name}
	if s, found := h.names.Load(key); found {
		return s.(string)
	}
	s := Name(id.Namespace, id.Name)
	h.names.Store(key, s)
	return s
}

// matching returns the matching series in memory in the form that they have on disk.
func (h *History) matching(s *snapshot, seconds, from, until int64, ms []*labels.Matcher) []series {
	var out []series
	for i := range s.metrics {
		m := &s.metrics[i]
		for kind := range kinds {
			if !slices.ContainsFunc(ms, func(x *labels.Matcher) bool { return !x.Matches(h.label(m, kind, x.Name)) }) {
				x := series{kind: kind}
				for _, minute := range m.minutes {
					x.intervals = minute.intervals(x.intervals, kind, seconds, from, until)
				}
				if len(x.intervals) > 0 {
					x.labels = Labels(m.scope, m.key.series.ID(), m.key.unit, kind)
					out = append(out, x)
				}
			}
		}
	}
	return out
}

// intervals appends a minute's values of a kind: by second if they are recent and exist.
func (m *minute) intervals(out []interval, kind Kind, seconds, from, until int64) []interval {
	add := func(start, resolution int64, sum *metric.Summary) {
		if start < from || start >= until || kind == Distribution && len(sum.Distribution) == 0 {
			return
		}
		out = append(out, interval{start, resolution, valueOf(kind, sum)})
	}
	if m.fine == nil || m.start < seconds {
		add(m.start, 60, &m.total)
		return out
	}
	if !m.coarse.Empty() {
		add(m.start, 60, &m.coarse)
	}
	for _, second := range sorted(m.fine) {
		sum := m.fine[second]
		add(second, 1, &sum)
	}
	return out
}

func valueOf(kind Kind, s *metric.Summary) value {
	switch kind {
	case Sum:
		return value{v: s.Sum}
	case Count:
		return value{v: s.Count}
	case Minimum:
		return value{v: s.Min}
	case Maximum:
		return value{v: s.Max}
	default:
		return value{dist: &dist{s.Count, s.Sum, s.Distribution}}
	}
}

// Querier implements storage.Queryable: the metrics of all scopes, in memory and on disk, with each interval as one sample at its start.
func (h *History) Querier(mint, maxt int64) (storage.Querier, error) {
	return &querier{h: h, from: floor(mint+999, 1000) / 1000, until: floor(maxt, 1000)/1000 + 1}, nil
}

// querier reads memory and opens the tiers on first use, when it has a context.
type querier struct {
	h           *History
	from, until int64 // Unix seconds

	once     sync.Once
	err      error
	snapshot *snapshot
	past     *past
}

func (q *querier) open(ctx context.Context) error {
	q.once.Do(func() {
		if q.snapshot, q.err = q.h.look(ctx); q.err == nil {
			q.past, q.err = q.h.openPast(ctx, q.snapshot.now, q.snapshot.kept, q.from, q.until)
		}
	})
	return q.err
}

// read returns the matching series of memory and disk, sorted.
func (q *querier) read(ctx context.Context, ms []*labels.Matcher) ([]series, error) {
	if err := q.open(ctx); err != nil {
		return nil, err
	}
	all, err := q.past.read(ctx, selection{matchers: ms, from: q.from, until: q.until, identify: identify})
	if err != nil {
		return nil, err
	}
	all = append(all, q.h.matching(q.snapshot, q.past.seconds, q.from, q.until, ms)...)
	slices.SortStableFunc(all, func(a, b series) int { return labels.Compare(a.labels, b.labels) })
	out := all[:0]
	for _, s := range all {
		if n := len(out); n > 0 && labels.Equal(out[n-1].labels, s.labels) {
			out[n-1].intervals = joined(s.kind, append(out[n-1].intervals, s.intervals...))
			continue
		}
		s.intervals = joined(s.kind, s.intervals)
		out = append(out, s)
	}
	return out, nil
}

func identify(ls labels.Labels) (engine.Scope, Kind, bool) {
	scope, _, _, kind, ok := Identify(ls)
	return scope, kind, ok
}

// Select implements storage.Querier.
func (q *querier) Select(ctx context.Context, _ bool, _ *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	all, err := q.read(ctx, ms)
	if err != nil {
		return storage.ErrSeriesSet(err)
	}
	return &set{all: all}
}

// set is a storage.SeriesSet; samples are computed when a series is reached.
type set struct {
	all []series
	at  int
}

func (s *set) Next() bool {
	s.at++
	return s.at <= len(s.all)
}

func (s *set) At() storage.Series {
	x := &s.all[s.at-1]
	samples := make([]chunks.Sample, len(x.intervals))
	for i, iv := range x.intervals {
		samples[i] = sample{iv.start * 1000, iv.value.v, iv.value.histogram(x.kind)}
	}
	return storage.NewListSeries(x.labels, samples)
}

func (*set) Err() error { return nil }

func (*set) Warnings() annotations.Annotations { return nil }

// sample is a chunks.Sample.
type sample struct {
	t int64
	v float64
	h *histogram.FloatHistogram
}

func (s sample) T() int64                      { return s.t }
func (sample) ST() int64                       { return 0 }
func (s sample) F() float64                    { return s.v }
func (sample) H() *histogram.Histogram         { return nil }
func (s sample) FH() *histogram.FloatHistogram { return s.h }

func (s sample) Type() chunkenc.ValueType {
	if s.h != nil {
		return chunkenc.ValFloatHistogram
	}
	return chunkenc.ValFloat
}

func (s sample) Copy() chunks.Sample {
	if s.h != nil {
		s.h = s.h.Copy()
	}
	return s
}

// LabelValues implements storage.LabelQuerier.
func (q *querier) LabelValues(
	ctx context.Context, name string, hints *storage.LabelHints, ms ...*labels.Matcher,
) ([]string, annotations.Annotations, error) {
	return q.texts(ctx, hints, func(x storage.Querier) ([]string, annotations.Annotations, error) {
		return x.LabelValues(ctx, name, nil, ms...)
	}, func(ls labels.Labels) []string {
		if v := ls.Get(name); v != "" {
			return []string{v}
		}
		return nil
	}, ms)
}

// LabelNames implements storage.LabelQuerier.
func (q *querier) LabelNames(ctx context.Context, hints *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return q.texts(ctx, hints, func(x storage.Querier) ([]string, annotations.Annotations, error) {
		return x.LabelNames(ctx, nil, ms...)
	}, func(ls labels.Labels) []string {
		var names []string
		ls.Range(func(l labels.Label) { names = append(names, l.Name) })
		return names
	}, ms)
}

// texts merges label names or values of tiers and memory.
func (q *querier) texts(
	ctx context.Context, hints *storage.LabelHints, disk func(storage.Querier) ([]string, annotations.Annotations, error),
	of func(labels.Labels) []string, ms []*labels.Matcher,
) ([]string, annotations.Annotations, error) {
	if err := q.open(ctx); err != nil {
		return nil, nil, err
	}
	found := map[string]bool{}
	for _, x := range q.past.tiers {
		if x.Querier == nil {
			continue
		}
		texts, _, err := disk(x.Querier)
		if err != nil {
			x.tier.suspect(err)
			return nil, nil, err
		}
		for _, s := range texts {
			found[string(append([]byte(nil), s...))] = true // the tier's strings are valid only until its querier is closed
		}
	}
	for _, s := range q.h.matching(q.snapshot, q.past.seconds, q.from, q.until, ms) {
		for _, text := range of(s.labels) {
			found[text] = true
		}
	}
	out := slices.Sorted(maps.Keys(found))
	if hints != nil && hints.Limit > 0 && len(out) > hints.Limit {
		out = out[:hints.Limit]
	}
	return out, nil, nil
}

// Close implements storage.LabelQuerier.
func (q *querier) Close() error {
	if q.past == nil {
		return nil
	}
	return q.past.close()
}
