package prometheus

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"

	"github.com/grafana/regexp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/history"
	"bellows.dev/bellows/metric"
)

// Plain returns a Queryable in which series written by remote write have their original names, labels and values. The metric history
// stores them as statistic sets, like all metrics; those of Namespace are replaced by the original series. It is valid for one query, whose
// number of samples is limited.
func Plain(all storage.Queryable) storage.Queryable {
	var spent atomic.Int64
	return storage.QueryableFunc(func(from, to int64) (storage.Querier, error) {
		q, err := all.Querier(from, to)
		if err != nil {
			return nil, err
		}
		return &plain{q, from, to, &spent}, nil
	})
}

type plain struct {
	storage.Querier
	from, to int64
	spent    *atomic.Int64 // samples read by all of the query's selectors
}

var (
	written    = labels.MustNewMatcher(labels.MatchEqual, history.LabelNamespace, Namespace)
	notWritten = labels.MustNewMatcher(labels.MatchNotEqual, history.LabelNamespace, Namespace)
	meanOnly   = labels.MustNewMatcher(labels.MatchRegexp, model.MetricNameLabel, ".*_(?:sum|count)")
)

// Select implements storage.Querier.
func (q *plain) Select(ctx context.Context, _ bool, hints *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	others := q.Querier.Select(ctx, true, hints, append(slices.Clone(ms), notWritten)...)
	ours, warnings, err := q.read(ctx, hints, ms)
	if err != nil {
		return storage.ErrSeriesSet(err)
	}
	if len(ours) == 0 {
		return others
	}
	return storage.NewMergeSeriesSet([]storage.SeriesSet{others, &list{rest: ours, warnings: warnings}}, 0, storage.ChainedSeriesMerge)
}

// inner returns matchers for the metric history that find at least all matching written series. They include labels with unchanged
// names; other labels are checked after reading.
func inner(ms []*labels.Matcher) []*labels.Matcher {
	out := []*labels.Matcher{written}
	names := meanOnly
	for _, m := range ms {
		switch {
		case m.Name == model.MetricNameLabel:
			out = append(out, renamed(m, history.LabelMetric))
			if m.Type == labels.MatchEqual {
				name := regexp.QuoteMeta(history.Name(Namespace, m.Value))
				names = labels.MustNewMatcher(labels.MatchRegexp, model.MetricNameLabel, name+"_sum|"+name+"_count")
			}
		case keepsName(m.Name):
			out = append(out, m)
		}
	}
	return append(out, names)
}

// keepsName reports whether a label has the same name in the metric history as when it was written.
func keepsName(name string) bool {
	id := metric.NewID(Namespace, "m", metric.Dimension{Name: name, Value: "v"})
	ls := history.Labels(engine.Scope{}, id, "None", history.Sum)
	return ls.Get(name) == "v" && !ls.Has(history.LabelDimensions)
}

func renamed(m *labels.Matcher, name string) *labels.Matcher {
	return labels.MustNewMatcher(m.Type, name, m.Value) // the pattern has compiled before
}

// pair contains the two series of the metric history from which a written series is computed.
type pair struct {
	labels       labels.Labels
	sums, counts points64
}

// points64 are samples of one series in order of arrival.
type points64 []point

// sorted returns the samples by time; of several with equal times the last.
func (p points64) sorted() points64 {
	byTime := func(a, b point) int { return cmp.Compare(a.at, b.at) }
	if !slices.IsSortedFunc(p, byTime) {
		slices.SortStableFunc(p, byTime)
	}
	out := p[:0]
	for i, x := range p {
		if i+1 == len(p) || p[i+1].at != x.at {
			out = append(out, x)
		}
	}
	return out
}

// Len and Get implement the interface required by storage.NewListSeriesIterator.
func (p points64) Len() int                { return len(p) }
func (p points64) Get(i int) chunks.Sample { return p[i] }

// readMax limits the samples of the metric history read by one query: two for each sample returned.
const readMax = 2 * samplesMax

