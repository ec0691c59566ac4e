package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/alarm"
	. "bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/step"
)

// The wording of reasons, for people.
func TestExplain(t *testing.T) {
	_, target := newTarget(t, 1, 4, track("p", 10), track("q", 10),
		stepping("s", step.PercentChangeInCapacity, adjustment(0, nil, 50)), stepping("in", step.ChangeInCapacity, adjustment(nil, 0, -1)),
		stepping("exact", step.ExactCapacity, adjustment(0, nil, 3)))
	cooling := Cooling{OutEnd: at(-213), OutFrom: 1, InEnd: at(-100)}
	tests := []struct {
		name    string
		c       Capacity
		cooling Cooling
		signals []Signal
		want    string
	}{
		{
			"acts, to max", steady(1), Cooling{}, []Signal{high(target, "p", 41, 41.2, 41.4)},
			"desired 1 -> 4: p: AlarmHigh in ALARM, 3 of 3: 41.2 > 10; load 41.2 = 41.2 x 1; wanted 5 = ceil(41.2 / 10); max 4",
		},
		{
			"held", steady(2), cooling, []Signal{high(target, "p", 15, 15, 15)},
			"desired 2: p: AlarmHigh in ALARM, 3 of 3: 15 > 10; load 30 = 15 x 2; wanted 3 = ceil(30 / 10); scale-out cooldown for 87 s more",
		},
		{
			"held, beyond max", Capacity{Desired: 3, Current: 3, Scalable: true}, Cooling{OutEnd: at(-213), OutFrom: 1},
			[]Signal{high(target, "p", 16)},
			"desired 3: p: AlarmHigh in ALARM, 1 of 1: 16 > 10; load 48 = 16 x 3; wanted 5 = ceil(48 / 10); scale-out cooldown for 87 s more; max 4",
		},
		{
			"the difference", steady(2), cooling, []Signal{high(target, "p", 30)},
			"desired 2 -> 3: p: AlarmHigh in ALARM, 1 of 1: 30 > 10; load 60 = 30 x 2; wanted 6 = ceil(60 / 10); at most 3 until the last scale-out's cooldown ends",
		},
		{
			"scale-in held", steady(4), cooling, []Signal{low(target, "p", 1.5)},
			"desired 4: p: AlarmLow in ALARM, 1 of 1: 1.5 < 9; load 6 = 1.5 x 4; wanted 1 = ceil(6 / 10); scale-in cooldown for 200 s more",
		},
		{
			"not agreed, cooldown", steady(4), cooling, []Signal{low(target, "q", 1.5)},
			"desired 4: q: AlarmLow in ALARM, 1 of 1: 1.5 < 9; load 6 = 1.5 x 4; wanted 1 = ceil(6 / 10); policy p is not ready to scale in, " +
				"its cooldown lasts 200 s more",
		},
		{
			"raised and outvoted", steady(4), Cooling{}, []Signal{low(target, "q", 5), low(target, "p", 1.5)},
			"desired 4 -> 2: p: AlarmLow in ALARM, 1 of 1: 1.5 < 9; load 6 = 1.5 x 4; wanted 1 = ceil(6 / 10); outvoted by policy q" +
				" | q: AlarmLow in ALARM, 1 of 1: 5 < 9; load 20 = 5 x 4; wanted 2 = ceil(20 / 10)",
		},
		{
			"at max", steady(4), Cooling{}, []Signal{high(target, "p", 12)},
			"desired 4: p: AlarmHigh in ALARM, 1 of 1: 12 > 10; load 48 = 12 x 4; wanted 5 = ceil(48 / 10); at max 4 already",
		},
		{
			"at min", steady(1), Cooling{}, []Signal{alarmed(target, "in", alarm.LessThanThreshold, 50, 40)},
			"desired 1: in: alarm-in in ALARM, 1 of 1: 40 < 50; wanted 0 = 1 - 1; at min 1 already",
		},
		{
			"flapping", steady(3), Cooling{}, []Signal{low(target, "p", 8)},
			"desired 3: p: AlarmLow in ALARM, 1 of 1: 8 < 9; load 24 = 8 x 3; wanted 3 = ceil(24 / 10); one less would push the metric above its target again",
		},
		{
			"percent", steady(2), Cooling{}, []Signal{alarmed(target, "s", alarm.GreaterThanOrEqualToThreshold, 50, 60, 40)},
			"desired 2 -> 3: s: alarm-s in ALARM, 1 of 2: 50 >= 50; wanted 3 = 2 + 50 %",
		},
		{
			"no step", steady(2), Cooling{}, []Signal{alarmed(target, "s", alarm.GreaterThanThreshold, 50, 40)},
			"desired 2: s: alarm-s in ALARM, 0 of 1: 40 not > 50; no step adjustment for a breach of -10",
		},
		{
			"busy", Capacity{Desired: 4, Current: 2}, Cooling{}, []Signal{alarmed(target, "in", alarm.LessThanThreshold, 50, 40)},
			"desired 4: in: alarm-in in ALARM, 1 of 1: 40 < 50; wanted 1 = 2 - 1; the resource takes no change now",
		},
		{
			"exact, desired", steady(3), Cooling{}, []Signal{alarmed(target, "exact", alarm.GreaterThanThreshold, 50, 60)},
			"desired 3: exact: alarm-exact in ALARM, 1 of 1: 60 > 50; wanted 3 exactly; desired is 3 already",
		},
		{
			"from zero", Capacity{Scalable: true}, Cooling{}, []Signal{high(target, "p", 20)},
			"desired 0 -> 1: p: AlarmHigh in ALARM, 1 of 1: 20 > 10; wanted 1, from zero",
		},
		{
			"no data", steady(2), Cooling{}, []Signal{{Policy: target.Policy("p"), Alarm: tracked(target.Policies[0]).AlarmLow, State: alarm.InsufficientData}},
			"desired 2: p: AlarmLow in INSUFFICIENT_DATA; no data",
		},
		{"nothing", steady(2), Cooling{}, nil, "desired 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target.Policies[0].Cooling = tt.cooling
			var d Decision
			Decide(t0, target, tt.c, Seen{Signals: tt.signals}, &d)
			if diff := cmp.Diff(tt.want, explained(&d)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestExplainSuspensionAndVotes(t *testing.T) {
	_, target := newTarget(t, 1, 9, track("p", 10), track("q", 10))
	var d Decision
	Decide(t0, target, steady(4), Seen{Signals: []Signal{low(target, "p", 1)}, Alarms: states([]Signal{low(target, "q", 4)})}, &d)
	want := "desired 4 -> 2: p: AlarmLow in ALARM, 1 of 1: 1 < 9; load 4 = 1 x 4; wanted 1 = ceil(4 / 10); policy q needs 2"
	if diff := cmp.Diff(want, explained(&d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	target.Suspended.DynamicOut = true
	Decide(t0, target, steady(4), Seen{Signals: []Signal{high(target, "p", 20)}}, &d)
	want = "desired 4: p: AlarmHigh in ALARM, 1 of 1: 20 > 10; load 80 = 20 x 4; wanted 8 = ceil(80 / 10); scale-out is suspended"
	if diff := cmp.Diff(want, explained(&d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
