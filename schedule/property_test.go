package schedule

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The reference: a second reader of cron expressions, which knows no clever step: it looks at every minute, whether its fields match.

// matches reports whether a number is in a plain field.
func matches(text string, n, first, last int, names []string) bool {
	number := func(s string) int {
		if i := slices.Index(names, strings.ToUpper(s)); i >= 0 {
			return i + 1
		}
		v, err := strconv.Atoi(s)
		if err != nil {
			panic(err)
		}
		return v
	}
	for _, part := range strings.Split(text, ",") {
		body, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			step = number(stepText)
		}
		lo, hi := first, last
		if a, b, ranged := strings.Cut(body, "-"); ranged {
			lo, hi = number(a), number(b)
		} else if body != "*" {
			lo = number(body)
			if hi = lo; stepped {
				hi = last
			}
		}
		for v, i := lo, 0; ; v, i = v+1, i+1 {
			if v > last {
				v = first
			}
			if v == n && i%step == 0 {
				return true
			}
			if v == hi {
				break
			}
		}
	}
	return false
}

var (
	monthNames = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	dayNames   = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
)

// sameMonthDays lists the days of a local time's month.
func sameMonthDays(t time.Time) (days []time.Time) {
	for d := time.Date(t.Year(), t.Month(), 1, 12, 0, 0, 0, time.UTC); d.Month() == t.Month(); d = d.AddDate(0, 0, 1) {
		days = append(days, d)
	}
	return days
}

func isWorkday(d time.Time) bool { return d.Weekday() != time.Saturday && d.Weekday() != time.Sunday }

func monthDayMatches(text string, t time.Time) bool {
	days := sameMonthDays(t)
	switch {
	case text == "?":
		return true
	case text == "L":
		return t.Day() == len(days)
	case text == "LW":
		last := 0
		for _, d := range days {
			if isWorkday(d) {
				last = d.Day()
			}
		}
		return t.Day() == last
	case strings.HasPrefix(text, "L-"):
		n, _ := strconv.Atoi(text[2:])
		return t.Day()+n == len(days)
	case strings.HasSuffix(text, "W"):
		n, _ := strconv.Atoi(text[:len(text)-1])
		if n > len(days) {
			return false
		}
		best, distance := 0, 99
		for _, d := range days {
			if away := max(d.Day()-n, n-d.Day()); isWorkday(d) && away < distance {
				best, distance = d.Day(), away
			}
		}
		return t.Day() == best
	default:
		return matches(text, t.Day(), 1, 31, nil)
	}
}

func weekDayMatches(text string, t time.Time) bool {
	number := func(s string) int {
		if i := slices.Index(dayNames, s); i >= 0 {
			return i + 1
		}
		n, _ := strconv.Atoi(s)
		return n
	}
	var same []int
	for _, d := range sameMonthDays(t) {
		if d.Weekday() == t.Weekday() {
			same = append(same, d.Day())
		}
	}
	today := int(t.Weekday()) + 1
	switch {
	case text == "?":
		return true
	case text == "L":
		return today == 7
	case strings.HasSuffix(text, "L"):
		return today == number(text[:len(text)-1]) && t.Day() == same[len(same)-1]
	case strings.Contains(text, "#"):
		day, nth, _ := strings.Cut(text, "#")
		n := number(nth)
		return today == number(day) && len(same) >= n && same[n-1] == t.Day()
	default:
		return matches(text, today, 1, 7, dayNames)
	}
}

// scan finds the first minute after a moment whose local fields match and that the clock did not show before.
func scan(text string, after, end time.Time, loc *time.Location) (time.Time, bool) {
	f := strings.Fields(strings.TrimSuffix(strings.TrimPrefix(text, "cron("), ")"))
	minutes, hours := table(f[0], 60), table(f[1], 24)
	latest := int64(math.MinInt64) // that the clock showed: what is not beyond it was shown before
	day, dayMatches := 0, false    // the local day that was looked at last
	for t := after.Add(-27 * time.Hour).Truncate(time.Minute); t.Before(end); t = t.Add(time.Minute) {
		local := t.In(loc)
		_, offset := local.Zone()
		face := t.Unix() + int64(offset)
		again := face <= latest
		latest = max(latest, face)
		if again || !t.After(after) || !minutes[local.Minute()] || !hours[local.Hour()] {
			continue
		}
		if d := local.Year()*1000 + local.YearDay(); d != day {
			day = d
			dayMatches = monthDayMatches(f[2], local) && matches(f[3], int(local.Month()), 1, 12, monthNames) && weekDayMatches(f[4], local) &&
				matches(f[5], local.Year(), 1970, 2199, nil)
		}
		if dayMatches {
			return t, true
		}
	}
	return time.Time{}, false
}

