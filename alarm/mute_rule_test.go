package alarm_test

import (
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
)

// A rule is SCHEDULED before its window, ACTIVE in it, and EXPIRED once there is none any more. Windows that overlap are one; StartDate and
// ExpireDate cut them. AWS: PutAlarmMuteRule.
func TestStatusesOfMuteRules(t *testing.T) {
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) // a Tuesday
	for _, tc := range []struct {
		name string
		rule alarm.MuteRule
		at   map[string]string
	}{
		{"each day", alarm.MuteRule{Expression: "cron(0 14 * * *)", Duration: time.Hour}, map[string]string{
			"24 13:59": "SCHEDULED", "24 14:00": "ACTIVE", "24 14:59": "ACTIVE", "24 15:00": "SCHEDULED", "25 14:30": "ACTIVE",
		}},
		{"it is in its window when it is put", alarm.MuteRule{Expression: "cron(0 11 * * TUE)", Duration: 2 * time.Hour}, map[string]string{
			"24 12:00": "ACTIVE", "24 13:00": "SCHEDULED", "25 11:30": "SCHEDULED",
		}},
		{"once", alarm.MuteRule{Expression: "at(2026-11-24T14:00)", Duration: time.Hour}, map[string]string{
			"24 13:59": "SCHEDULED", "24 14:30": "ACTIVE", "24 15:00": "EXPIRED",
		}},
		{"windows overlap", alarm.MuteRule{Expression: "cron(0 * * * *)", Duration: 90 * time.Minute}, map[string]string{
			"24 12:30": "ACTIVE", "24 13:30": "ACTIVE", "24 13:59": "ACTIVE", "25 01:45": "ACTIVE",
		}},
		{"from a moment on", alarm.MuteRule{
			Expression: "cron(0 12 * * *)", Duration: 3 * time.Hour, Start: noon.Add(2 * time.Hour),
		}, map[string]string{"24 13:00": "SCHEDULED", "24 14:00": "ACTIVE", "24 15:00": "SCHEDULED"}},
		{"until a moment", alarm.MuteRule{
			Expression: "cron(0 12 * * *)", Duration: 3 * time.Hour, Expire: noon.Add(time.Hour),
		}, map[string]string{"24 12:30": "ACTIVE", "24 13:00": "EXPIRED"}},
	} {
		r := newRegistry()
		tc.rule.Name = "r"
		if err := r.PutMuteRule(noon, tc.rule); err != nil {
			t.Fatal(err)
		}
		for text, want := range tc.at {
			at, err := time.Parse("2006-01-02 15:04", "2026-11-"+text)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.MuteRules["r"].Status(at); got != want {
				t.Errorf("%s: %s on %s, want %s", tc.name, got, text, want)
			}
		}
	}
}
