package expr

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/metric"
)

// Program is a checked list of queries. It is immutable.
type Program struct {
	queries   []query
	instances []instance
	reads     []read
	calls     bool // there are expressions
}

// query is a query of the list and what the checker determined.
type query struct {
	metric.DataQuery
	root     *node // nil for a metric
	typ      Type
	period   time.Duration
	refs     []int // queries that the expression refers to
	searches []*search
	first    int // index of its first instance, -1: none is needed
	state    int // of the check: 0, checking, checked
}

// instance is a query at a period: where expressions with different periods use a query, it is evaluated once for each.
type instance struct {
	query    int
	period   time.Duration
	read     int   // of a metric
	searches []int // reads, in the order of the query's searches
	next     int   // instance of the same query at another period, -1: none
}

// read is what has to be read before the evaluation: a metric, or all metrics that a search finds.
type read struct {
	instance int
	query    int
	search   *search
	period   time.Duration
	origin   Origin // of a metric
}

const (
	checking = iota + 1
	checked
)

// defaultPeriod is the period of expressions that have none and use no metric, in a list without metrics, such as TIME_SERIES(1). In a list
// with metrics it is the shortest of theirs. AWS documents nothing.
const defaultPeriod = time.Minute

// Compile checks queries: identifiers are unique, expressions well formed, references exist and have no cycle, arguments have the right
// types, and what is returned is a time series or an array of them. It fails with *Error.
func Compile(queries []metric.DataQuery) (*Program, error) {
	c := compiler{program: &Program{queries: make([]query, len(queries))}, ids: make(map[string]int, len(queries))}
	for i, q := range queries {
		c.program.queries[i] = query{DataQuery: q, first: -1}
		if _, twice := c.ids[q.ID]; twice {
			return nil, &Error{ID: q.ID, Text: "The values for parameter id in MetricDataQueries are not unique.", bare: true} // AWS: recorded
		}
		c.ids[q.ID] = i
		if q.Stat != nil && (c.shortest == 0 || q.Stat.Period < c.shortest) {
			c.shortest = q.Stat.Period
		}
	}
	for i := range queries {
		if err := c.check(i, nil); err != nil {
			return nil, err
		}
	}
	p := c.program
	for i := range p.queries {
		if !p.queries[i].Hidden {
			p.need(i, p.queries[i].period)
		}
	}
	p.plan()
	return p, nil
}

type compiler struct {
	program *Program
	ids     map[string]int

	shortest time.Duration // period of a metric, 0: there is none
}

// check checks a query and all that it refers to. path are the queries that refer to it.
func (c *compiler) check(i int, path []int) *Error {
	q := &c.program.queries[i]
	switch {
	case q.state == checked:
		return nil
	case q.state == checking:
		return c.cycle(i, path)
	case q.Stat != nil:
		q.typ, q.period, q.state = Series, q.Stat.Period, checked
		return nil
	}
	q.state, c.program.calls = checking, true
	err := c.expression(i, append(path, i))
	if err != nil {
		err.ID = cmp.Or(err.ID, q.ID)
		return err
	}
	q.state = checked
	return nil
}

// Texts of CloudWatch that do not name the expression. AWS: recorded.
const (
	searchNeedsPeriod   = "Period is a required field when using SEARCH function within an expression"
	searchWantsPositive = "SEARCH arguments must be '[String, String, Positive Number]'"
)

func (c *compiler) cycle(i int, path []int) *Error {
	var names []string
	for _, p := range path[slices.Index(path, i):] {
		names = append(names, c.program.queries[p].ID)
	}
	names = append(names, c.program.queries[i].ID)
	return at(0, "Circular reference: %s", strings.Join(names, " -> "))
}

func (c *compiler) expression(i int, path []int) *Error {
	q := &c.program.queries[i]
	if word, _, _ := strings.Cut(strings.TrimSpace(q.Expression), " "); strings.EqualFold(word, "SELECT") {
		return at(0, "Metrics Insights queries are not supported")
	}
	root, err := parse(q.Expression)
	if err != nil {
		return err
	}
	k := &checker{compiler: c, query: i, path: path}
	if q.typ, err = k.check(root); err != nil {
		return err
	}
	if q.typ != Series && q.typ != Array && (!q.Hidden || q.typ != Scalar) {
		return at(0, "The return value of the expression must be TimeSeries or Array[TimeSeries]") // AWS: recorded
	}
	q.root = root
	return c.settle(q)
}

// settle determines an expression's period: its own or, if that is greater, the greatest of what it uses; all of this is then read at that
// period. The period of a SEARCH takes precedence over the query's: recorded.
func (c *compiler) settle(q *query) *Error {
	own := q.Period
	for _, s := range q.searches {
		if s.period > 0 {
			own = 0
		}
		if s.period == 0 && q.Period == 0 {
			return whole(0, searchNeedsPeriod)
		}
		q.period = max(q.period, s.period)
	}
	for _, r := range q.refs {
		q.period = max(q.period, c.program.queries[r].period)
	}
	q.period = cmp.Or(max(q.period, own), c.shortest, defaultPeriod)
	return nil
}

// need creates the instance of a query at a period, and those of all that it uses.
func (p *Program) need(i int, period time.Duration) {
	q := &p.queries[i]
	for at := q.first; at >= 0; at = p.instances[at].next {
		if p.instances[at].period == period {
			return
		}
	}
	p.instances = append(p.instances, instance{query: i, period: period, read: -1, next: q.first})
	q.first = len(p.instances) - 1
	for _, r := range q.refs {
		p.need(r, period)
	}
}

// plan lists what has to be read, in the order of the queries.
func (p *Program) plan() {
	for i := range p.queries {
		q := &p.queries[i]
		for at := q.first; at >= 0; at = p.instances[at].next {
			in := &p.instances[at]
			if q.Stat != nil {
				in.read = len(p.reads)
				origin := Origin{Metric: q.Stat.Metric, Statistic: q.Stat.Statistic, Unit: q.Stat.Unit, Period: in.period, Query: i}
				p.reads = append(p.reads, read{instance: at, query: i, period: in.period, origin: origin})
			}
			for _, s := range q.searches {
				in.searches = append(in.searches, len(p.reads))
				p.reads = append(p.reads, read{instance: at, query: i, search: s, period: in.period})
			}
		}
	}
}

// Type returns the type of the query at a position.
func (p *Program) Type(i int) Type { return p.queries[i].typ }

// Period returns the period of the query at a position: a metric's own, or the one that an expression is evaluated at.
func (p *Program) Period(i int) time.Duration { return p.queries[i].period }

// Uses returns the positions of the queries that the one at a position refers to.
func (p *Program) Uses(i int) []int { return p.queries[i].refs }

// Searches reports whether the query at a position has a SEARCH, or refers to a query that has: its metrics are found by the evaluation.
func (p *Program) Searches(i int) bool {
	q := &p.queries[i]
	return len(q.searches) > 0 || slices.ContainsFunc(q.refs, p.Searches)
}

// Expressions reports whether any of the queries is an expression.
func (p *Program) Expressions() bool { return p.calls }

// wholeSeconds returns a period given as a number of seconds, rounded down. AWS: recorded.
func wholeSeconds(v float64) (time.Duration, bool) {
	v = math.Trunc(v)
	return time.Duration(v) * time.Second, v <= float64(math.MaxInt32)
}
