package prometheus

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/prometheus/query"
)

// Samples are counted as often as they are evaluated, before they are.
func TestQueriesThatEvaluateTooManySamplesAreRefused(t *testing.T) {
	w := open(t)
	for i := range 50 {
		w.seed(home, "up", "job", strconv.Itoa(i))
	}
	const (
		nested = "sum_over_time((sum_over_time((sum_over_time(%s[1h:1s]))[1h:1s]))[1h:1s])"
		many   = `"errorType":"execution","error":"`
		memory = "query processing would load too many samples into memory in query execution: "
	)
	for _, c := range []struct {
		name, query, step string // step of a range of an hour; "": an instant query
		status            int
		want              string
	}{
		{"nested subqueries", fmt.Sprintf(nested, "up"), "", 422, many + "expanding series: " + memory},
		{"nested subqueries of a sum", fmt.Sprintf(nested, "(sum(up))"), "1h", 200, "success"},
		{"nested subqueries without series", "count_over_time(" + fmt.Sprintf(nested, "vector(1)") + "[1d:4s])", "", 422, many + memory},
		{"ranges", `sum_over_time(up{job="1"}[1h])`, "1s", 200, "success"},
		{"ranges of subqueries", "sum_over_time(up[1h:1s])", "1s", 422, many + "expanding series: " + memory},
		{"ranges of a subquery at one time", `sum_over_time(up{job="1"}[1h:1s] @ end())`, "1s", 200, "success"},
		{"a dashboard", `max_over_time(sum(rate(up{job=~"1.*"}[5m]))[1h:1m])`, "15s", 200, "success"},
		{"nested subqueries with long steps", strings.ReplaceAll(fmt.Sprintf(nested, "up"), "1s", "5m"), "", 200, "success"},
		{"too many evaluations", "sum_over_time(up[1y:1s])", "", 400, "is evaluated more than 500000 times"},
	} {
		pairs, path := []string{"query", c.query}, "query"
		if c.step != "" {
			pairs = append(pairs, "start", strconv.FormatInt(now.Add(-time.Hour).Unix(), 10), "end", strconv.FormatInt(now.Unix(), 10), "step", c.step)
			path = "query_range"
		}
		status, body := w.get(path, pairs...)
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %.300s", c.name, status, body)
		}
	}
}

// Selectors with the same matchers are counted separately, and samples of ranges as often as ranges overlap.
func TestCosts(t *testing.T) {
	for _, c := range []struct {
		query string
		known float64
		want  string
	}{
		{"a", 0, "[{61 0}]"},
		{"a[5m]", 0, "[{0 6}]"},
		{"a[5m] @ 0", 0, "[{0 1}]"},
		{"rate(a[10s])", 0, "[{0 1}]"},
		{"rate(a[5m]) + on() group_left a", 0, "[{0 6} {61 0}]"},
		{"max_over_time(a[10m:1m])", 671, "[{742 0}]"}, // 61 ranges of 11, 71 evaluations
		{"max_over_time(sum(a)[10m:1m])", 671, "[{71 0}]"},
		{"max_over_time(sum by (b) (a)[10m:1m])", 671, "[{742 0}]"},
		{"max_over_time(max_over_time(a[10m:1m])[10m:1m])", 671 + 781, "[{1533 0}]"},
	} {
		e, err := query.Parse(c.query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := costOf(e, time.Hour, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if text := fmt.Sprint(got.selectors[`__name__="a",`]); text != c.want || got.samples != c.known {
			t.Errorf("%s: %v, %s", c.query, got.samples, text)
		}
	}
}

// The query of an alarm has the same limit, and fails for good.
func TestQueryOfAnAlarmThatEvaluatesTooManySamples(t *testing.T) {
	w := open(t)
	for i := range 50 {
		w.seed(home, "up", "job", strconv.Itoa(i))
	}
	v := NewEvaluator(EvaluatorOptions{Engine: w.handler.o.Engine, Data: w.db})
	_, err := v.ask(t.Context(), engine.PromQLDue{Scope: home, QueryDue: alarm.QueryDue{
		At: now, Query: "sum_over_time((sum_over_time((sum_over_time(up[1h:1s]))[1h:1s]))[1h:1s])",
	}})
	if !errors.Is(err, errEvaluated) || temporary(err) {
		t.Error(err)
	}
}
