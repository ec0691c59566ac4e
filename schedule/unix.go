package schedule

import (
	"strconv"
	"strings"
)

// ParseUnix reads the five fields of a Unix cron expression: minutes, hours, day of month, month, day of week, 0 and 7 for Sunday. Each
// is *, n, n-m, each with /step, or several with commas between; months and days of the week have names, too. Where both fields of
// days say something a day has to be in one of them only. It fails with *SyntaxError.
//
// AWS: EC2 Auto Scaling, PutScheduledUpdateGroupAction, Recurrence; crontab(5).
func ParseUnix(text string) (Schedule, error) {
	parts := strings.Fields(strings.ToUpper(text))
	if len(parts) != 5 {
		return Schedule{}, &SyntaxError{text, "it must have five fields: minutes, hours, day of month, month, day of week", NoPosition}
	}
	s := Schedule{kind: Cron}
	c := &s.cron
	c.seconds.add(0)
	for n := range yearLast - yearFirst + 1 {
		c.years.add(n)
	}
	days := field{fieldWeekDay.name, 0, 7, map[string]int{"SUN": 0, "MON": 1, "TUE": 2, "WED": 3, "THU": 4, "FRI": 5, "SAT": 6}}
	for i, f := range []struct {
		field field
		to    *set
	}{
		{fieldMinute, &c.minutes}, {fieldHour, &c.hours}, {fieldMonthDay, &c.monthDays.days}, {fieldMonth, &c.months}, {days, &c.weekDays.days},
	} {
		if why := f.field.unix(parts[i], f.to); why != "" {
			return Schedule{}, &SyntaxError{text, why, NoPosition}
		}
	}
	if c.weekDays.days.has(7) {
		c.weekDays.days.add(0)
	}
	// crontab(5): a field that begins with * does not say anything.
	c.either = !strings.HasPrefix(parts[2], "*") && !strings.HasPrefix(parts[4], "*")
	return s, nil
}

// unix reads a field whose ranges do not go past their end.
func (f field) unix(text string, to *set) (why string) {
	for _, part := range strings.Split(text, ",") {
		low, high, step, ok := f.rangeOf(part)
		if !ok || high > f.last {
			return "Invalid value " + strconv.Quote(part) + " for " + f.name + "."
		}
		for n := low; n <= high; n += step {
			to.add(n)
		}
	}
	return ""
}
