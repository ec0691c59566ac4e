package policy_test

import (
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	. "bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/step"
)

// AWS: PutScalingPolicy, Cooldown, scale-out: the trace that was recorded. Capacity 1, +1 for a breach below 10, +2 from 10.
func TestScaleOutCooldownTrace(t *testing.T) {
	_, target := newTarget(t, 1, 20, stepping("p", step.ChangeInCapacity, adjustment(0, 10, 1), adjustment(10, nil, 2)))
	c := steady(1)
	for _, tt := range []struct {
		at      int
		metric  float64
		want    int
		outcome Outcome
		done    int
	}{
		{0, 55, 2, Acted, 20},
		{21, 55, 2, HeldByCooldown, 0}, // the same breach again adds nothing
		{21, 65, 3, Acted, 30},         // 1+2: the capacity before the first scale-out counts
		{31, 65, 3, HeldByCooldown, 0}, // 1+2 again
		{329, 65, 3, HeldByCooldown, 0},
		{330, 65, 5, Acted, 340},
		{341, 55, 5, HeldByCooldown, 0},
		{341, 65, 5, HeldByCooldown, 0}, // the breach is as large as the one that added 2
	} {
		d := decide(tt.at, target, c, alarmed(target, "p", alarm.GreaterThanThreshold, 50, tt.metric))
		if d.Want != tt.want || d.Proposals[0].Outcome != tt.outcome {
			t.Fatalf("t%d, metric %v: got %s, want %d %s", tt.at, tt.metric, explained(&d), tt.want, tt.outcome)
		}
		if d.Acted {
			carryOut(t, target, d, tt.at, tt.done)
			c = steady(d.Want)
		}
	}
}

// AWS: PutScalingPolicy, Cooldown: a breach that adds 2, then in its cooldown one that would add 3: one more is added.
func TestScaleOutCooldownAddsTheDifference(t *testing.T) {
	_, target := newTarget(t, 1, 20, stepping("p", step.ChangeInCapacity, adjustment(0, 10, 2), adjustment(10, nil, 3)))
	carryOut(t, target, decide(0, target, steady(4), alarmed(target, "p", alarm.GreaterThanThreshold, 50, 55)), 0, 30)
	d := decide(60, target, steady(6), alarmed(target, "p", alarm.GreaterThanThreshold, 50, 65))
	if d.Want != 7 || d.Proposals[0].Wanted != 9 || d.Proposals[0].Credit != 2 {
		t.Errorf("got %s", explained(&d))
	}
}

// What a cooldown counts as added must still serve: after a scale-in the same breach adds again.
func TestCreditIsForWhatServes(t *testing.T) {
	_, target := newTarget(t, 1, 20, stepping("p", step.ChangeInCapacity, adjustment(0, nil, 2)))
	carryOut(t, target, decide(0, target, steady(1), alarmed(target, "p", alarm.GreaterThanThreshold, 50, 55)), 0, 30)
	if d := decide(60, target, steady(1), alarmed(target, "p", alarm.GreaterThanThreshold, 50, 55)); d.Want != 3 {
		t.Errorf("got %s", explained(&d))
	}
	if d := decide(60, target, steady(2), alarmed(target, "p", alarm.GreaterThanThreshold, 50, 55)); d.Want != 3 {
		t.Errorf("got %s", explained(&d))
	}
}

// An exact capacity holds what was added already.
func TestExactCapacityHasNoCredit(t *testing.T) {
	_, target := newTarget(t, 1, 20, stepping("p", step.ExactCapacity, adjustment(0, 10, 5), adjustment(10, nil, 10)))
	carryOut(t, target, decide(0, target, steady(1), alarmed(target, "p", alarm.GreaterThanThreshold, 50, 55)), 0, 30)
	if d := decide(60, target, steady(5), alarmed(target, "p", alarm.GreaterThanThreshold, 50, 55)); d.Acted || d.Proposals[0].Outcome != AtDesired {
		t.Errorf("got %s", explained(&d))
	}
	if d := decide(60, target, steady(5), alarmed(target, "p", alarm.GreaterThanThreshold, 50, 65)); d.Want != 10 {
		t.Errorf("got %s", explained(&d))
	}
}

