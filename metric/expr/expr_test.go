package expr

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/metric"
)

var start = time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC) // a Wednesday

// window returns a window with the metrics of a table: one value per minute, "-" for none.
func window(metrics map[string]string) *metric.Window {
	w := metric.NewWindow(24 * time.Hour)
	for name, values := range metrics {
		for i, v := range strings.Fields(values) {
			if v == "-" {
				continue
			}
			x, _ := strconv.ParseFloat(v, 64)
			var sum metric.Summary
			sum.Add(x, 1)
			w.Series(metric.NewID("T", name)).Record(start.Add(time.Duration(i)*time.Minute), time.Minute, "None", &sum)
		}
	}
	return w
}

func stat(name string, period time.Duration) metric.DataQuery {
	return metric.DataQuery{ID: name, Hidden: true, Stat: &metric.MetricStat{
		Metric: metric.NewID("T", name), Statistic: metric.Statistic{Kind: metric.Sum}, Period: period,
	}}
}

func expression(id, text string) metric.DataQuery { return metric.DataQuery{ID: id, Expression: text} }

// show renders a time series as in the tables.
func show(values []float64) string {
	var out []string
	for _, v := range values {
		if math.IsNaN(v) {
			out = append(out, "-")
		} else {
			out = append(out, strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64))
		}
	}
	return strings.Join(out, " ")
}

// eval evaluates an expression over the metrics m1, m2, m3 for n minutes, and shows its time series, "; " between them.
func eval(t *testing.T, text string, n int, metrics map[string]string) string {
	t.Helper()
	queries := []metric.DataQuery{stat("m1", time.Minute), stat("m2", time.Minute), stat("m3", time.Minute), expression("e", text)}
	p, err := Compile(queries)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var s Scratch
	results, err := p.Eval(window(metrics), Options{From: start, Until: start.Add(time.Duration(n) * time.Minute), Now: start}, &s)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var out []string
	for _, r := range results {
		if len(r.Values) > 0 && (!r.From.Equal(start) || r.Period != time.Minute || r.At(1) != start.Add(time.Minute)) {
			t.Errorf("%s: %v %v", text, r.From, r.Period)
		}
		out = append(out, show(r.Values))
	}
	return strings.Join(out, "; ")
}

// TestDocumented checks every worked example of AWS's user guide. AWS: using metric math.
func TestDocumented(t *testing.T) {
	compared := map[string]string{"m1": "30 20 0 0", "m2": "20 - 20 -"}
	chosen := map[string]string{"m1": "1 1 0 0 -", "m2": "30 - 0 0 30", "m3": "0 0 20 - 20"}
	recorded := map[string]string{"m1": "4 4 8 16 32"}
	for _, c := range []struct {
		text    string
		metrics map[string]string
		want    string
	}{
		{"(m1 < m2)", compared, "0 0 1 0"},
		{"(m1 >= 30)", compared, "1 0 0 0"},
		{"(m1 > 15 AND m2 > 15)", compared, "1 0 0 0"},
		{"IF(m1, m2, m3)", chosen, "30 0 20 - -"},
		{"IF(m1, 5, m3)", chosen, "5 5 20 - -"},
		{"IF(m1, m2, 5)", chosen, "30 0 5 5 -"},
		{"IF(m1, m2)", chosen, "30 0 - - -"},
		{"IF(1, m2, m3)", chosen, "30 - 0 0 30"},
		{"IF(0, m2, m3)", chosen, "0 0 20 - 20"},
		{"IF(0, m2)", chosen, "- - - - -"},
		{"m1*2", recorded, "8 8 16 32 64"},
		{"RUNNING_SUM(m1)", recorded, "4 8 16 32 64"},
		{"IF(m1>=8,m1,0)", recorded, "0 0 8 16 32"},
		{"SUM([m1,m1])", recorded, "8 8 16 32 64"},
		{"FILL(m1,0)", recorded, "4 4 8 16 32"},
	} {
		if got := eval(t, c.text, len(strings.Fields(c.metrics["m1"])), c.metrics); got != c.want {
			t.Errorf("%s = %s, want %s", c.text, got, c.want)
		}
	}
}

