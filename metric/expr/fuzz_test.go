package expr

import (
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/metric"
)

// FuzzParse: no expression panics, and what is written of one that parses is read as the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"m1 + m2", "SUM(METRICS(\"errors\")) / [m1, m2] ^ -2", `SEARCH('{N,D} MetricName="a\'b"', 'p99', 60)`, "IF(m1 >= 2 AND NOT_(m1), 1e3, .5)", "-(-m1)^2",
		"'\\", "m1 && m2 || 3 == 4", "FILL(m1, REPEAT)", `"\"'\\'"`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		n, err := parse(src)
		if err != nil {
			if err.Pos < 0 || err.Pos > len(src) {
				t.Errorf("%q: an error at %d", src, err.Pos)
			}
			return
		}
		text := n.String()
		if len(text) > expressionMax {
			return
		}
		again, err := parse(text)
		if err != nil {
			t.Fatalf("%q is written %q, which does not parse: %v", src, text, err)
		}
		if again.String() != text {
			t.Errorf("%q is written %q, and then %q", src, text, again.String())
		}
	})
}

// FuzzEval: whatever compiles can be evaluated, and gives each returned series as many values as it has periods, or fewer.
func FuzzEval(f *testing.F) {
	for _, s := range []string{
		"m1 + m2", "SUM(SEARCH('T', 'Sum', 60))", "SLICE(SORT(METRICS(), AVG, DESC, 1), 0, 5)", "FIRST([m1, m2]) / 0", "FILL(RATE(m1), LINEAR)",
		"TIME_SERIES(1e300 * 1e300)", "IF(1, m1, 2)", "LAST(REMOVE_EMPTY(METRICS('x')))", "MINUTE(m1) ^ m2", "SLICE(METRICS(), -1, 0.5)",
	} {
		f.Add(s)
	}
	src := window(map[string]string{"m1": "1 - 3", "m2": "- 2 0"})
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Compile([]metric.DataQuery{stat("m1", time.Minute), stat("m2", time.Minute), expression("e", text)})
		if err != nil {
			return
		}
		var s Scratch
		results, err := p.Eval(src, Options{From: start, Until: start.Add(3 * time.Minute), Now: start, Most: 5}, &s)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if len(r.Values) > 180 {
				t.Errorf("%s: %d values", text, len(r.Values))
			}
		}
	})
}

// FuzzSearch: no search panics, and a partial term matches only what has its letters.
func FuzzSearch(f *testing.F) {
	for _, s := range []string{`{N,D} a OR (b NOT "c")`, "Network-Errors_2", `D=("x" OR y)`, `:aws.AccountId = "LOCAL"`, `NOT Namespace=AWS`, `"\"\\(`} {
		f.Add(s, "CustomCount1")
	}
	f.Fuzz(func(t *testing.T, query, name string) {
		s, err := parseSearch(query)
		if err != nil {
			return
		}
		s.matches(metric.NewID("N", name, metric.Dimension{Name: "D", Value: name}), "1")
		if term := tokenize(query); len(term.text) > 0 && term.within(tokenize(name)) &&
			!strings.Contains(string(tokenize(name).text), string(term.text)) {
			t.Errorf("%q is found in %q", query, name)
		}
	})
}
