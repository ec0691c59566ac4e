package expr

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// overEach applies a function to each member of an array, or to a time series.
func (e *evaluation) overEach(v value, f func(s *series) series) value {
	out := e.lendList(len(v.list))
	for i := range out {
		out[i] = f(&v.list[i])
	}
	return value{list: out}
}

// differences applies a function to each datapoint and the previous one, seconds earlier; there is no result for the first.
func differences(f func(now, before, seconds float64) float64) func(*evaluation, *node, *instance) value {
	return func(e *evaluation, n *node, in *instance) value {
		return e.overEach(e.node(n.args[0], in), func(s *series) series {
			out := e.like(s)
			last := -1
			for i := range out.values {
				out.values[i] = math.NaN()
				if math.IsNaN(s.values[i]) {
					continue
				}
				if last >= 0 {
					out.put(i, f(s.values[i], s.values[last], float64(i-last)*in.period.Seconds()))
				}
				last = i
			}
			return out
		})
	}
}

func difference(now, before, _ float64) float64    { return now - before }
func timeDifference(_, _, seconds float64) float64 { return seconds }
func rate(now, before, seconds float64) float64    { return (now - before) / seconds }

func runningSum(e *evaluation, n *node, in *instance) value {
	return e.overEach(e.node(n.args[0], in), func(s *series) series {
		total := 0.0
		return e.mapped(s, func(v float64) float64 { total += v; return total })
	})
}

// fill fills missing datapoints: with a number, another time series' value of the same period, the last value, or a linear interpolation
// between the values around a gap. AWS: user guide, metric math.
func fill(e *evaluation, n *node, in *instance) value {
	v, with := e.node(n.args[0], in), value{}
	if n.args[1].typ != keywordType {
		with = e.node(n.args[1], in)
	}
	return e.overEach(v, func(s *series) series {
		out := e.like(s)
		copy(out.values, s.values)
		switch {
		case n.args[1].typ == Scalar:
			for i, x := range out.values {
				if math.IsNaN(x) {
					out.values[i] = with.scalar
				}
			}
		case n.args[1].typ == Series:
			for i, x := range out.values {
				if math.IsNaN(x) {
					out.values[i] = with.list[0].at(out.lo + i)
				}
			}
		case n.args[1].text == "REPEAT":
			repeat(out.values)
		default:
			interpolate(out.values)
		}
		return out
	})
}

func repeat(values []float64) {
	for i := 1; i < len(values); i++ {
		if math.IsNaN(values[i]) {
			values[i] = values[i-1]
		}
	}
}

func interpolate(values []float64) {
	last := -1
	for i, v := range values {
		if math.IsNaN(v) {
			continue
		}
		if last >= 0 {
			step := (v - values[last]) / float64(i-last)
			for j := last + 1; j < i; j++ {
				values[j] = values[last] + step*float64(j-last)
			}
		}
		last = i
	}
}

// choose implements IF. AWS: user guide, metric math, using IF expressions.
func choose(e *evaluation, n *node, in *instance) value {
	condition, then := e.node(n.args[0], in), branchOf(n.args[1], e.node(n.args[1], in))
	otherwise := branch{scalar: math.NaN()}
	if len(n.args) == 3 {
		otherwise = branchOf(n.args[2], e.node(n.args[2], in))
	}
	if n.args[0].typ == Scalar {
		picked := otherwise
		if condition.scalar != 0 {
			picked = then
		}
		if math.IsNaN(condition.scalar) {
			picked = branch{scalar: math.NaN()}
		}
		switch {
		case n.typ == Scalar:
			return value{scalar: picked.scalar}
		case picked.series != nil:
			return e.one(*picked.series)
		default:
			return e.one(e.constant(in, picked.scalar))
		}
	}
	return e.one(e.chosen(&condition.list[0], then, otherwise))
}

// branch is an operand of IF: a scalar or a time series.
type branch struct {
	scalar float64
	series *series
}

func branchOf(n *node, v value) branch {
	if n.typ == Series {
		return branch{series: &v.list[0]}
	}
	return branch{scalar: v.scalar}
}

// chosen chooses period by period: no datapoint where the condition has none, and 0 where the chosen operand has none.
func (e *evaluation) chosen(condition *series, then, otherwise branch) series {
	out := e.like(condition)
	for i := range out.values {
		out.values[i] = math.NaN()
		switch c := condition.values[i]; {
		case math.IsNaN(c):
		case c != 0 && then.series != nil:
			out.values[i] = orZero(then.series.at(out.lo + i))
		case c != 0:
			out.values[i] = then.scalar
		case otherwise.series != nil:
			out.values[i] = otherwise.series.at(out.lo + i)
		default:
			out.values[i] = otherwise.scalar
		}
	}
	for _, b := range []branch{then, otherwise} {
		if b.series != nil {
			out.partial, out.dropped = out.partial || b.series.partial, out.dropped || b.series.dropped
			if b.series.origin != out.origin {
				out.origin = nil
			}
		}
	}
	return out
}