func TestOperatorsAndFunctions(t *testing.T) {
	data := map[string]string{"m1": "1 - 3 4 -", "m2": "10 20 0 - -", "m3": "-1.5 2.5 - 0 -"}
	for text, want := range map[string]string{
		// arithmetic: what is missing is 0, what both lack stays missing, division by zero drops
		"m1 + m2": "11 20 3 4 -", "m1 - m2": "-9 -20 3 4 -", "m1 * m2": "10 0 0 0 -", "m1 / m2": "0.1 0 - - -", "m2 / m1": "10 - 0 0 -",
		"m1 ^ 2": "1 - 9 16 -", "2 ^ m1": "2 - 8 16 -", "-m1": "-1 - -3 -4 -", "-m1^2": "-1 - -9 -16 -", "m1 + 1": "2 - 4 5 -",
		"10 / m1": "10 - 3.333333 2.5 -", "m1 / 0": "- - - - -", "m3 ^ 0.5": "- 1.581139 - 0 -", "2 + 3 * m1": "5 - 11 14 -",
		"(2 + 3) * m1": "5 - 15 20 -", "2 ^ 3 ^ 2 + 0 * m1": "512 - 512 512 -", "1e1 + .5 * m1": "10.5 - 11.5 12 -",
		"m1 - -1": "2 - 4 5 -", "10 - 4 - m1": "5 - 3 2 -", "m1 * 10 / 5": "2 - 6 8 -",
		// comparisons and logic
		"m1 == 3": "0 - 1 0 -", "m1 != 3": "1 - 0 1 -", "m1 < 3": "1 - 0 0 -", "m1 <= 3": "1 - 1 0 -", "m1 > 3": "0 - 0 1 -",
		"m1 >= 3": "0 - 1 1 -", "m1 && m2": "1 0 0 0 -", "m1 OR m2": "1 1 1 1 -", "m1 || m2": "1 1 1 1 -", "m1 AND 1": "1 - 1 1 -",
		"m1 > 3 OR m2 > 15": "0 1 0 1 -", "m2 > 5 == 1": "1 1 0 - -", "1 > 2 OR m1 > 2": "0 - 1 1 -",
		// each datapoint by itself
		"ABS(m3)": "1.5 2.5 - 0 -", "CEIL(m3)": "-1 3 - 0 -", "FLOOR(m3)": "-2 2 - 0 -", "LOG(m1)": "0 - 1.098612 1.386294 -",
		"LOG10(m2)": "1 1.30103 - - -", "m1 * CEIL(0.5)": "1 - 3 4 -",
		// one with the one before
		"RATE(m2)": "- 0.166667 -0.333333 - -", "DIFF(m1)": "- - 2 1 -", "DIFF_TIME(m1)": "- - 120 60 -", "RATE(m1)": "- - 0.016667 0.016667 -",
		"RUNNING_SUM(m1)": "1 - 4 8 -",
		// gaps
		"FILL(m1, 7)": "1 7 3 4 7", "FILL(m1, REPEAT)": "1 1 3 4 4", "FILL(m1, LINEAR)": "1 2 3 4 -", "FILL(m2, m1)": "10 20 0 4 -",
		"FILL(m3, MIN(m1))": "-1.5 2.5 1 0 1", "FILL(DIFF(m1), REPEAT)": "- - 2 1 1",
		// a series to a scalar
		"m1 - AVG(m1)": "-1.666667 - 0.333333 1.333333 -", "MAX(m1) / m1": "4 - 1.333333 1 -", "m1 - MIN(m3)": "2.5 - 4.5 5.5 -",
		"SUM(m1) / DATAPOINT_COUNT(m1) * m1": "2.666667 - 8 10.666667 -", "STDDEV(m1) + 0 * m1": "1.247219 - 1.247219 1.247219 -",
		"m1 / PERIOD(m1)": "0.016667 - 0.05 0.066667 -", "m1 / METRIC_COUNT(METRICS())": "0.333333 - 1 1.333333 -",
		// an array to a series
		"SUM(METRICS())": "9.5 22.5 3 4 -", "AVG([m1, m2])": "5.5 10 1.5 2 -", "MIN([m1, m2])": "1 20 0 4 -", "MAX([m1, m2])": "10 20 3 4 -",
		"DATAPOINT_COUNT(METRICS())": "3 2 2 2 -", "STDDEV([m1, m2])": "4.5 10 1.5 2 -", `SUM([METRICS("1"), METRICS('2')])`: "11 20 3 4 -",
		"SUM(100 / [m1, m2])": "110 5 33.333333 25 -", "AVG([m1, m2] / m3)": "-3.666667 4 - - -", "SUM(-[m1, m2])": "-11 -20 -3 -4 -",
		"m1 / SUM([m1, m1])": "0.5 - 0.5 0.5 -",
		// arrays
		"[m1, m2] * 2": "2 - 6 8 -; 20 40 0 - -", "METRICS('m1')": "1 - 3 4 -", "ABS([m3])": "1.5 2.5 - 0 -", "METRICS('nothing')": "",
		"SORT(METRICS(), AVG, DESC)": "10 20 0 - -; 1 - 3 4 -; -1.5 2.5 - 0 -", "SORT(METRICS(), SUM, ASC, 1)": "-1.5 2.5 - 0 -",
		"SORT([m1, m2 / 0], MAX, DESC)": "1 - 3 4 -; - - - - -", "SORT([m2 / 0, m1], MIN, ASC)": "1 - 3 4 -; - - - - -",
		"SLICE(METRICS(), 1)": "10 20 0 - -; -1.5 2.5 - 0 -", "SLICE(METRICS(), 0, 1)": "1 - 3 4 -", "SLICE(METRICS(), 2, 1)": "",
		"SLICE(METRICS(), 7)": "", "FIRST(METRICS())": "1 - 3 4 -", "LAST(METRICS())": "-1.5 2.5 - 0 -", "REMOVE_EMPTY([m1, m1 / 0])": "1 - 3 4 -",
		"FIRST(METRICS('x'))": "", "SUM(METRICS('x'))": "", "RATE([m1])": "- - 0.016667 0.016667 -",
		"IF(FIRST(SORT(METRICS(), AVG, DESC)) > 5, 1, 0)": "1 1 0 - -",
		// made of time
		"TIME_SERIES(5)": "5 5 5 5 5", "TIME_SERIES(MAX(m1))": "4 4 4 4 4", "MINUTE(m1)": "0 1 2 3 4", "HOUR(m1)": "10 10 10 10 10",
		"DAY(m1)": "3 3 3 3 3", "DATE(m1)": "25 25 25 25 25", "MONTH(m1)": "11 11 11 11 11", "YEAR(m1)": "2026 2026 2026 2026 2026",
		"EPOCH(m1) - 1795600000": "800 860 920 980 1040", "IF(DAY(m1) < 6, m1)": "1 0 3 4 0", "IF(MONTH(m1) == 4, m1)": "- - - - -",
		// what is not there
		"m1 - AVG(m1 / 0)": "- - - - -", "m1 + SUM(m1 / 0)": "1 - 3 4 -", "IF(AVG(m1 / 0), m1, m2)": "- - - - -",
		"IF(m1 > 2, m2)": "- - 0 0 -", "IF(1 > 0, 5, m1)": "5 5 5 5 5", "IF(m1 == 1, m2, m3)": "10 - - 0 -", "m1 * IF(1, 2, 3)": "2 - 6 8 -",
	} {
		if got := eval(t, text, 5, data); got != want {
			t.Errorf("%s = %s, want %s", text, got, want)
		}
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		// recorded
		"NOT_A_FUNCTION(m1)":                   "Function 'NOT_A_FUNCTION' not found",
		"search('x', 'Sum', 60)":               "Function 'search' not found",
		"SEARCH()":                             "Unsupported operand type(s) for SEARCH: '[]'",
		"SEARCH('{N}')":                        "Unsupported operand type(s) for SEARCH: '[String]'",
		"SEARCH('x', 'Sum', '60')":             "Unsupported operand type(s) for SEARCH: '[String, String, String]'",
		"SEARCH('x', 'Sum', 60, 7)":            "Unsupported operand type(s) for SEARCH: '[String, String, Scalar, Scalar]'",
		"SEARCH('x', 'Sum', 0)":                "The parameter Period must not equal 0.\n",
		"SEARCH('x', 'Sum', 61)":               "The parameter Period must be a multiple of 60.\n",
		"SEARCH('x', 'sum', 60)":               "The value for parameter Stat is not a valid statistic.\n",
		"SEARCH('x', 'Sum', -60)":              "!SEARCH arguments must be '[String, String, Positive Number]'",
		"SEARCH('x', 'Sum')":                   "!Period is a required field when using SEARCH function within an expression",
		`SEARCH('{"N"', 'Sum', 60)`:            `!Invalid SEARCH parameter: {"N"`,
		`SEARCH('(A="b" AND)', 'Sum', 60)`:     `!Invalid SEARCH parameter: (A="b" AND)`,
		"SEARCH('((A=b OR A=c)', 'Sum', 60)":   "!Invalid SEARCH parameter: ((A=b OR A=c)",
		`SEARCH('A=="b"', 'Sum', 60)`:          `!Invalid SEARCH parameter: A=="b"`,
		"SEARCH(':aws.AccountId='LOCAL'', 60)": "Invalid syntax",
		// syntax
		"": "Invalid syntax", "m1 +": "Invalid syntax", "m1 m2": "Invalid syntax", "(m1": "Invalid syntax", "m1)": "Invalid syntax", "[]": "Invalid syntax",
		"[m1": "Invalid syntax", "SUM(m1,": "Invalid syntax", "'open": "Invalid syntax", "m1 = 2": "Invalid syntax", "m1 & m2": "Invalid syntax",
		"m1 and m2": "Invalid syntax", "1e999 * m1": "Invalid syntax", "m1 # m2": "Invalid syntax", "REPEAT": "Invalid syntax", "AND": "Invalid syntax",
		"1..2": "Invalid syntax", "m1 ! m2": "Invalid syntax", "*m1": "Invalid syntax", "+m1": "Invalid syntax", "é": "Invalid syntax",
		// references
		"m4 + 1": "ID 'm4' not found", "e + 1": "Circular reference: e -> e",
		// types
		"5": "The return value of the expression must be TimeSeries or Array[TimeSeries]", "'a'": "The return value of the expression must be TimeSeries or Array[TimeSeries]",
		"AVG(m1)":                    "The return value of the expression must be TimeSeries or Array[TimeSeries]",
		"METRICS() + METRICS()":      "Unsupported operand type(s) for +: '[Array[TimeSeries], Array[TimeSeries]]'",
		"m1 + 'a'":                   "Unsupported operand type(s) for +: '[TimeSeries, String]'",
		"-'a'":                       "Unsupported operand type(s) for -: '[String]'",
		"RATE(5)":                    "Unsupported operand type(s) for RATE: '[Scalar]'",
		"RATE(m1, m2)":               "Unsupported operand type(s) for RATE: '[TimeSeries, TimeSeries]'",
		"FIRST(m1)":                  "Unsupported operand type(s) for FIRST: '[TimeSeries]'",
		"METRIC_COUNT(m1)":           "Unsupported operand type(s) for METRIC_COUNT: '[TimeSeries]'",
		"[m1, 5]":                    "Unsupported operand type(s) for []: '[TimeSeries, Scalar]'",
		"SORT(m1, AVG, DESC)":        "Unsupported operand type(s) for SORT: '[TimeSeries, Keyword, Keyword]'",
		"SORT(METRICS(), LOG, DESC)": "Invalid syntax", "FILL(m1, NOTHING)": "Invalid syntax",
		"FILL(m1)":             "Unsupported operand type(s) for FILL: '[TimeSeries]'",
		"IF(METRICS(), 1, 0)":  "Unsupported operand type(s) for IF: '[Array[TimeSeries], Scalar, Scalar]'",
		"IF(m1)":               "Unsupported operand type(s) for IF: '[TimeSeries]'",
		"TIME_SERIES(m1)":      "Unsupported operand type(s) for TIME_SERIES: '[TimeSeries]'",
		"MINUTE(METRICS())":    "Unsupported operand type(s) for MINUTE: '[Array[TimeSeries]]'",
		"m1 / PERIOD(m1 + m2)": "Unsupported operand type(s) for PERIOD: '[TimeSeries]'",
		"METRICS(m1)":          "Unsupported operand type(s) for METRICS: '[TimeSeries]'",
		// what other services would have to answer
		"ANOMALY_DETECTION_BAND(m1, 2)": "Function 'ANOMALY_DETECTION_BAND' is not supported", "SERVICE_QUOTA(m1)": "Function 'SERVICE_QUOTA' is not supported",
		"INSIGHT_RULE_METRIC('r', 'm')": "Function 'INSIGHT_RULE_METRIC' is not supported", "LAMBDA('f')": "Function 'LAMBDA' is not supported",
		"DB_PERF_INSIGHTS('RDS', 'db', 'x')":    "Function 'DB_PERF_INSIGHTS' is not supported",
		"SELECT AVG(CPUUtilization) FROM \"N\"": "Metrics Insights queries are not supported",
	} {
		_, err := Compile([]metric.DataQuery{stat("m1", time.Minute), stat("m2", time.Minute), expression("e", text)})
		var refused *Error
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", text, err)
			continue
		}
		full, bare := strings.CutPrefix(want, "!")
		if !bare {
			full = "Error in expression 'e': " + want
		}
		if refused.Error() != full || refused.ID != "e" {
			t.Errorf("%s: %q of %q, want %q", text, refused, refused.ID, full)
		}
	}
}

