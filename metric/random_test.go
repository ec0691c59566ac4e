package metric_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bellows.dev/bellows/metric"
)

// sample is a recorded sample with all its data.
type sample struct {
	start int64 // of its bucket
	fine  bool
	unit  string
	value float64
	count float64
}

// reference implements a window by its definition: a list of samples, all of which are examined for each answer.
type reference struct {
	samples []sample
	keep    time.Duration
	evicted time.Time
}

const retention = time.Hour

// evict does what a window promises: samples younger than the retention, or than must be kept, stay; those a quarter of an hour older are
// dropped; seconds last three hours.
func (r *reference) evict(now time.Time) {
	at := now.Truncate(5 * time.Minute)
	if !at.After(r.evicted) {
		return
	}
	r.evicted = at
	bound := at.Add(-max(retention, r.keep)).Truncate(15 * time.Minute).Unix()
	r.samples = slices.DeleteFunc(r.samples, func(s sample) bool { return s.start < bound })
	rolled := at.Add(-3 * time.Hour).Truncate(15 * time.Minute).Unix()
	for i := range r.samples {
		if s := &r.samples[i]; s.start < rolled && s.fine {
			s.start, s.fine = s.start-s.start%60, false
		}
	}
}

// answer computes a statistic of the samples of one period by its definition.
func (r *reference) answer(stat metric.Statistic, unit string, from, until int64) (v, count float64, ok bool) {
	var values []float64
	sum, least, most := 0.0, math.Inf(1), math.Inf(-1)
	for _, s := range r.samples {
		if s.start < from || s.start >= until || unit != "" && s.unit != unit {
			continue
		}
		for range int(s.count) {
			values = append(values, s.value)
		}
		count, sum, least, most = count+s.count, sum+s.value*s.count, min(least, s.value), max(most, s.value)
	}
	if count == 0 {
		return 0, 0, false
	}
	switch stat.Kind {
	case metric.SampleCount:
		return count, count, true
	case metric.Sum:
		return sum, count, true
	case metric.Average:
		return sum / count, count, true
	case metric.Minimum:
		return least, count, true
	case metric.Maximum:
		return most, count, true
	default:
		if ends := stat.Kind == metric.Percentile && (stat.Rank == 0 || stat.Rank == 100); least < 0 && !ends {
			return 0, 0, false // no percentiles where a value is negative, but for the ends
		}
	}
	if stat.Kind == metric.Percentile {
		slices.Sort(values)
		return values[max(int(math.Ceil(stat.Rank/100*count-1e-9))-1, 0)], count, true
	}
	v, ok = brute(stat, values)
	return v, count, ok
}

var everyStatistic = []string{
	"SampleCount", "Sum", "Average", "Minimum", "Maximum", "p0", "p50", "p99.9", "p100", "tm90", "TM(10%:90%)", "IQM", "wm80", "WM(5%:95%)",
	"tc50", "TS(20%:60%)", "TM(1:20)", "WM(2:20)", "TC(1.5:20.5)", "TS(:20)", "PR(0:20.5)", "PR(10:)",
}

// life is a window, its reference and a clock.
type life struct {
	w   *metric.Window
	ref reference
	now time.Time
	id  metric.ID
}

func (l *life) record(rt *rapid.T) {
	at := l.now
	if rapid.IntRange(0, 3).Draw(rt, "odd") == 0 { // late, or ahead
		at = at.Add(time.Duration(rapid.IntRange(-4*3600, 2*3600).Draw(rt, "off")) * time.Second)
	}
	resolution := rapid.SampledFrom([]time.Duration{metric.StandardResolution, metric.HighResolution}).Draw(rt, "resolution")
	unit := rapid.SampledFrom([]string{"None", "None", "Seconds", "Furlongs"}).Draw(rt, "unit")
	start := at.Unix() - at.Unix()%int64(resolution/time.Second)
	var sum metric.Summary
	for range rapid.IntRange(1, 3).Draw(rt, "values") {
		v, n := float64(rapid.IntRange(-1, 30).Draw(rt, "value")), float64(rapid.IntRange(1, 3).Draw(rt, "count"))
		v = max(v, float64(rapid.IntRange(-1, 0).Draw(rt, "least"))) // negative ones are rare
		sum.Add(v, n)
		l.ref.samples = append(l.ref.samples, sample{start, resolution < time.Minute, unit, v, n})
	}
	l.w.Series(l.id).Record(at, resolution, unit, &sum)
}

