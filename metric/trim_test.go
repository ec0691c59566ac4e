package metric_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"bellows.dev/bellows/metric"
)

func TestParseRanges(t *testing.T) {
	for text, want := range map[string]metric.Statistic{
		"tm99":         {Kind: metric.TrimmedMean, Upper: 99},
		"wm99.5":       {Kind: metric.WinsorizedMean, Upper: 99.5},
		"tc90":         {Kind: metric.TrimmedCount, Upper: 90},
		"ts1":          {Kind: metric.TrimmedSum, Upper: 1},
		"IQM":          {Kind: metric.TrimmedMean, Lower: 25, Upper: 75},
		"TM(10%:90%)":  {Kind: metric.TrimmedMean, Lower: 10, Upper: 90},
		"TM(:90%)":     {Kind: metric.TrimmedMean, Upper: 90},
		"TS(80%:)":     {Kind: metric.TrimmedSum, Lower: 80, Upper: 100},
		"TC(0.005:30)": {Kind: metric.TrimmedCount, Lower: 0.005, Upper: 30, Fixed: true},
		"PR(:300)":     {Kind: metric.PercentileRank, Upper: 300, Fixed: true, NoLower: true},
		"PR(100:)":     {Kind: metric.PercentileRank, Lower: 100, Fixed: true, NoUpper: true},
		"WM(5:10)":     {Kind: metric.WinsorizedMean, Lower: 5, Upper: 10, Fixed: true},
	} {
		got, err := metric.ParseStatistic(text)
		want.Name = text
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"p101", "tm", "tm101", "Tm90", "tm(1:2)", "TM90", "TM()", "TM(:)", "TM(50%:10%)", "TM(a:b)", "TM(1%:2)", "TM(1:2", "PR(5%:6%)", "pr50",
		"IQM1", "iqm", "TM(10%:101%)", "TM(-1%:5%)", "TM(-1:5)", "PR(-1:0)", "WM(-2:-1)", "TM(1:2:3)", "tm1.12345678901", "XX(1:2)",
	} {
		if got, err := metric.ParseStatistic(text); err == nil {
			t.Errorf("%s was read as %+v", text, got)
		}
	}
}

// brute computes a statistic over a range from the samples themselves. AWS: CloudWatch user guide, statistics definitions.
func brute(s metric.Statistic, samples []float64) (v float64, ok bool) {
	slices.Sort(samples)
	n := float64(len(samples))
	var count, sum, below, above, low, high float64
	first := true
	for i, x := range samples {
		part, side := 1.0, 0
		if s.Fixed {
			least := s.Kind == metric.PercentileRank && s.Lower == samples[0] // sorted above
			if !s.NoLower && x <= s.Lower && !least {
				part, side = 0, -1
			} else if !s.NoUpper && x > s.Upper {
				part, side = 0, 1
			}
		} else {
			from, to := math.Max(float64(i), s.Lower/100*n), math.Min(float64(i+1), s.Upper/100*n)
			part = math.Max(to-from, 0)
			below += math.Min(math.Max(s.Lower/100*n-float64(i), 0), 1)
			above += math.Min(math.Max(float64(i+1)-s.Upper/100*n, 0), 1)
		}
		if side < 0 {
			below++
		} else if side > 0 {
			above++
		}
		count, sum = count+part, sum+part*x
		if part > 0 {
			if first {
				low, first = x, false
			}
			high = x
		}
	}
	if s.Fixed {
		low, high = s.Lower, s.Upper
	}
	switch s.Kind {
	case metric.TrimmedCount:
		return count, true
	case metric.TrimmedSum:
		return sum, true
	case metric.PercentileRank:
		return 100 * count / n, true
	case metric.WinsorizedMean:
		return (sum + below*low + above*high) / n, true
	default:
		return sum / count, count > 0
	}
}

func TestRangesAgainstTheDefinition(t *testing.T) {
	texts := []string{"tm90", "TM(10%:90%)", "IQM", "wm80", "WM(5%:95%)", "tc50", "TS(20%:60%)", "TM(1:20)", "WM(2:20)", "TC(1.5:20.5)", "TS(:20)", "PR(0:20.5)", "PR(10:)"}
	rapid.Check(t, func(rt *rapid.T) {
		// Whole numbers, far apart on the buckets' scale: so a bucket is a value.
		samples := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 30), func(i int) float64 { return float64(i) }), 1, 60).Draw(rt, "samples")
		s, err := metric.ParseStatistic(rapid.SampledFrom(texts).Draw(rt, "statistic"))
		if err != nil {
			rt.Fatal(err)
		}
		sum := &metric.Summary{}
		for _, x := range samples {
			sum.Add(x, 1)
		}
		got, ok := s.Of(sum)
		want, wantOK := brute(s, samples)
		if ok != wantOK || ok && math.Abs(got-want) > 0.006*math.Abs(want)+1e-6 {
			rt.Fatalf("%v: %v %v, want %v %v", s, got, ok, want, wantOK)
		}
	})
}

// A statistic set does not determine the distribution of its samples, unless all are equal; negative values have none.
func TestRangesOfUnknownSamples(t *testing.T) {
	s, err := metric.ParseStatistic("tm90")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Of(&metric.Summary{StatisticSet: metric.StatisticSet{Count: 3, Sum: 6, Min: 1, Max: 3}}); ok {
		t.Error("a mean of unknown samples")
	}
	if v, ok := s.Of(&metric.Summary{StatisticSet: metric.StatisticSet{Count: 3, Sum: 6, Min: 2, Max: 2}}); !ok || v != 2 {
		t.Errorf("equal samples: %v %v", v, ok)
	}
	if _, ok := s.Of(summary(-1, 5)); ok {
		t.Error("a mean with negative samples")
	}
}