func TestErrorPositions(t *testing.T) {
	for text, want := range map[string]int{"m1 + ": 5, "m1 + (2 * NO(m1))": 10, "m1 + m9": 5, "RATE(m1 +)": 9, "m1 ? 2": 3} {
		_, err := Compile([]metric.DataQuery{stat("m1", time.Minute), expression("e", text)})
		var refused *Error
		if !errors.As(err, &refused) || refused.Pos != want {
			t.Errorf("%s: %+v, want position %d", text, refused, want)
		}
	}
}

func TestReferencesBetweenQueries(t *testing.T) {
	queries := []metric.DataQuery{
		{ID: "rate", Expression: "errors / all * 100"}, {ID: "all", Expression: "SUM([ok, errors])", Hidden: true}, {ID: "mean", Expression: "AVG(errors)", Hidden: true},
		stat("ok", time.Minute), stat("errors", time.Minute), {ID: "over", Expression: "errors - mean"},
	}
	p, err := Compile(queries)
	if err != nil {
		t.Fatal(err)
	}
	var s Scratch
	src := window(map[string]string{"ok": "9 8 0", "errors": "1 - 5"})
	results, err := p.Eval(src, Options{From: start, Until: start.Add(3 * time.Minute)}, &s)
	if err != nil || len(results) != 2 || show(results[0].Values) != "10 0 100" || show(results[1].Values) != "-2 - 2" {
		t.Fatalf("%v %v", results, err)
	}
	if results[0].Query != 0 || results[1].Query != 5 || p.Type(1) != Series || p.Type(2) != Scalar || !p.Expressions() {
		t.Errorf("queries %v, types %v %v", results, p.Type(1), p.Type(2))
	}
	for _, bad := range [][]metric.DataQuery{
		{expression("a", "b + 1"), expression("b", "c + 1"), expression("c", "b + 1")},
		{stat("a", time.Minute), stat("a", time.Minute)},
	} {
		_, err := Compile(bad)
		t.Log(err)
		if err == nil {
			t.Errorf("%v: taken", bad)
		}
	}
	if _, err := Compile([]metric.DataQuery{expression("a", "b + 1"), expression("b", "c + 1"), expression("c", "b + 1")}); err.Error() !=
		"Error in expression 'c': Circular reference: b -> c -> b" {
		t.Error(err)
	}
}

