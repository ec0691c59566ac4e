package policy_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/alarm"
	. "bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/step"
)

// AWS: scaling activities, as recorded; the noun is SageMaker's.
func TestActivityTexts(t *testing.T) {
	_, target := newTarget(t, 1, 20, track("cpu", 70))
	d := decide(0, target, steady(4), high(target, "cpu", 140))
	begun := target.Begin(at(0), "a1", d.Change())
	want := Activity{
		ID: "a1", Key: blue, Status: Pending, Start: at(0), From: 4, To: 8, CreditFrom: 4,
		Cause: Cause{Kind: CauseAlarm, Alarm: tracked(target.Policies[0]).AlarmHigh, State: alarm.InAlarm, Policy: "cpu"},
	}
	if diff := cmp.Diff([]Activity{want}, begun); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	texts := func(a Activity, status Status, message string, ended bool) {
		t.Helper()
		if a.Status != status || a.StatusMessage() != message || a.End.IsZero() == ended {
			t.Errorf("got %s %q, ended %v", a.Status, a.StatusMessage(), a.End)
		}
		if a.Description() != "Setting desired instance count to 8." {
			t.Errorf("description %q", a.Description())
		}
	}
	texts(begun[0], Pending, "", false)
	const cause = "monitor alarm TargetTracking-endpoint/chat/variant/blue-AlarmHigh-id-2 in state ALARM triggered policy cpu"
	if got := begun[0].Cause.String(); got != cause {
		t.Errorf("cause %q", got)
	}
	if _, ended := target.Track(at(1), steady(8)); ended {
		t.Error("an activity that the service has not taken has ended")
	}
	progress, _ := target.Accept()
	texts(progress, InProgress, "Successfully set desired instance count to 8. Waiting for change to be fulfilled by sagemaker.", false)
	if _, again := target.Accept(); again {
		t.Error("accepted twice")
	}
	for _, c := range []Capacity{{Desired: 8, Current: 4}, {Desired: 8, Current: 8}, {Desired: 8, Current: 7, Scalable: true}} {
		if _, ended := target.Track(at(2), c); ended {
			t.Errorf("%+v ended the activity", c)
		}
	}
	done, _ := target.Track(at(60), steady(8))
	texts(done, Successful, "Successfully set desired instance count to 8. Change successfully fulfilled by sagemaker.", true)
	if _, again := target.Track(at(61), steady(8)); again || target.Activity != nil {
		t.Error("ended twice")
	}
}

func TestActivityEnds(t *testing.T) {
	const limit = "The account-level service limit 'ml.xx.xxxxxx for endpoint usage' is 1000 Instances, with current utilization of " +
		"997 Instances and a request delta of 20 Instances. Please contact AWS support to request an increase for this limit."
	limited := ServiceError{Service: "AmazonSageMaker", Code: "ResourceLimitExceeded", Err: errors.New(limit)}
	for _, tt := range []struct {
		end     func(*Target) (Activity, bool)
		status  Status
		message string
	}{
		{
			func(t *Target) (Activity, bool) { return t.Track(at(9), steady(3)) }, Overridden,
			"Successfully set desired instance count to 8. Found it was later changed to 3.",
		},
		{
			// AWS: SageMaker developer guide, querying endpoint automatic scaling history.
			func(t *Target) (Activity, bool) { return t.Fail(at(9), Refusal(&limited, "r")) }, Failed,
			"Failed to set desired instance count to 8. Reason: " + limit +
				" (Service: AmazonSageMaker; Status Code: 400; Error Code: ResourceLimitExceeded; Request ID: r).",
		},
		{
			func(t *Target) (Activity, bool) { return t.Unfulfil(at(9), "Instances did not start.") }, Unfulfilled,
			"Successfully set desired instance count to 8. Change could not be fulfilled by sagemaker. Reason: Instances did not start.",
		},
	} {
		_, target := newTarget(t, 1, 20)
		target.Begin(at(0), "a", Change{From: 4, Want: 8})
		target.Accept()
		a, ended := tt.end(target)
		if !ended || a.Status != tt.status || a.StatusMessage() != tt.message || a.End != at(9) || target.Activity != nil {
			t.Errorf("got %s %q", a.Status, a.StatusMessage())
		}
		if _, again := tt.end(target); again {
			t.Errorf("%s twice", tt.status)
		}
	}
}

// A new activity ends the one in flight.
func TestBeginOverrides(t *testing.T) {
	_, target := newTarget(t, 1, 20)
	target.Begin(at(0), "a", Change{From: 4, Want: 8})
	target.Accept()
	entries := target.Begin(at(5), "b", Change{From: 8, Want: 9})
	if len(entries) != 2 || entries[0].ID != "a" || entries[0].Status != Overridden || entries[0].ChangedTo != 9 || entries[1].ID != "b" {
		t.Errorf("got %+v", entries)
	}
}

