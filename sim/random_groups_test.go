package sim_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// instance records an instance's activity.
func (l *life) instance(a scaling.InstanceActivity) {
	switch {
	case a.Launch && a.End.IsZero():
		if l.alive[a.Instance] {
			l.failf("instance %s starts twice", a.Instance)
		}
		l.alive[a.Instance] = true
	case !l.alive[a.Instance]:
		l.failf("instance %s has an activity and never started: %+v", a.Instance, a)
	case !a.Launch && !a.End.IsZero():
		delete(l.alive, a.Instance)
	}
}

// checkInstances compares the instances according to activities with the actual ones.
func (l *life) checkInstances() {
	l.t.Helper()
	there := map[string]bool{}
	for _, v := range l.endpoint().All() {
		for _, i := range v.Instances {
			there[string(i.ID)] = true
		}
	}
	if !maps.Equal(there, l.alive) {
		l.failf("there are %v, and activities tell of %v", slices.Sorted(maps.Keys(there)), slices.Sorted(maps.Keys(l.alive)))
	}
}

// may applies an input that may be refused, for example because of the range or a cooldown.
func (l *life) may(in engine.Input) { _, _ = l.world.Do(in) }

// actGroup performs a random action through the EC2 Auto Scaling API.
func (l *life) actGroup() {
	switch l.rand.IntN(8) {
	case 0:
		least := l.rand.IntN(3)
		l.must(engine.UpdateGroup{Scope: scope, Update: scaling.GroupUpdate{
			Key: key, Min: &least, Max: ptr(least + l.rand.IntN(8)), DefaultCooldown: ptr(time.Duration(l.rand.IntN(400)) * time.Second),
			DefaultWarmup: ptr(time.Duration(l.rand.IntN(400)) * time.Second),
		}})
		l.byHand = false
	case 1:
		l.may(engine.SetDesiredCapacity{Scope: scope, Key: key, Desired: l.rand.IntN(9), HonorCooldown: l.rand.IntN(2) == 0})
	case 2:
		l.simple()
	case 3:
		l.must(engine.PutGroupPolicy{Scope: scope, Input: policy.GroupInput{
			Key: key, Name: "keep", Type: policy.GroupTracking, TargetTracking: &tracking.Config{
				TargetValue: float64(20 + l.rand.IntN(200)), Customized: &tracking.CustomizedSpec{
					Namespace: "AWS/SageMaker", Name: "InvocationsPerInstance", Statistic: tracking.Sum,
					Dimensions: []metric.Dimension{{Name: "EndpointName", Value: "e"}, {Name: "VariantName", Value: "v"}},
				},
			},
		}})
	case 4:
		l.may(engine.ExecuteGroupPolicy{Scope: scope, Execution: scaling.Execution{Key: key, Policy: "one", HonorCooldown: l.rand.IntN(2) == 0}})
	case 5:
		l.must(engine.SetGroupProcesses{
			Scope: scope, Key: key, Suspend: l.rand.IntN(3) == 0, Processes: []scaling.Process{scaling.Processes()[l.rand.IntN(9)]},
		})
	case 6:
		l.may(engine.PutGroupSchedule{Scope: scope, Input: scaling.GroupScheduleInput{
			Key: key, Name: "often", Recurrence: "*/7 * * * *", Desired: ptr(l.rand.IntN(6)),
		}})
	case 7:
		l.may(engine.DeregisterScalableTarget{Scope: scope, Key: key})
	}
}

// simple puts a simple policy, and an alarm that invokes it.
func (l *life) simple() {
	out, err := l.world.Do(engine.PutGroupPolicy{Scope: scope, Input: policy.GroupInput{
		Key: key, Name: "one", AdjustmentType: step.ChangeInCapacity, Adjustment: ptr(l.rand.IntN(5) - 2),
	}})
	if err != nil {
		l.failf("%v", err)
	}
	l.must(engine.PutMetricAlarm{Scope: scope, Alarm: alarm.Alarm{
		Name: "simple", ActionsEnabled: true,
		Rule: alarm.Rule{
			Metric: metric.NewID("AWS/SageMaker", "InvocationsPerInstance",
				metric.Dimension{Name: "EndpointName", Value: "e"}, metric.Dimension{Name: "VariantName", Value: "v"}),
			Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute, Periods: 1, Threshold: 100, Comparison: alarm.GreaterThanThreshold,
		},
		Actions: []alarm.Action{{On: alarm.InAlarm, Target: out.(engine.PutScalingPolicyResult).UUID, Policy: "one"}},
	}})
}

// With actions through both APIs in any order, all invariants hold, and activities record every launched and terminated instance.
func TestRandomRunsOfGroups(t *testing.T) {
	t.Parallel()
	lives, acted := 12, 0
	if testing.Short() {
		lives = 5
	}
	for seed := range uint64(lives) {
		l := newRun(t, 1000+seed)
		for range 40 {
			if l.rand.IntN(3) == 0 {
				l.act()
			} else {
				l.actGroup()
			}
			if l.rand.IntN(8) == 0 {
				l.forget()
			}
			l.run(time.Duration(1+l.rand.IntN(12)) * time.Minute)
		}
		acted += l.acted
		l.replay()
	}
	if acted < lives {
		t.Errorf("policies acted only %d times in %d runs", acted, lives)
	}
}
