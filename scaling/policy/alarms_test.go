package policy_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/metric"
	. "bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// ownAlarm is an alarm that policy p of a target owns.
func ownAlarm(target *Target, name string, rule alarm.Rule) alarm.Alarm {
	return alarm.Alarm{
		Name: name, Rule: rule, ActionsEnabled: true, Owned: true,
		Actions: []alarm.Action{{On: alarm.InAlarm, Target: target.ID36(), Policy: "p"}},
	}
}

const alarmPrefix = "TargetTracking-endpoint/chat/variant/blue-Alarm"

// AWS: alarms of a SageMaker invocations policy, recorded.
func TestAlarmsOfInvocations(t *testing.T) {
	config := &tracking.Config{TargetValue: 10, Predefined: &tracking.PredefinedSpec{Metric: instancecount.InvocationsPerInstance}}
	r, target := newTarget(t, 1, 4)
	ch := put(t, r, request{Name: "p", Type: tracking.Type{}, TargetTracking: config}, counter())
	rule := alarm.Rule{
		Metric: metric.NewID("AWS/SageMaker", "InvocationsPerInstance",
			metric.Dimension{Name: "EndpointName", Value: "chat"}, metric.Dimension{Name: "VariantName", Value: "blue"}),
		Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute,
	}
	high, low := rule, rule
	high.Comparison, high.Threshold, high.Periods = alarm.GreaterThanThreshold, 10, 3
	low.Comparison, low.Threshold, low.Periods = alarm.LessThanThreshold, 9, 15
	want := []alarm.Alarm{ownAlarm(target, alarmPrefix+"High-id-2", high), ownAlarm(target, alarmPrefix+"Low-id-3", low)}
	if diff := cmp.Diff(want, ch.CreateAlarms); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if ch.Policy.CreatedBy != "id-1" || !ch.Created || len(ch.DeleteAlarms) != 0 {
		t.Errorf("got %+v", ch)
	}
	if diff := cmp.Diff(want, target.Policies[0].Alarms(target, instancecount.Dimension{})); diff != "" {
		t.Errorf("asked again (-want +got):\n%s", diff)
	}
}

// AWS: the high-resolution metric comes every 10 s; scale-in is as slow as ever. SageMaker developer guide, scaling policy.
func TestAlarmsOfConcurrency(t *testing.T) {
	config := &tracking.Config{TargetValue: 5, Predefined: &tracking.PredefinedSpec{Metric: instancecount.ConcurrentRequestsPerModel}}
	r, _ := newTarget(t, 1, 4)
	a := put(t, r, request{Name: "p", Type: tracking.Type{}, TargetTracking: config}, counter()).CreateAlarms
	high, low := a[0].Rule, a[1].Rule
	if high.Period != 10*time.Second || high.Periods != 3 || low.Period != time.Minute || low.Periods != 15 {
		t.Errorf("got %+v", a)
	}
	if high.Metric.Name != "ConcurrentRequestsPerModel" || high.Statistic.Kind != metric.Maximum || low.Threshold != 4.5 {
		t.Errorf("got %+v", a)
	}
}

func TestAlarmsOfCustomizedMetric(t *testing.T) {
	spec := &tracking.CustomizedSpec{
		Namespace: "/aws/sagemaker/Endpoints", Name: "CPUUtilization", Statistic: tracking.Average, Unit: "Percent",
		Dimensions: []metric.Dimension{{Name: "EndpointName", Value: "chat"}, {Name: "VariantName", Value: "blue"}},
	}
	r, target := newTarget(t, 1, 4)
	config := &tracking.Config{TargetValue: 90, Customized: spec, DisableScaleIn: ptr(true)}
	ch := put(t, r, request{Name: "p", Type: tracking.Type{}, TargetTracking: config}, counter())
	want := []alarm.Alarm{ownAlarm(target, alarmPrefix+"High-id-2", alarm.Rule{
		Metric: metric.NewID("/aws/sagemaker/Endpoints", "CPUUtilization", spec.Dimensions...), Statistic: metric.Statistic{Kind: metric.Average},
		Unit: "Percent", Comparison: alarm.GreaterThanThreshold, Threshold: 90, Period: time.Minute, Periods: 3,
	})}
	if diff := cmp.Diff(want, ch.CreateAlarms); diff != "" {
		t.Errorf("scale-in is disabled, so there is no low alarm (-want +got):\n%s", diff)
	}
}

