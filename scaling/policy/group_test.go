package policy_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine/dimension"
	"bellows.dev/bellows/internal/zone"
	. "bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/step"
)

// grouped is the target of chat/blue's group with a range and a simple policy of +1.
func grouped(t *testing.T, least, most int) (*Registry, *Target) {
	t.Helper()
	r := NewRegistry(policy.Types(), dimension.All())
	target, _, err := r.UpdateGroup(t0, GroupUpdate{Key: blue, Min: &least, Max: &most}, steady(least))
	if err != nil {
		t.Fatal(err)
	}
	putGroup(t, r, policy.GroupInput{Name: "out", AdjustmentType: step.ChangeInCapacity, Adjustment: ptr(1)})
	return r, target
}

func putGroup(t *testing.T, r *Registry, in policy.GroupInput) PolicyChange {
	t.Helper()
	in.Key = blue
	ch, err := putGroupPolicy(r, t0, in, counter())
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

func invokedGroup(t *Target, policy string) Signal {
	return invoked(t.Group.Policy(policy), alarm.GreaterThanThreshold, 50, 60)
}

func TestSimpleScaling(t *testing.T) {
	tests := []struct {
		name     string
		set      func(*Target)
		capacity Capacity
		signal   func(*Signal)
		at       int
		want     Outcome
		to       int
		left     time.Duration
	}{
		{name: "acts", capacity: steady(2), want: Acted, to: 3},
		{name: "whatever the alarm's data", capacity: steady(2), signal: func(s *Signal) { s.Datapoints, s.State = nil, alarm.InsufficientData }, want: Acted, to: 3},
		{name: "at max", capacity: steady(4), want: AtMax, to: 4},
		{name: "endpoint changes", capacity: Capacity{Desired: 2, Current: 2}, want: ActivityInProgress, to: 2},
		{name: "an instance is replaced", capacity: Capacity{Desired: 2, Current: 1, Scalable: true}, want: ActivityInProgress, to: 2},
		{name: "activity", capacity: steady(2), set: func(t *Target) { t.Activity = &Activity{Status: InProgress} }, want: ActivityInProgress, to: 2},
		{name: "cooling", capacity: steady(2), set: func(t *Target) { t.Group.Cooling.End = t0 }, at: 299, want: HeldByCooldown, to: 2, left: time.Second},
		{name: "cooled", capacity: steady(2), set: func(t *Target) { t.Group.Cooling.End = t0 }, at: 300, want: Acted, to: 3},
		{
			name: "the group's cooldown", capacity: steady(2), at: 59, want: HeldByCooldown, to: 2, left: time.Second,
			set: func(t *Target) { t.Group.Cooling.End, t.Group.DefaultCooldown = t0, seconds(60) },
		},
		{
			name: "the policy's cooldown", capacity: steady(2), at: 9, want: HeldByCooldown, to: 2, left: time.Second,
			set: func(t *Target) {
				t.Group.Cooling, t.Group.DefaultCooldown = GroupCooling{End: t0, For: seconds(10)}, seconds(60)
			},
		},
		{
			name: "executed, it does not wait", capacity: steady(2), want: Acted, to: 3,
			set: func(t *Target) { t.Group.Cooling.End = t0 }, signal: func(s *Signal) { s.Executed = true },
		},
		{
			name: "executed, honouring the cooldown", capacity: steady(2), want: HeldByCooldown, to: 2, left: 300 * time.Second,
			set:    func(t *Target) { t.Group.Cooling.End = t0 },
			signal: func(s *Signal) { s.Executed, s.HonorCooldown = true, true },
		},
		{name: "disabled", capacity: steady(2), set: func(t *Target) { t.Group.Policies[0].Disabled = true }, want: PolicyDisabled, to: 2},
		{name: "deaf", capacity: steady(2), set: func(t *Target) { t.Group.Suspend(t0, []Process{ProcessAlarmNotification}) }, want: ProcessSuspended, to: 2},
		{name: "no launch", capacity: steady(2), set: func(t *Target) { t.Group.Suspend(t0, []Process{ProcessLaunch}) }, want: ProcessSuspended, to: 3},
		{name: "terminate is no launch", capacity: steady(2), set: func(t *Target) { t.Group.Suspend(t0, []Process{ProcessTerminate}) }, want: Acted, to: 3},
		{name: "the target's suspension is not the group's", capacity: steady(2), set: func(t *Target) { t.Suspended.DynamicOut = true }, want: Acted, to: 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, target := grouped(t, 1, 4)
			if tt.set != nil {
				tt.set(target)
			}
			s := invokedGroup(target, "out")
			if tt.signal != nil {
				tt.signal(&s)
			}
			d := decide(tt.at, target, tt.capacity, s)
			got := outcome(t, d, "out")
			if got.Outcome != tt.want || got.Clamped != tt.to || got.Left != tt.left {
				t.Errorf("%v to %d, %v left; want %v to %d, %v: %s", got.Outcome, got.Clamped, got.Left, tt.want, tt.to, tt.left, explained(&d))
			}
			if _, ok := target.NotScaled(t0, &d, noID); ok {
				t.Error("the other API's history has an entry")
			}
		})
	}
}

