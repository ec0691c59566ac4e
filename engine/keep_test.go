package engine_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// farSighted is an engine with an alarm that looks back a day over each of some metrics, which have a datapoint a minute for 27 hours.
// The first metric has an alarm that looks back two hours, too.
func farSighted(t *testing.T, metrics int) (e *engine.Engine, now time.Time) {
	t.Helper()
	e, now = engine.New(engine.Config{Seed: 1, MetricRetention: 15 * time.Minute}), time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for i := range metrics {
		stepAt(t, e, now, engine.PutMetricAlarm{Scope: scope, Alarm: overHours(fmt.Sprint("day-", i), i, 24)})
	}
	stepAt(t, e, now, engine.PutMetricAlarm{Scope: scope, Alarm: overHours("hours", 0, 2)})
	for range 27 * 60 {
		for i := range metrics {
			var s metric.Summary
			for v := range 10 {
				s.Add(float64(100+37*v), 1)
			}
			e.Region(scope).Metrics.Series(farID(i)).Record(now, metric.StandardResolution, "None", &s)
		}
		now = now.Add(time.Minute)
		stepAt(t, e, now, engine.Tick{})
	}
	return e, now
}

func farID(i int) metric.ID { return metric.NewID("N", fmt.Sprint("metric-", i)) }

func overHours(name string, metricNo, hours int) alarm.Alarm {
	return alarm.Alarm{Name: name, Rule: alarm.Rule{
		Metric: farID(metricNo), Statistic: metric.Statistic{Kind: metric.Average}, Period: time.Hour, Periods: hours, Threshold: 1e9,
		Comparison: alarm.GreaterThanThreshold,
	}}
}

func stepAt(t *testing.T, e *engine.Engine, now time.Time, in engine.Input) {
	t.Helper()
	if _, err := e.Step(now, in); err != nil {
		t.Fatalf("%T: %v", in, err)
	}
}

// hours is how far back the window has samples of a metric.
func hours(e *engine.Engine, now time.Time, metricNo int) float64 {
	var first int64
	e.Region(scope).Metrics.Find(farID(metricNo)).Range(0, now.Unix(), func(b metric.BucketState) {
		if first == 0 {
			first = b.Start
		}
	})
	return now.Sub(time.Unix(first, 0)).Hours()
}

// later lets the window be gone through.
func later(t *testing.T, e *engine.Engine, now time.Time) time.Time {
	t.Helper()
	for range 12 {
		now = now.Add(time.Minute)
		stepAt(t, e, now, engine.Tick{})
	}
	return now
}

// What only an alarm that is gone looked at is forgotten, and its memory goes back; what another alarm looks at stays.
func TestDeletedAlarmsReleaseWhatTheyLookedAt(t *testing.T) {
	const metrics = 25
	e, now := farSighted(t, metrics)
	var gone []string
	for i := range metrics {
		if got := hours(e, now, i); got < 26 {
			t.Fatalf("metric %d: %.1f hours are there before anything is deleted", i, got)
		}
		gone = append(gone, fmt.Sprint("day-", i))
	}
	before := memory()
	stepAt(t, e, now, engine.DeleteAlarms{Scope: scope, Names: gone})
	now = later(t, e, now)
	after := memory()
	if got := hours(e, now, 0); got < 5 || got > 5.5 { // two periods more than the rule's, and one to spare
		t.Errorf("%.1f hours are there of what an alarm over two hours looks at", got)
	}
	for i := 1; i < metrics; i++ {
		if got := hours(e, now, i); got > 0.75 {
			t.Errorf("metric %d: %.1f hours are there", i, got)
		}
	}
	held := float64(before-after) / metrics
	if t.Logf("%.0f bytes a metric went back", held); held < 27*60*20 { // twenty bytes a minute at least: a distribution of ten values
		t.Errorf("%.0f bytes a metric went back", held)
	}
	runtime.KeepAlive(e)
}

func memory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// An alarm that is put again with fewer periods, or on an expression over other metrics, keeps what it looks at now; a state that was
// written down and read again forgets alike.
func TestChangedAlarmsKeepWhatTheyLookAtNow(t *testing.T) {
	e, now := farSighted(t, 3)
	stepAt(t, e, now, engine.PutMetricAlarm{Scope: scope, Alarm: overHours("day-1", 1, 3)})
	expression := alarm.Alarm{Name: "day-2", Rule: alarm.Rule{
		Metrics: []metric.DataQuery{
			{ID: "m1", Hidden: true, Stat: &metric.MetricStat{Metric: farID(1), Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Hour}},
			{ID: "e1", Expression: "2*m1"},
		},
		Period: time.Hour, Periods: 8, Threshold: 1e9, Comparison: alarm.GreaterThanThreshold,
	}}
	stepAt(t, e, now, engine.PutMetricAlarm{Scope: scope, Alarm: expression})
	stepAt(t, e, now, engine.PutMetricAlarm{Scope: scope, Alarm: alarm.Alarm{Name: "prom", Rule: alarm.Rule{
		PromQL: &alarm.PromQL{Query: "up", Interval: time.Minute}, Comparison: alarm.GreaterThanThreshold,
	}}})
	text, err := json.Marshal(e.State())
	if err != nil {
		t.Fatal(err)
	}
	var state engine.State
	if err := json.Unmarshal(text, &state); err != nil {
		t.Fatal(err)
	}
	twin := restored(t, state)
	end := later(t, e, now)
	later(t, twin, now)
	for i, want := range []float64{27, 11, 0.25} { // hours: the longest that is asked for; the expression's; the window's own
		if got := hours(e, end, i); got < want || got > want+0.5 {
			t.Errorf("metric %d: %.2f hours are there, want %.2f", i, got, want)
		}
	}
	one, _ := json.Marshal(e.State())
	if two, _ := json.Marshal(twin.State()); string(one) != string(two) {
		t.Error("a twin that was read again kept other samples")
	}
}