// read returns the matching written series, sorted.
func (q *plain) read(ctx context.Context, hints *storage.SelectHints, ms []*labels.Matcher) ([]storage.Series, annotations.Annotations, error) {
	found := map[string]*pair{}
	set := q.Querier.Select(ctx, false, hints, inner(ms)...)
	var it chunkenc.Iterator
	for set.Next() {
		_, id, _, kind, ok := history.Identify(set.At().Labels())
		if !ok || kind != history.Sum && kind != history.Count {
			continue
		}
		ls := plainLabels(id)
		if !matches(ls, ms) {
			continue
		}
		p := found[id.Key()]
		if p == nil {
			p = &pair{labels: ls}
			found[id.Key()] = p
		}
		into := &p.sums
		if kind == history.Count {
			into = &p.counts
		}
		it = set.At().Iterator(it)
		for it.Next() == chunkenc.ValFloat {
			at, v := it.At()
			if *into = append(*into, point{at, v}); q.spent.Add(1) > readMax {
				return nil, nil, promql.ErrTooManySamples("query processing")
			}
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if err := it.Err(); err != nil {
			return nil, nil, err
		}
	}
	if err := set.Err(); err != nil {
		return nil, nil, err
	}
	out := make([]storage.Series, 0, len(found))
	for _, p := range found {
		out = append(out, p.series())
	}
	slices.SortFunc(out, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	return out, set.Warnings(), nil
}

// plainLabels returns the labels with which a series was written.
func plainLabels(id metric.ID) labels.Labels {
	b := labels.NewScratchBuilder(1 + len(id.Dimensions))
	b.Add(model.MetricNameLabel, id.Name)
	for _, d := range id.Dimensions {
		b.Add(d.Name, d.Value)
	}
	b.Sort()
	return b.Labels()
}

func matches(ls labels.Labels, ms []*labels.Matcher) bool {
	for _, m := range ms {
		if !m.Matches(ls.Get(m.Name)) {
			return false
		}
	}
	return true
}

// series returns the mean of each interval, which is the written value if there is only one.
func (p *pair) series() storage.Series {
	counts := p.counts.sorted()
	sums := p.sums.sorted()
	means := sums[:0]
	for _, sum := range sums {
		for len(counts) > 0 && counts[0].at < sum.at {
			counts = counts[1:]
		}
		if len(counts) > 0 && counts[0].at == sum.at && counts[0].v > 0 {
			means = append(means, point{sum.at, sum.v / counts[0].v})
		}
	}
	return &storage.SeriesEntry{
		Lset: p.labels, SampleIteratorFn: func(chunkenc.Iterator) chunkenc.Iterator { return storage.NewListSeriesIterator(means) },
	}
}

// LabelValues implements storage.LabelQuerier.
func (q *plain) LabelValues(ctx context.Context, name string, hints *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	all, warnings, err := q.Querier.LabelValues(ctx, name, hints, append(slices.Clone(ms), notWritten)...)
	if err != nil {
		return nil, warnings, err
	}
	ours, err := q.labelSets(ctx, ms)
	if err != nil {
		return nil, warnings, err
	}
	for _, ls := range ours {
		if v := ls.Get(name); v != "" {
			all = append(all, v)
		}
	}
	return unique(all), warnings, nil
}

// LabelNames implements storage.LabelQuerier.
func (q *plain) LabelNames(ctx context.Context, hints *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	all, warnings, err := q.Querier.LabelNames(ctx, hints, append(slices.Clone(ms), notWritten)...)
	if err != nil {
		return nil, warnings, err
	}
	ours, err := q.labelSets(ctx, ms)
	if err != nil {
		return nil, warnings, err
	}
	for _, ls := range ours {
		ls.Range(func(l labels.Label) { all = append(all, l.Name) })
	}
	return unique(all), warnings, nil
}

// labelSets returns the labels of the matching written series.
func (q *plain) labelSets(ctx context.Context, ms []*labels.Matcher) ([]labels.Labels, error) {
	set := q.Querier.Select(ctx, false, &storage.SelectHints{Start: q.from, End: q.to, Func: "series"}, inner(ms)...)
	var out []labels.Labels
	for set.Next() {
		_, id, _, kind, ok := history.Identify(set.At().Labels())
		if !ok || kind != history.Sum {
			continue
		}
		if ls := plainLabels(id); matches(ls, ms) {
			out = append(out, ls)
		}
	}
	return out, set.Err()
}

func unique(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}

// point is a sample.
type point struct {
	at int64
	v  float64
}

// T and the other methods implement chunks.Sample.
func (p point) T() int64                      { return p.at }
func (p point) ST() int64                     { return 0 }
func (p point) F() float64                    { return p.v }
func (p point) H() *histogram.Histogram       { return nil }
func (p point) FH() *histogram.FloatHistogram { return nil }
func (p point) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (p point) Copy() chunks.Sample           { return p }

// list is a storage.SeriesSet of series in memory.
type list struct {
	rest     []storage.Series
	at       storage.Series
	warnings annotations.Annotations
}

// Next and the other methods implement storage.SeriesSet.
func (l *list) Next() bool {
	if len(l.rest) == 0 {
		return false
	}
	l.at, l.rest = l.rest[0], l.rest[1:]
	return true
}
func (l *list) At() storage.Series                { return l.at }
func (l *list) Err() error                        { return nil }
func (l *list) Warnings() annotations.Annotations { return l.warnings }
