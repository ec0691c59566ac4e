package policy_test

import (
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	. "bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/step"
)

// AWS: target tracking, user guide; the recommended formula's table.
func TestTrackingTable(t *testing.T) {
	tests := []struct {
		name           string
		current        int
		metric, target float64
		least, most    int
		want           int
		outcome        Outcome
	}{
		{"doubled load", 4, 140, 70, 1, 20, 8, Acted},
		{"a little above", 4, 71, 70, 1, 20, 5, Acted},
		{"clamped to max in one jump", 1, 480, 10, 1, 4, 4, Acted},
		{"halved load", 4, 25, 50, 1, 20, 2, Acted},
		{"flapping anticipated", 2, 60, 70, 1, 20, 2, AnticipatedFlapping},
		{"no load", 3, 0, 70, 1, 20, 1, Acted},
		{"no load, min 0", 3, 0, 5, 0, 20, 0, Acted},
		{"hardly any load, min 0", 3, 1e-10, 5, 0, 20, 1, Acted},
		{"from zero", 0, 80, 70, 0, 20, 1, Acted},
		{"zero stays", 0, 0, 70, 0, 20, 0, AtMin},
		{"at max", 4, 140, 70, 1, 4, 4, AtMax},
		{"at min", 1, 0, 70, 1, 4, 1, AtMin},
		{"above max by hand", 9, 140, 70, 1, 4, 9, AtMax},
		{"above max by hand, in", 9, 60, 70, 1, 4, 4, Acted},
		{"below min by hand", 1, 10, 70, 2, 4, 1, AtMin},
		{"exact to the instance", 3, 70.0 / 3 * 4, 70, 1, 20, 4, Acted},
		{"no number of instances is enough", 3, 1e300, 1e-100, 1, 20, 20, Acted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, target := newTarget(t, tt.least, tt.most, track("p", tt.target))
			sig := low(target, "p", tt.metric)
			if tt.metric > tt.target {
				sig = high(target, "p", tt.metric)
			}
			d := decide(0, target, steady(tt.current), sig)
			if d.Want != tt.want || d.Proposals[0].Outcome != tt.outcome {
				t.Errorf("got %s %s, want %d %s", d.Proposals[0].Outcome, explained(&d), tt.want, tt.outcome)
			}
		})
	}
}

// The mean of the datapoints counts.
func TestTrackingMean(t *testing.T) {
	_, target := newTarget(t, 1, 20, track("p", 70))
	if d := decide(0, target, steady(4), high(target, "p", 71, 140, 209)); d.Want != 8 {
		t.Errorf("got %s", explained(&d))
	}
}

// AWS: while capacity is on its way, what is wanted is compared with what is asked for.
func TestInFlight(t *testing.T) {
	_, target := newTarget(t, 1, 20, track("p", 70))
	busy := Capacity{Desired: 8, Current: 4}
	for _, tt := range []struct {
		sig     Signal
		outcome Outcome
	}{
		{high(target, "p", 140), AtDesired},
		{high(target, "p", 280), Unscalable},
		{low(target, "p", 60), AnticipatedFlapping},
		{low(target, "p", 10), Unscalable},
	} {
		if d := decide(0, target, busy, tt.sig); d.Acted || d.Proposals[0].Outcome != tt.outcome {
			t.Errorf("got %s %s, want %s", d.Proposals[0].Outcome, explained(&d), tt.outcome)
		}
	}
}

// AWS: INSUFFICIENT_DATA, of either alarm, does nothing; nor do data of an alarm that is not in ALARM.
func TestNoDataNoAction(t *testing.T) {
	_, target := newTarget(t, 1, 20, track("p", 70), stepping("s", step.ChangeInCapacity, adjustment(0, nil, 1)))
	without := func(s Signal, state alarm.State, datapoints ...float64) Signal {
		s.State, s.Datapoints = state, datapoints
		return s
	}
	for _, tt := range []struct {
		sig     Signal
		outcome Outcome
	}{
		{without(high(target, "p"), alarm.InsufficientData, 140), NoData},
		{without(low(target, "p"), alarm.InsufficientData), NoData},
		{without(high(target, "p"), alarm.InAlarm), NoData},
		{without(high(target, "p"), alarm.OK, 140), Quiet},
		{without(alarmed(target, "s", alarm.GreaterThanThreshold, 50), alarm.InsufficientData), NoData},
		{without(alarmed(target, "s", alarm.GreaterThanThreshold, 50), alarm.OK), NoData},
	} {
		if d := decide(0, target, steady(4), tt.sig); d.Acted || d.Proposals[0].Outcome != tt.outcome {
			t.Errorf("got %s %s, want %s", d.Proposals[0].Outcome, explained(&d), tt.outcome)
		}
	}
}

