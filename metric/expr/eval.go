package expr

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/metric"
)

// series is a time series at an instance's period: values from the period lo, NaN where there is no datapoint. Other periods were not
// read.
type series struct {
	lo      int
	values  []float64
	origin  *Origin
	partial bool
	dropped bool // results were dropped as infinite or not a number
}

// at returns the value of a period, NaN outside.
func (s *series) at(i int) float64 {
	if i -= s.lo; i >= 0 && i < len(s.values) {
		return s.values[i]
	}
	return math.NaN()
}

// value is a scalar, a time series or an array of these, as its node's type says. A scalar that is NaN is missing.
type value struct {
	scalar float64
	list   []series // one for a time series
}

// source is a metric that is read at a period.
type source struct {
	read   int
	origin *Origin
	from   time.Time
	total  int // periods
	lo, hi int // those that this evaluation reads
	series series
}

// evaluation is one run of a program.
type evaluation struct {
	program *Program
	scratch *Scratch
	options Options
	spent   int // values allocated
	work    int // steps since Options.More was asked
	stopped bool
	ready   []bool
	values  []value   // by instance
	starts  []int     // by read: its first source
	frames  []framing // by period
	cut     bool      // a search found more than MetricsMax
}

type framing struct {
	period  time.Duration
	from    time.Time
	periods int
}

// MetricsMax is the most metrics that the searches of an evaluation find. AWS: recorded.
const MetricsMax = 500

// valuesMax is the most values that an evaluation computes where Options.Limit is 0: a hundred times what GetMetricData may return.
const valuesMax = 100 * 100_800

// limit is the most values that the evaluation computes.
func (e *evaluation) limit() int { return cmp.Or(e.options.Limit, valuesMax) }

// workMax is how many units of work are done between two calls of Options.More. A unit is about one computed value.
const workMax = 50_000

// step counts work and now and then calls Options.More. It returns false where the evaluation is to stop.
func (e *evaluation) step(n int) bool {
	if e.options.More == nil || e.stopped {
		return !e.stopped
	}
	if e.work += n; e.work >= workMax {
		e.work = 0
		e.stopped = !e.options.More()
	}
	return !e.stopped
}

// Eval is Read and Results in one.
func (p *Program) Eval(src Source, o Options, s *Scratch) ([]Result, error) {
	p.Read(src, o, s)
	return s.Results()
}

// Read reads what the returned queries need. Results computes them without the source, which can be unlocked before.
func (p *Program) Read(src Source, o Options, s *Scratch) {
	s.floats.used, s.lists.used, s.members.used, s.sources, s.results = 0, 0, 0, s.sources[:0], s.results[:0]
	e := &s.evaluation
	*e = evaluation{
		program: p, scratch: s, options: o, ready: sized(e.ready, len(p.instances)), values: sized(e.values, len(p.instances)),
		starts: e.starts[:0], frames: e.frames[:0],
	}
	e.list(src)
	e.share()
	for i := range s.sources {
		if !e.step(s.sources[i].hi - s.sources[i].lo + workMax/sourcesBetween) {
			return
		}
		e.fetch(src, &s.sources[i])
	}
}

// sourcesBetween is the most sources that are read between two calls of Options.More.
const sourcesBetween = 10

// sized returns a slice of n zero values, in the memory of another where that is large enough.
func sized[T any](s []T, n int) []T {
	s = slices.Grow(s[:0], n)[:n]
	clear(s)
	return s
}

// frame returns the periods of an instance.
func (e *evaluation) frame(period time.Duration) (time.Time, int) {
	for _, f := range e.frames {
		if f.period == period {
			return f.from, f.periods
		}
	}
	f := framing{period: period, from: e.options.From}
	if e.options.Frame != nil {
		f.from, f.periods = e.options.Frame(period)
	} else if d := e.options.Until.Sub(f.from); d > 0 {
		f.periods = int((d + period - 1) / period)
	}
	e.frames = append(e.frames, f)
	return f.from, f.periods
}

// list determines what to read: the metrics of the queries, and those that searches find.
func (e *evaluation) list(src Source) {
	for i := range e.program.reads {
		r := &e.program.reads[i]
		e.starts = append(e.starts, len(e.scratch.sources))
		if r.search == nil {
			e.source(i, &r.origin)
			continue
		}
		for _, id := range e.find(src, r) {
			e.source(i, &Origin{Metric: id, Statistic: r.search.statistic, Period: r.period, Query: r.query})
		}
	}
}