// table tells which values below n a field of minutes or hours has.
func table(field string, n int) []bool {
	out := make([]bool, n)
	for v := range out {
		out[v] = matches(field, v, 0, n-1, nil)
	}
	return out
}

// field draws a plain field, or one of the special ones.
func drawField(t *rapid.T, name string, first, last int, names []string, special ...string) string {
	value := func() string {
		n := rapid.IntRange(first, last).Draw(t, name)
		if names != nil && rapid.Bool().Draw(t, name+" by name") {
			return names[n-1]
		}
		return strconv.Itoa(n)
	}
	part := func() string {
		switch rapid.IntRange(0, 4).Draw(t, name+" form") {
		case 0:
			return value() + "/" + strconv.Itoa(rapid.IntRange(1, last-first).Draw(t, "step"))
		case 1:
			return value() + "-" + value()
		case 2:
			return value() + "-" + value() + "/" + strconv.Itoa(rapid.IntRange(1, 5).Draw(t, "step"))
		default:
			return value()
		}
	}
	switch n := rapid.IntRange(0, 5+len(special)).Draw(t, name+" kind"); {
	case n < 3:
		return "*"
	case n == 3:
		return part()
	case n == 4:
		return part() + "," + part()
	case n == 5:
		return "*/" + strconv.Itoa(rapid.IntRange(1, last-first).Draw(t, "step"))
	default:
		return special[n-6]
	}
}

// Next equals the first minute that a scan of all minutes finds, in every zone and across every change of clocks.
func TestNextIsTheFirstMinuteThatMatches(t *testing.T) {
	zones := []string{"UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kolkata", "Pacific/Apia", "Africa/Casablanca"}
	locs := make([]*time.Location, len(zones))
	for i, name := range zones {
		locs[i] = zone(t, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		n := strconv.Itoa(rapid.IntRange(1, 31).Draw(t, "n"))
		day := strconv.Itoa(rapid.IntRange(1, 7).Draw(t, "day"))
		nth := strconv.Itoa(rapid.IntRange(1, 5).Draw(t, "nth"))
		monthDay, weekDay := "?", "?"
		if rapid.Bool().Draw(t, "by month day") {
			monthDay = drawField(t, "month day", 1, 31, nil, "L", "LW", "L-"+strconv.Itoa(rapid.IntRange(1, 30).Draw(t, "before")), n+"W")
		} else {
			weekDay = drawField(t, "week day", 1, 7, dayNames, "L", day+"L", day+"#"+nth, dayNames[0]+"#"+nth)
		}
		i := rapid.IntRange(0, len(zones)-1).Draw(t, "zone")
		// Near a change of clocks, or anywhere.
		after := time.Date(2026, time.Month(rapid.IntRange(1, 12).Draw(t, "month")), rapid.IntRange(1, 31).Draw(t, "day"),
			rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute"), rapid.IntRange(0, 59).Draw(t, "second"), 0, time.UTC)
		if rapid.Bool().Draw(t, "near a change") {
			if _, end := after.In(locs[i]).ZoneBounds(); !end.IsZero() {
				after = end.UTC().Add(time.Duration(rapid.IntRange(-7200, 7200).Draw(t, "off")) * time.Second)
			}
		}
		year := rapid.SampledFrom([]string{"*", "*", "2026", "2026-2030", "2027/2", "2025,2027"}).Draw(t, "year")
		text := fmt.Sprintf("cron(%s %s %s %s %s %s)", drawField(t, "minute", 0, 59, nil), drawField(t, "hour", 0, 23, nil), monthDay,
			drawField(t, "month", 1, 12, monthNames), weekDay, year)
		s, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		end := after.AddDate(0, 0, 40)
		want, found := scan(text, after, end, locs[i])
		got, ok := s.Next(after, locs[i])
		if found != (ok && got.Before(end)) || (found && !got.Equal(want)) {
			t.Fatalf("%s in %s after %v: %v (%v), want %v (%v)", text, zones[i], after, got, ok, want, found)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"cron(0/15 8-17 ? * MON-FRI *)", "cron(0 0 L-3 2 ? 2027-2030/2)", "cron(0 0 5W * ? *)", "cron(0 0 ? * 6#3 *)", "cron(0 0 ? * FRIL *)", "rate(5 minutes)",
		"at(2026-11-25T10:00:00)", "cron(0 0 0 29 2 ? *)", "rate(99999999999999999999 days)",
	} {
		f.Add(text, int64(1_767_225_600))
	}
	paris := zone(f, "Europe/Paris")
	f.Fuzz(func(t *testing.T, text string, unix int64) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		after := time.Unix(unix%(1<<33), 0).UTC()
		for range 3 {
			next, ok := s.Next(after, paris)
			if !ok {
				return
			}
			if !next.After(after) {
				t.Fatalf("%s: %v is not after %v", text, next, after)
			}
			after = next
		}
	})
}
