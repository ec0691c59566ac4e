package expr

import (
	"math"
	"slices"
)

// reducer reduces the values that are not missing to one number; members is how many there would be if none were missing.
type reducer func(values []float64, members int) float64

// AWS: user guide, metric math: missing values are treated as 0 by AVG of an array; recorded: MIN, MAX and DATAPOINT_COUNT leave them out.
func sum(values []float64, _ int) float64 {
	total := 0.0
	for _, v := range values {
		total += v
	}
	return total
}

func average(values []float64, members int) float64 {
	return divide(sum(values, members), float64(members))
}

func minimum(values []float64, _ int) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	return slices.Min(values)
}

func maximum(values []float64, _ int) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	return slices.Max(values)
}

// deviation is the population standard deviation. Missing values count as 0, as in AVG: AWS documents nothing.
func deviation(values []float64, members int) float64 {
	if members == 0 {
		return math.NaN()
	}
	mean := sum(values, members) / float64(members)
	squares := mean * mean * float64(members-len(values))
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	return math.Sqrt(squares / float64(members))
}

func datapointCount(values []float64, _ int) float64 { return float64(len(values)) }

// reduction applies a reducer to all datapoints of a time series, which gives a scalar, or to the members of an array period by period, which
// gives a time series with a datapoint where any member has one.
func reduction(f reducer) func(*evaluation, *node, *instance) value {
	return func(e *evaluation, n *node, in *instance) value {
		v := e.node(n.args[0], in)
		if n.args[0].typ == Series {
			return value{scalar: e.overTime(f, v)}
		}
		return e.one(e.overMembers(f, v.list))
	}
}

// one returns a time series as a value.
func (e *evaluation) one(s series) value {
	out := e.lendList(1)
	for i := range out {
		out[i] = s
	}
	return value{list: out}
}

func (e *evaluation) overTime(f reducer, v value) float64 {
	if len(v.list) == 0 {
		return math.NaN()
	}
	there := e.lend(len(v.list[0].values))[:0]
	for _, x := range v.list[0].values {
		if !math.IsNaN(x) && len(there) < cap(there) {
			there = append(there, x)
		}
	}
	return finite(f(there, len(there)))
}

func (e *evaluation) overMembers(f reducer, list []series) series {
	if len(list) == 0 {
		return series{}
	}
	out := series{lo: list[0].lo}
	hi := out.lo
	for i := range list {
		out.lo, hi = min(out.lo, list[i].lo), max(hi, list[i].lo+len(list[i].values))
		out.partial, out.dropped = out.partial || list[i].partial, out.dropped || list[i].dropped
	}
	out.values = e.lend(hi - out.lo)
	there := e.lend(len(list))
	if there == nil {
		return out
	}
	for i := range out.values {
		if !e.step(len(list)) {
			return out
		}
		there = there[:0]
		for j := range list {
			if v := list[j].at(out.lo + i); !math.IsNaN(v) {
				there = append(there, v)
			}
		}
		if out.values[i] = math.NaN(); len(there) > 0 {
			out.put(i, f(there, len(list)))
		}
	}
	return out
}

func metricCount(e *evaluation, n *node, in *instance) value {
	return value{scalar: float64(len(e.node(n.args[0], in).list))}
}