// AWS: PutMetricAlarm: OK actions may name a policy too; step scaling goes by the breach.
func TestStepScalingOnOK(t *testing.T) {
	_, target := newTarget(t, 1, 20, stepping("s", step.ChangeInCapacity, adjustment(nil, 0, -1)))
	sig := alarmed(target, "s", alarm.GreaterThanThreshold, 50, 40)
	sig.State = alarm.OK
	d := decide(0, target, steady(4), sig)
	if d.Want != 3 || d.Change().Cause.String() != "monitor alarm alarm-s in state OK triggered policy s" {
		t.Errorf("got %s", explained(&d))
	}
}

// AWS: step scaling: what no step matches does nothing, and a step of nothing changes nothing.
func TestStepOutcomes(t *testing.T) {
	_, target := newTarget(t, 2, 6, stepping("s", step.ChangeInCapacity, adjustment(0, 10, 0), adjustment(10, nil, 2)),
		stepping("in", step.ChangeInCapacity, adjustment(nil, 0, -2)))
	for _, tt := range []struct {
		n       int
		signal  Signal
		want    int
		outcome Outcome
	}{
		{4, alarmed(target, "s", alarm.GreaterThanThreshold, 50, 45), 4, NoStepMatches},
		{4, alarmed(target, "s", alarm.GreaterThanThreshold, 50, 55), 4, AtDesired},
		{4, alarmed(target, "s", alarm.GreaterThanThreshold, 50, 60), 6, Acted},
		{5, alarmed(target, "s", alarm.GreaterThanThreshold, 50, 60), 6, Acted},
		{6, alarmed(target, "s", alarm.GreaterThanThreshold, 50, 60), 6, AtMax},
		{4, alarmed(target, "in", alarm.LessThanThreshold, 50, 10), 2, Acted},
		{3, alarmed(target, "in", alarm.LessThanThreshold, 50, 10), 2, Acted},
		{2, alarmed(target, "in", alarm.LessThanThreshold, 50, 10), 2, AtMin},
		{4, alarmed(target, "in", alarm.LessThanThreshold, 50, 50), 2, Acted},
		{4, alarmed(target, "in", alarm.GreaterThanThreshold, 50, 50), 4, NoStepMatches},
	} {
		d := decide(0, target, steady(tt.n), tt.signal)
		if d.Want != tt.want || d.Proposals[0].Outcome != tt.outcome {
			t.Errorf("%d: got %s %s", tt.n, d.Proposals[0].Outcome, explained(&d))
		}
	}
}

// AWS: PutScalingPolicy: +3 and +200 % at 10 are 13 and 30: 30.
func TestLargestScaleOutWins(t *testing.T) {
	_, target := newTarget(t, 1, 50,
		stepping("three", step.ChangeInCapacity, adjustment(0, nil, 3)), stepping("percent", step.PercentChangeInCapacity, adjustment(0, nil, 200)))
	d := decide(0, target, steady(10), alarmed(target, "three", alarm.GreaterThanThreshold, 50, 60), alarmed(target, "percent", alarm.GreaterThanThreshold, 50, 60))
	if d.Want != 30 || d.Change().Cause.Policy != "percent" {
		t.Errorf("got %s", explained(&d))
	}
	if p := outcome(t, d, "three"); p.Outcome != OutvotedBy || p.By != "percent" || p.Clamped != 13 {
		t.Errorf("got %+v", p)
	}
}

