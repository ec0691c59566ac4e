package schedule

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func moment(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// runs lists the first moments at which a schedule is due, in UTC.
func runs(t testing.TB, text, zoneName, after string, n int) string {
	t.Helper()
	s, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	at := moment(t, after)
	var out []string
	for range n {
		next, ok := s.Next(at, zone(t, zoneName))
		if !ok {
			return strings.Join(append(out, "never"), ", ")
		}
		out = append(out, next.UTC().Format("2006-01-02 15:04:05"))
		at = next
	}
	return strings.Join(out, ", ")
}

func TestNext(t *testing.T) {
	for _, c := range []struct{ text, zone, after, want string }{
		// AWS: EventBridge user guide, examples of cron expressions.
		{"cron(0 10 * * ? *)", "UTC", "2026-11-25 10:00:00", "2026-11-26 10:00:00, 2026-11-27 10:00:00"},
		{"cron(15 12 * * ? *)", "UTC", "2026-11-25 10:00:00", "2026-11-25 12:15:00, 2026-11-26 12:15:00"},
		{"cron(0 18 ? * MON-FRI *)", "UTC", "2026-11-27 18:00:00", "2026-11-30 18:00:00, 2026-12-01 18:00:00"},
		{"cron(0 8 1 * ? *)", "UTC", "2026-11-25 10:00:00", "2026-12-01 08:00:00, 2027-01-01 08:00:00"},
		{"cron(0/15 * * * ? *)", "UTC", "2026-11-25 10:59:59", "2026-11-25 11:00:00, 2026-11-25 11:15:00"},
		{"cron(0/10 * ? * MON-FRI *)", "UTC", "2026-11-27 23:50:00", "2026-11-30 00:00:00, 2026-11-30 00:10:00"},
		{"cron(0/5 8-17 ? * MON-FRI *)", "UTC", "2026-11-27 17:50:00", "2026-11-27 17:55:00, 2026-11-30 08:00:00"},
		{"cron(15 10 ? * 6L 2022-2023)", "UTC", "2022-12-01 00:00:00", "2022-12-30 10:15:00, 2023-01-27 10:15:00"},
		{"cron(1/10 * * * ? *)", "UTC", "2026-11-25 10:00:00", "2026-11-25 10:01:00, 2026-11-25 10:11:00"},
		{"cron(0 0 ? * 3#2 *)", "UTC", "2026-11-01 00:00:00", "2026-11-10 00:00:00, 2026-12-08 00:00:00"}, // the second Tuesday
		// AWS: Application Auto Scaling user guide.
		{"cron(30 6 ? * MON *)", "UTC", "2026-11-25 10:00:00", "2026-11-30 06:30:00, 2026-12-07 06:30:00"},

		{"cron(0 0 L * ? *)", "UTC", "2028-01-31 00:00:00", "2028-02-29 00:00:00, 2028-03-31 00:00:00"},
		{"cron(0 0 L-3 * ? *)", "UTC", "2027-01-31 00:00:00", "2027-02-25 00:00:00, 2027-03-28 00:00:00"},
		{"cron(0 0 L-29 2 ? *)", "UTC", "2026-01-01 00:00:00", "never"},
		{"cron(0 0 L-28 2 ? *)", "UTC", "2026-01-01 00:00:00", "2028-02-01 00:00:00, 2032-02-01 00:00:00"},
		{"cron(0 0 LW * ? *)", "UTC", "2026-01-01 00:00:00", "2026-01-30 00:00:00, 2026-02-27 00:00:00"},      // Sat 31, Sat 28
		{"cron(0 0 LW 5,8 ? *)", "UTC", "2026-01-01 00:00:00", "2026-05-29 00:00:00, 2026-08-31 00:00:00"},    // Sun 31, Mon 31
		{"cron(0 0 5W * ? *)", "UTC", "2026-08-01 00:00:00", "2026-08-05 00:00:00, 2026-09-04 00:00:00"},      // Wed; Sat 5
		{"cron(0 0 1W * ? *)", "UTC", "2026-07-02 00:00:00", "2026-08-03 00:00:00, 2026-09-01 00:00:00"},      // Sat 1 stays in its month
		{"cron(0 0 31W * ? *)", "UTC", "2026-05-01 00:00:00", "2026-05-29 00:00:00, 2026-07-31 00:00:00"},     // Sun 31; June has none
		{"cron(0 0 15W 11 ? *)", "UTC", "2026-01-01 00:00:00", "2026-11-16 00:00:00, 2027-11-15 00:00:00"},    // Sun 15
		{"cron(0 0 ? * 2L *)", "UTC", "2026-11-25 00:00:00", "2026-11-30 00:00:00, 2026-12-28 00:00:00"},      // the last Monday
		{"cron(0 0 ? * FRIL *)", "UTC", "2026-11-25 00:00:00", "2026-11-27 00:00:00, 2026-12-25 00:00:00"},    // the last Friday
		{"cron(0 0 ? * L *)", "UTC", "2026-11-25 00:00:00", "2026-11-28 00:00:00, 2026-12-05 00:00:00"},       // Saturday ends the week
		{"cron(0 0 ? * 6#3 *)", "UTC", "2026-11-01 00:00:00", "2026-11-20 00:00:00, 2026-12-18 00:00:00"},     // the third Friday
		{"cron(0 0 ? * 1#5 *)", "UTC", "2026-11-01 00:00:00", "2026-11-29 00:00:00, 2027-01-31 00:00:00"},     // December has four Sundays
		{"cron(0 0 ? * FRI-MON *)", "UTC", "2026-11-25 00:00:00", "2026-11-27 00:00:00, 2026-11-28 00:00:00"}, // past the week's end
		{"cron(0 22-2/2 * * ? *)", "UTC", "2026-11-25 21:00:00", "2026-11-25 22:00:00, 2026-11-26 00:00:00"},
		{"cron(0 0 29 FEB ? *)", "UTC", "2026-11-25 00:00:00", "2028-02-29 00:00:00, 2032-02-29 00:00:00"},
		{"cron(0 0 30 2 ? *)", "UTC", "2026-11-25 00:00:00", "never"},
		{"cron(59 23 31 12 ? 2199)", "UTC", "2026-11-25 00:00:00", "2199-12-31 23:59:00, never"},
		{"cron(0 0 1 1 ? 2020)", "UTC", "2026-11-25 00:00:00", "never"},
		{"cron(0 12 1 jan,Jul ? 2027/2)", "UTC", "2026-11-25 00:00:00", "2027-01-01 12:00:00, 2027-07-01 12:00:00"},
		{"cron(30 0 10 * * ? *)", "UTC", "2026-11-25 10:00:00", "2026-11-25 10:00:30, 2026-11-26 10:00:30"}, // with seconds in front

		{"at(2026-11-25T10:00:01)", "UTC", "2026-11-25 10:00:00", "2026-11-25 10:00:01, never"},
		{"at(2026-11-25T10:00:00)", "UTC", "2026-11-25 10:00:00", "never"},
		{"at(2026-11-25T10:00:00)", "America/New_York", "2026-11-25 10:00:00", "2026-11-25 15:00:00, never"},
		{"rate(5 minutes)", "UTC", "2026-11-25 10:00:07", "2026-11-25 10:05:07, 2026-11-25 10:10:07"},
		{"rate(1 days)", "Europe/Paris", "2026-03-28 12:00:00", "2026-03-29 12:00:00, 2026-03-30 12:00:00"}, // 24 hours, whatever the clocks say
		{"rate(1hour)", "UTC", "2026-11-25 10:00:00", "2026-11-25 11:00:00, 2026-11-25 12:00:00"},
		{"rate(99999999999 days)", "UTC", "2026-11-25 10:00:00", "never"},
	} {
		if got := runs(t, c.text, c.zone, c.after, 2); got != c.want {
			t.Errorf("%s in %s after %s\n got %s\nwant %s", c.text, c.zone, c.after, got, c.want)
		}
	}
}

// Where clocks go forward the times left out are skipped; where they go back, the times shown twice are due once, at the first.
func TestDaylightSaving(t *testing.T) {
	for _, c := range []struct{ text, zone, after, want string }{
		// Paris 2026: at 2:00 of 29 March it is 3:00, at 3:00 of 25 October it is 2:00.
		{"cron(30 2 * * ? *)", "Europe/Paris", "2026-03-27 12:00:00", "2026-03-28 01:30:00, 2026-03-30 00:30:00, 2026-03-31 00:30:00"},
		{"cron(0/30 1-3 * * ? *)", "Europe/Paris", "2026-03-29 00:00:00", "2026-03-29 00:30:00, 2026-03-29 01:00:00, 2026-03-29 01:30:00"},
		{"cron(30 2 * * ? *)", "Europe/Paris", "2026-10-24 12:00:00", "2026-10-25 00:30:00, 2026-10-26 01:30:00, 2026-10-27 01:30:00"},
		{"cron(0/30 * * * ? *)", "Europe/Paris", "2026-10-25 00:00:00", "2026-10-25 00:30:00, 2026-10-25 02:00:00, 2026-10-25 02:30:00"},
		{"cron(0 9 * * ? *)", "Europe/Paris", "2026-03-28 07:00:00", "2026-03-28 08:00:00, 2026-03-29 07:00:00, 2026-03-30 07:00:00"},
		// New York 2026: 8 March, 1 November.
		{"cron(15 2 * * ? *)", "America/New_York", "2026-03-07 00:00:00", "2026-03-07 07:15:00, 2026-03-09 06:15:00, 2026-03-10 06:15:00"},
		{"cron(15 1 * * ? *)", "America/New_York", "2026-11-01 00:00:00", "2026-11-01 05:15:00, 2026-11-02 06:15:00, 2026-11-03 06:15:00"},
		// Lord Howe Island moves by half an hour; Samoa left out the whole of 30 December 2011.
		{"cron(15 2 * * ? *)", "Australia/Lord_Howe", "2026-10-02 15:00:00", "2026-10-02 15:45:00, 2026-10-04 15:15:00, 2026-10-05 15:15:00"},
		{"cron(0 12 * * ? *)", "Pacific/Apia", "2011-12-29 12:00:00", "2011-12-29 22:00:00, 2011-12-30 22:00:00, 2011-12-31 22:00:00"},
		// The last day of a leap year, beyond the zone's table of changes, where package time errs about the zone's bounds.
		{"cron(30 12 * * ? *)", "Europe/Paris", "2040-12-30 12:00:00", "2040-12-31 11:30:00, 2041-01-01 11:30:00, 2041-01-02 11:30:00"},
		// In the south clocks go back in April.
		{"cron(30 2 * * ? *)", "Australia/Sydney", "2026-04-03 20:00:00", "2026-04-04 15:30:00, 2026-04-05 16:30:00, 2026-04-06 16:30:00"},
		// A time that is left out is not lost to at(); of one that is shown twice it takes the first.
		{"at(2026-03-29T02:30:00)", "Europe/Paris", "2026-03-01 00:00:00", "2026-03-29 01:00:00, never"},
		{"at(2026-10-25T02:30:00)", "Europe/Paris", "2026-03-01 00:00:00", "2026-10-25 00:30:00, never"},
		{"at(2011-12-30T12:00:00)", "Pacific/Apia", "2011-03-01 00:00:00", "2011-12-30 10:00:00, never"},
	} {
		if got := runs(t, c.text, c.zone, c.after, 3); got != c.want {
			t.Errorf("%s in %s after %s\n got %s\nwant %s", c.text, c.zone, c.after, got, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "cron", "cron()", "cron(0 0 1 1 ? *", "cron 0 0 1 1 ? *)", "CRON(0 0 1 1 ? *)", "every(1 day)", " rate(1 day)", "rate(1 day) ",
		"at(2026-11-25)", "at(2026-11-25T10:00)", "at(2026-11-25T10:00:00Z)", "at(2026-11-25T10:00:00.5)", "at(2026-02-30T10:00:00)", "at(2026-11-25 10:00:00)", "at()",
		"rate()", "rate(5)", "rate(5 weeks)", "rate(-5 minutes)", "rate(5  minutes)", "rate(1.5 hours)", "rate(minutes)", "rate(5 minutess)", "rate(5 MINUTES)",
		"cron(0 0 * * *)", "cron(0 0 0 0 1 1 ? *)",
		"cron(0 0 * * * *)", "cron(0 0 ? * ? *)", "cron(0 0 1 * MON *)", "cron(30 6 * * 2 *)", // one of the days must be ?
		"cron(60 0 1 1 ? *)", "cron(0 24 1 1 ? *)", "cron(0 0 0 1 ? *)", "cron(0 0 32 1 ? *)", "cron(0 0 1 0 ? *)", "cron(0 0 1 13 ? *)",
		"cron(0 0 ? 1 0 *)", "cron(0 0 ? 1 8 *)", "cron(0 0 1 1 ? 1969)", "cron(0 0 1 1 ? 2200)", "cron(0 0 1 1 ? 2030-2027)", "cron(60 0 0 1 1 ? *)",
		"cron(? 0 1 1 ? *)", "cron(0 ? 1 1 ? *)", "cron(0 0 1 ? ? *)", "cron(0 0 1 1 ? ?)", "cron(0 0 1,? 1 ? *)",
		"cron(L 0 1 1 ? *)", "cron(0 0 1 L ? *)", "cron(0 0 L,15 1 ? *)", "cron(0 0 15W,20 1 ? *)", "cron(0 0 1-5W 1 ? *)", "cron(0 0 W 1 ? *)", "cron(0 0 0W 1 ? *)",
		"cron(0 0 32W 1 ? *)", "cron(0 0 L-0 1 ? *)", "cron(0 0 L-31 1 ? *)", "cron(0 0 L- 1 ? *)", "cron(0 0 LWW 1 ? *)", "cron(0 0 2#1 1 ? *)",
		"cron(0 0 ? 1 3#1,6#3 *)", "cron(0 0 ? 1 3#0 *)", "cron(0 0 ? 1 3#6 *)", "cron(0 0 ? 1 8#1 *)", "cron(0 0 ? 1 #1 *)", "cron(0 0 ? 1 MON#MON *)", "cron(0 0 ? 1 2L,3 *)",
		"cron(0 0 ? 1 5W *)", "cron(0 0 ? 1 MONDAY *)", "cron(0 0 ? 1 8L *)",
		"cron(0/0 0 1 1 ? *)", "cron(0/60 0 1 1 ? *)", "cron(/5 0 1 1 ? *)", "cron(*/ 0 1 1 ? *)", "cron(1- 0 1 1 ? *)", "cron(-1 0 1 1 ? *)", "cron(1,,2 0 1 1 ? *)", "cron(, 0 1 1 ? *)",
		"cron(1-2-3 0 1 1 ? *)", "cron(1/2/3 0 1 1 ? *)", "cron(+1 0 1 1 ? *)", "cron(0x1 0 1 1 ? *)", "cron(** 0 1 1 ? *)", "cron(*-5 0 1 1 ? *)", "cron(JAN 0 1 1 ? *)", "cron(0 0 1 MON ? *)",
	} {
		var bad *SyntaxError
		if _, err := Parse(text); !errors.As(err, &bad) || bad.Text != text || bad.Why == "" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// AWS: recorded: "… error at position 9, details: Unexpected end of expression."
func TestFaultsHavePositions(t *testing.T) {
	for text, want := range map[string]string{
		"cron(0 9 * * *)":            "9: Unexpected end of expression.",
		"cron()":                     "0: Unexpected end of expression.",
		"cron(0 0 9 * * ? * *)":      "14: Unexpected field after the year.",
		"cron(0 24 1 1 ? *)":         `2: Invalid value "24" for hours.`,
		"cron(0  9 1 1 ? 1969)":      `11: Invalid value "1969" for year.`,
		"cron(0 9 ? * monday,TUE *)": `8: Invalid value "MONDAY" for day of week.`,
		"cron(0 9 * * * *)":          "8: Exactly one of day of month and day of week must be ?.",
		"cron(0 9 41 13 ? *)":        `4: Invalid value "41" for day of month.`,
		"at(2026-11)":                "7: Unexpected end of expression.",
		"at(2026-11-25 10:00:00)":    "10: Unexpected character ' '; the format is yyyy-MM-dd'T'HH:mm:ss.",
		"at(mañana)":                 "0: Unexpected character 'm'; the format is yyyy-MM-dd'T'HH:mm:ss.",
		"at(2026-11-25T10:00:00Z)":   "19: Unexpected text after the seconds; the format is yyyy-MM-dd'T'HH:mm:ss.",
		"at(2026-02-30T10:00:00)":    "8: Value 30 is out of range.",
		"at(2026-11-25T10:61:00)":    "14: Value 61 is out of range.",
		"rate(5 weeks)":              "1: Expected a whole number and minutes, hours or days.",
		"every day":                  "-1: it is none of at(…), rate(…) and cron(…)",
	} {
		var bad *SyntaxError
		if _, err := Parse(text); !errors.As(err, &bad) {
			t.Errorf("%s: %v", text, err)
		} else if got := fmt.Sprintf("%d: %s", bad.Position, bad.Why); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestTooOften(t *testing.T) {
	now := moment(t, "2026-11-25 10:00:15")
	for text, want := range map[string]string{
		"rate(0 days)": "10:00:15 10:00:15", "rate(1 minute)": "", "cron(* * * * ? *)": "", "cron(0 0 1 1 ? *)": "",
		"cron(0 * * * * ? *)": "", "cron(0,30 * * * * ? *)": "10:00:30 10:01:00", "cron(* 0 12 * * ? *)": "12:00:00 12:00:01",
		"cron(30,0 0 12 * * ? *)": "12:00:00 12:00:30", "cron(0,30 0 0 1 1 ? 2020)": "", "at(2026-11-25T10:00:16)": "",
	} {
		s, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		a, b, found := s.TooOften(now, time.UTC)
		got := ""
		if found {
			got = a.Format("15:04:05 ") + b.Format("15:04:05")
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	// After the first of its two seconds the pair of the next minute is what counts.
	s, err := Parse("cron(0,30 0 12 * * ? *)")
	if err != nil {
		t.Fatal(err)
	}
	if a, b, found := s.TooOften(moment(t, "2026-11-25 12:00:00"), time.UTC); !found || b.Sub(a) != 30*time.Second || a.Day() != 26 {
		t.Errorf("%v %v %v", a, b, found)
	}
}

func TestKinds(t *testing.T) {
	for text, want := range map[string]Kind{"at(2026-11-25T10:00:16)": At, "rate(2 hours)": Rate, "cron(0 0 1 1 ? *)": Cron} {
		s, err := Parse(text)
		if err != nil || s.Kind() != want || s.Recurring() != (want != At) || (s.Every() == 2*time.Hour) != (want == Rate) {
			t.Errorf("%s: %+v, %v", text, s, err)
		}
	}
	var none Schedule
	if _, ok := none.Next(time.Time{}, time.UTC); ok || none.Recurring() || none.Kind().String() != "invalid" {
		t.Error("the zero value is due")
	}
}
