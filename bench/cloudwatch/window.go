package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"bellows.dev/bellows/bench/figure"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// measureRecording records what gateways report on a thousand variants each second, eight datapoints each, into existing series.
func measureRecording(ctx context.Context) ([]figure.Figure, error) {
	defer figure.OneCore()()
	const variants, each = 1000, 8
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
	e := engine.New(engine.Config{Seed: 1})
	now, steps := begun, 0
	started, began := figure.CPUTime(), time.Now()
	for time.Since(began) < 3*time.Second && ctx.Err() == nil {
		now = now.Add(time.Second)
		if _, err := e.Step(now, in); err != nil {
			return nil, err
		}
		steps++
	}
	rate := float64(steps*variants*each) / (figure.CPUTime() - started).Seconds()
	return []figure.Figure{figure.AtLeast("recording from gateways, per second of one core", rate, "datapoints/s", 5e6)}, ctx.Err()
}

// kinds are the kinds of metrics that are recorded of a variant each minute, with their share of its twelve metrics.
var kinds = []struct {
	name  string
	count int
	of    func(r *rand.Rand) metric.Summary
}{
	{"counts", 6, func(r *rand.Rand) metric.Summary {
		return metric.Summary{StatisticSet: metric.StatisticSet{Count: float64(500 + r.IntN(1000)), Sum: float64(r.IntN(9)), Max: 1}}
	}},
	{"utilization of an instance", 4, func(r *rand.Rand) (s metric.Summary) {
		s.StatisticSet.Add(100*r.Float64(), 1)
		return s
	}},
	{"latencies, 600 a minute", 2, func(r *rand.Rand) (s metric.Summary) {
		for range 600 {
			s.Add(5000*(1+r.NormFloat64()*0.05)+r.ExpFloat64()*200, 1)
		}
		return s
	}},
}

// measureMemory measures the heap of a window of many series after three hours.
func measureMemory(context.Context) ([]figure.Figure, error) {
	retention := engine.Config{}.WithDefaults().MetricRetention
	var out []figure.Figure
	total, metrics := 0.0, 0
	for _, k := range kinds {
		const series = 1000
		r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a fixed seed
		before := heap()
		w := metric.NewWindow(retention)
		for minute := range 180 {
			now := begun.Add(time.Duration(minute) * time.Minute)
			for v := range series {
				s := k.of(r)
				w.Series(metric.NewID("AWS/SageMaker", "InvocationsPerInstance", metric.Dimension{Name: "EndpointName", Value: fmt.Sprint("endpoint-", v)},
					metric.Dimension{Name: "VariantName", Value: "AllTraffic"})).Record(now, metric.StandardResolution, "None", &s)
			}
			w.Evict(now)
		}
		n := float64(heap()-before) / series
		runtime.KeepAlive(w)
		out = append(out, figure.Figure{Name: fmt.Sprintf("  a series of %s, window of %v", k.name, retention), Value: n, Unit: "bytes"})
		total, metrics = total+n*float64(k.count), metrics+k.count
	}
	mean := figure.AtMost("memory of a series, mean of a variant's twelve", total/float64(metrics), "bytes", 2048)
	return append([]figure.Figure{mean}, out...), nil
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