// AWS: the largest capacity wins for scale-in too, and scale-out comes before scale-in.
func TestLargestScaleInWins(t *testing.T) {
	_, target := newTarget(t, 1, 50, track("cpu", 70),
		stepping("less", step.ChangeInCapacity, adjustment(nil, 0, -4)), stepping("more", step.ChangeInCapacity, adjustment(0, nil, 1)))
	d := decide(0, target, steady(10), low(target, "cpu", 49), alarmed(target, "less", alarm.LessThanThreshold, 50, 40))
	if d.Want != 7 || outcome(t, d, "less").Outcome != OutvotedBy {
		t.Errorf("got %s", explained(&d))
	}
	d = decide(0, target, steady(10), low(target, "cpu", 49), alarmed(target, "less", alarm.LessThanThreshold, 50, 40), alarmed(target, "more", alarm.GreaterThanThreshold, 50, 60))
	if d.Want != 11 || outcome(t, d, "cpu").By != "more" {
		t.Errorf("got %s", explained(&d))
	}
}

// AWS: target tracking: all policies with scale-in enabled must be ready; any one scales out.
func TestScaleInNeedsAll(t *testing.T) {
	off := track("off", 70)
	off.TargetTracking.DisableScaleIn = ptr(true)
	_, target := newTarget(t, 1, 20, track("a", 70), track("b", 70), off, stepping("s", step.ChangeInCapacity, adjustment(nil, 0, -1)))
	state := func(s Signal, state alarm.State) []Signal { s.State = state; return []Signal{s} }
	for _, tt := range []struct {
		name    string
		votes   []Signal
		want    int
		outcome Outcome
		by      string
	}{
		{"agrees on less", []Signal{low(target, "b", 7)}, 3, Acted, ""},
		{"agrees on more", []Signal{low(target, "b", 30)}, 5, Acted, "b"},
		{"alarm OK", state(low(target, "b", 7), alarm.OK), 10, NotAgreed, "b"},
		{"no data", state(low(target, "b", 7), alarm.InsufficientData), 10, NotAgreed, "b"},
		{"unknown", nil, 10, NotAgreed, "b"},
		{"wants as many as there are", []Signal{low(target, "b", 64)}, 10, NotAgreed, "b"},
		{"its metric has ended", append(state(high(target, "b"), alarm.InsufficientData), low(target, "b", 7)), 10, NotAgreed, "b"},
		{"only its high alarm is known", []Signal{high(target, "b", 7)}, 10, NotAgreed, "b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var d Decision
			Decide(t0, target, steady(10), Seen{Signals: []Signal{low(target, "a", 21)}, Alarms: states(tt.votes)}, &d)
			p := d.Proposals[0]
			if d.Want != tt.want || p.Outcome != tt.outcome || p.By != tt.by {
				t.Errorf("got %s by %q: %s", p.Outcome, p.By, explained(&d))
			}
		})
	}
	d := decide(0, target, steady(10), low(target, "a", 21), low(target, "b", 30))
	if d.Want != 5 || d.Change().Cause.Policy != "b" || outcome(t, d, "a").Outcome != OutvotedBy {
		t.Errorf("both at once: got %s", explained(&d))
	}
	if d := decide(0, target, steady(10), low(target, "a", 21), alarmed(target, "s", alarm.LessThanThreshold, 50, 40)); d.Want != 9 {
		t.Errorf("step scaling needs no vote: got %s", explained(&d))
	}
	if d := decide(0, target, steady(10), high(target, "off", 140), low(target, "a", 21)); d.Want != 20 {
		t.Errorf("a scale-out needs no vote: got %s", explained(&d))
	}
}

// AWS: target tracking: a metric without data is no sign of low use, though the low alarm still lives on what it saw. The high alarm
// needs no other.
func TestNoScaleInOnceTheMetricHasEnded(t *testing.T) {
	_, target := newTarget(t, 1, 20, track("a", 70))
	unknown := func(s Signal) Signal { s.State = alarm.InsufficientData; return s }
	var d Decision
	Decide(t0, target, steady(10), Seen{Signals: []Signal{low(target, "a", 21)}, Alarms: states([]Signal{unknown(high(target, "a"))})}, &d)
	if p := d.Proposals[0]; d.Acted || p.Outcome != Blind || !strings.HasSuffix(explained(&d), "; its high alarm has no data") {
		t.Errorf("got %s: %s", p.Outcome, explained(&d))
	}
	Decide(t0, target, steady(10), Seen{Signals: []Signal{high(target, "a", 140)}, Alarms: states([]Signal{unknown(low(target, "a"))})}, &d)
	if d.Want != 20 {
		t.Errorf("a scale-out: got %s", explained(&d))
	}
}