// The actions of an alarm name a group's policy by its own UUID, another by its target. A metric without dimensions has an empty list of
// them, which is what decisions of earlier versions recorded.
func TestAlarmsNameTheirPolicy(t *testing.T) {
	_, target := newTarget(t, 1, 4)
	p := &Policy{Name: "p", Rule: &tracking.Rule{AlarmHigh: "high", Settings: &tracking.Config{
		TargetValue: 1, Customized: &tracking.CustomizedSpec{Namespace: "App", Name: "Queue", Statistic: tracking.SampleCount},
	}}}
	for _, tc := range []struct{ uuid, want string }{{"", target.ID36()}, {"id-9", "id-9"}} {
		p.UUID = tc.uuid
		a := p.Alarms(target, instancecount.Dimension{})
		if len(a) != 1 || a[0].Actions[0] != (alarm.Action{On: alarm.InAlarm, Target: tc.want, Policy: "p"}) {
			t.Errorf("UUID %q: got %+v", tc.uuid, a)
		}
		if m := a[0].Rule.Metric; m.Dimensions == nil || len(m.Dimensions) != 0 || a[0].Rule.Statistic.Kind != metric.SampleCount {
			t.Errorf("got %+v", a[0].Rule)
		}
	}
}

// AWS: recorded: each PutScalingPolicy renews the names of both alarms, even where nothing differs; identity, creation time and cooldowns stay.
func TestAlarmsReplacedByEveryPut(t *testing.T) {
	disabled := track("cpu", 70)
	disabled.TargetTracking.DisableScaleIn = ptr(true)
	for name, in := range map[string]request{
		"equal": track("cpu", 70), "without a configuration": {Name: "cpu"}, "other target value": track("cpu", 60),
		"other cooldowns": withCooldown(track("cpu", 70), 1), "scale-in disabled": disabled,
	} {
		r, target := newTarget(t, 1, 4, track("cpu", 70))
		p := target.Policies[0]
		p.Cooling.InEnd = at(5)
		next := counter()
		next()
		next()
		next()
		ch := put(t, r, in, next)
		if diff := cmp.Diff([]string{alarmPrefix + "High-id-2", alarmPrefix + "Low-id-3"}, ch.DeleteAlarms); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		want := []string{alarmPrefix + "High-id-4", alarmPrefix + "Low-id-5"}
		if Or(tracked(p).Settings.DisableScaleIn, false) {
			want = want[:1]
		}
		if diff := cmp.Diff(want, p.AlarmNames()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if p.CreatedBy != "id-1" || p.Created != t0 || p.Cooling.InEnd != at(5) || len(ch.CreateAlarms) != len(want) {
			t.Errorf("%s: identity, creation time or cooldown changed: %+v", name, p)
		}
	}
}

// AWS: recorded: an update keeps the metric that it leaves out, and clears cooldowns and DisableScaleIn that it leaves out.
func TestTargetTrackingUpdatesArePartial(t *testing.T) {
	first := withCooldown(track("cpu", 70), 60)
	first.TargetTracking.DisableScaleIn = ptr(true)
	r, target := newTarget(t, 1, 4, first)
	p := target.Policies[0]
	spec := tracked(p).Settings.Customized
	put(t, r, request{Name: "cpu", TargetTracking: &tracking.Config{TargetValue: 50}}, counter())
	if diff := cmp.Diff(&tracking.Config{TargetValue: 50, Customized: spec}, tracked(p).Settings); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if tracked(p).AlarmLow == "" || cooldownIn(p) != CooldownDefault || cooldownOut(p) != CooldownDefault {
		t.Errorf("scale-in is enabled again, with SageMaker's cooldowns: %+v", p)
	}
	put(t, r, request{Name: "cpu", TargetTracking: &tracking.Config{TargetValue: 50, DisableScaleIn: ptr(true)}}, counter())
	if tracked(p).AlarmLow != "" || tracked(p).Settings.Customized != spec {
		t.Errorf("%+v", p)
	}
	other := &tracking.PredefinedSpec{Metric: instancecount.InvocationsPerInstance}
	put(t, r, request{Name: "cpu", TargetTracking: &tracking.Config{TargetValue: 50, Predefined: other}}, counter())
	if tracked(p).Settings.Customized != nil || tracked(p).Settings.Predefined != other {
		t.Errorf("another metric replaces the one stored: %+v", tracked(p).Settings)
	}
	_, err := r.PutPolicy(t0, request{Key: blue, Name: "new", Type: tracking.Type{}, TargetTracking: &tracking.Config{TargetValue: 50}}.input(), noID)
	wantError(t, err, KindValidation, "PredefinedMetricSpecification or CustomizedMetricSpecification must be set for target tracking scaling.")
}

func withCooldown(in request, s int) request {
	in.TargetTracking.ScaleInCooldown, in.TargetTracking.ScaleOutCooldown = seconds(s), seconds(s)
	return in
}
