package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/bench/figure"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

var (
	scope = engine.Scope{Account: "123456789012", Region: "us-east-1"}
	begun = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
)

// minutes of data are recorded before alarms are measured: more than the longest evaluation range.
const minutes = 19

// rounds is the number of measurements of a tick, of which the median is reported.
const rounds = 3

// tick is the CPU time and the allocations of one evaluation of all alarms.
type tick struct {
	took   time.Duration
	allocs float64
}

func measureAlarms(ctx context.Context, peers int) ([]figure.Figure, error) {
	defer figure.OneCore()()
	var out []figure.Figure
	for _, variants := range []int{peers, 100_000, 500_000} {
		t, err := evaluate(ctx, variants)
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("alarms in one tick, seconds of one core: %d", 2*variants)
		if variants == 100_000 {
			out = append(out, figure.AtMost(name, t.took.Seconds(), "s", 0.5), figure.AtMost("  allocations for a quiet alarm", t.allocs/float64(2*variants), "", 0.001))
		} else {
			out = append(out, figure.Figure{Name: name, Value: t.took.Seconds(), Unit: "s"})
		}
	}
	took, err := evaluateRules(ctx, peers)
	if err != nil {
		return nil, err
	}
	return append(out, figure.Figure{Name: fmt.Sprintf("  Prometheus' rules in one evaluation: %d", 2*peers), Value: took.Seconds(), Unit: "s"}), nil
}

// evaluate puts two alarms on each of many variants, as target tracking does, and evaluates them without a change of state.
func evaluate(ctx context.Context, variants int) (tick, error) {
	e := engine.New(engine.Config{Seed: 1})
	now := begun
	series, err := watched(e, variants)
	if err != nil {
		return tick{}, err
	}
	feed := func() {
		s := metric.Summary{StatisticSet: metric.StatisticSet{Count: 1, Sum: 66, Min: 66, Max: 66}}
		for _, x := range series {
			x.Record(now, metric.StandardResolution, "None", &s)
		}
	}
	for range minutes {
		feed()
		now = now.Add(time.Minute)
	}
	now = now.Add(10 * time.Second)
	if _, err := e.Step(now, engine.Tick{}); err != nil {
		return tick{}, err
	}
	var all []tick
	for range rounds {
		if ctx.Err() != nil {
			return tick{}, ctx.Err()
		}
		feed()
		now = now.Add(time.Minute)
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		started := figure.CPUTime()
		if _, err := e.Step(now, engine.Tick{}); err != nil {
			return tick{}, err
		}
		took := figure.CPUTime() - started
		runtime.ReadMemStats(&after)
		all = append(all, tick{took, float64(after.Mallocs - before.Mallocs)})
	}
	slices.SortFunc(all, func(a, b tick) int { return int(a.took - b.took) })
	return all[len(all)/2], nil
}

func watched(e *engine.Engine, variants int) ([]*metric.Series, error) {
	var series []*metric.Series
	for v := range variants {
		id := metric.NewID("AWS/SageMaker", "InvocationsPerInstance",
			metric.Dimension{Name: "EndpointName", Value: fmt.Sprint("endpoint-", v)}, metric.Dimension{Name: "VariantName", Value: "AllTraffic"})
		rule := alarm.Rule{
			Metric: id, Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute, Periods: 3, Threshold: 70,
			Comparison: alarm.GreaterThanThreshold,
		}
		high := alarm.Alarm{Name: fmt.Sprint("high-", v), ActionsEnabled: true, Rule: rule}
		rule.Periods, rule.Threshold, rule.Comparison = 15, 63, alarm.LessThanThreshold
		low := alarm.Alarm{Name: fmt.Sprint("low-", v), ActionsEnabled: true, Rule: rule}
		for _, a := range []alarm.Alarm{high, low} {
			if _, err := e.Step(begun, engine.PutMetricAlarm{Scope: scope, Alarm: a}); err != nil {
				return nil, err
			}
		}
		series = append(series, e.Region(scope).Metrics.Series(id))
	}
	return series, nil
}