// AWS: scaling activities, user guide, not scaled reasons; statuses recorded.
func TestNotScaled(t *testing.T) {
	type entry struct {
		Status Status
		Reason NotScaledReason
	}
	for _, tt := range []struct {
		name   string
		c      Capacity
		signal func(*Target) Signal
		want   entry
	}{
		{"max", steady(4), func(t *Target) Signal { return high(t, "p", 140) }, entry{Failed, NotScaledReason{Code: AlreadyAtMaxCapacity, Capacity: 4}}},
		{"min", steady(1), func(t *Target) Signal { return low(t, "p", 0) }, entry{Failed, NotScaledReason{Code: AlreadyAtMinCapacity, Capacity: 1}}},
		{"desired", Capacity{Desired: 4, Current: 2}, func(t *Target) Signal { return high(t, "p", 140) }, entry{Successful, NotScaledReason{Code: AlreadyAtDesiredCapacity, Capacity: 4}}},
		{"flapping", steady(2), func(t *Target) Signal { return low(t, "p", 60) }, entry{Failed, NotScaledReason{Code: AutoScalingAnticipatedFlapping, Capacity: 2}}},
		{"unscalable", Capacity{Desired: 2, Current: 2}, func(t *Target) Signal { return high(t, "p", 140) }, entry{Failed, NotScaledReason{Code: TargetServicePutResourceAsUnscalable, Capacity: 0}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, target := newTarget(t, 1, 4, track("p", 70))
			sig := tt.signal(target)
			d := decide(7, target, tt.c, sig)
			a, written := target.NotScaled(at(7), &d, counter())
			want := Activity{
				ID: "id-1", Key: blue, Status: tt.want.Status, Start: at(7), From: tt.c.Desired, To: tt.c.Desired, NotScaled: tt.want.Reason,
				Cause: Cause{Kind: CauseAlarm, Alarm: sig.Alarm, State: alarm.InAlarm, Policy: "p"},
			}
			if diff := cmp.Diff(want, a); diff != "" || !written {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if a.Description() != "Attempting to scale due to alarm triggered" || a.StatusMessage() != "" {
				t.Errorf("got %q, %q", a.Description(), a.StatusMessage())
			}
			if _, again := target.NotScaled(at(67), &d, noID); again {
				t.Error("written twice")
			}
		})
	}
}

// AWS: recorded: Max, Max → one entry; Max, Min, Max → three, whichever policy; an entry that scales is no reason to repeat one.
func TestNotScaledIsNotRepeated(t *testing.T) {
	_, target := newTarget(t, 1, 4, track("p", 70), track("q", 70))
	for i, tt := range []struct {
		c       Capacity
		signals []Signal
		written bool
	}{
		{steady(4), []Signal{high(target, "p", 140)}, true},
		{steady(4), []Signal{high(target, "q", 140)}, false},
		{steady(1), []Signal{low(target, "p", 7)}, true},
		{steady(4), []Signal{high(target, "p", 140)}, true},
		{steady(4), []Signal{high(target, "p", 140), low(target, "q", 7)}, false},
	} {
		d := decide(i*60, target, tt.c, tt.signals...)
		if _, written := target.NotScaled(at(i*60), &d, counter()); written != tt.written {
			t.Errorf("%d: written %v: %s", i, written, explained(&d))
		}
	}
	d := decide(0, target, steady(2), high(target, "p", 140))
	if _, written := target.NotScaled(at(0), &d, noID); written {
		t.Error("a decision that acts was noted as one that does not")
	}
	carryOut(t, target, d, 0, 60)
	d = decide(361, target, steady(4), high(target, "p", 140)) // once the cooldown is over
	if _, written := target.NotScaled(at(361), &d, noID); written {
		t.Error("the reason that was written last was written again after an activity")
	}
}

// Cooldowns, suspensions, votes, absent data leave no entry; of several reasons the weightiest is written.
func TestNotScaledReason(t *testing.T) {
	_, target := newTarget(t, 1, 4, track("p", 70), stepping("s", step.ChangeInCapacity, adjustment(0, nil, 0)))
	target.Suspended.DynamicIn = true
	for _, sig := range []Signal{low(target, "p", 7), alarmed(target, "s", alarm.GreaterThanThreshold, 50, 40), {Policy: target.Policy("p"), State: alarm.InsufficientData}} {
		d := decide(0, target, steady(2), sig)
		if _, written := target.NotScaled(at(0), &d, noID); written {
			t.Errorf("written: %s", explained(&d))
		}
	}
	d := decide(0, target, steady(4), alarmed(target, "s", alarm.GreaterThanThreshold, 50, 60), high(target, "p", 140))
	if a, _ := target.NotScaled(at(0), &d, counter()); a.NotScaled.Code != AlreadyAtMaxCapacity || a.Cause.Policy != "p" {
		t.Errorf("got %+v", a)
	}
}

// AWS: target tracking's timeline: load from 20 to 140 an instance, target 70, 4 instances, cooldowns of 300 s.
func TestTrackingTimeline(t *testing.T) {
	_, target := newTarget(t, 1, 20, track("p", 70))
	d := decide(190, target, steady(4), high(target, "p", 140, 140, 140)) // 10:03:10
	target.Begin(at(190), "a", d.Change())
	target.Accept()
	entries := 0
	for s := 250; s <= 370; s += 60 { // 10:04:10 … 10:06:10: delivered again while 8 start
		d := decide(s, target, Capacity{Desired: 8, Current: 4}, high(target, "p", 140, 140, 140))
		if d.Acted {
			t.Fatalf("10:%02d: %s", s/60, explained(&d))
		}
		if a, written := target.NotScaled(at(s), &d, counter()); written {
			entries++
			if a.NotScaled.Code != AlreadyAtDesiredCapacity {
				t.Errorf("got %+v", a.NotScaled)
			}
		}
	}
	if a, ended := target.Track(at(375), steady(8)); !ended || a.Status != Successful || entries != 1 {
		t.Errorf("%d entries, %+v", entries, a)
	}
	quiet := decide(4510, target, steady(8), low(target, "p", 10)) // 11:15:10: 15 datapoints below 63
	if quiet.Want != 2 {
		t.Errorf("got %s", explained(&quiet))
	}
	carryOut(t, target, quiet, 4510, 4540)
	for s, want := range map[int]Outcome{4570: HeldByCooldown, 4839: HeldByCooldown, 4840: Acted} {
		if d := decide(s, target, steady(2), low(target, "p", 10)); d.Proposals[0].Outcome != want {
			t.Errorf("t%d: %s", s, explained(&d))
		}
	}
}