func (e *evaluation) source(read int, origin *Origin) {
	from, total := e.frame(origin.Period)
	e.scratch.sources = append(e.scratch.sources, source{read: read, origin: origin, from: from, total: total})
}

// find runs a search.
func (e *evaluation) find(src Source, r *read) []metric.ID {
	if e.cut && len(e.scratch.sources) >= MetricsMax || e.stopped {
		return nil // no period would be read
	}
	f, cost := r.search.filter(), r.search.cost()
	f.Match = func(id metric.ID) bool { return e.step(cost) && r.search.matches(id, e.options.Account) }
	if !e.options.Now.IsZero() {
		f.Since = e.options.Now.Add(-searchActive)
	}
	found := src.List(f)
	if !e.step(len(found) * sortCost) {
		return nil
	}
	sortFound(found)
	if room := max(0, MetricsMax-len(e.scratch.sources)); len(found) > room {
		e.cut = true
		found = found[:room]
	}
	return found
}

// sortCost is the work of sorting one metric among many.
const sortCost = 16

// sortFound sorts metrics by the values of their dimensions, then by name. AWS: recorded.
func sortFound(ids []metric.ID) {
	type named struct {
		id         metric.ID
		text, rest string
	}
	all := make([]named, len(ids))
	for i, id := range ids {
		var words []string
		for _, d := range id.Dimensions {
			words = append(words, d.Value)
		}
		all[i] = named{id, strings.Join(append(words, id.Name), " "), id.Key()}
	}
	slices.SortFunc(all, func(a, b named) int { return cmp.Or(cmp.Compare(a.text, b.text), cmp.Compare(a.rest, b.rest)) })
	for i := range all {
		ids[i] = all[i].id
	}
}

// share divides the periods that may be read among the sources: all get the same number, and the first ones the remainder.
func (e *evaluation) share() {
	sources := e.scratch.sources
	skip := func(i int) int {
		if i < len(e.options.Skip) {
			return min(e.options.Skip[i], sources[i].total)
		}
		return 0
	}
	left, waiting := e.options.Most, 0
	for i := range sources {
		if sources[i].total > skip(i) {
			waiting++
		}
	}
	even := 0
	if waiting > 0 {
		even = left / waiting
		left -= even * waiting
	}
	for i := range sources {
		s := &sources[i]
		from, n := skip(i), s.total-skip(i)
		if e.options.Most > 0 && n > even {
			more := min(n-even, left)
			left, n = left-more, even+more
		}
		s.lo, s.hi = from, from+n
		if e.options.Newest {
			s.lo, s.hi = s.total-s.hi, s.total-s.lo
		}
	}
}

// fetch reads a source's periods.
func (e *evaluation) fetch(src Source, s *source) {
	from := s.from.Add(time.Duration(s.lo) * s.origin.Period)
	q := metric.Query{
		Statistic: s.origin.Statistic, Unit: s.origin.Unit, Period: s.origin.Period, From: from, Periods: s.hi - s.lo, Space: &e.scratch.space,
	}
	s.series = series{lo: s.lo, values: e.lend(q.Periods), origin: s.origin, partial: !e.complete(s)}
	if q.Periods == 0 {
		return
	}
	if e.options.Unit != nil && q.Unit == "" {
		until := from.Add(time.Duration(q.Periods) * q.Period)
		if units := src.Units(s.origin.Metric, from, until); len(units) > 1 {
			origin := *s.origin
			origin.Units, q.Unit = units, e.options.Unit(units)
			s.series.origin = &origin
		}
	}
	e.scratch.points = src.Datapoints(s.origin.Metric, q, e.scratch.points[:0])
	for i := range s.series.values {
		if i < len(e.scratch.points) && !e.scratch.points[i].Missing {
			s.series.values[i] = finite(e.scratch.points[i].Value)
		} else {
			s.series.values[i] = math.NaN()
		}
	}
}

// complete reports whether this evaluation reads the last periods of a source.
func (e *evaluation) complete(s *source) bool {
	if e.options.Newest {
		return s.lo == 0
	}
	return s.hi == s.total
}

// Cut reports whether searches found more than MetricsMax metrics; the rest is left out.
func (s *Scratch) Cut() bool { return s.evaluation.cut }

// Read returns how many periods of each source have been read, with this evaluation's, and whether these are all: the next evaluation's
// Options.Skip.
func (s *Scratch) Read() (periods []int, done bool) {
	done = true
	for i := range s.sources {
		x := &s.sources[i]
		n := x.hi
		if s.evaluation.options.Newest {
			n = x.total - x.lo
		}
		periods, done = append(periods, n), done && n == x.total
	}
	return periods, done
}