// Corners of the vote: capacity in motion or out of range, several that are not ready, several that need as much.
func TestScaleInVotes(t *testing.T) {
	_, target := newTarget(t, 1, 20, track("d", 70), track("c", 70), track("b", 70))
	notReady := func(s Signal) Signal { s.State = alarm.OK; return s }
	for _, tt := range []struct {
		name    string
		most    int
		c       Capacity
		votes   []Signal
		want    int
		outcome Outcome
		by      string
	}{
		{"two are not ready", 20, steady(10), []Signal{notReady(low(target, "c", 7)), notReady(low(target, "b", 7))}, 10, NotAgreed, "b"},
		{"two need as much", 20, steady(10), []Signal{low(target, "c", 30), low(target, "b", 30)}, 5, Acted, "b"},
		{
			"another needs what is asked for", 20, Capacity{Desired: 5, Current: 10, Scalable: true},
			[]Signal{low(target, "c", 50), low(target, "b", 7)}, 5, NotAgreed, "c",
		},
		{
			"above max, another needs all", 4, steady(10),
			[]Signal{low(target, "c", 69), low(target, "b", 7)}, 10, NotAgreed, "c",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var d Decision
			target.Max = tt.most
			Decide(t0, target, tt.c, Seen{Signals: []Signal{low(target, "d", 7)}, Alarms: states(tt.votes)}, &d)
			if p := d.Proposals[0]; d.Want != tt.want || p.Outcome != tt.outcome || p.By != tt.by {
				t.Errorf("got %s by %q: %s", p.Outcome, p.By, explained(&d))
			}
		})
	}
}

// A target tracking policy in its scale-in cooldown is not ready for another's scale-in.
func TestScaleInWaitsForOthersCooldown(t *testing.T) {
	_, target := newTarget(t, 1, 20, track("a", 70), track("b", 70))
	carryOut(t, target, decide(0, target, steady(10), low(target, "a", 21), low(target, "b", 35)), 0, 60)
	d := decide(100, target, steady(5), low(target, "a", 7), low(target, "b", 7))
	if p := outcome(t, d, "a"); d.Acted || p.Outcome != NotAgreed || p.By != "b" || p.Left != 260*time.Second {
		t.Errorf("got %s", explained(&d))
	}
	if p := outcome(t, d, "b"); p.Outcome != HeldByCooldown {
		t.Errorf("got %s", explained(&d))
	}
}

func TestScaleInDisabled(t *testing.T) {
	off := track("off", 70)
	off.TargetTracking.DisableScaleIn = ptr(true)
	_, target := newTarget(t, 1, 20, off)
	sig := low(target, "off", 7)
	sig.Alarm = "of somebody's"
	if d := decide(0, target, steady(4), sig); d.Acted || d.Proposals[0].Outcome != ScaleInDisabled {
		t.Errorf("got %s", explained(&d))
	}
}

// AWS: suspending scaling, user guide: each direction alone.
func TestSuspended(t *testing.T) {
	_, target := newTarget(t, 1, 20, track("p", 70))
	for _, tt := range []struct {
		suspended Suspended
		out, in   Outcome
	}{
		{Suspended{Scheduled: true}, Acted, Acted},
		{Suspended{DynamicOut: true}, SuspendedOut, Acted},
		{Suspended{DynamicIn: true}, Acted, SuspendedIn},
	} {
		target.Suspended = tt.suspended
		out, in := decide(0, target, steady(4), high(target, "p", 140)), decide(0, target, steady(4), low(target, "p", 7))
		if out.Proposals[0].Outcome != tt.out || in.Proposals[0].Outcome != tt.in {
			t.Errorf("%+v: got %s | %s", tt.suspended, explained(&out), explained(&in))
		}
	}
}

// A decision's memory is used again; a clone's is its own.
func TestDecisionMemory(t *testing.T) {
	_, target := newTarget(t, 1, 20, track("p", 70))
	var d Decision
	Decide(t0, target, steady(4), Seen{Signals: []Signal{high(target, "p", 140)}}, &d)
	kept, text := d.Clone(), explained(&d)
	Decide(t0, target, steady(4), Seen{Signals: []Signal{low(target, "p", 7)}}, &d)
	if explained(&kept) != text || explained(&d) == text || len(d.Proposals) != 1 {
		t.Errorf("kept %s, now %s", explained(&kept), explained(&d))
	}
}