// TestPeriods: an expression's period is its own or, if that is greater, the greatest of what it uses, and all of it is read at that.
func TestPeriods(t *testing.T) {
	fine, coarse := stat("m1", time.Minute), stat("m2", 2*time.Minute)
	given := func(text string, period time.Duration) metric.DataQuery {
		return metric.DataQuery{ID: "e", Expression: text, Period: period}
	}
	for _, c := range []struct {
		query  metric.DataQuery
		period time.Duration
		want   string
	}{
		{given("m1", 0), time.Minute, "1 2 3 4"},
		{given("m1 + m2", 0), 2 * time.Minute, "33 77"},      // 1+2 and 30
		{given("m1", 2*time.Minute), 2 * time.Minute, "3 7"}, // read at the period that is given
		{given("m2", time.Minute), 2 * time.Minute, "30 70"}, // not finer than the metric's own
		{given("m1/PERIOD(m1)", 2*time.Minute), 2 * time.Minute, "0.025 0.058333"},
		{given("TIME_SERIES(1)", 0), time.Minute, "1 1 1 1"},
		{given("TIME_SERIES(1)", 2*time.Minute), 2 * time.Minute, "1 1"},
		{given("SEARCH('m1', 'Sum', 60)", 4*time.Minute), time.Minute, "1 2 3 4"}, // recorded: a SEARCH's own period wins
		{given("SEARCH('m1', 'Sum')", 2*time.Minute), 2 * time.Minute, "3 7"},
		{given("SEARCH('m1', 'Sum', 120.9)", 0), 2 * time.Minute, "3 7"}, // recorded: fractions are dropped
		{given("SUM(SEARCH('m1', 'Sum', 60)) + m2", 0), 2 * time.Minute, "33 77"},
	} {
		p, err := Compile([]metric.DataQuery{fine, coarse, c.query})
		if err != nil {
			t.Fatal(err)
		}
		var s Scratch
		src := window(map[string]string{"m1": "1 2 3 4", "m2": "10 20 30 40"})
		results, err := p.Eval(src, Options{From: start, Until: start.Add(4 * time.Minute)}, &s)
		if err != nil || len(results) != 1 || p.Period(2) != c.period || show(results[0].Values) != c.want {
			t.Errorf("%s at %v: %v at %v, %v", c.query.Expression, c.query.Period, results, p.Period(2), err)
		}
	}
}

