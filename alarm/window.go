package alarm

import (
	"slices"
	"time"

	"bellows.dev/bellows/metric"
)

// WallClock aligns an alarm's periods to a local clock: minutes, hours, days from midnight to midnight, weeks from Monday. Without it the
// window slides. AWS: WallClockWindow.
type WallClock struct {
	Timezone string `json:",omitzero"` // as it was given; "" is UTC

	// Zone is the data (TZif) of an IANA time zone; nil for a fixed offset, which is Offset, in seconds east of UTC.
	Zone   []byte `json:",omitempty"`
	Offset int    `json:",omitzero"`
}

// WallClockPeriods are the periods that an alarm with a wall clock window may have. AWS: WallClockWindow, API reference.
var WallClockPeriods = []time.Duration{time.Minute, 5 * time.Minute, time.Hour, day, 7 * day}

const day = 24 * time.Hour

// location is the clock's zone.
func (w *WallClock) location() *time.Location {
	if w.Zone == nil {
		return time.FixedZone(w.Timezone, w.Offset)
	}
	loc, err := time.LoadLocationFromTZData(w.Timezone, w.Zone)
	if err != nil {
		return time.UTC // the data was checked when it was put
	}
	return loc
}

// Valid reports whether the zone's data can be read.
func (w *WallClock) Valid() bool {
	_, err := time.LoadLocationFromTZData(w.Timezone, w.Zone)
	return w.Zone == nil || err == nil
}

func (w *WallClock) equal(o *WallClock) bool {
	if w == nil || o == nil {
		return w == o
	}
	return w.Timezone == o.Timezone && w.Offset == o.Offset && slices.Equal(w.Zone, o.Zone)
}

// floorIn returns the start of the local clock's period that a time falls into. Days and weeks begin at midnight, whatever their length
// where clocks change.
func floorIn(at time.Time, period time.Duration, loc *time.Location) time.Time {
	local := at.In(loc)
	if period < day {
		_, offset := local.Zone()
		shift := time.Duration(offset) * time.Second
		return metric.Align(at.Add(shift), period).Add(-shift)
	}
	days := 0
	if period > day {
		days = (int(local.Weekday()) + 6) % 7 // since Monday
	}
	return time.Date(local.Year(), local.Month(), local.Day()-days, 0, 0, 0, 0, loc).UTC()
}

// starts returns the starts of the last n periods that end by a time, newest first, and the end of the newest.
func (w *WallClock) starts(until time.Time, period time.Duration, n int) (starts []time.Time, end time.Time) {
	loc := w.location()
	end = floorIn(until, period, loc)
	at := end
	for range n {
		at = floorIn(at.Add(-time.Second), period, loc)
		starts = append(starts, at)
	}
	return starts, end
}

// wallSlots is Slots with a wall clock window: each period is queried by itself, since days and weeks differ in length where clocks change.
func (r *Rule) wallSlots(until time.Time, s *metric.Series, m *Scratch) []metric.Datapoint {
	starts, end := r.Clock.starts(until, r.Period, r.Range())
	out := m.slots[:0]
	for _, start := range starts {
		out = s.Datapoints(metric.Query{
			Statistic: r.Statistic, Unit: r.Unit, Period: end.Sub(start), From: start, Periods: 1, Space: &m.space,
		}, out)
		end = start
	}
	return out
}

// WarmUp delays the evaluation of a new alarm. AWS: WarmUpConfiguration.
type WarmUp struct {
	For time.Duration // whole minutes

	// Whole: the warm-up period is not cut short by data that fills the evaluation window. WholeSet says that it was given.
	Whole, WholeSet bool `json:",omitzero"`
}

// warming reports whether the alarm is still in its warm-up period and keeps its state: the period runs and, unless it is waited for whole,
// there are fewer than N datapoints. It ends a period that is over.
func (a *Alarm) warming(now time.Time, real int) bool {
	if a.WarmingSince.IsZero() {
		return false
	}
	if w := a.Rule.WarmUp; w != nil && now.Before(a.WarmingSince.Add(w.For)) && (w.Whole || real < a.Rule.Periods) {
		return true
	}
	a.EndWarmUp(now)
	return false
}

// WarmsUp reports whether a PromQL alarm, which has no evaluation window that data could fill, is still in its warm-up period.
func (a *Alarm) WarmsUp(now time.Time) bool { return a.warming(now, 0) }

// EndWarmUp ends the warm-up period.
func (a *Alarm) EndWarmUp(now time.Time) {
	if !a.WarmingSince.IsZero() {
		a.WarmingSince, a.Updated = time.Time{}, now
	}
}

// BeginWarmUp begins the warm-up period of an alarm that is new, or that has insufficient data and gets its first warm-up configuration;
// before is the alarm's earlier configuration, nil where it is new. A period that has begun continues, and a new length counts from its
// beginning. AWS: alarm warm-up periods: a change after the period's end does not restart it.
func (a *Alarm) BeginWarmUp(now time.Time, before *Alarm) {
	switch {
	case a.Rule.WarmUp == nil:
		a.WarmingSince = time.Time{}
	case before == nil, before.Rule.WarmUp == nil && before.State == InsufficientData:
		a.WarmingSince = now
	default:
		a.WarmingSince = before.WarmingSince
	}
}