func (l *life) check(rt *rapid.T) {
	text := rapid.SampledFrom(everyStatistic).Draw(rt, "statistic")
	stat, err := metric.ParseStatistic(text)
	if err != nil {
		rt.Fatal(err)
	}
	period := rapid.SampledFrom([]time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, time.Hour}).Draw(rt, "period")
	unit := rapid.SampledFrom([]string{"", "None", "Seconds", "Furlongs", "Count"}).Draw(rt, "of unit")
	from := metric.Align(l.now.Add(-time.Duration(rapid.IntRange(-7200, 6*3600).Draw(rt, "back"))*time.Second), period)
	var space metric.Distribution
	q := metric.Query{Statistic: stat, Unit: unit, Period: period, From: from, Periods: 60, Space: &space}
	points := l.w.Series(l.id).Datapoints(q, nil)
	var elsewhere []metric.BucketState
	l.w.Series(l.id).Range(math.MinInt64, math.MaxInt64, func(b metric.BucketState) {
		b.Summary.Distribution = slices.Clone(b.Summary.Distribution)
		elsewhere = append(elsewhere, b)
	})
	if copied := q.Datapoints(elsewhere, nil); !slices.Equal(copied, points) {
		rt.Fatalf("of copied samples: %v, want %v", copied, points)
	}
	for i, got := range points {
		begin := from.Add(time.Duration(i) * period)
		want, count, ok := l.ref.answer(stat, unit, begin.Unix(), begin.Add(period).Unix())
		if !got.Start.Equal(begin) || got.Missing == ok || ok && (got.Count != count || math.Abs(got.Value-want) > 0.006*math.Abs(want)+1e-6) {
			rt.Fatalf("%s of %q at %v for %v: %+v, want %v of %v, %v", text, unit, begin, period, got, want, count, ok)
		}
	}
	var units []string
	until := from.Add(60 * period)
	for _, s := range l.ref.samples {
		if s.start >= from.Unix() && s.start < until.Unix() && !slices.Contains(units, s.unit) {
			units = append(units, s.unit)
		}
	}
	got := l.w.Series(l.id).Units(from, until)
	slices.Sort(units)
	if slices.Sort(got); !slices.Equal(got, units) {
		rt.Fatalf("units %v, want %v", got, units)
	}
	if any := l.w.Series(l.id).Any(from, until.Sub(from)); any != (len(units) > 0) {
		rt.Fatalf("any: %v of %v", any, units)
	}
}

// Samples come in any order, unit and resolution, early and late, while the window drops and rolls up old ones, has to keep more, and is
// restored from snapshots: every statistic is that of its definition over the samples that must be there.
func TestRandomSeriesAgainstTheDefinition(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := life{w: metric.NewWindow(retention), now: start, id: metric.NewID("N", "m", metric.Dimension{Name: "d", Value: "v"})}
		l.w.Series(l.id).Keep(time.Second) // as an alarm does: so the series stays
		for range rapid.IntRange(1, 150).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"record", "record", "record", "record", "pass", "evict", "keep", "write", "check"}).Draw(rt, "do") {
			case "record":
				l.record(rt)
			case "pass":
				l.now = l.now.Add(time.Duration(rapid.SampledFrom([]int{1, 10, 60, 60, 600, 3600}).Draw(rt, "seconds")) * time.Second)
			case "evict":
				l.w.Evict(l.now)
				l.ref.evict(l.now)
			case "keep":
				l.ref.keep = max(l.ref.keep, time.Duration(rapid.IntRange(0, 8*60).Draw(rt, "minutes"))*time.Minute)
				l.w.Series(l.id).Keep(l.ref.keep)
			case "write":
				l.w = metric.FromState(l.w.State())
			case "check":
				l.check(rt)
			}
		}
		l.check(rt)
	})
}

// A metric that has no new samples and is not watched is not listed after two weeks, and not in memory either.
func TestIdleMetricsDisappear(t *testing.T) {
	w := metric.NewWindow(time.Hour)
	idle, watched := metric.NewID("N", "idle"), metric.NewID("N", "watched")
	for _, id := range []metric.ID{idle, watched} {
		w.Series(id).Record(start, time.Minute, "None", summary(1))
	}
	w.Series(watched).Keep(time.Minute)
	if w.Evict(start.Add(14*24*time.Hour)) || w.Len() != 2 {
		t.Errorf("after two weeks: %d", w.Len())
	}
	if !w.Evict(start.Add(14*24*time.Hour+5*time.Minute)) || w.Find(idle) != nil || w.Find(watched) == nil {
		t.Errorf("later: %d", w.Len())
	}
}