// TestShares: the periods that may be read are divided among the sources, and the next evaluation continues where the last one ended. AWS: recorded.
func TestShares(t *testing.T) {
	src := window(map[string]string{"m1": "1 2 3 4 5", "m2": "6 7 8 9 10"})
	all := func(queries []metric.DataQuery, most int, newest bool) string {
		p, err := Compile(queries)
		if err != nil {
			t.Fatal(err)
		}
		var pages []string
		var skip []int
		for done := false; !done; {
			var s Scratch
			results, err := p.Eval(src, Options{From: start, Until: start.Add(5 * time.Minute), Most: most, Skip: skip, Newest: newest}, &s)
			if err != nil {
				t.Fatal(err)
			}
			var page []string
			for _, r := range results {
				text := show(r.Values)
				if r.Partial {
					text += "*"
				}
				page = append(page, text)
			}
			pages = append(pages, strings.Join(page, ","))
			skip, done = s.Read()
		}
		return strings.Join(pages, "|")
	}
	a, b := stat("m1", time.Minute), stat("m2", time.Minute)
	a.Hidden, b.Hidden = false, false
	for _, c := range []struct {
		most   int
		newest bool
		want   string
	}{
		{10, false, "1 2 3 4 5,6 7 8 9 10"},
		{9, false, "1 2 3 4 5,6 7 8 9*|,10"},
		{4, false, "1 2*,6 7*|3 4*,8 9*|5,10"},
		{4, true, "4 5*,9 10*|2 3*,7 8*|1,6"},
		{1, false, "1*,*|2*,*|3*,*|4*,*|5,*|,6*|,7*|,8*|,9*|,10"},
	} {
		if got := all([]metric.DataQuery{a, b}, c.most, c.newest); got != c.want {
			t.Errorf("%d, newest %v: %s, want %s", c.most, c.newest, got, c.want)
		}
	}
	a.Hidden, b.Hidden = true, true
	if got := all([]metric.DataQuery{a, b, expression("e", "m1 + FILL(m2, 0)")}, 6, false); got != "7 9 11*|13 15" {
		t.Errorf("an expression over shares: %s", got)
	}
}

