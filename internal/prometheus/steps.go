package prometheus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// stepsMax limits the evaluations of one part of a query. Prometheus' engine allocates memory for all steps of a subquery before it counts
// them.
const stepsMax = 500_000

// evaluatedMax limits the samples that the functions of a query evaluate, each as often as it is evaluated: a sample of a range counts once for
// each step whose range contains it. That many take a few seconds of CPU time. Prometheus' engine limits only samples in memory.
const evaluatedMax = 500_000_000

// errEvaluated is the error of a query that would evaluate too many samples, of the type that Prometheus' engine uses for too many in memory.
var errEvaluated = promql.ErrTooManySamples(fmt.Sprintf(
	"query execution: its ranges contain more than %d samples, each counted once a step; increase the step or reduce the ranges", evaluatedMax))

// subqueryStep is the default step of subqueries.
const subqueryStep = time.Minute

// cost is the number of samples that a query evaluates. It is computed before the evaluation, except for the series that selectors match,
// which are counted when a selector is read, before anything is computed from it. It is valid for one query.
type cost struct {
	samples   float64 // known up to now
	selectors map[string][]selectorCost
}

// selectorCost is the cost of one selector.
type selectorCost struct {
	series float64 // samples for each series
	sample float64 // samples for each sample of a series
}

// times are the times at which a part of a query is evaluated.
type times struct {
	span, step time.Duration
	series     float64 // samples evaluated by the enclosing subqueries for each series of this part
}

func (t times) count() float64 {
	if t.step <= 0 {
		return 1
	}
	return float64(t.span/t.step) + 1
}

// costOf returns the cost of a query, which is evaluated at each step of a span, both 0 for an instant query. It fails if a subquery has too many
// evaluations (bad data), or with errEvaluated.
func costOf(e parser.Expr, span, step time.Duration) (*cost, error) {
	c := &cost{selectors: map[string][]selectorCost{}}
	if err := c.add(e, times{span: span, step: step}); err != nil {
		return nil, err
	}
	if c.samples > evaluatedMax {
		return nil, errEvaluated
	}
	return c, nil
}

func (c *cost) add(n parser.Node, t times) error {
	switch n := n.(type) {
	case *parser.SubqueryExpr:
		var err error
		if t, err = c.subquery(n, t); err != nil {
			return err
		}
	case *parser.MatrixSelector:
		if v, ok := n.VectorSelector.(*parser.VectorSelector); ok {
			overlap := t.count()
			if fixed(v.Timestamp, v.StartOrEnd) {
				overlap = 1
			} else if t.step > 0 {
				overlap = min(overlap, float64(n.Range/t.step)+1)
			}
			c.selector(v, selectorCost{series: t.series, sample: overlap})
		}
		return nil
	case *parser.VectorSelector:
		c.selector(n, selectorCost{series: t.series + t.count()})
	case *parser.AggregateExpr:
		if len(n.Grouping) == 0 && !n.Without {
			t.series = 0 // one series remains, which is counted already
		}
	}
	for child := range parser.ChildrenIter(n) {
		if err := c.add(child, t); err != nil {
			return err
		}
	}
	return nil
}

// subquery adds the cost of a subquery for its first series, and returns the times at which its expression is evaluated.
func (c *cost) subquery(s *parser.SubqueryExpr, t times) (times, error) {
	step := s.Step
	if step <= 0 {
		step = subqueryStep
	}
	if fixed(s.Timestamp, s.StartOrEnd) {
		t.span = 0
	}
	samples := t.count() * (float64(s.Range/step) + 1)
	c.samples += samples
	t = times{span: t.span + s.Range, step: step, series: t.series + samples}
	if t.span < 0 || t.span/step > stepsMax { // the sum may overflow
		return t, fmt.Errorf("the subquery [%v:%v] is evaluated more than %d times; increase its step", s.Range, step, stepsMax)
	}
	return t, nil
}

// fixed reports whether an expression has the same value at all steps: it has the modifier @.
func fixed(at *int64, startOrEnd parser.ItemType) bool { return at != nil || startOrEnd != 0 }

// selector adds the cost of a selector. Several may have the same matchers; the engine reads them in this order.
func (c *cost) selector(v *parser.VectorSelector, x selectorCost) {
	key := textOf(v.LabelMatchers)
	c.selectors[key] = append(c.selectors[key], x)
}

func textOf(ms []*labels.Matcher) string {
	var b strings.Builder
	for _, m := range ms {
		b.WriteString(m.String())
		b.WriteByte(',')
	}
	return b.String()
}

// limited returns a Queryable whose series sets fail with errEvaluated once the query would evaluate too many samples.
func (c *cost) limited(all storage.Queryable) storage.Queryable {
	return storage.QueryableFunc(func(from, to int64) (storage.Querier, error) {
		q, err := all.Querier(from, to)
		if err != nil {
			return nil, err
		}
		return &limitedQuerier{q, c}, nil
	})
}

type limitedQuerier struct {
	storage.Querier
	cost *cost
}

// Select implements storage.Querier.
func (q *limitedQuerier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, ms ...*labels.Matcher) storage.SeriesSet {
	set := q.Querier.Select(ctx, sorted, hints, ms...)
	key := textOf(ms)
	all := q.cost.selectors[key]
	if len(all) == 0 {
		return set
	}
	q.cost.selectors[key] = all[1:]
	return &limitedSet{SeriesSet: set, cost: q.cost, each: all[0]}
}

// limitedSet counts series, and samples where they cost something. The engine reads sets one after the other.
type limitedSet struct {
	storage.SeriesSet
	cost *cost
	each selectorCost
	err  error
	it   chunkenc.Iterator
}

// Next implements storage.SeriesSet.
func (s *limitedSet) Next() bool {
	if s.err != nil || !s.SeriesSet.Next() {
		return false
	}
	s.cost.samples += s.each.series
	if s.each.sample > 0 {
		s.it = s.At().Iterator(s.it)
		for s.it.Next() != chunkenc.ValNone {
			s.cost.samples += s.each.sample
		}
	}
	if s.cost.samples > evaluatedMax {
		s.err = errEvaluated
		return false
	}
	return true
}

// Err implements storage.SeriesSet.
func (s *limitedSet) Err() error { return errors.Join(s.err, s.SeriesSet.Err()) }
