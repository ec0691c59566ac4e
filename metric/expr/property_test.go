package expr

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bellows.dev/bellows/metric"
)

// naive is a time series of the reference: datapoints by minute.
type naive map[int]float64

// reference is an expression and its result by definition, one datapoint at a time.
type reference struct {
	text   string
	series naive
	scalar *float64
}

const minutes = 6

func put(s naive, i int, v float64) {
	if !math.IsNaN(v) && !math.IsInf(v, 0) {
		s[i] = v
	}
}

func drawSeries(t *rapid.T, leaves []reference, depth int) reference {
	if depth == 0 {
		return rapid.SampledFrom(leaves).Draw(t, "leaf")
	}
	switch rapid.IntRange(0, 6).Draw(t, "form") {
	case 0, 1:
		return arithmetic(t, drawSeries(t, leaves, depth-1), drawSeries(t, leaves, depth-1))
	case 2:
		return withScalar(t, drawSeries(t, leaves, depth-1), drawScalar(t, leaves, depth-1))
	case 3:
		return overMembers(t, leaves, depth)
	case 4:
		a := drawSeries(t, leaves, depth-1)
		out := reference{text: "ABS(-" + a.text + ")", series: naive{}}
		for i, v := range a.series {
			put(out.series, i, math.Abs(v))
		}
		return out
	case 5:
		return conditional(drawSeries(t, leaves, depth-1), drawSeries(t, leaves, depth-1), drawSeries(t, leaves, depth-1))
	default:
		a := drawSeries(t, leaves, depth-1)
		out := reference{text: "FILL(" + a.text + ", 3)", series: naive{}}
		for i := range minutes {
			out.series[i] = 3
			if v, ok := a.series[i]; ok {
				out.series[i] = v
			}
		}
		return out
	}
}

func apply(op string, x, y float64) float64 {
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "/":
		if y == 0 {
			return math.NaN()
		}
		return x / y
	case ">":
		if x > y {
			return 1
		}
		return 0
	default:
		if x != 0 || y != 0 {
			return 1
		}
		return 0
	}
}

var someOperators = []string{"+", "-", "*", "/", ">", "OR"}

func arithmetic(t *rapid.T, a, b reference) reference {
	op := rapid.SampledFrom(someOperators).Draw(t, "operator")
	out := reference{text: "(" + a.text + " " + op + " " + b.text + ")", series: naive{}}
	for i := range minutes {
		x, left := a.series[i]
		y, right := b.series[i]
		if left || right {
			put(out.series, i, apply(op, x, y))
		}
	}
	return out
}

func withScalar(t *rapid.T, a, b reference) reference {
	op := rapid.SampledFrom(someOperators).Draw(t, "operator")
	out := reference{text: "(" + a.text + " " + op + " " + b.text + ")", series: naive{}}
	for i, v := range a.series {
		if b.scalar != nil {
			put(out.series, i, apply(op, v, *b.scalar))
		}
	}
	return out
}

func drawScalar(t *rapid.T, leaves []reference, depth int) reference {
	if depth == 0 || rapid.Bool().Draw(t, "constant") {
		v := float64(rapid.IntRange(0, 9).Draw(t, "number"))
		return reference{text: fmt.Sprint(v), scalar: &v}
	}
	a := drawSeries(t, leaves, depth-1)
	f := rapid.SampledFrom([]string{"SUM", "AVG", "MIN", "MAX", "DATAPOINT_COUNT"}).Draw(t, "reducer")
	out := reference{text: f + "(" + a.text + ")"}
	var values []float64
	for i := range minutes {
		if v, ok := a.series[i]; ok {
			values = append(values, v)
		}
	}
	out.scalar = reduced(f, values, len(values))
	return out
}

func reduced(f string, values []float64, members int) *float64 {
	total, least, most := 0.0, math.Inf(1), math.Inf(-1)
	for _, v := range values {
		total, least, most = total+v, min(least, v), max(most, v)
	}
	v := map[string]float64{"SUM": total, "AVG": total / float64(members), "MIN": least, "MAX": most, "DATAPOINT_COUNT": float64(len(values))}[f]
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func overMembers(t *rapid.T, leaves []reference, depth int) reference {
	f := rapid.SampledFrom([]string{"SUM", "AVG", "MIN", "MAX", "DATAPOINT_COUNT"}).Draw(t, "reducer")
	n := rapid.IntRange(1, 3).Draw(t, "members")
	members := make([]reference, n)
	texts := make([]string, n)
	for i := range members {
		members[i] = drawSeries(t, leaves, depth-1)
		texts[i] = members[i].text
	}
	out := reference{text: f + "([" + strings.Join(texts, ", ") + "])", series: naive{}}
	for i := range minutes {
		var values []float64
		for _, m := range members {
			if v, ok := m.series[i]; ok {
				values = append(values, v)
			}
		}
		if len(values) > 0 {
			if v := reduced(f, values, n); v != nil {
				put(out.series, i, *v)
			}
		}
	}
	return out
}

func conditional(c, a, b reference) reference {
	out := reference{text: "IF(" + c.text + ", " + a.text + ", " + b.text + ")", series: naive{}}
	for i, v := range c.series {
		if v != 0 {
			out.series[i] = a.series[i]
		} else if x, ok := b.series[i]; ok {
			out.series[i] = x
		}
	}
	return out
}

// TestAgainstAReferenceImplementation compares the evaluator with a reference that computes datapoints one by one.
func TestAgainstAReferenceImplementation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := metric.NewWindow(time.Hour)
		var leaves []reference
		var queries []metric.DataQuery
		for _, name := range []string{"m1", "m2", "m3"} {
			leaf := reference{text: name, series: naive{}}
			for i := range minutes {
				if rapid.IntRange(0, 3).Draw(t, "there") == 0 {
					continue
				}
				v := float64(rapid.IntRange(-5, 5).Draw(t, "value"))
				var sum metric.Summary
				sum.Add(v, 1)
				w.Series(metric.NewID("T", name)).Record(start.Add(time.Duration(i)*time.Minute), time.Minute, "None", &sum)
				leaf.series[i] = v
			}
			leaves, queries = append(leaves, leaf), append(queries, stat(name, time.Minute))
		}
		want := drawSeries(t, leaves, rapid.IntRange(1, 4).Draw(t, "depth"))
		if len(want.text) > expressionMax {
			return
		}
		p, err := Compile(append(queries, expression("e", want.text)))
		if err != nil {
			t.Fatalf("%s: %v", want.text, err)
		}
		var s Scratch
		o := Options{From: start, Until: start.Add(minutes * time.Minute)}
		for range 2 { // the second time in lent memory
			results, err := p.Eval(w, o, &s)
			if err != nil || len(results) != 1 {
				t.Fatalf("%s: %v %v", want.text, results, err)
			}
			for i, got := range results[0].Values {
				v, ok := want.series[i]
				if ok != !math.IsNaN(got) || ok && math.Abs(got-v) > 1e-6*max(1, math.Abs(v)) {
					t.Fatalf("%s at %d: %v, want %v %v", want.text, i, got, v, ok)
				}
			}
		}
	})
}