// AWS: recorded, twelve metrics of five periods.
func TestSharesRecorded(t *testing.T) {
	var queries []metric.DataQuery
	for i := range 12 {
		queries = append(queries, stat(fmt.Sprintf("m%d", i), time.Minute))
		queries[i].Hidden = false
	}
	p, err := Compile(queries)
	if err != nil {
		t.Fatal(err)
	}
	for most, want := range map[int]string{
		1: "[1 0 0 0 0 0 0 0 0 0 0 0]", 5: "[5 0 0 0 0 0 0 0 0 0 0 0]", 23: "[5 5 4 1 1 1 1 1 1 1 1 1]", 24: "[2 2 2 2 2 2 2 2 2 2 2 2]",
		48: "[4 4 4 4 4 4 4 4 4 4 4 4]", 59: "[5 5 5 5 5 5 5 5 5 5 5 4]", 60: "[5 5 5 5 5 5 5 5 5 5 5 5]",
	} {
		var s Scratch
		p.Read(window(nil), Options{From: start, Until: start.Add(5 * time.Minute), Most: most}, &s)
		if read, _ := s.Read(); fmt.Sprint(read) != want {
			t.Errorf("%d: %v, want %s", most, read, want)
		}
	}
}

func TestTooMuch(t *testing.T) {
	queries := []metric.DataQuery{stat("m1", time.Minute), {ID: "e0", Expression: "[m1, m1]", Hidden: true}}
	for i := 1; i < 40; i++ {
		queries = append(queries, metric.DataQuery{ID: fmt.Sprintf("e%d", i), Expression: fmt.Sprintf("[e%d, e%d]", i-1, i-1), Hidden: i < 39})
	}
	p, err := Compile(queries)
	if err != nil {
		t.Fatal(err)
	}
	var s Scratch
	var much *TooMuchError
	if _, err := p.Eval(window(nil), Options{From: start, Until: start.Add(time.Hour)}, &s); !errors.As(err, &much) {
		t.Errorf("an array of 2^40 members: %v", err)
	}
}