// The cooldown begins when the activity has ended, and only that of a simple policy has one.
func TestCooldownBeginsWithTheEndOfTheActivity(t *testing.T) {
	r, target := grouped(t, 1, 9)
	putGroup(t, r, policy.GroupInput{Name: "step", Type: policy.GroupStep, AdjustmentType: step.ChangeInCapacity, Steps: []step.Adjustment{adjustment(0, nil, 2)}})
	carryOut(t, target, decide(0, target, steady(1), invokedGroup(target, "out")), 0, 90)
	if left := target.Group.CoolingDown(at(90)); left != 300*time.Second {
		t.Errorf("%v are left", left)
	}
	carryOut(t, target, decide(100, target, steady(2), invokedGroup(target, "step")), 100, 200)
	if left := target.Group.CoolingDown(at(200)); left != 190*time.Second {
		t.Errorf("%v are left: a step policy's activity has no cooldown", left)
	}
	_, c, err := r.SetDesired(at(210), blue, 5, false, steady(3))
	if err != nil || c.Want != 5 {
		t.Fatal(c, err)
	}
	_, _, err = r.SetDesired(at(210), blue, 5, true, steady(3))
	wantError(t, err, KindActivityInProgress, "Scaling activity is in progress, or its cooldown has not ended, for the AutoScalingGroup chat.blue.")
}

func TestStepScalingOfGroupsWarmsUp(t *testing.T) {
	// AWS's worked example: 10; + 10 % are 11; + 30 % while one warms up are 13, not 14.
	r, target := grouped(t, 1, 20)
	putGroup(t, r, policy.GroupInput{
		Name: "step", Type: policy.GroupStep, AdjustmentType: step.PercentChangeInCapacity, Warmup: seconds(60),
		Steps: []step.Adjustment{adjustment(nil, 0, -10), adjustment(0, 10, 10), adjustment(10, nil, 30)},
	})
	high := func(v float64) Signal {
		s := invokedGroup(target, "step")
		s.Datapoints = []float64{v}
		return s
	}
	carryOut(t, target, decide(0, target, steady(10), high(55)), 0, 10)
	for _, tt := range []struct {
		at      int
		metric  float64
		outcome Outcome
		want    int
	}{
		{11, 55, AtDesired, 11},
		{11, 65, Acted, 13},
		{69, 65, Acted, 13},
		{70, 65, Acted, 14}, // warm: 11 + 30 % are 14
		{69, 40, WarmingUp, 11},
		{70, 40, Acted, 10},
	} {
		d := decide(tt.at, target, steady(11), high(tt.metric))
		if p := outcome(t, d, "step"); p.Outcome != tt.outcome || d.Want != tt.want {
			t.Errorf("at %d with %v: %v, %d; want %v, %d: %s", tt.at, tt.metric, p.Outcome, d.Want, tt.outcome, tt.want, explained(&d))
		}
	}
}

