package metric_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bellows.dev/bellows/metric"
)

var start = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

func summary(values ...float64) *metric.Summary {
	s := &metric.Summary{}
	for _, v := range values {
		s.Add(v, 1)
	}
	return s
}

func statistic(t testing.TB, text string) metric.Statistic {
	t.Helper()
	s, err := metric.ParseStatistic(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestIdentityIgnoresTheOrderOfDimensions(t *testing.T) {
	a, b := metric.Dimension{Name: "EndpointName", Value: "e"}, metric.Dimension{Name: "VariantName", Value: "v"}
	if metric.NewID("n", "m", a, b).Key() != metric.NewID("n", "m", b, a).Key() {
		t.Error("the order of dimensions makes another metric")
	}
	if metric.NewID("n", "m", a).Key() == metric.NewID("n", "m", a, b).Key() {
		t.Error("a subset of the dimensions is the same metric")
	}
}

func TestStatisticsOfOnePeriod(t *testing.T) {
	s := summary(1, 2, 3, 10)
	for text, want := range map[string]float64{"SampleCount": 4, "Sum": 16, "Average": 4, "Minimum": 1, "Maximum": 10, "p100": 10, "p0": 1} {
		if got, ok := statistic(t, text).Of(s); !ok || math.Abs(got-want) > 1e-9 {
			t.Errorf("%s = %v %v, want %v", text, got, ok, want)
		}
	}
}

func TestStatisticNames(t *testing.T) {
	for _, text := range []string{"SampleCount", "Sum", "Average", "Minimum", "Maximum", "p0", "p50", "p99.9", "p100"} {
		if got := statistic(t, text).String(); got != text {
			t.Errorf("%s comes back as %s", text, got)
		}
	}
	for _, text := range []string{"", "sum", "p", "p101", "p-1", "p99.", "p1e1", "p99.12345678901", "pNaN", "p+5"} {
		if s, err := metric.ParseStatistic(text); err == nil {
			t.Errorf("%q is taken for %v", text, s)
		}
	}
}

func TestPercentilesNeedTheSamples(t *testing.T) {
	p90 := statistic(t, "p90")
	for name, tc := range map[string]struct {
		sum  metric.Summary
		want bool
	}{
		"statistic set of unlike samples": {metric.Summary{StatisticSet: metric.StatisticSet{Count: 2, Sum: 3, Min: 1, Max: 2}}, false},
		"statistic set of equal samples":  {metric.Summary{StatisticSet: metric.StatisticSet{Count: 2, Sum: 4, Min: 2, Max: 2}}, true},
		"a negative sample":               {*summary(-1, 2), false},
		"no sample":                       {metric.Summary{}, false},
	} {
		if _, ok := p90.Of(&tc.sum); ok != tc.want {
			t.Errorf("%s: available %v, want %v", name, ok, tc.want)
		}
		for text, want := range map[string]float64{"p0": tc.sum.Min, "p100": tc.sum.Max, "p100.5": tc.sum.Max} { // AWS: recorded
			if got, ok := statistic(t, text).Of(&tc.sum); ok != (tc.sum.Count > 0) || got != want {
				t.Errorf("%s of %s: %v %v, want %v", text, name, got, ok, want)
			}
		}
	}
}

// The sum of equal samples may be off by rounding: 0.1 + 0.1 + 0.1 is not 3 x 0.1. Samples of such sets are known one by one also together with others.
func TestSetsOfEqualSamplesJoinOthers(t *testing.T) {
	set := func(n, sum, v float64) metric.Summary {
		return metric.StatisticSet{Count: n, Sum: sum, Min: v, Max: v}.Summary()
	}
	tenth := 0.1
	s := set(3, tenth+tenth+tenth, tenth)
	s.Merge(set(3, 6, 2))
	if got, ok := statistic(t, "p90").Of(&s); !ok || math.Abs(got-2) > 0.012 {
		t.Errorf("p90 of equal sets: %v %v, want 2", got, ok)
	}
	s.Merge(set(2, 3, 1)) // its samples do not add up to 2 x 1: they are not all 1
	if got, ok := statistic(t, "p90").Of(&s); ok {
		t.Errorf("p90 beside a set whose sum disagrees: %v, want none", got)
	}
}

// The reference is the definition: the smallest sample that at least the fraction q of all samples does not exceed.
func TestPercentilesAgainstTheDefinition(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(0, 1e9), 1, 200).Draw(rt, "values")
		rank := rapid.IntRange(0, 100).Draw(rt, "rank")
		got, ok := metric.Statistic{Kind: metric.Percentile, Rank: float64(rank)}.Of(summary(values...))
		slices.Sort(values)
		at := max(int(math.Ceil(float64(rank)/100*float64(len(values))-1e-9))-1, 0)
		if want := values[at]; !ok || math.Abs(got-want) > 0.006*want+metric.Tiny {
			rt.Fatalf("p%d = %v %v, want %v", rank, got, ok, want)
		}
	})
}

