package schedule

import "time"

// wallOf returns what a clock shows at a moment, written as if it were UTC.
func wallOf(t time.Time, loc *time.Location) time.Time {
	local := t.In(loc)
	_, offset := local.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// reach is more than any clock differs from UTC.
const reach = 27 * time.Hour

// instant returns the first moment at which a clock shows a local time; false where it jumps over it.
func instant(wall time.Time, loc *time.Location) (time.Time, bool) {
	for at := wall.Add(-reach); at.Before(wall.Add(reach)); {
		_, offset := at.In(loc).Zone()
		end := until(at, loc)
		t := wall.Add(-time.Duration(offset) * time.Second)
		if !t.Before(at) && (end.IsZero() || t.Before(end)) {
			return t, true
		}
		if end.IsZero() {
			return time.Time{}, false
		}
		at = end
	}
	return time.Time{}, false
}

// instantOrJump is instant, save that a local time that is left out is found when the clock jumps over it.
func instantOrJump(wall time.Time, loc *time.Location) time.Time {
	if t, exists := instant(wall, loc); exists {
		return t
	}
	for at := wall.Add(-reach); ; {
		at = until(at, loc)
		if at.IsZero() || wallOf(at, loc).After(wall) {
			return at // never zero: what is left out is left out by a change
		}
	}
}

// until returns a moment up to which a clock does not change after another; zero where it never does.
func until(at time.Time, loc *time.Location) time.Time {
	_, end := at.In(loc).ZoneBounds()
	if !end.IsZero() && !end.After(at) {
		end = at.Add(time.Hour) // on the last day of a leap year package time says that the zone ended that day
	}
	return end.UTC()
}
