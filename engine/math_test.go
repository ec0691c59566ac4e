package engine_test

import (
	"fmt"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// An alarm on an expression costs no memory either while its state does not change.
func TestQuietExpressionsDoNotAllocate(t *testing.T) {
	const alarms = 200
	e := engine.New(engine.Config{Seed: 1})
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	step := func(in engine.Input) {
		if _, err := e.Step(now, in); err != nil {
			t.Fatal(err)
		}
	}
	query := func(id, name string) metric.DataQuery {
		return metric.DataQuery{ID: id, Hidden: true, Stat: &metric.MetricStat{
			Metric: metric.NewID("App", name), Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute,
		}}
	}
	for i := range alarms {
		step(engine.PutMetricAlarm{Scope: scope, Alarm: alarm.Alarm{Name: fmt.Sprint("math-", i), ActionsEnabled: true, Rule: alarm.Rule{
			Metrics: []metric.DataQuery{query("m1", "errors"), query("m2", "requests"), {ID: "e1", Expression: "100*m1/m2"}},
			Period:  time.Minute, Periods: 3, Threshold: 1000, Comparison: alarm.GreaterThanThreshold,
		}}})
	}
	minute := func() {
		var s metric.Summary
		s.StatisticSet.Add(10, 1)
		for _, name := range []string{"errors", "requests"} {
			e.Region(scope).Metrics.Series(metric.NewID("App", name)).Record(now, metric.StandardResolution, "None", &s)
		}
		now = now.Add(time.Minute)
		step(engine.Tick{})
	}
	for range 10 {
		minute()
	}
	if a := e.Region(scope).Alarms.Metric["math-7"]; a.State != alarm.OK || len(a.Recent) != 3 || a.Recent[0] != 100 {
		t.Fatalf("%v %v", a.State, a.Recent)
	}
	if n := testing.AllocsPerRun(5, minute); n > alarms/4 {
		t.Errorf("%d evaluations allocate %.0f times", alarms, n)
	}
}
