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
		local := at.In(loc)
		_, offset := local.Zone()
		_, end := local.ZoneBounds()
		t := wall.Add(-time.Duration(offset) * time.Second)
		if !t.Before(at) && (end.IsZero() || t.Before(end)) {
			return t, true
		}
		if end.IsZero() {
			return time.Time{}, false
		}
		at = end.UTC()
	}
	return time.Time{}, false
}

// instantOrJump is instant, save that a local time that is left out is found when the clock jumps over it.
func instantOrJump(wall time.Time, loc *time.Location) time.Time {
	if t, exists := instant(wall, loc); exists {
		return t
	}
	for at := wall.Add(-reach); ; {
		_, end := at.In(loc).ZoneBounds()
		if end.IsZero() {
			return at // cannot be: what is left out is left out by a change
		}
		if wallOf(end, loc).After(wall) {
			return end.UTC()
		}
		at = end.UTC()
	}
}
