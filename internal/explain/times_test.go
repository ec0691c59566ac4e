package explain_test

import (
	"testing"
	"time"

	"bellows.dev/bellows/internal/explain"
)

// Moments are read in the forms in which explanations print them, in UTC, and spans may be in days.
func TestMomentsAndSpans(t *testing.T) {
	want := time.Date(2026, 11, 28, 0, 25, 20, 0, time.UTC)
	for _, text := range []string{"2026-11-28T00:25:20Z", "2026-11-28T01:25:20+01:00", "2026-11-28 00:25:20", "2026-11-28 00:25:20 UTC", "2026-11-28T00:25:20"} {
		if got, err := explain.ParseMoment(text); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	if got, err := explain.ParseMoment("2026-11-28"); err != nil || !got.Equal(want.Truncate(24*time.Hour)) {
		t.Errorf("a day is %v, %v", got, err)
	}
	for _, text := range []string{"noon", "2026-11-28 00:25", "2026-02-30", "00:25:20"} {
		if got, err := explain.ParseMoment(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
	for text, want := range map[string]time.Duration{"0": 0, "0d": 0, "1d": 24 * time.Hour, "14d": 336 * time.Hour, "90s": 90 * time.Second, "1h30m": 90 * time.Minute} {
		if got, err := explain.ParseSpan(text); err != nil || got != want {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "-1d", "1.5d", "999999d", "-1h", "5", "NaN"} {
		if got, err := explain.ParseSpan(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}
