package history

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

// many records one minute of many metrics, with distributions.
func (l *life) many(metrics int) {
	data := make([]metric.Datum, metrics)
	for i := range data {
		data[i] = metric.Datum{
			ID: metric.NewID("N", "latency", metric.Dimension{Name: "Variant", Value: fmt.Sprint(i)}), At: l.now, Resolution: time.Minute, Unit: "Milliseconds",
		}
		for n := range 5 {
			data[i].Summary.Add(float64(10+(i*7+n*13+int(l.now.Unix()/60))%90), 1)
		}
	}
	if _, err := l.step(context.Background(), engine.PutMetricData{Scope: home, Data: data}); err != nil {
		l.t.Fatal(err)
	}
}

// Writing one minute of 20,000 metrics with five series each.
func BenchmarkFlush(b *testing.B) {
	const metrics = 20_000
	l := newLife(b, filepath.Join(b.TempDir(), "h"), Options{})
	defer func() { l.h.close() }()
	var before, after runtime.MemStats
	for b.Loop() {
		b.StopTimer()
		l.many(metrics)
		l.now = l.now.Add(time.Minute)
		if _, err := l.step(context.Background(), engine.Tick{}); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := l.h.Flush(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/metrics, "ns/metric")
	runtime.GC()
	runtime.ReadMemStats(&before)
	l.h.close()
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(before.HeapAlloc-after.HeapAlloc)/metrics, "heap-B/metric")
}

// Reading 500 metrics from disk for GetMetricData: three hours, as in dashboards, and a day.
func BenchmarkRead(b *testing.B) {
	l := newLife(b, filepath.Join(b.TempDir(), "h"), Options{})
	defer func() { l.h.close() }()
	l.h.unsynced = true
	const hours = 27
	for range hours * 60 {
		l.many(500)
		l.pass(time.Minute)
	}
	for _, c := range []struct {
		name string
		back time.Duration
		q    metric.Query
	}{
		{"Average/3h", 3 * time.Hour, metric.Query{Statistic: metric.Statistic{Kind: metric.Average}, Period: time.Minute, Periods: 180}},
		{"p90/3h", 3 * time.Hour, metric.Query{Statistic: metric.Statistic{Kind: metric.Percentile, Rank: 90}, Period: time.Minute, Periods: 180}},
		{"Average/day", 26 * time.Hour, metric.Query{Statistic: metric.Statistic{Kind: metric.Average}, Period: 5 * time.Minute, Periods: 288}},
		{"p90/day", 26 * time.Hour, metric.Query{Statistic: metric.Statistic{Kind: metric.Percentile, Rank: 90}, Period: 5 * time.Minute, Periods: 288}},
	} {
		c.q.From = metric.Align(l.now.Add(-c.back), c.q.Period)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.readMany(b, c.q)
			}
		})
	}
}

func (l *life) readMany(b *testing.B, q metric.Query) {
	found := 0
	if err := l.h.Metrics(context.Background(), home, func(_ time.Time, s expr.Source) {
		found = 0 // it may be called twice
		for i := range 500 {
			for _, p := range s.Datapoints(metric.NewID("N", "latency", metric.Dimension{Name: "Variant", Value: fmt.Sprint(i)}), q, nil) {
				if !p.Missing {
					found++
				}
			}
		}
	}); err != nil {
		b.Fatal(err)
	}
	if found != 500*q.Periods {
		b.Fatalf("%d datapoints", found)
	}
}
