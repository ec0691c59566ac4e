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

// AWS: recorded: a changed configuration makes both alarms anew; an equal one, or none, leaves them.
func TestAlarmsReplacedWithTheConfiguration(t *testing.T) {
	r, target := newTarget(t, 1, 4, tracking("cpu", 70))
	p := target.Policies[0]
	p.Cooling.InEnd = at(5)
	notDisabled := tracking("cpu", 70)
	notDisabled.TargetTracking.DisableScaleIn = ptr(false)
	for name, in := range map[string]PolicyInput{
		"as by default": notDisabled, "equal": tracking("cpu", 70), "left out": {Name: "cpu"}, "cooldown as filled in": withCooldown(tracking("cpu", 70), 300),
	} {
		if ch := put(t, r, in, noID); ch.CreateAlarms != nil || ch.DeleteAlarms != nil {
			t.Errorf("%s: got %+v", name, ch)
		}
	}
	next := func() func() string { n := counter(); n(); n(); n(); return n }()
	ch := put(t, r, tracking("cpu", 60), next)
	if diff := cmp.Diff([]string{alarmPrefix + "High-id-2", alarmPrefix + "Low-id-3"}, ch.DeleteAlarms); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{alarmPrefix + "High-id-4", alarmPrefix + "Low-id-5"}, p.AlarmNames()); diff != "" {
		t.Error(diff)
	}
	if p.CreatedBy != "id-1" || p.Created != t0 || p.Cooling.InEnd != at(5) || len(ch.CreateAlarms) != 2 {
		t.Errorf("identity, age or cooldown changed: %+v", p)
	}
	off := tracking("cpu", 60)
	off.TargetTracking.DisableScaleIn = ptr(true)
	put(t, r, off, next)
	if diff := cmp.Diff([]string{alarmPrefix + "High-id-6"}, p.AlarmNames()); diff != "" {
		t.Error(diff)
	}
}

// Every member of the configuration counts.
func TestAlarmsReplacedForEveryMember(t *testing.T) {
	for name, change := range map[string]func(*TargetTrackingConfig){
		"target value": func(c *TargetTrackingConfig) { c.TargetValue++ },
		"out cooldown": func(c *TargetTrackingConfig) { c.ScaleOutCooldown = seconds(1) },
		"in cooldown":  func(c *TargetTrackingConfig) { c.ScaleInCooldown = seconds(1) },
		"scale-in":     func(c *TargetTrackingConfig) { c.DisableScaleIn = ptr(true) },
		"unit":         func(c *TargetTrackingConfig) { c.Customized.Unit = "Count" },
		"statistic":    func(c *TargetTrackingConfig) { c.Customized.Statistic = Sum },
		"dimensions":   func(c *TargetTrackingConfig) { c.Customized.Dimensions = []MetricDimension{{"A", "1"}} },
		"predefined": func(c *TargetTrackingConfig) {
			c.Customized, c.Predefined = nil, &PredefinedSpec{Metric: VariantInvocationsPerInstance}
		},
	} {
		r, _ := newTarget(t, 1, 4, tracking("cpu", 70))
		in := tracking("cpu", 70)
		change(in.TargetTracking)
		if ch := put(t, r, in, counter()); len(ch.DeleteAlarms) != 2 || len(ch.CreateAlarms) == 0 {
			t.Errorf("%s: got %+v", name, ch)
		}
	}
}

func withCooldown(in PolicyInput, s int) PolicyInput {
	in.TargetTracking.ScaleInCooldown, in.TargetTracking.ScaleOutCooldown = seconds(s), seconds(s)
	return in
}