// Datapoints must equal the statistics of the samples that fall into each period, whatever the order of their arrival.
func TestDatapointsAgainstTheDefinition(t *testing.T) {
	type sample struct {
		second int
		value  float64
	}
	samples := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) sample {
		return sample{rapid.IntRange(0, 599).Draw(rt, "second"), float64(rapid.IntRange(-5, 50).Draw(rt, "value"))}
	}), 0, 80)
	rapid.Check(t, func(rt *rapid.T) {
		var s metric.Series
		given := samples.Draw(rt, "samples")
		for _, x := range given {
			s.Record(start.Add(time.Duration(x.second)*time.Second), metric.HighResolution, "None", summary(x.value))
		}
		period := rapid.SampledFrom([]int{10, 30, 60, 120}).Draw(rt, "period")
		kind := metric.StatisticKind(rapid.IntRange(int(metric.SampleCount), int(metric.Maximum)).Draw(rt, "statistic"))
		q := metric.Query{Statistic: metric.Statistic{Kind: kind}, Period: time.Duration(period) * time.Second, From: start, Periods: 600 / period}
		for n, got := range s.Datapoints(q, nil) {
			var in metric.Summary
			for _, x := range given {
				if x.second/period == n {
					in.Add(x.value, 1)
				}
			}
			want, ok := q.Statistic.Of(&in)
			if got.Missing == ok || math.Abs(got.Value-want) > 1e-9 {
				rt.Fatalf("period %d: %+v, want %v %v", n, got, want, ok)
			}
		}
	})
}

func TestUnitsAreKeptApart(t *testing.T) {
	var s metric.Series
	s.Record(start, metric.StandardResolution, "Seconds", summary(1))
	s.Record(start, metric.StandardResolution, "Milliseconds", summary(500))
	q := metric.Query{Statistic: metric.Statistic{Kind: metric.Sum}, Unit: "Seconds", Period: time.Minute, From: start, Periods: 1}
	if got := s.Datapoints(q, nil)[0].Value; got != 1 {
		t.Errorf("in seconds: %v, want 1", got)
	}
	q.Unit = ""
	if got := s.Datapoints(q, nil)[0].Count; got != 2 {
		t.Errorf("without a unit: %v samples, want 2", got)
	}
}

func TestWindowDropsOldSamplesOnly(t *testing.T) {
	w := metric.NewWindow(time.Hour)
	s := w.Series(metric.NewID("n", "m"))
	s.Record(start, time.Minute, "None", summary(1))
	s.Record(start.Add(time.Hour), time.Minute, "None", summary(2))
	w.Evict(start.Add(time.Hour + 14*time.Minute))
	if !s.Any(start, time.Minute) {
		t.Error("what is as old as the retention is gone")
	}
	w.Evict(start.Add(time.Hour + 15*time.Minute))
	q := metric.Query{Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Hour, From: start, Periods: 2}
	if got := s.Datapoints(q, nil); !got[0].Missing || got[1].Value != 2 {
		t.Errorf("after eviction: %+v", got)
	}
}

