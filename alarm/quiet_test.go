package alarm_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

// latencies is a window with six hours of a metric whose samples are many values; of three periods, the second is missing.
func latencies(resolution time.Duration) (*metric.Window, metric.ID) {
	w, id := metric.NewWindow(24*time.Hour), metric.NewID("n", "latency")
	for at, n := start, 0; at.Before(start.Add(6 * time.Hour)); at, n = at.Add(max(resolution, 10*time.Second)), n+1 {
		if n%3 == 1 {
			continue
		}
		var sum metric.Summary
		for i := range 40 {
			sum.Add(float64(100+7*i+n%5), 3)
		}
		w.Series(id).Record(at, resolution, "None", &sum)
	}
	return w, id
}

// quietRules are alarms of every kind, which stay as they are over latencies.
func quietRules(tb testing.TB, id metric.ID) map[string]alarm.Rule {
	rules := map[string]alarm.Rule{}
	base := alarm.Rule{
		Metric: id, Statistic: metric.Statistic{Kind: metric.Average}, Period: time.Minute, Periods: 3, Threshold: 1e9,
		Comparison: alarm.GreaterThanThreshold,
	}
	for _, text := range []string{
		"Sum", "Average", "SampleCount", "Minimum", "Maximum", "p50", "p99.9", "tm99", "IQM", "TM(150:300)", "wm95", "tc90", "ts90", "PR(:300)",
	} {
		r := base
		var err error
		if r.Statistic, err = metric.ParseStatistic(text); err != nil {
			tb.Fatal(err)
		}
		rules[text] = r
		for _, missing := range []alarm.MissingData{alarm.Missing, alarm.Ignore, alarm.Breaching, alarm.NotBreaching} {
			r.Missing, r.Periods, r.DatapointsToM = missing, 5, 4 // two of five are missing, and never four of them breach
			rules[fmt.Sprintf("%s, 4 of 5, missing: %v", text, missing)] = r
		}
		r.Period = 10 * time.Second
		rules[text+", high resolution"] = r
	}
	r := rules["p99.9"]
	r.IgnoreLowSample = true
	rules["p99.9 of few samples"] = r
	r = base
	r.Metric, r.Statistic = metric.ID{}, metric.Statistic{}
	p90 := metric.Statistic{Kind: metric.Percentile, Rank: 90}
	r.Metrics = []metric.DataQuery{
		{ID: "m1", Hidden: true, Stat: &metric.MetricStat{Metric: id, Statistic: base.Statistic, Period: time.Minute}},
		{ID: "m2", Hidden: true, Stat: &metric.MetricStat{Metric: id, Statistic: p90, Period: time.Minute}},
		{ID: "e1"},
	}
	for _, text := range []string{
		"m2/m1", "FILL(m1, REPEAT)", "IF(m1 > 100, m2, 0)", "RATE(RUNNING_SUM(m1))", "MAX([m1, m2])", "AVG(METRICS())", "m1 - MIN(m2) + STDDEV(m1)",
		"HOUR(m1) + DIFF_TIME(m1)", "FIRST(SORT(METRICS(), SUM, DESC))", "LAST(REMOVE_EMPTY([m1, m2]))", "TIME_SERIES(METRIC_COUNT(METRICS()))",
	} {
		r.Metrics = slices.Clone(r.Metrics)
		r.Metrics[2].Expression = text
		rules[text] = r
	}
	return rules
}

// An alarm of any kind whose state does not change costs no memory.
func TestQuietAlarmsOfEveryKindDoNotAllocate(t *testing.T) {
	coarse, id := latencies(time.Minute)
	fine, _ := latencies(time.Second)
	for name, r := range quietRules(t, id) {
		t.Run(name, func(t *testing.T) {
			w := coarse
			if r.Period < time.Minute {
				w = fine
			}
			var program *expr.Program
			if !r.Scalar() {
				var err error
				if program, _, err = alarm.Expects(r.Metrics); err != nil {
					t.Fatal(err)
				}
			}
			a := &alarm.Alarm{Name: "a", Rule: r, State: alarm.InsufficientData}
			series, scratch, now := w.Series(id), &alarm.Scratch{}, start.Add(time.Hour)
			evaluate := func() bool {
				var changed bool
				if program != nil {
					_, changed = a.EvaluateMath(now, 10*time.Second, program, w, scratch)
				} else {
					_, changed = a.Evaluate(now, 10*time.Second, series, scratch)
				}
				now = now.Add(r.Cadence())
				return changed
			}
			for range 20 {
				evaluate()
			}
			changes := 0
			n := testing.AllocsPerRun(100, func() {
				if evaluate() {
					changes++
				}
			})
			if n != 0 || changes != 0 {
				t.Errorf("%v allocations an evaluation, %d changes", n, changes)
			}
			if lowSamples := r.IgnoreLowSample; !lowSamples && (a.State != alarm.OK || len(a.Recent) == 0) {
				t.Errorf("%v on %v: the test looks at nothing", a.State, a.Recent)
			}
		})
	}
}

func BenchmarkEvaluate(b *testing.B) {
	for _, text := range []string{"Sum", "p99.9", "tm99"} {
		b.Run(text, func(b *testing.B) {
			w, id := latencies(time.Minute)
			a := &alarm.Alarm{Name: "a", Rule: quietRules(b, id)[text], State: alarm.OK}
			series, scratch := w.Series(id), &alarm.Scratch{}
			b.ReportAllocs()
			for b.Loop() {
				a.Evaluate(start.Add(5*time.Hour), 10*time.Second, series, scratch)
			}
		})
	}
}
