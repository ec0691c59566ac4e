package policy_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/alarm"
	. "bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/step"
)

func facts(policy, alarm string, s alarm.State) AlarmFacts {
	return AlarmFacts{Policy: policy, Alarm: alarm, State: s, Since: at(-600), Judged: at(-300), ActionsEnabled: true}
}

// owned are the facts of a target tracking policy's own alarms.
func ownedFacts(t *Target, policy string, s alarm.State) []AlarmFacts {
	var out []AlarmFacts
	for _, name := range t.Policy(policy).AlarmNames() {
		out = append(out, facts(policy, name, s))
	}
	return out
}

func TestWarnings(t *testing.T) {
	out := stepping("out", step.ChangeInCapacity, adjustment(0, nil, 1))
	in := stepping("in", step.ChangeInCapacity, adjustment(nil, 0, -1))
	noIn := track("p", 10)
	noIn.TargetTracking.DisableScaleIn = ptr(true)
	day := 24 * 3600
	tests := []struct {
		name     string
		policies []request
		most     int
		set      func(*Target)
		alarms   func(*Target) []AlarmFacts
		want     []string
	}{
		{name: "nothing registered but a range", most: 4},
		{
			name: "nothing wrong", most: 4, policies: []request{track("p", 10)},
			alarms: func(t *Target) []AlarmFacts { return ownedFacts(t, "p", alarm.OK) },
		},
		{
			name: "the notebook's step policy, that no alarm invokes", most: 4, policies: []request{track("p", 10), out},
			alarms: func(t *Target) []AlarmFacts { return ownedFacts(t, "p", alarm.OK) },
			want:   []string{"no alarm invokes policy out, so it never acts: put an alarm whose actions name the policy's ARN"},
		},
		{
			name: "only out", most: 4, policies: []request{out},
			alarms: func(*Target) []AlarmFacts { return []AlarmFacts{facts("out", "a", alarm.OK)} },
			want:   []string{"capacity is never taken away: no policy scales in"},
		},
		{
			name: "out and in", most: 4, policies: []request{out, in},
			alarms: func(*Target) []AlarmFacts {
				return []AlarmFacts{facts("out", "a", alarm.OK), facts("in", "b", alarm.OK)}
			},
		},
		{
			name: "scale-in disabled", most: 4, policies: []request{noIn},
			alarms: func(t *Target) []AlarmFacts { return ownedFacts(t, "p", alarm.OK) },
			want:   []string{"capacity is never taken away: no policy scales in"},
		},
		{
			name: "no data, and so no agreement", most: 4, policies: []request{track("p", 10), track("q", 10)},
			alarms: func(t *Target) []AlarmFacts {
				return append(ownedFacts(t, "p", alarm.OK), ownedFacts(t, "q", alarm.InsufficientData)...)
			},
			want: []string{
				"alarm AlarmHigh of policy q has had no data since 2026-11-23 09:50:00: check the metric's name, dimensions and unit, and whether anything publishes it",
				"alarm AlarmLow of policy q has had no data since 2026-11-23 09:50:00: check the metric's name, dimensions and unit, and whether anything publishes it",
				"policy p cannot scale in: all target tracking policies have to agree, and q has no data",
			},
		},
		{
			name: "no warning before the first data", most: 4, policies: []request{track("p", 10)},
			alarms: func(t *Target) []AlarmFacts {
				all := ownedFacts(t, "p", alarm.InsufficientData)
				all[0].Judged, all[1].Since = at(1), at(-299)
				return all
			},
		},
		{
			name: "deleted and disabled alarms", most: 4, policies: []request{track("p", 10)},
			alarms: func(t *Target) []AlarmFacts {
				all := ownedFacts(t, "p", alarm.OK)[:1]
				all[0].ActionsEnabled = false
				return all
			},
			want: []string{
				"policy p misses its alarm AlarmLow, which somebody deleted: put the policy again",
				"alarm AlarmHigh does not invoke policy p: its actions are disabled",
			},
		},
		{
			name: "no room, suspended, dry", most: 1, policies: []request{track("p", 10)},
			set: func(t *Target) {
				t.Suspended.DynamicOut, t.Tags = true, map[string]string{DryRunTag: "true"}
			},
			alarms: func(t *Target) []AlarmFacts { return ownedFacts(t, "p", alarm.OK) },
			want: []string{
				"minimum and maximum are both 1: policies can change nothing", "scaling by policies is suspended",
				"dry run: decisions are recorded and change nothing",
			},
		},
		{
			name: "a fight", most: 4, policies: []request{track("p", 10), in},
			set: func(t *Target) {
				t.Watch.Moves = []Move{{At: at(-1000), Policy: "p", From: 1, To: 2}, {At: at(-800), Policy: "in", From: 2, To: 1}, {At: at(-600), Policy: "p", From: 1, To: 2}, {At: at(-400), Policy: "in", From: 2, To: 1}}
			},
			alarms: func(t *Target) []AlarmFacts { return append(ownedFacts(t, "p", alarm.OK), facts("in", "b", alarm.OK)) },
			want:   []string{"policies in and p work against each other: 3 times in a row one took back what the other did"},
		},
		{
			name: "to and fro by one policy, or long ago, is no fight", most: 4, policies: []request{track("p", 10), in},
			set: func(t *Target) {
				t.Watch.Moves = []Move{{At: at(-9000), Policy: "p", From: 1, To: 2}, {At: at(-8800), Policy: "in", From: 2, To: 1}, {At: at(-600), Policy: "p", From: 1, To: 2}, {At: at(-400), Policy: "in", From: 2, To: 1}, {At: at(-300), Policy: "p", From: 1, To: 2}}
			},
			alarms: func(t *Target) []AlarmFacts { return append(ownedFacts(t, "p", alarm.OK), facts("in", "b", alarm.OK)) },
		},
		{
			name: "at its maximum day after day", most: 4, policies: []request{track("p", 10)},
			set: func(t *Target) {
				t.Watch.MaxDays = []Day{DayOf(at(-5 * day)), DayOf(at(-3 * day)), DayOf(at(-2 * day)), DayOf(at(-day))}
			},
			alarms: func(t *Target) []AlarmFacts { return ownedFacts(t, "p", alarm.OK) },
			want:   []string{"more than the maximum was wanted on each of the last 3 days: raise it, or the target value"},
		},
		{
			name: "some days ago", most: 4, policies: []request{track("p", 10)},
			set: func(t *Target) {
				t.Watch.MaxDays = []Day{DayOf(at(-4 * day)), DayOf(at(-3 * day)), DayOf(at(-2 * day))}
			},
			alarms: func(t *Target) []AlarmFacts { return ownedFacts(t, "p", alarm.OK) },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, target := newTarget(t, 1, tt.most, tt.policies...)
			if tt.set != nil {
				tt.set(target)
			}
			var alarms []AlarmFacts
			if tt.alarms != nil {
				alarms = tt.alarms(target)
			}
			var got []string
			for _, w := range target.Warnings(t0, steady(1), alarms, false) {
				got = append(got, w.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What warnings rest on is remembered as decisions are made and carried out.
func TestWatchRemembers(t *testing.T) {
	_, target := newTarget(t, 1, 4, track("p", 10))
	var d Decision
	for day := range 20 {
		for range 2 {
			Decide(t0.AddDate(0, 0, day), target, steady(4), Seen{Signals: []Signal{high(target, "p", 20)}}, &d)
			target.Note(&d)
		}
	}
	if n := len(target.Watch.MaxDays); n != 14 || target.Watch.MaxDays[n-1] != DayOf(t0.AddDate(0, 0, 19)) {
		t.Errorf("remembers %v", target.Watch.MaxDays)
	}
	allocations := testing.AllocsPerRun(10, func() { target.Note(&d) })
	Decide(t0.AddDate(0, 0, 30), target, steady(2), Seen{Signals: []Signal{high(target, "p", 11)}}, &d)
	target.Note(&d)
	if allocations > 0 || DayOf(d.At) == target.Watch.MaxDays[13] {
		t.Errorf("%v allocations; a day below the maximum counts: %v", allocations, target.Watch.MaxDays)
	}
	target.Begin(d.At, "a", d.Change())
	target.Begin(d.At.Add(time.Minute), "b", Change{From: 3, Want: 1, Cause: Cause{Kind: CauseMaximum, Capacity: 1}})
	if diff := cmp.Diff([]Move{{At: d.At, Policy: "p", From: 2, To: 3}}, target.Watch.Moves); diff != "" {
		t.Errorf("moves (-want +got):\n%s", diff)
	}
}

// A dry run decides, says what it would do, and changes nothing.
func TestDryRun(t *testing.T) {
	_, target := newTarget(t, 1, 9, track("p", 10))
	target.Tags = map[string]string{DryRunTag: "true"}
	var d Decision
	Decide(t0, target, steady(4), Seen{Signals: []Signal{high(target, "p", 20)}}, &d)
	want := "desired 4: p: AlarmHigh in ALARM, 1 of 1: 20 > 10; load 80 = 20 x 4; wanted 8 = ceil(80 / 10); dry run, or desired would be 8"
	if d.Acted || d.Want != 4 || explained(&d) != want {
		t.Errorf("acts %v, wants %d: %s", d.Acted, d.Want, explained(&d))
	}
	target.ClampDue = true
	if c, ok := target.Clamp(steady(12)); ok {
		t.Errorf("clamps: %+v", c)
	}
	target.Tags[DryRunTag] = "false"
	if c, ok := target.Clamp(steady(12)); !ok || c.Want != 9 {
		t.Errorf("after the dry run: %+v %v", c, ok)
	}
}