// constant returns a time series with the same value in every period.
func (e *evaluation) constant(in *instance, v float64) series {
	_, periods := e.frame(in.period)
	out := series{values: e.lend(periods)}
	for i := range out.values {
		out.values[i] = v
	}
	return out
}

func timeSeries(e *evaluation, n *node, in *instance) value {
	return e.one(e.constant(in, e.node(n.args[0], in).scalar))
}

// calendar returns a time series whose values derive from the start of each period, in UTC.
func calendar(f func(t time.Time) int) func(*evaluation, *node, *instance) value {
	return func(e *evaluation, n *node, in *instance) value {
		from, _ := e.frame(in.period)
		return e.overEach(e.node(n.args[0], in), func(s *series) series {
			out := e.like(s)
			for i := range out.values {
				out.values[i] = float64(f(from.Add(time.Duration(out.lo+i) * in.period).UTC()))
			}
			return out
		})
	}
}

func minute(t time.Time) int { return t.Minute() }
func hour(t time.Time) int   { return t.Hour() }
func date(t time.Time) int   { return t.Day() }
func month(t time.Time) int  { return int(t.Month()) }
func year(t time.Time) int   { return t.Year() }
func epoch(t time.Time) int  { return int(t.Unix()) }

// weekday returns 1 for Monday to 7 for Sunday. AWS: user guide, metric math: IF(DAY(m1)<6, m1) are the weekdays.
func weekday(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }

func period(_ *evaluation, _ *node, in *instance) value { return value{scalar: in.period.Seconds()} }

func metrics(e *evaluation, n *node, in *instance) value {
	out := e.lendList(len(n.metrics))
	for i := range out {
		out[i] = e.instance(e.program.find(n.metrics[i], in.period)).list[0]
	}
	return value{list: out}
}

func found(e *evaluation, n *node, in *instance) value {
	return value{list: e.reads(in.searches[n.place])}
}

func first(e *evaluation, n *node, in *instance) value {
	return value{list: e.window(e.node(n.args[0], in).list, 0, 1)}
}

func last(e *evaluation, n *node, in *instance) value {
	list := e.node(n.args[0], in).list
	return value{list: e.window(list, len(list)-1, len(list))}
}

// window returns members of an array; a time series without datapoints where there are none.
func (e *evaluation) window(list []series, from, to int) []series {
	if len(list) == 0 {
		return e.scratch.none[:]
	}
	return list[from:to]
}

func slice(e *evaluation, n *node, in *instance) value {
	list := e.node(n.args[0], in).list
	from, to := bounded(e.node(n.args[1], in).scalar, len(list)), len(list)
	if len(n.args) == 3 {
		to = bounded(e.node(n.args[2], in).scalar, len(list))
	}
	return value{list: list[min(from, to):to]}
}

// bounded converts a scalar to an index: rounded down, within 0 and end. A missing scalar is end.
func bounded(v float64, end int) int {
	if math.IsNaN(v) || v >= float64(end) {
		return end
	}
	return max(0, int(v))
}

func removeEmpty(e *evaluation, n *node, in *instance) value {
	list := e.node(n.args[0], in).list
	out := e.lendList(len(list))[:0]
	for i := range list {
		if len(out) < cap(out) && slices.ContainsFunc(list[i].values, func(v float64) bool { return !math.IsNaN(v) }) {
			out = append(out, list[i])
		}
	}
	return value{list: out}
}

func sorters(word string) reducer {
	switch word {
	case "AVG":
		return average
	case "MIN":
		return minimum
	case "MAX":
		return maximum
	default:
		return sum
	}
}

// member is a member of an array and its sort key.
type member struct {
	series series
	key    float64
	empty  bool
}

// sortArray sorts by a statistic of each member; members without datapoints come last in either order.
func sortArray(e *evaluation, n *node, in *instance) value {
	list := e.node(n.args[0], in).list
	f := sorters(n.args[1].text)
	members := e.scratch.members.lend(len(list))
	for i := range list {
		v := value{list: list[i : i+1]}
		members[i] = member{list[i], e.overTime(f, v), e.overTime(datapointCount, v) == 0}
	}
	sign := 1
	if n.args[2].text == "DESC" {
		sign = -1
	}
	slices.SortStableFunc(members, func(a, b member) int {
		if a.empty || b.empty {
			return int(truth(a.empty) - truth(b.empty))
		}
		return sign * cmp.Compare(a.key, b.key)
	})
	if len(n.args) == 4 {
		members = members[:bounded(e.node(n.args[3], in).scalar, len(members))]
	}
	out := e.lendList(len(members))
	for i := range out {
		out[i] = members[i].series
	}
	return value{list: out}
}