// Origins returns what is read: the metrics of queries, and those that searches found.
func (s *Scratch) Origins() []*Origin {
	out := make([]*Origin, len(s.sources))
	for i := range s.sources {
		out[i] = s.sources[i].origin
	}
	return out
}

// Results computes the returned queries, in the order of the list. It fails with *TooMuchError or ErrStopped.
func (s *Scratch) Results() ([]Result, error) {
	e := &s.evaluation
	for i := range e.program.queries {
		if e.stopped {
			return nil, ErrStopped
		}
		q := &e.program.queries[i]
		if q.Hidden {
			continue
		}
		at := e.program.find(i, q.period)
		v := e.instance(at)
		if e.stopped {
			return nil, ErrStopped
		}
		if e.spent > e.limit() {
			return nil, &TooMuchError{e.limit()}
		}
		from, _ := e.frame(q.period)
		for _, x := range v.list {
			start := from.Add(time.Duration(x.lo) * q.period)
			s.results = append(s.results, Result{
				Query: i, From: start, Period: q.period, Values: x.values, Origin: x.origin, Partial: x.partial, Dropped: x.dropped,
			})
		}
	}
	return s.results, nil
}

// find returns the instance of a query at a period.
func (p *Program) find(query int, period time.Duration) int {
	at := p.queries[query].first
	for p.instances[at].period != period {
		at = p.instances[at].next
	}
	return at
}

// lend returns memory for values; none where the evaluation has used as much as it may: Results fails then.
func (e *evaluation) lend(n int) []float64 {
	if e.spent += n; e.spent > e.limit() || !e.step(n) {
		return nil
	}
	return e.scratch.floats.lend(n)
}

// seriesCost is what a member of an array counts in addition to its values.
const seriesCost = 16

func (e *evaluation) lendList(n int) []series {
	if e.spent += n * seriesCost; e.spent > e.limit() || !e.step(n*seriesCost) {
		return nil
	}
	return e.scratch.lists.lend(n)
}

// instance computes an instance of a query, once.
func (e *evaluation) instance(at int) value {
	in := &e.program.instances[at]
	if e.ready[at] || e.spent > e.limit() || e.stopped {
		return e.filled(e.values[at], e.program.queries[in.query].typ)
	}
	q := &e.program.queries[in.query]
	if q.root != nil {
		e.values[at] = e.node(q.root, in)
	} else {
		e.values[at] = e.filled(value{list: e.reads(in.read)}, Series)
	}
	e.ready[at] = true
	return e.values[at]
}

// filled makes sure that a time series has values, even where there was no memory for them.
func (e *evaluation) filled(v value, t Type) value {
	if t == Series && len(v.list) == 0 {
		v.list = e.scratch.none[:]
	}
	return v
}

// reads lists the time series of a read.
func (e *evaluation) reads(read int) []series {
	first, end := e.starts[read], len(e.scratch.sources)
	if read+1 < len(e.starts) {
		end = e.starts[read+1]
	}
	out := e.lendList(end - first)
	for i := range out {
		out[i] = e.scratch.sources[first+i].series
	}
	return out
}

func (e *evaluation) node(n *node, in *instance) value { return e.filled(e.compute(n, in), n.typ) }

func (e *evaluation) compute(n *node, in *instance) value {
	switch n.kind {
	case numberNode:
		return value{scalar: n.number}
	case nameNode:
		return e.instance(e.program.find(n.query, in.period))
	case listNode:
		return e.concat(n.args, in)
	case negateNode:
		v := e.node(n.args[0], in)
		return e.unary(v, n.typ, func(x float64) float64 { return -x })
	case binaryNode:
		a, b := e.node(n.args[0], in), e.node(n.args[1], in)
		return e.binary(n, a, b)
	case callNode:
		return n.fn.eval(e, n, in)
	default:
		return value{}
	}
}

// concat returns an array of time series and the members of arrays.
func (e *evaluation) concat(nodes []*node, in *instance) value {
	total := 0
	for _, n := range nodes {
		total += len(e.node(n, in).list)
	}
	out := e.lendList(total)[:0]
	for _, n := range nodes {
		if list := e.node(n, in).list; len(out)+len(list) <= cap(out) {
			out = append(out, list...)
		}
	}
	return value{list: out}
}
