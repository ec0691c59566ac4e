package alarm_test

import (
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/internal/zone"
	"bellows.dev/bellows/metric"
)

// Days and weeks of a wall clock window follow a clock that changes; hours of an offset begin where its own do. AWS: WallClockWindow.
func TestWallClockWindows(t *testing.T) {
	paris, err := zone.Data("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	w := metric.NewWindow(90 * 24 * time.Hour)
	s := w.Series(metric.NewID("n", "m"))
	for at := time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC); at.Before(time.Date(2026, 4, 8, 0, 0, 0, 0, time.UTC)); at = at.Add(time.Hour) {
		var sum metric.Summary
		sum.Add(1, 1)
		s.Record(at, time.Minute, "None", &sum)
	}
	for _, tc := range []struct {
		name   string
		clock  alarm.WallClock
		period time.Duration
		now    string
		newest string
		hours  []float64 // in the newest periods, one sample each
	}{
		{"a day of 23 hours", alarm.WallClock{Timezone: "Europe/Paris", Zone: paris}, 24 * time.Hour, "2026-03-30T08:00:10Z", "2026-03-28T23:00:00Z", []float64{23, 24, 24}},
		{"days after it", alarm.WallClock{Timezone: "Europe/Paris", Zone: paris}, 24 * time.Hour, "2026-03-31T08:00:10Z", "2026-03-29T22:00:00Z", []float64{24, 23, 24}},
		{"weeks begin on Monday", alarm.WallClock{}, 7 * 24 * time.Hour, "2026-04-07T08:00:10Z", "2026-03-30T00:00:00Z", []float64{168, 168}},
		{"hours half past", alarm.WallClock{Timezone: "+05:30", Offset: 19800}, time.Hour, "2026-03-30T08:29:00Z", "2026-03-30T06:30:00Z", []float64{1, 1, 1}},
		{"not within ten seconds", alarm.WallClock{}, 24 * time.Hour, "2026-03-31T00:00:09Z", "2026-03-29T00:00:00Z", []float64{24, 24, 24}},
	} {
		r := alarm.Rule{Clock: &tc.clock, Period: tc.period, Periods: 1, Statistic: metric.Statistic{Kind: metric.SampleCount}}
		now, err := time.Parse(time.RFC3339, tc.now)
		if err != nil {
			t.Fatal(err)
		}
		slots := r.Slots(now, 10*time.Second, s, &alarm.Scratch{})
		if got := slots[0].Start.Format(time.RFC3339); got != tc.newest || !r.Newest(now, 10*time.Second).Equal(slots[0].Start) {
			t.Errorf("%s: the newest period begins at %s, want %s", tc.name, got, tc.newest)
		}
		for i, n := range tc.hours {
			if slots[i].Value != n {
				t.Errorf("%s: %v samples in period %d, want %v", tc.name, slots[i].Value, i, n)
			}
		}
		if r.Cadence() != time.Minute {
			t.Errorf("%s: evaluated every %v", tc.name, r.Cadence())
		}
	}
}

// A warm-up period begins with the alarm, or with the first configuration of one; another length counts from its beginning; once it is over
// nothing begins it again. AWS: WarmUpConfiguration.
func TestWarmUpPeriods(t *testing.T) {
	begun := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	warm := func(d time.Duration) *alarm.WarmUp { return &alarm.WarmUp{For: d, Whole: true} }
	a := &alarm.Alarm{State: alarm.InsufficientData, ActionsEnabled: true, Rule: alarm.Rule{WarmUp: warm(10 * time.Minute), PromQL: &alarm.PromQL{}}}
	a.BeginWarmUp(begun, nil)
	if !a.WarmsUp(begun.Add(9 * time.Minute)) {
		t.Error("the period is over too early")
	}
	if all, _ := a.Due(begun, nil); len(all) > 0 {
		t.Error("actions run in the warm-up period")
	}
	longer := *a
	longer.Rule.WarmUp = warm(20 * time.Minute)
	longer.BeginWarmUp(begun.Add(9*time.Minute), a)
	if !longer.WarmsUp(begun.Add(19*time.Minute)) || longer.WarmsUp(begun.Add(20*time.Minute)) || !longer.Updated.Equal(begun.Add(20*time.Minute)) {
		t.Error("another length does not count from the beginning")
	}
	again := longer
	again.Rule.WarmUp = warm(40 * time.Minute)
	again.BeginWarmUp(begun.Add(21*time.Minute), &longer)
	if again.WarmsUp(begun.Add(22 * time.Minute)) {
		t.Error("a change begins the period again")
	}
	first := &alarm.Alarm{State: alarm.OK}
	later := &alarm.Alarm{State: alarm.OK, Rule: alarm.Rule{WarmUp: warm(time.Minute)}}
	if later.BeginWarmUp(begun, first); later.WarmsUp(begun) {
		t.Error("an alarm with data warms up")
	}
}