// AWS: PutScalingPolicy, Cooldown, scale-in: blocked until it ends; counted from the end of the activity.
func TestScaleInCooldown(t *testing.T) {
	in := stepping("p", step.ChangeInCapacity, adjustment(nil, 0, -1))
	in.Step.Cooldown = seconds(100)
	_, target := newTarget(t, 1, 20, in)
	carryOut(t, target, decide(0, target, steady(5), alarmed(target, "p", alarm.LessThanThreshold, 50, 40)), 0, 60)
	for _, tt := range []struct {
		at      int
		outcome Outcome
		left    time.Duration
	}{{61, HeldByCooldown, 99 * time.Second}, {159, HeldByCooldown, time.Second}, {160, Acted, 0}} {
		p := decide(tt.at, target, steady(4), alarmed(target, "p", alarm.LessThanThreshold, 50, 40)).Proposals[0]
		if p.Outcome != tt.outcome || p.Left != tt.left {
			t.Errorf("t%d: got %s, %v left", tt.at, p.Outcome, p.Left)
		}
	}
}

// AWS: a scale-out ends a scale-in cooldown at once, and it does not go on.
func TestScaleOutEndsScaleInCooldown(t *testing.T) {
	_, target := newTarget(t, 1, 20, withCooldown(track("cpu", 70), 300), stepping("up", step.ChangeInCapacity, adjustment(0, nil, 1)))
	carryOut(t, target, decide(0, target, steady(4), low(target, "cpu", 25)), 0, 60)
	if d := decide(61, target, steady(2), low(target, "cpu", 10)); d.Proposals[0].Outcome != HeldByCooldown {
		t.Fatalf("got %s", explained(&d))
	}
	carryOut(t, target, decide(70, target, steady(2), alarmed(target, "up", alarm.GreaterThanThreshold, 50, 60)), 70, 90)
	if d := decide(91, target, steady(3), low(target, "cpu", 10)); d.Want != 1 {
		t.Errorf("the scale-in cooldown went on: %s", explained(&d))
	}
}

// Cooldowns belong to a policy: another one's scale-out does not hold this one's.
func TestCooldownIsThePolicysOwn(t *testing.T) {
	_, target := newTarget(t, 1, 20, track("cpu", 70), stepping("up", step.ChangeInCapacity, adjustment(0, nil, 1)))
	carryOut(t, target, decide(0, target, steady(4), high(target, "cpu", 140)), 0, 60)
	if d := decide(61, target, steady(8), alarmed(target, "up", alarm.GreaterThanThreshold, 50, 60)); d.Want != 9 {
		t.Errorf("got %s", explained(&d))
	}
	if d := decide(61, target, steady(8), high(target, "cpu", 71)); d.Acted {
		t.Errorf("got %s", explained(&d))
	}
}

// A zero cooldown holds nothing; a failed, unfulfilled or overridden activity leaves none.
func TestNoCooldown(t *testing.T) {
	_, target := newTarget(t, 1, 20, withCooldown(track("cpu", 70), 0))
	carryOut(t, target, decide(0, target, steady(4), high(target, "cpu", 140)), 0, 60)
	if d := decide(60, target, steady(8), high(target, "cpu", 140)); d.Want != 16 {
		t.Errorf("got %s", explained(&d))
	}
	ends := map[string]func(*Target){
		"failed":      func(t *Target) { t.Fail(at(5), "no") },
		"unfulfilled": func(t *Target) { t.Unfulfil(at(5), "no") },
		"overridden":  func(t *Target) { t.Track(at(5), steady(3)) },
	}
	for name, end := range ends {
		_, target := newTarget(t, 1, 20, track("cpu", 70))
		d := decide(0, target, steady(4), high(target, "cpu", 140))
		target.Begin(at(0), "a", d.Change())
		target.Accept()
		end(target)
		if target.Activity != nil || target.Policies[0].Cooling != (Cooling{}) {
			t.Errorf("%s: got %+v", name, target.Policies[0].Cooling)
		}
	}
}

// A cooldown that is changed counts from the activity's end, at once.
func TestChangedCooldown(t *testing.T) {
	r, target := newTarget(t, 1, 20, withCooldown(track("cpu", 70), 300))
	carryOut(t, target, decide(0, target, steady(4), high(target, "cpu", 140)), 0, 60)
	put(t, r, withCooldown(track("cpu", 70), 30), counter())
	if d := decide(90, target, steady(8), high(target, "cpu", 140)); d.Want != 16 {
		t.Errorf("got %s", explained(&d))
	}
}
