package metric_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"bellows.dev/bellows/metric"
)

// kinds are what gateways and fleets record of a variant each minute.
var kinds = []struct {
	name string
	of   func(r *rand.Rand) metric.Summary
}{
	{"a variant at rest", func(*rand.Rand) metric.Summary { return metric.Summary{StatisticSet: metric.StatisticSet{Count: 1}} }},
	{"invocations", func(r *rand.Rand) metric.Summary {
		n := float64(500 + r.IntN(1000))
		return metric.Summary{StatisticSet: metric.StatisticSet{Count: n, Sum: n, Min: 1, Max: 1}}
	}},
	{"errors", func(r *rand.Rand) metric.Summary {
		return metric.Summary{StatisticSet: metric.StatisticSet{Count: float64(500 + r.IntN(1000)), Sum: float64(r.IntN(9)), Max: 1}}
	}},
	{"use of one instance", func(r *rand.Rand) (s metric.Summary) {
		s.StatisticSet.Add(100*r.Float64(), 1)
		return s
	}},
	{"use of four instances", func(r *rand.Rand) (s metric.Summary) {
		for range 4 {
			s.StatisticSet.Add(100*r.Float64(), 1)
		}
		return s
	}},
	{"latencies", func(r *rand.Rand) (s metric.Summary) {
		for range 1000 {
			s.Add(5000*(1+r.NormFloat64()*0.05)+r.ExpFloat64()*200, 1)
		}
		return s
	}},
}

// bytesPerSeries measures the memory of a series with its identity, its key and its entry in the window, after three hours of samples, one
// datapoint per minute.
func bytesPerSeries(retention time.Duration, of func(r *rand.Rand) metric.Summary, series int) int {
	r := rand.New(rand.NewPCG(1, 2))
	before := heap()
	w := metric.NewWindow(retention)
	for minute := range 180 {
		at := start.Add(time.Duration(minute) * time.Minute)
		for i := range series {
			s := of(r)
			w.Series(metric.NewID("AWS/SageMaker", "InvocationsPerInstance", metric.Dimension{Name: "EndpointName", Value: fmt.Sprint("endpoint-", i)},
				metric.Dimension{Name: "VariantName", Value: "AllTraffic"})).Record(at, metric.StandardResolution, "None", &s)
		}
		w.Evict(at)
	}
	n := (heap() - before) / uint64(series)
	runtime.KeepAlive(w)
	return int(n)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// In the window that an engine has by default, a series takes less than 2 KB, unless it holds distributions of a thousand latencies a
// minute.
func TestMemoryOfASeries(t *testing.T) {
	for _, k := range kinds {
		got := bytesPerSeries(15*time.Minute, k.of, 100)
		if t.Logf("%s: %d bytes", k.name, got); got > 2048 && k.name != "latencies" || got > 8192 {
			t.Errorf("%s: %d bytes", k.name, got)
		}
	}
}

func BenchmarkMemoryOfASeries(b *testing.B) {
	for _, retention := range []time.Duration{15 * time.Minute, time.Hour, 3 * time.Hour} {
		for _, k := range kinds {
			b.Run(fmt.Sprint(retention, " ", k.name), func(b *testing.B) {
				for b.Loop() {
					b.ReportMetric(float64(bytesPerSeries(retention, k.of, 500)), "bytes/series")
				}
			})
		}
	}
}