// A target that is registered takes its group along, and leaves it behind with its bounds; identifiers go on to find policies.
func TestRegistrationTakesTheGroupAlong(t *testing.T) {
	r, own := grouped(t, 1, 4)
	id := own.Group.Policies[0].UUID
	if found, p := r.ByPolicyID(id); found != own || p.Name != "out" {
		t.Fatalf("found %v, %v", found, p)
	}
	target, err := r.Register(t0, Registration{Key: blue, Min: ptr(2), Max: ptr(6)}, func() string { return "11111111-2222-3333-4444-555555555555" })
	if err != nil || target.Group != own.Group || r.Of(blue) != target || len(r.Groups) != 0 {
		t.Fatalf("%+v, %v", target, err)
	}
	if found, _ := r.ByPolicyID(id); found != target {
		t.Errorf("found %v", found)
	}
	if _, err := r.Deregister(t0, blue); err != nil {
		t.Fatal(err)
	}
	left := r.Of(blue)
	if least, most := left.Bounds(3); left.Group != own.Group || least != 2 || most != 6 {
		t.Errorf("%+v", left)
	}
	if found, _ := r.ByPolicyID(id); found != left {
		t.Errorf("found %v", found)
	}
	if gone := r.RemoveGroup(blue); len(gone) != 1 || r.Of(blue) != nil {
		t.Errorf("%v went; there is %v", gone, r.Of(blue))
	}
	if found, p := r.ByPolicyID(id); found != nil || p != nil {
		t.Errorf("found %v, %v", found, p)
	}
}

func TestGroupsSurviveTheirCodec(t *testing.T) {
	r, target := grouped(t, 1, 4)
	target.Group.Suspend(t0, nil)
	target.Hold(Change{From: 1, Want: 3, Cause: Cause{Kind: CauseDesired, API: EC2AutoScaling}})
	target.Group.Launched = []Launch{{At: t0, Added: 2}}
	if err := r.PutGroupSchedule(t0, GroupScheduleInput{Key: blue, Name: "s", Recurrence: "0 0 * * *", Desired: ptr(2)}, counter()); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	back := NewRegistry(policy.Types(), dimension.All())
	if err := json.Unmarshal(text, back); err != nil {
		t.Fatal(err)
	}
	if err := back.Restore(policy.Types(), dimension.All()); err != nil {
		t.Fatal(err)
	}
	if next := nextRun(back); !next.Equal(nextRun(r)) || next.IsZero() {
		t.Errorf("the next run is %v", next)
	}
	if found, p := back.ByPolicyID(target.Group.Policies[0].UUID); p == nil || found != back.Of(blue) {
		t.Errorf("found %v, %v", found, p)
	}
	if diff := cmp.Diff(r, back, cmpopts.IgnoreUnexported(Registry{}, Policy{}, Target{})); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

func TestHeldChanges(t *testing.T) {
	r, target := grouped(t, 1, 4)
	target.Hold(Change{From: 1, Want: 3})
	if _, due := target.Release(Capacity{Desired: 1, Current: 1}); due || target.Wanted(1) != 3 {
		t.Error("released while the variant takes no change")
	}
	target.Group.Suspend(t0, []Process{ProcessLaunch})
	if _, due := target.Release(steady(1)); due {
		t.Error("released while Launch rests")
	}
	target.Group.Resume(nil)
	if _, _, err := r.UpdateGroup(t0, GroupUpdate{Key: blue, Max: ptr(2)}, steady(1)); err != nil {
		t.Fatal(err)
	}
	if c, due := target.Release(steady(1)); !due || c.Want != 2 || target.Wanted(1) != 1 {
		t.Errorf("released %+v, %v: the bounds of then count", c, due)
	}
	target.Hold(Change{From: 1, Want: 4})
	target.Begin(t0, "newer", Change{From: 1, Want: 2})
	if target.Group.Held != nil {
		t.Error("a newer change leaves the older one waiting")
	}
}

func TestGroupNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"chat.blue": true, "chat/blue": true, "chat": false, "/blue": false, "chat/": false, "a/b/c": false, "": false, ".blue": false, "chat.": false,
	} {
		k, got := ParseGroupName(name)
		if got != ok || ok && (k != blue || k.GroupName() != "chat.blue" || k.VariantName() != "chat/blue") {
			t.Errorf("%q: %v, %v", name, k, got)
		}
	}
}

