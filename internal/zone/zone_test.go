package zone

import (
	"errors"
	"testing"
	"time"
)

// The encoded data agrees with the original zone from 1970 on.
func TestDataMatchesTheZone(t *testing.T) {
	for _, name := range []string{
		"UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca", "Etc/GMT+9",
		"Pacific/Tahiti", "America/Sao_Paulo", "Europe/Dublin", "US/Pacific",
	} {
		data, err := Data(name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := time.LoadLocationFromTZData(name, data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for at := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2200; at = at.Add(7*24*time.Hour + 11*time.Minute) {
			if a, b := at.In(got).Format(time.RFC3339+" MST"), at.In(want).Format(time.RFC3339+" MST"); a != b {
				t.Fatalf("%s: %s, want %s", name, a, b)
			}
			if at.In(got).IsDST() != at.In(want).IsDST() {
				t.Fatalf("%s: %v is and is not daylight saving time", name, at)
			}
		}
		// To the second, at each change within half a century.
		for at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2070; {
			_, end := at.In(want).ZoneBounds()
			if end.IsZero() {
				break
			}
			for _, d := range []time.Duration{-time.Second, 0} {
				if a, b := end.Add(d).In(got).Format(time.RFC3339), end.Add(d).In(want).Format(time.RFC3339); a != b {
					t.Fatalf("%s: %s, want %s", name, a, b)
				}
			}
			if at = end; at.Month() == time.December {
				at = at.AddDate(0, 0, 2) // see Data
			}
		}
		if len(data) > 8_000 {
			t.Errorf("%s has %d bytes", name, len(data))
		}
	}
}

func TestUnknownZones(t *testing.T) {
	for _, name := range []string{"", "Mars/Olympus", "Local", "Factory", "../etc/passwd", "/etc/localtime", "Europe", "europe\\paris", "UTC+1", "posixrules"} {
		if _, err := Data(name); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
