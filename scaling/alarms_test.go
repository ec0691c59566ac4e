package scaling

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const alarmPrefix = "TargetTracking-endpoint/chat/variant/blue-Alarm"

// AWS: alarms of a SageMaker invocations policy, recorded.
func TestAlarmsOfInvocations(t *testing.T) {
	config := &TargetTrackingConfig{TargetValue: 10, Predefined: &PredefinedSpec{Metric: VariantInvocationsPerInstance}}
	r, target := newTarget(t, 1, 4)
	ch := put(t, r, PolicyInput{Name: "p", Type: TargetTrackingScaling, TargetTracking: config}, counter())
	dimensions := []MetricDimension{{"EndpointName", "chat"}, {"VariantName", "blue"}}
	want := []AlarmSpec{
		{
			Name: alarmPrefix + "High-id-2", Comparison: Greater, Threshold: 10, Namespace: "AWS/SageMaker", Metric: "InvocationsPerInstance",
			Dimensions: dimensions, Statistic: Sum, Period: time.Minute, EvaluationPeriods: 3,
		},
		{
			Name: alarmPrefix + "Low-id-3", Comparison: Less, Threshold: 9, Namespace: "AWS/SageMaker", Metric: "InvocationsPerInstance",
			Dimensions: dimensions, Statistic: Sum, Period: time.Minute, EvaluationPeriods: 15,
		},
	}
	if diff := cmp.Diff(want, ch.CreateAlarms); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if ch.Policy.CreatedBy != "id-1" || !ch.Created || len(ch.DeleteAlarms) != 0 {
		t.Errorf("got %+v", ch)
	}
	if diff := cmp.Diff(want, target.Policies[0].Alarms(blue)); diff != "" {
		t.Errorf("asked again (-want +got):\n%s", diff)
	}
}

// AWS: the high-resolution metric comes every 10 s; scale-in is as slow as ever. SageMaker developer guide, scaling policy.
func TestAlarmsOfConcurrency(t *testing.T) {
	config := &TargetTrackingConfig{TargetValue: 5, Predefined: &PredefinedSpec{Metric: VariantConcurrentRequestsPerModel}}
	r, _ := newTarget(t, 1, 4)
	a := put(t, r, PolicyInput{Name: "p", Type: TargetTrackingScaling, TargetTracking: config}, counter()).CreateAlarms
	if a[0].Period != 10*time.Second || a[0].EvaluationPeriods != 3 || a[1].Period != time.Minute || a[1].EvaluationPeriods != 15 {
		t.Errorf("got %+v", a)
	}
	if a[0].Metric != "ConcurrentRequestsPerModel" || a[0].Statistic != Maximum || a[1].Threshold != 4.5 {
		t.Errorf("got %+v", a)
	}
}

func TestAlarmsOfCustomizedMetric(t *testing.T) {
	spec := &CustomizedSpec{
		Namespace: "/aws/sagemaker/Endpoints", Name: "CPUUtilization", Statistic: Average, Unit: "Percent",
		Dimensions: []MetricDimension{{"EndpointName", "chat"}, {"VariantName", "blue"}},
	}
	r, _ := newTarget(t, 1, 4)
	config := &TargetTrackingConfig{TargetValue: 90, Customized: spec, DisableScaleIn: ptr(true)}
	ch := put(t, r, PolicyInput{Name: "p", Type: TargetTrackingScaling, TargetTracking: config}, counter())
	want := []AlarmSpec{{
		Name: alarmPrefix + "High-id-2", Comparison: Greater, Threshold: 90, Namespace: "/aws/sagemaker/Endpoints", Metric: "CPUUtilization",
		Dimensions: spec.Dimensions, Statistic: Average, Unit: "Percent", Period: time.Minute, EvaluationPeriods: 3,
	}}
	if diff := cmp.Diff(want, ch.CreateAlarms); diff != "" {
		t.Errorf("scale-in is disabled, so there is no low alarm (-want +got):\n%s", diff)
	}
}

// AWS: recorded: 50 → 45, 70 → 63, 80 → 72, 1.0 → 0.9.
func TestLowThreshold(t *testing.T) {
	for target, want := range map[float64]float64{50: 45, 70: 63, 80: 72, 1: 0.9, 10: 9, 90: 81, 0.7: 0.63} {
		if got := lowThreshold(target); got != want {
			t.Errorf("target %v: low threshold %v, want %v", target, got, want)
		}
	}
}

// AWS: recorded: each PutScalingPolicy renews the names of both alarms, even where nothing differs; identity, creation time and cooldowns stay.
func TestAlarmsReplacedByEveryPut(t *testing.T) {
	disabled := tracking("cpu", 70)
	disabled.TargetTracking.DisableScaleIn = ptr(true)
	for name, in := range map[string]PolicyInput{
		"equal": tracking("cpu", 70), "without a configuration": {Name: "cpu"}, "other target value": tracking("cpu", 60),
		"other cooldowns": withCooldown(tracking("cpu", 70), 1), "scale-in disabled": disabled,
	} {
		r, target := newTarget(t, 1, 4, tracking("cpu", 70))
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
		if or(p.TargetTracking.DisableScaleIn, false) {
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
	first := withCooldown(tracking("cpu", 70), 60)
	first.TargetTracking.DisableScaleIn = ptr(true)
	r, target := newTarget(t, 1, 4, first)
	p := target.Policies[0]
	spec := p.TargetTracking.Customized
	put(t, r, PolicyInput{Name: "cpu", TargetTracking: &TargetTrackingConfig{TargetValue: 50}}, counter())
	if diff := cmp.Diff(&TargetTrackingConfig{TargetValue: 50, Customized: spec}, p.TargetTracking); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if p.AlarmLow == "" || p.cooldownIn() != cooldownDefault || p.cooldownOut() != cooldownDefault {
		t.Errorf("scale-in is enabled again, with SageMaker's cooldowns: %+v", p)
	}
	put(t, r, PolicyInput{Name: "cpu", TargetTracking: &TargetTrackingConfig{TargetValue: 50, DisableScaleIn: ptr(true)}}, counter())
	if p.AlarmLow != "" || p.TargetTracking.Customized != spec {
		t.Errorf("%+v", p)
	}
	other := &PredefinedSpec{Metric: VariantInvocationsPerInstance}
	put(t, r, PolicyInput{Name: "cpu", TargetTracking: &TargetTrackingConfig{TargetValue: 50, Predefined: other}}, counter())
	if p.TargetTracking.Customized != nil || p.TargetTracking.Predefined != other {
		t.Errorf("another metric replaces the one stored: %+v", p.TargetTracking)
	}
	_, err := r.PutPolicy(t0, PolicyInput{Key: blue, Name: "new", Type: TargetTrackingScaling, TargetTracking: &TargetTrackingConfig{TargetValue: 50}}, noID)
	wantError(t, err, KindValidation, "PredefinedMetricSpecification or CustomizedMetricSpecification must be set for target tracking scaling.")
}

func withCooldown(in PolicyInput, s int) PolicyInput {
	in.TargetTracking.ScaleInCooldown, in.TargetTracking.ScaleOutCooldown = seconds(s), seconds(s)
	return in
}
