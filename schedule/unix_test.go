package schedule

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestUnix(t *testing.T) {
	after := time.Date(2026, 11, 25, 10, 30, 0, 0, time.UTC) // a Wednesday
	for text, want := range map[string]string{
		"* * * * *":        "2026-11-25 10:31",
		"0 * * * *":        "2026-11-25 11:00",
		"30 0 1 1,6,12 *":  "2026-12-01 00:30",
		"0 9 * * 1-5":      "2026-11-26 09:00",
		"0 9 * * mon":      "2026-11-30 09:00",
		"0 9 * * 0":        "2026-11-29 09:00",
		"0 9 * * 7":        "2026-11-29 09:00",
		"0 9 27 * 1":       "2026-11-27 09:00", // one of both
		"0 9 31 * 1":       "2026-11-30 09:00",
		"0 9 */2 * 1":      "2026-12-07 09:00", // a field that begins with * has to agree
		"*/20 10 * * *":    "2026-11-25 10:40",
		"5-50/15 10 * * *": "2026-11-25 10:35",
		"0 0 29 FEB *":     "2028-02-29 00:00",
	} {
		s, err := ParseUnix(text)
		if err != nil {
			t.Fatal(err)
		}
		if next, ok := s.Next(after, time.UTC); !ok || next.Format("2006-01-02 15:04") != want {
			t.Errorf("%s: %v, %v, want %s", text, next, ok, want)
		}
	}
	if s, err := ParseUnix("0 0 31 2 *"); err != nil {
		t.Error(err)
	} else if next, ok := s.Next(after, time.UTC); ok {
		t.Errorf("the 31st of February is %v", next)
	}
	for _, text := range []string{
		"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *", "* * ? * *", "* * L * *",
		"*/0 * * * *", "a * * * *", "* * * * fri-mon", "1,,2 * * * *", "-1 * * * *",
	} {
		var bad *SyntaxError
		if _, err := ParseUnix(text); !errors.As(err, &bad) {
			t.Errorf("%q is taken: %v", text, err)
		}
	}
}

// Against a scan of every minute.
func TestUnixAgainstAScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		monthDay, weekDay := rapid.SampledFrom([]string{"*", "13", "1-7", "*/3"}).Draw(t, "day"), rapid.SampledFrom([]string{"*", "5", "0,6", "*/2"}).Draw(t, "weekday")
		s, err := ParseUnix("15 6 " + monthDay + " * " + weekDay)
		if err != nil {
			t.Fatal(err)
		}
		after := time.Unix(rapid.Int64Range(1_700_000_000, 1_900_000_000).Draw(t, "after"), 0).UTC()
		in := func(day int, spec string, days map[string]func(int) bool) bool { return days[spec](day) }
		monthDays := map[string]func(int) bool{
			"*": func(int) bool { return true }, "13": func(d int) bool { return d == 13 }, "1-7": func(d int) bool { return d <= 7 },
			"*/3": func(d int) bool { return d%3 == 1 },
		}
		weekDays := map[string]func(int) bool{
			"*": func(int) bool { return true }, "5": func(d int) bool { return d == 5 }, "0,6": func(d int) bool { return d == 0 || d == 6 },
			"*/2": func(d int) bool { return d%2 == 0 || d == 7 },
		}
		want := after.Truncate(time.Minute).Add(time.Minute)
		for ; ; want = want.Add(time.Minute) {
			a, b := in(want.Day(), monthDay, monthDays), in(int(want.Weekday()), weekDay, weekDays)
			day := a && b
			if monthDay[0] != '*' && weekDay[0] != '*' {
				day = a || b
			}
			if day && want.Hour() == 6 && want.Minute() == 15 {
				break
			}
		}
		if next, ok := s.Next(after, time.UTC); !ok || !next.Equal(want) {
			t.Errorf("%v, %v, want %v", next, ok, want)
		}
	})
}

func FuzzParseUnix(f *testing.F) {
	f.Add("30 0 1 1,6,12 *")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseUnix(text)
		if err == nil {
			s.Next(time.Unix(0, 0), time.UTC)
		}
	})
}
