package alarm_test

import (
	"encoding/json"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/metric"
)

func stat(id, name string) metric.DataQuery {
	return metric.DataQuery{ID: id, Hidden: true, Stat: &metric.MetricStat{
		Metric: metric.NewID("App", name), Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute,
	}}
}

// An expression's alarm has no unit, statistic or counts in its data. AWS: recorded.
func TestReasonsOfExpressions(t *testing.T) {
	w := metric.NewWindow(time.Hour)
	put := func(name string, minute int, v float64) {
		var s metric.Summary
		s.Add(v, 1)
		w.Series(metric.NewID("App", name)).Record(start.Add(time.Duration(minute)*time.Minute), time.Minute, "Count", &s)
	}
	for minute, v := range []float64{100, 100, 100} {
		put("requests", minute, v)
		put("errors", minute, 5*float64(minute+1))
	}
	rule := alarm.Rule{
		Metrics: []metric.DataQuery{stat("m1", "errors"), stat("m2", "requests"), {ID: "e1", Expression: "100*m1/m2"}},
		Period:  time.Minute, Periods: 2, Threshold: 9, Comparison: alarm.GreaterThanThreshold,
	}
	program, watched, err := alarm.Expects(rule.Metrics)
	if err != nil || watched != 2 {
		t.Fatal(watched, err)
	}
	a := alarm.Alarm{Rule: rule, State: alarm.OK}
	tr, changed := a.EvaluateMath(start.Add(3*time.Minute+10*time.Second), 10*time.Second, program, w, &alarm.Scratch{})
	want := "Threshold Crossed: 2 datapoints [15.0 (24/11/26 10:02:00), 10.0 (24/11/26 10:01:00)] were greater than the threshold (9.0)."
	if !changed || tr.To != alarm.InAlarm || tr.Reason != want {
		t.Errorf("%v %v\n got %s\nwant %s", changed, tr.To, tr.Reason, want)
	}
	want = `{"version":"1.0","queryDate":"2026-11-24T10:03:10.000+0000","startDate":"2026-11-24T10:01:00.000+0000","period":60,` +
		`"recentDatapoints":[10.0,15.0],"threshold":9.0,"evaluatedDatapoints":[{"timestamp":"2026-11-24T10:02:00.000+0000","value":15.0},` +
		`{"timestamp":"2026-11-24T10:01:00.000+0000","value":10.0}]}`
	if tr.Data != want || !json.Valid([]byte(tr.Data)) {
		t.Errorf("\n got %s\nwant %s", tr.Data, want)
	}
}

// AWS: PutMetricAlarm; the texts are recorded.
func TestExpressionsThatAlarmsCannotWatch(t *testing.T) {
	m1, m2 := stat("m1", "a"), stat("m2", "b")
	seen := m1
	seen.Hidden = false
	for _, tc := range []struct {
		queries []metric.DataQuery
		want    string
	}{
		{[]metric.DataQuery{seen}, ""},
		{[]metric.DataQuery{m1, {ID: "e1", Expression: "FILL(m1, 0)"}}, ""},
		{nil, "Exactly one element of the metrics list should return data."},
		{[]metric.DataQuery{m1}, "Exactly one element of the metrics list should return data."},
		{[]metric.DataQuery{seen, {ID: "e1", Expression: "m1*2"}}, "Exactly one element of the metrics list should return data."},
		{
			[]metric.DataQuery{m1, m2, {ID: "e1", Expression: "METRICS()"}},
			"Metrics expression that return multi time series are only allowed for MetricsInsights expression with an ORDER BY clause",
		},
		{
			[]metric.DataQuery{{ID: "e1", Expression: "SUM(SEARCH('{App} x', 'Sum', 60))"}},
			"SEARCH is not supported on Metric Alarms.",
		},
	} {
		_, _, err := alarm.Expects(tc.queries)
		if got := text(err); got != tc.want {
			t.Errorf("%+v:\n got %s\nwant %s", tc.queries, got, tc.want)
		}
	}
	if _, _, err := alarm.Expects([]metric.DataQuery{{ID: "e1", Expression: "m9"}}); err == nil {
		t.Error("an unknown query is watched")
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestEqualMetricsAreOneConfiguration(t *testing.T) {
	one := func(change func([]metric.DataQuery)) *alarm.Alarm {
		q := []metric.DataQuery{stat("m1", "a"), {ID: "e1", Expression: "m1*2", Label: "twice"}}
		change(q)
		return &alarm.Alarm{Rule: alarm.Rule{Metrics: q, Period: time.Minute, Periods: 1}}
	}
	same := one(func([]metric.DataQuery) {})
	if !same.SameConfiguration(one(func([]metric.DataQuery) {})) {
		t.Error("equal lists differ")
	}
	for _, change := range []func([]metric.DataQuery){
		func(q []metric.DataQuery) { q[0].Stat.Unit = "Count" },
		func(q []metric.DataQuery) { q[0].Stat.Metric = metric.NewID("App", "b") },
		func(q []metric.DataQuery) { q[0].Stat = nil },
		func(q []metric.DataQuery) { q[1].Expression = "m1*3" },
		func(q []metric.DataQuery) { q[1].Label = "" },
		func(q []metric.DataQuery) { q[1].Period = time.Minute },
	} {
		if same.SameConfiguration(one(change)) {
			t.Error("lists that differ are equal")
		}
	}
}
