package schedule

import "time"

// Years of a cron expression. AWS: EventBridge user guide, cron expressions.
const (
	yearFirst = 1970
	yearLast  = 2199
)

// set is a set of small numbers.
type set [4]uint64

func (s *set) add(n int)      { s[n/64] |= 1 << (n % 64) }
func (s *set) has(n int) bool { return s[n/64]&(1<<(n%64)) != 0 }

// more reports whether there is more than one number.
func (s *set) more() bool {
	n := 0
	for i := range 256 {
		if s.has(i) {
			n++
		}
	}
	return n > 1
}

// cron is a cron expression's fields.
type cron struct {
	seconds, minutes, hours, months set
	years                           set // less yearFirst
	monthDays                       monthDays
	weekDays                        weekDays
	either                          bool // a day has to be in one of the two only: Unix
}

// monthDays is a field of days of the month. Exactly one of the forms is set.
type monthDays struct {
	any     bool // ?
	days    set
	last    bool // L or L-n: the last day, or n before it
	before  int
	lastW   bool // LW: the last day from Monday to Friday
	nearest int  // nW: the day from Monday to Friday that is nearest to the n-th, in the same month
}

// weekDays is a field of days of the week, Sunday 0. Exactly one of the forms is set.
type weekDays struct {
	any  bool // ?
	days set
	last bool // nL: the month's last such day
	nth  int  // n#m: the month's m-th such day
	day  int  // of the last two
}

// next finds the first moment after another whose local time is in the expression. See the package's comment for the two hours a year
// that matter.
func (c *cron) next(after time.Time, loc *time.Location) (time.Time, bool) {
	wall := wallOf(after, loc)
	for {
		var found bool
		if wall, found = c.following(wall); !found {
			return time.Time{}, false
		}
		if t, exists := instant(wall, loc); exists && t.After(after) {
			return t, true
		}
	}
}

// following finds the first local time after another that is in the expression. Local times are written as if they were UTC.
func (c *cron) following(wall time.Time) (time.Time, bool) {
	t := wall.Add(time.Second).Truncate(time.Second)
	if y := t.Year(); y < yearFirst {
		t = time.Date(yearFirst, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
	for t.Year() <= yearLast {
		y, m, d := t.Date()
		switch {
		case !c.years.has(y - yearFirst):
			t = time.Date(y+1, time.January, 1, 0, 0, 0, 0, time.UTC)
		case !c.months.has(int(m)):
			t = time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC)
		case !c.day(t):
			t = time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC)
		case !c.hours.has(t.Hour()):
			t = t.Truncate(time.Hour).Add(time.Hour)
		case !c.minutes.has(t.Minute()):
			t = t.Truncate(time.Minute).Add(time.Minute)
		case !c.seconds.has(t.Second()):
			t = t.Add(time.Second)
		default:
			return t, true
		}
	}
	return time.Time{}, false
}

// day reports whether a day is in both fields of days, or at Unix in either.
func (c *cron) day(t time.Time) bool {
	if c.either {
		return c.monthDays.has(t) || c.weekDays.has(t)
	}
	return c.monthDays.has(t) && c.weekDays.has(t)
}

func (f *monthDays) has(t time.Time) bool {
	day, last := t.Day(), lastDay(t)
	switch {
	case f.any:
		return true
	case f.last:
		return day == last-f.before
	case f.lastW:
		return day == workday(t, last)
	case f.nearest > 0:
		return f.nearest <= last && day == workday(t, f.nearest)
	default:
		return f.days.has(day)
	}
}

func (f *weekDays) has(t time.Time) bool {
	day := int(t.Weekday())
	switch {
	case f.any:
		return true
	case f.last:
		return day == f.day && t.Day()+7 > lastDay(t)
	case f.nth > 0:
		return day == f.day && (t.Day()-1)/7+1 == f.nth
	default:
		return f.days.has(day)
	}
}

// lastDay returns the number of days in a moment's month.
func lastDay(t time.Time) int {
	return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// workday returns the day from Monday to Friday that is nearest to a day of a moment's month, without leaving the month: for a Saturday
// the Friday before, for a Sunday the Monday after. E.g. 1W where the 1st is a Saturday is the 3rd.
func workday(t time.Time, day int) int {
	switch time.Date(t.Year(), t.Month(), day, 0, 0, 0, 0, time.UTC).Weekday() {
	case time.Saturday:
		if day == 1 {
			return 3
		}
		return day - 1
	case time.Sunday:
		if day == lastDay(t) {
			return day - 2
		}
		return day + 1
	default:
		return day
	}
}
