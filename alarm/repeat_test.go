package alarm_test

import (
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
)

// Scaling actions repeat at the evaluation a minute later, or ten seconds later where the period is shorter than a minute, though no
// evaluation comes to the millisecond. AWS: recorded.
func TestScalingActionsRepeat(t *testing.T) {
	ms := func(n int) time.Time { return time.Date(2026, 11, 25, 14, 0, 0, n*int(time.Millisecond), time.UTC) }
	for _, tt := range []struct {
		name   string
		period time.Duration
		at     []int // milliseconds
		due    []bool
	}{
		{"to the millisecond", time.Minute, []int{10_000, 70_000, 130_000}, []bool{true, true, true}},
		{"each a little early or late", time.Minute, []int{10_004, 70_001, 130_009, 190_000}, []bool{true, true, true, true}},
		{"one very late", time.Minute, []int{10_000, 85_000, 130_000, 190_000}, []bool{true, true, true, true}},
		{"begun by hand between evaluations", time.Minute, []int{40_000, 70_000, 130_000}, []bool{true, false, true}},
		{"periods of ten seconds", 10 * time.Second, []int{10_300, 20_000, 30_200, 60_000}, []bool{true, true, true, true}},
		{"periods of twenty seconds", 20 * time.Second, []int{10_000, 20_000, 30_000}, []bool{true, true, true}},
		{"periods of ten seconds, begun by hand between evaluations", 10 * time.Second, []int{15_000, 20_000, 30_000}, []bool{true, false, true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := &alarm.Alarm{
				State: alarm.InAlarm, ActionsEnabled: true, Rule: alarm.Rule{Period: tt.period, Periods: 1},
				Actions: []alarm.Action{{On: alarm.InAlarm, Target: "t", Policy: "p"}, {On: alarm.InAlarm, ARN: "arn:aws:sns:us-east-1:123456789012:t"}},
			}
			for i, at := range tt.at {
				all, first := a.Due(ms(at), nil)
				if first != (i == 0) {
					t.Errorf("at %d ms: first is %t", at, first)
				}
				policies := 0
				for _, x := range all {
					if x.Policy != "" {
						policies++
					}
				}
				if policies > 0 != tt.due[i] || len(all)-policies != 0 != (i == 0) {
					t.Errorf("at %d ms: %+v", at, all)
				}
			}
		})
	}
}
