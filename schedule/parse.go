package schedule

import (
	"fmt"
	"strconv"
	"strings"
)

// field is one field of a cron expression: its name, its range, and the names that stand for numbers.
type field struct {
	name        string
	first, last int
	names       map[string]int
}

var (
	months = map[string]int{
		"JAN": 1, "FEB": 2, "MAR": 3, "APR": 4, "MAY": 5, "JUN": 6, "JUL": 7, "AUG": 8, "SEP": 9, "OCT": 10, "NOV": 11, "DEC": 12,
	}
	weekdays = map[string]int{"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
)

// The fields, in their order. AWS: EventBridge user guide, cron expressions; seconds: Application Auto Scaling user guide.
var (
	fieldSecond   = field{"seconds", 0, 59, nil}
	fieldMinute   = field{"minutes", 0, 59, nil}
	fieldHour     = field{"hours", 0, 23, nil}
	fieldMonthDay = field{"day of month", 1, 31, nil}
	fieldMonth    = field{"month", 1, 12, months}
	fieldWeekDay  = field{"day of week", 1, 7, weekdays}
	fieldYear     = field{"year", yearFirst, yearLast, nil}
)

// part is one field's text, in capital letters, and where it begins in the expression.
type part struct {
	text string
	at   int
}

// split cuts an expression into its parts.
func split(text string) []part {
	var out []part
	at := 0
	for _, f := range strings.Fields(text) {
		at += strings.Index(text[at:], f)
		out = append(out, part{strings.ToUpper(f), at})
		at += len(f)
	}
	return out
}

func parseCron(text string) (c cron, wrong fault) {
	parts := split(text)
	switch {
	case len(parts) < 6:
		return c, fault{len(text), unexpectedEnd}
	case len(parts) == 6:
		parts = append([]part{{"0", 0}}, parts...)
	case len(parts) > 7:
		return c, fault{parts[7].at, "Unexpected field after the year."}
	}
	plain := func(f field, p part, to *set, shift int) {
		s, err := f.parse(p.text)
		for n := f.first; n <= f.last && err == ""; n++ {
			if s(n) {
				to.add(n - shift)
			}
		}
		if wrong.why == "" && err != "" {
			wrong = fault{p.at, err}
		}
	}
	plain(fieldSecond, parts[0], &c.seconds, 0)
	plain(fieldMinute, parts[1], &c.minutes, 0)
	plain(fieldHour, parts[2], &c.hours, 0)
	c.monthDays = parseMonthDays(parts[3], plain)
	plain(fieldMonth, parts[4], &c.months, 0)
	c.weekDays = parseWeekDays(parts[5], plain)
	plain(fieldYear, parts[6], &c.years, yearFirst)
	if wrong.why == "" && c.monthDays.any == c.weekDays.any {
		wrong = fault{parts[5].at, "Exactly one of day of month and day of week must be ?."}
	}
	return c, wrong
}

// parseMonthDays reads a field of days of the month: ?, L, L-n, LW, nW, or what every field may be. The forms with letters stand alone.
func parseMonthDays(p part, plain func(field, part, *set, int)) (f monthDays) {
	text := p.text
	switch before, offset := strings.CutPrefix(text, "L-"); {
	case text == "?":
		f.any = true
	case text == "L":
		f.last = true
	case text == "LW":
		f.lastW = true
	case offset:
		if n, ok := number(before, 1, 30); ok {
			f.last, f.before = true, n
			return f
		}
		plain(fieldMonthDay, p, &f.days, 0)
	default:
		day, near := strings.CutSuffix(text, "W")
		if n, ok := number(day, 1, 31); near && ok {
			f.nearest = n
			return f
		}
		plain(fieldMonthDay, p, &f.days, 0)
	}
	return f
}

// parseWeekDays reads a field of days of the week: ?, L, nL, n#m, or what every field may be. AWS: EventBridge: with # there may be only
// one expression in the field. L alone is the last day of the week, Saturday.
func parseWeekDays(p part, plain func(field, part, *set, int)) (f weekDays) {
	text := p.text
	if text == "?" {
		f.any = true
		return f
	}
	if text == "L" {
		text = "7"
	}
	if day, last := strings.CutSuffix(text, "L"); last {
		if n, ok := fieldWeekDay.value(day); ok {
			f.last, f.day = true, n-1
			return f
		}
	}
	if day, nth, is := strings.Cut(text, "#"); is {
		n, ok := fieldWeekDay.value(day)
		if m, fine := number(nth, 1, 5); ok && fine {
			f.nth, f.day = m, n-1
			return f
		}
	}
	plain(fieldWeekDay, part{text, p.at}, &f.days, 1)
	return f
}

// parse reads what every field may be: *, n, n-m, *, each with /step, and several with commas between. A range may go past the end:
// FRI-MON; years may not.
func (f field) parse(text string) (in func(int) bool, why string) {
	member := make([]bool, f.last+1)
	for _, part := range strings.Split(text, ",") {
		from, to, step, ok := f.rangeOf(part)
		if !ok {
			return nil, fmt.Sprintf("Invalid value %s for %s.", strconv.Quote(part), f.name)
		}
		for n := from; n <= to; n += step {
			member[f.first+(n-f.first)%(f.last-f.first+1)] = true
		}
	}
	return func(n int) bool { return member[n] }, ""
}

// rangeOf reads one part of a field. to may lie one round beyond the field's last value.
func (f field) rangeOf(part string) (from, to, step int, ok bool) {
	text, every, stepped := strings.Cut(part, "/")
	step = 1
	if stepped {
		if step, ok = number(every, 1, f.last); !ok {
			return 0, 0, 0, false
		}
	}
	if text == "*" {
		return f.first, f.last, step, true
	}
	low, high, ranged := strings.Cut(text, "-")
	if from, ok = f.value(low); !ok {
		return 0, 0, 0, false
	}
	switch {
	case ranged:
		if to, ok = f.value(high); !ok || (to < from && f.name == fieldYear.name) {
			return 0, 0, 0, false
		}
		if to < from {
			to += f.last - f.first + 1
		}
	case stepped: // 1/10: from 1 on, each tenth
		to = f.last
	default:
		to = from
	}
	return from, to, step, true
}

// value reads a number of the field's range, or a name.
func (f field) value(text string) (int, bool) {
	if n, named := f.names[text]; named {
		return n, true
	}
	return number(text, f.first, f.last)
}

// number reads digits alone: no sign, at most four of them.
func number(text string, least, most int) (int, bool) {
	if text == "" || len(text) > 4 || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= least && n <= most
}