func TestListMetrics(t *testing.T) {
	w := metric.NewWindow(time.Hour)
	dim := func(n, v string) metric.Dimension { return metric.Dimension{Name: n, Value: v} }
	for i, id := range []metric.ID{
		metric.NewID("B", "m"), metric.NewID("A", "m", dim("E", "1")), metric.NewID("A", "m", dim("E", "1"), dim("V", "x")), metric.NewID("A", "k", dim("E", "2")),
	} {
		w.Series(id).Record(start.Add(time.Duration(i)*time.Hour), time.Minute, "None", summary(1))
	}
	w.Series(metric.NewID("A", "an alarm looks at it, no sample yet"))
	for _, tc := range []struct {
		name   string
		filter metric.Filter
		want   []string
	}{
		{"all", metric.Filter{}, []string{"A/k{E=2}", "A/m{E=1}", "A/m{E=1 V=x}", "B/m{}"}},
		{"a dimension, with others allowed", metric.Filter{Dimensions: []metric.Dimension{dim("E", "1")}}, []string{"A/m{E=1}", "A/m{E=1 V=x}"}},
		{"a dimension's name alone", metric.Filter{Name: "k", Dimensions: []metric.Dimension{dim("E", "")}}, []string{"A/k{E=2}"}},
		{"recently active", metric.Filter{Since: start.Add(3 * time.Hour)}, []string{"A/k{E=2}"}},
		{"none", metric.Filter{Namespace: "C"}, nil},
	} {
		var got []string
		for _, id := range w.List(tc.filter) {
			got = append(got, id.String())
		}
		slices.Sort(got)
		slices.Sort(tc.want)
		if slices.Compare(got, tc.want) != 0 {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestDistributionStaysSorted(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var d metric.Distribution
		for _, v := range rapid.SliceOf(rapid.Float64Range(0, 1e12)).Draw(rt, "values") {
			d.Add(v, 1)
		}
		if !slices.IsSortedFunc(d, func(a, b metric.Bucket) int { return cmp.Compare(a.Index, b.Index) }) {
			rt.Fatal(fmt.Sprint(d))
		}
	})
}

func TestRecordingIntoAnExistingBucketDoesNotAllocate(t *testing.T) {
	var s metric.Series
	one := &metric.Summary{StatisticSet: metric.StatisticSet{Count: 1, Sum: 1, Min: 1, Max: 1}}
	s.Record(start, time.Minute, "None", one)
	if n := testing.AllocsPerRun(100, func() { s.Record(start, time.Minute, "None", one) }); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	var s metric.Series
	one := &metric.Summary{StatisticSet: metric.StatisticSet{Count: 1, Sum: 1, Min: 1, Max: 1}}
	for b.Loop() {
		s.Record(start, time.Minute, "None", one)
	}
}

func FuzzParseStatistic(f *testing.F) {
	for _, seed := range []string{"Sum", "p99.9", "p101", "p", "tm90", "TM(1%:2%)", "PR(:3)", "IQM"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := metric.ParseStatistic(text)
		if err != nil {
			return
		}
		s.Of(summary(1, 2, 3))
		if again := statistic(t, s.String()); again != s {
			t.Errorf("%q parses to %v, its name to %v", text, s, again)
		}
	})
}

// Rolling seconds up changes no statistic of a minute, and a window restored from a snapshot has the same statistics.
func TestRollUpAndSnapshotsKeepMinutes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := metric.NewWindow(6 * time.Hour)
		id := metric.NewID("N", "m", metric.Dimension{Name: "a", Value: "b"})
		start := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
		for range rapid.IntRange(1, 200).Draw(t, "samples") {
			at := start.Add(time.Duration(rapid.IntRange(0, 1200).Draw(t, "second")) * time.Second)
			resolution := rapid.SampledFrom([]time.Duration{metric.HighResolution, metric.StandardResolution}).Draw(t, "resolution")
			var s metric.Summary
			s.Add(float64(rapid.IntRange(0, 50).Draw(t, "value")), 1)
			w.Series(id).Record(at, resolution, rapid.SampledFrom([]string{"None", "Count"}).Draw(t, "unit"), &s)
		}
		ask := func(w *metric.Window) string {
			var out []metric.Datapoint
			for _, name := range []string{"Sum", "Average", "SampleCount", "Minimum", "p90"} {
				stat, err := metric.ParseStatistic(name)
				if err != nil {
					t.Fatal(err)
				}
				for _, unit := range []string{"", "Count"} {
					q := metric.Query{Statistic: stat, Unit: unit, Period: time.Minute, From: start, Periods: 25}
					out = w.Series(id).Datapoints(q, out)
				}
			}
			return fmt.Sprint(out)
		}
		before := ask(w)
		if after := ask(metric.FromState(w.State())); after != before {
			t.Fatalf("the state read again differs:\n%s\n%s", before, after)
		}
		w.Evict(start.Add(3*time.Hour + time.Duration(rapid.IntRange(0, 30).Draw(t, "minutes"))*time.Minute))
		if after := ask(w); after != before {
			t.Fatalf("rolled up, it differs:\n%s\n%s", before, after)
		}
	})
}

func TestFinite(t *testing.T) {
	for _, tc := range []struct {
		v, nearest float64
		is         bool
	}{
		{0, 0, true}, {-math.MaxFloat64, -math.MaxFloat64, true}, {math.SmallestNonzeroFloat64, math.SmallestNonzeroFloat64, true},
		{math.Inf(1), math.MaxFloat64, false}, {math.Inf(-1), -math.MaxFloat64, false}, {math.NaN(), 0, false},
	} {
		if is, nearest := metric.IsFinite(tc.v), metric.Finite(tc.v); is != tc.is || nearest != tc.nearest {
			t.Errorf("%v: finite %v, nearest %v", tc.v, is, nearest)
		}
	}
}