func TestInstanceActivityTexts(t *testing.T) {
	a := InstanceActivity{
		Instance: "i-1", Launch: true, Status: InstanceInProgress, Start: at(60), From: 3, To: 4,
		Why: CapacityChange{At: t0, Cause: Cause{Kind: CauseAlarm, Alarm: "busy", State: alarm.InAlarm, Policy: "p"}, From: 3, To: 4},
	}
	// AWS: verifying a scaling activity, user guide.
	want := "At 2026-11-23T10:00:00Z a monitor alarm busy in state ALARM triggered policy p changing the desired capacity from 3 to 4.  " +
		"At 2026-11-23T10:01:00Z an instance was started in response to a difference between desired and actual capacity, increasing the " +
		"capacity from 3 to 4."
	if got := a.CauseText(); got != want || a.Description() != "Launching a new EC2 instance: i-1" || a.Progress() != 30 {
		t.Errorf("%s\n%s %d", got, a.Description(), a.Progress())
	}
	a.Launch, a.Status, a.From, a.To = false, InstanceDraining, 4, 3
	a.Why = CapacityChange{At: t0, Cause: Cause{Kind: CauseMinimum}, From: 4, To: 3, Min: 1, Max: 3}
	want = "At 2026-11-23T10:00:00Z a user request update of AutoScalingGroup constraints to min: 1, max: 3, desired: 3 changing the desired " +
		"capacity from 4 to 3.  At 2026-11-23T10:01:00Z an instance was taken out of service in response to a difference between desired and " +
		"actual capacity, shrinking the capacity from 4 to 3.  At 2026-11-23T10:01:00Z instance i-1 was selected for termination."
	if got := a.CauseText(); got != want || a.Description() != "Terminating EC2 instance: i-1" || a.Progress() != 50 {
		t.Errorf("%s\n%s %d", got, a.Description(), a.Progress())
	}
}

// Governments move clocks: an action whose runs would all come after its end is no more, and does not run.
func TestAGroupsActionGoesWithItsZonesLastRun(t *testing.T) {
	r, target := grouped(t, 1, 4)
	data := func(name string) []byte {
		text, err := zone.Data(name)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	put := func(name, recurrence, like string) {
		t.Helper()
		if err := r.PutGroupSchedule(t0, GroupScheduleInput{
			Key: blue, Name: name, Recurrence: recurrence, Zone: "Somewhere", ZoneData: data(like), End: t0.Add(6 * time.Hour), Desired: ptr(2),
		}, counter()); err != nil {
			t.Fatal(err)
		}
	}
	put("noon", "0 12 * * *", "Europe/Berlin")    // 11:00 UTC
	put("eight", "0 8 * * *", "America/New_York") // 13:00 UTC; noon is 17:00 UTC by now
	if noon := target.Group.Action("noon"); noon != nil {
		t.Errorf("noon is due at %v", noon.Next)
	}
	due := r.DueGroupActions(t0.Add(5 * time.Hour))
	if len(due) != 1 {
		t.Fatalf("due: %+v", due)
	}
	if run, _ := r.RunGroupAction(t0.Add(5*time.Hour), due[0], steady(1)); run.Action != "eight" {
		t.Errorf("%s ran", run.Action)
	}
}

// The newest instances go first, and with them those that warm up.
func TestLostInstancesWarmUpNoLonger(t *testing.T) {
	for lost, want := range map[int][]Launch{
		0: {{At: t0, Added: 2}, {At: at(60), Added: 3}}, 1: {{At: t0, Added: 2}, {At: at(60), Added: 2}}, 3: {{At: t0, Added: 2}}, 4: {{At: t0, Added: 1}}, 9: {},
	} {
		g := &Group{Launched: []Launch{{At: t0, Added: 2}, {At: at(60), Added: 3}}}
		if g.Lost(lost); !slices.Equal(g.Launched, want) {
			t.Errorf("%d lost: %v", lost, g.Launched)
		}
	}
}
