package expr

import "math"

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// divide has no result where the divisor is zero. AWS: user guide, metric math, basic arithmetic functions.
func divide(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}

func power(a, b float64) float64 { return math.Pow(a, b) }

func abs(v float64) float64   { return math.Abs(v) }
func ceil(v float64) float64  { return math.Ceil(v) }
func floor(v float64) float64 { return math.Floor(v) }
func log(v float64) float64   { return math.Log(v) }
func log10(v float64) float64 { return math.Log10(v) }

// finite has no result where the value is infinite or not a number: the logarithm of zero, a root of a negative value.
func finite(v float64) float64 {
	if math.IsInf(v, 0) {
		return math.NaN()
	}
	return v
}

// unary applies a function to each datapoint.
func (e *evaluation) unary(v value, t Type, f func(float64) float64) value {
	if t == Scalar {
		return value{scalar: finite(f(v.scalar))}
	}
	out := e.lendList(len(v.list))
	for i := range out {
		out[i] = e.mapped(&v.list[i], f)
	}
	return value{list: out}
}

// mapped applies a function to the datapoints of a time series; missing ones stay missing.
func (e *evaluation) mapped(s *series, f func(float64) float64) series {
	out := e.like(s)
	for i := range out.values {
		if out.values[i] = math.NaN(); !math.IsNaN(s.values[i]) {
			out.put(i, f(s.values[i]))
		}
	}
	return out
}

// put sets a computed value; one that is infinite or not a number is dropped, and noted.
func (s *series) put(i int, v float64) {
	s.values[i] = finite(v)
	s.dropped = s.dropped || math.IsNaN(s.values[i])
}

// like returns a time series with the periods and the origin of another; the caller sets its values.
func (e *evaluation) like(s *series) series {
	return series{s.lo, e.lend(len(s.values)), s.origin, s.partial, s.dropped}
}

func unaryFunction(f func(float64) float64) func(*evaluation, *node, *instance) value {
	return func(e *evaluation, n *node, in *instance) value { return e.unary(e.node(n.args[0], in), n.typ, f) }
}

// binary applies an operator; where one operand is an array, to each of its members.
func (e *evaluation) binary(n *node, a, b value) value {
	left, right := n.args[0].typ, n.args[1].typ
	switch {
	case left == Scalar && right == Scalar:
		return value{scalar: scalars(n.binary, a.scalar, b.scalar)}
	case right == Scalar && math.IsNaN(b.scalar):
		return e.nothing(a)
	case left == Scalar && math.IsNaN(a.scalar):
		return e.nothing(b)
	case right == Scalar:
		return e.unary(a, left, func(x float64) float64 { return n.binary(x, b.scalar) })
	case left == Scalar:
		return e.unary(b, right, func(x float64) float64 { return n.binary(a.scalar, x) })
	}
	out := e.lendList(max(len(a.list), len(b.list)))
	if left == Array {
		out = out[:min(len(out), len(a.list))]
	} else if right == Array {
		out = out[:min(len(out), len(b.list))]
	}
	for i := range out {
		switch {
		case left == Array:
			out[i] = e.both(n.binary, &a.list[i], &b.list[0])
			out[i].origin = a.list[i].origin
		case right == Array:
			out[i] = e.both(n.binary, &a.list[0], &b.list[i])
			out[i].origin = b.list[i].origin
		default:
			out[i] = e.both(n.binary, &a.list[0], &b.list[0])
		}
	}
	return value{list: out}
}

// nothing returns time series without datapoints, the result where the other operand is a missing scalar.
func (e *evaluation) nothing(v value) value {
	return e.overEach(v, func(s *series) series {
		out := e.like(s)
		for i := range out.values {
			out.values[i] = math.NaN()
		}
		return out
	})
}

// scalars applies an operator to scalars, of which a missing one is not treated as 0: there is no result.
func scalars(op operator, a, b float64) float64 {
	if math.IsNaN(a) || math.IsNaN(b) {
		return math.NaN()
	}
	return finite(op(a, b))
}

// both applies an operator to two time series. A missing datapoint counts as 0; where both are missing there is no result.
// AWS: user guide, metric math, basic arithmetic functions; comparison operators.
func (e *evaluation) both(op operator, a, b *series) series {
	out := e.union(a, b)
	for i := range out.values {
		x, y := a.at(out.lo+i), b.at(out.lo+i)
		if math.IsNaN(x) && math.IsNaN(y) {
			out.values[i] = math.NaN()
			continue
		}
		out.put(i, op(orZero(x), orZero(y)))
	}
	return out
}

func orZero(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// union returns a time series with the periods of two; the caller sets its values.
func (e *evaluation) union(a, b *series) series {
	lo, hi := min(a.lo, b.lo), max(a.lo+len(a.values), b.lo+len(b.values))
	out := series{lo: lo, values: e.lend(hi - lo), partial: a.partial || b.partial, dropped: a.dropped || b.dropped}
	if a.origin == b.origin {
		out.origin = a.origin
	}
	return out
}