func TestResultsUseTheScratch(t *testing.T) {
	src := window(map[string]string{"m1": "1 - 3 4", "m2": "5 6 7 8"})
	p, err := Compile([]metric.DataQuery{stat("m1", time.Minute), stat("m2", time.Minute), expression("e", "IF(FILL(m1, 0) > 2, m2 / SUM(METRICS()), RATE(m2))")})
	if err != nil {
		t.Fatal(err)
	}
	var s Scratch
	o := Options{From: start, Until: start.Add(4 * time.Minute)}
	if n := testing.AllocsPerRun(100, func() { _, _ = p.Eval(src, o, &s) }); n > 0 {
		t.Errorf("an evaluation allocates %v times", n)
	}
}

func BenchmarkAlarm(b *testing.B) {
	src := window(map[string]string{"m1": "1 - 3 4 5", "m2": "5 6 7 8 9"})
	p, err := Compile([]metric.DataQuery{stat("m1", time.Minute), stat("m2", time.Minute), expression("e", "100 * m1 / (m1 + m2)")})
	if err != nil {
		b.Fatal(err)
	}
	var s Scratch
	o := Options{From: start, Until: start.Add(5 * time.Minute)}
	for b.Loop() {
		if _, err := p.Eval(src, o, &s); err != nil {
			b.Fatal(err)
		}
	}
}
