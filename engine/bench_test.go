package engine_test

import (
	"fmt"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// watched is an engine with two alarms for each of many variants' metrics, as target tracking makes them, and half an hour of data.
// None of them is in ALARM.
func watched(tb testing.TB, variants int) (e *engine.Engine, now time.Time, feed func(time.Time)) {
	tb.Helper()
	e = engine.New(engine.Config{Seed: 1})
	now = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	step := func(in engine.Input) {
		if _, err := e.Step(now, in); err != nil {
			tb.Fatal(err)
		}
	}
	ids := make([]metric.ID, variants)
	for v := range ids {
		ids[v] = metric.NewID("AWS/SageMaker", "InvocationsPerInstance",
			metric.Dimension{Name: "EndpointName", Value: fmt.Sprint("endpoint-", v)}, metric.Dimension{Name: "VariantName", Value: "AllTraffic"})
		rule := alarm.Rule{
			Metric: ids[v], Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute, Periods: 3, Threshold: 70,
			Comparison: alarm.GreaterThanThreshold,
		}
		step(engine.PutMetricAlarm{Scope: scope, Alarm: alarm.Alarm{Name: fmt.Sprint("high-", v), ActionsEnabled: true, Rule: rule}})
		rule.Periods, rule.Threshold, rule.Comparison = 15, 63, alarm.LessThanThreshold
		step(engine.PutMetricAlarm{Scope: scope, Alarm: alarm.Alarm{Name: fmt.Sprint("low-", v), ActionsEnabled: true, Rule: rule}})
	}
	w := e.Region(scope).Metrics
	feed = func(at time.Time) { // as a gateway does, without the cost of an input
		var s metric.Summary
		s.StatisticSet.Add(66, 1)
		for _, id := range ids {
			w.Series(id).Record(at, metric.StandardResolution, "None", &s)
		}
	}
	for range 30 {
		feed(now)
		now = now.Add(time.Minute)
	}
	now = now.Add(10 * time.Second)
	step(engine.Tick{})
	return e, now, feed
}

// BenchmarkAlarms evaluates 200,000 alarms in one tick: two for each of 100,000 variants.
func BenchmarkAlarms(b *testing.B) {
	for _, variants := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(2*variants), func(b *testing.B) {
			e, now, feed := watched(b, variants)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				feed(now)
				b.StartTimer()
				now = now.Add(time.Minute)
				if _, err := e.Step(now, engine.Tick{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// An alarm whose state does not change costs no memory; a step costs a little, however many alarms there are.
func TestQuietAlarmsDoNotAllocate(t *testing.T) {
	const variants = 500
	e, now, feed := watched(t, variants)
	tick := func() {
		now = now.Add(time.Second)
		if _, err := e.Step(now, engine.Tick{}); err != nil {
			t.Fatal(err)
		}
	}
	for range 55 { // to the second before the evaluation
		tick()
	}
	perMinute := testing.AllocsPerRun(3, func() {
		feed(now)
		for range 60 {
			tick()
		}
	})
	_, at, feedAlone := watched(t, variants)
	feeding := testing.AllocsPerRun(3, func() {
		feedAlone(at)
		at = at.Add(time.Minute)
	})
	empty := engine.New(engine.Config{Seed: 1})
	at = now
	without := testing.AllocsPerRun(3, func() {
		for range 60 {
			at = at.Add(time.Second)
			if _, err := empty.Step(at, engine.Tick{}); err != nil {
				t.Fatal(err)
			}
		}
	})
	if perMinute-without-feeding > variants/5 {
		t.Errorf("%d evaluations a minute allocate %.0f times", 2*variants, perMinute-without-feeding)
	}
}

// observations are what a gateway says of many variants each second: their latencies lie in a few buckets.
func observations(variants int) engine.Observed {
	var in engine.Observed
	for v := range variants {
		o := engine.VariantObservation{
			Key:         engine.VariantKey{Scope: scope, Endpoint: fmt.Sprint("endpoint-", v), Variant: "AllTraffic"},
			Invocations: 10, InvocationsPerInstance: 5, Errors4XX: 1, Answered: 10,
		}
		for i := range 10 {
			o.ModelLatency.Add(float64(5000+100*i), 1)
			o.OverheadLatency.Add(float64(300+i), 1)
		}
		o.Concurrency.Add(2, 2)
		in.Variants = append(in.Variants, o)
	}
	return in
}

// BenchmarkObserved records what a gateway measured of 1,000 variants in a second, eight datapoints each, into series that are there.
func BenchmarkObserved(b *testing.B) {
	const variants, each = 1000, 8
	e := engine.New(engine.Config{Seed: 1})
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	in := observations(variants)
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Second)
		if _, err := e.Step(now, in); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(variants*each*float64(b.N)/b.Elapsed().Seconds(), "datapoints/s")
}

// A gateway's word about variants that are known costs no memory, save where a minute or a quarter of an hour begins.
func TestObservingDoesNotAllocate(t *testing.T) {
	const variants = 200
	e := engine.New(engine.Config{Seed: 1})
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	in := observations(variants)
	observe := func() {
		now = now.Add(time.Second)
		if _, err := e.Step(now, in); err != nil {
			t.Fatal(err)
		}
	}
	for range 11 {
		observe()
	}
	if n := testing.AllocsPerRun(5, observe); n > 20 { // the step's own
		t.Errorf("%v allocations for %d variants", n, variants)
	}
}
