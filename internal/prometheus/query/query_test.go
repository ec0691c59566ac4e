package query

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

func nested(open, inner, end string, n int) string {
	return strings.Repeat(open, n) + inner + strings.Repeat(end, n)
}

func TestQueriesAreLimited(t *testing.T) {
	const (
		deep = "the query is nested more than 100 levels deep"
		many = "the query has more than 2000 operators"
	)
	for _, c := range []struct{ name, query, want string }{
		{"parentheses", nested("(", "1", ")", 99), ""},
		{"too many parentheses", nested("(", "1", ")", 100), deep},
		{"parentheses that are not closed", strings.Repeat("(", 60_000), deep},
		{"aggregations", nested("sum(", "a", ")", 99), ""},
		{"too many aggregations", nested("sum(", "a", ")", 100), deep},
		{"calls", nested("abs(", "a", ")", 10_000), deep},
		{"signs", strings.Repeat("-", 101) + "a", deep},
		{"very many signs", strings.Repeat("-", 60_000) + "a", many},
		{"a chain", strings.Repeat("a or ", 99) + "a", ""},
		{"a chain too long", strings.Repeat("a or ", 100) + "a", deep},
		{"a chain to the right", strings.Repeat("2^", 100) + "2", deep},
		{"a very long chain", strings.Repeat("1+", 30_000) + "1", many},
		{"subqueries", "a" + strings.Repeat("[1h:1m]", 3000), "1:1: parse error: subquery is only allowed on instant vector, got matrix instead"},
		{"subqueries in calls", nested("rate(", "a", "[1h:1m])", 99), deep},
		{"brackets in texts", `a{b="` + strings.Repeat("(", 1000) + `"}`, ""},
		{"wide", `label_join(a, "b", ","` + strings.Repeat(`, "c"`, 10_000) + ")", ""},
		{"too long", `a{b="` + strings.Repeat("x", LengthMax) + `"}`, "the query is longer than 65536 bytes"},
		{"syntax", "a{", "1:3: parse error: unexpected end of input inside braces"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := cpu(t)
			e, err := Parse(c.query)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if !strings.HasPrefix(got, c.want) || (err == nil) != (c.want == "") {
				t.Errorf("%.200s, want %s", got, c.want)
			}
			if err == nil {
				_ = e.Pretty(0)
			}
			if took := cpu(t) - before; took > 10*time.Second {
				t.Errorf("%v of CPU time", took)
			}
		})
	}
}

// cpu returns the CPU time of this process, so that a slow machine does not matter.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func TestSelectorsAreLimited(t *testing.T) {
	for _, c := range []struct {
		name  string
		texts []string
		want  string
	}{
		{"two", []string{`a{b="c"}`, "{d=~\"e.+\"}"}, ""},
		{"nested", []string{"a", nested("(", "a", ")", 1000)}, "the query is nested more than 100 levels deep"},
		{"together too long", []string{strings.Repeat("a", LengthMax), "b"}, "the selectors are longer than 65536 bytes"},
		{"no selector", []string{"a+b"}, "1:2: parse error: unexpected <op:+>"},
	} {
		sets, err := Selectors(c.texts)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != c.want || err == nil && len(sets) != len(c.texts) {
			t.Errorf("%s: %d, %q", c.name, len(sets), got)
		}
	}
}
