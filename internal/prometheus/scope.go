package prometheus

import (
	"context"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/history"
)

// Scoped returns a Queryable restricted to one account and region, in which series written by remote write have their original form.
func Scoped(all storage.Queryable, s engine.Scope) storage.Queryable {
	own := []*labels.Matcher{
		labels.MustNewMatcher(labels.MatchEqual, history.LabelAccount, s.Account), labels.MustNewMatcher(labels.MatchEqual, history.LabelRegion, s.Region),
	}
	return Plain(storage.QueryableFunc(func(from, to int64) (storage.Querier, error) {
		q, err := all.Querier(from, to)
		if err != nil {
			return nil, err
		}
		return &scoped{q, own}, nil
	}))
}

// scoped adds matchers to all selections.
type scoped struct {
	storage.Querier
	own []*labels.Matcher
}

func (q *scoped) with(ms []*labels.Matcher) []*labels.Matcher {
	return append(append(make([]*labels.Matcher, 0, len(ms)+len(q.own)), ms...), q.own...)
}

// Select implements storage.Querier.
func (q *scoped) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	return q.Querier.Select(ctx, sorted, hints, q.with(ms)...)
}

// LabelValues implements storage.LabelQuerier.
func (q *scoped) LabelValues(ctx context.Context, name string, hints *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return q.Querier.LabelValues(ctx, name, hints, q.with(ms)...)
}

// LabelNames implements storage.LabelQuerier.
func (q *scoped) LabelNames(ctx context.Context, hints *storage.LabelHints, ms ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return q.Querier.LabelNames(ctx, hints, q.with(ms)...)
}
