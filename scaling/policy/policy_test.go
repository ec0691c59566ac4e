package policy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/engine/dimension/unserved"
	"bellows.dev/bellows/metric"
	. "bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/predictive"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// AWS: PutScalingPolicy, StepAdjustment; step scaling policies, user guide; texts recorded.
func TestStepConfigRefused(t *testing.T) {
	const kind = step.ChangeInCapacity
	many := []step.Adjustment{adjustment(nil, 0, -1)}
	for i := range StepsMax {
		many = append(many, adjustment(i, i+1, 1))
	}
	tests := []struct {
		name string
		c    step.Config
		kind Kind
		msg  string
	}{
		{"no type", step.Config{}, KindValidation, "Adjustment type must be specified"},
		{"no steps", step.Config{AdjustmentType: kind}, KindValidation, "There must be at least one step adjustment"},
		{"empty steps", step.Config{AdjustmentType: kind, Steps: []step.Adjustment{}}, KindValidation, "There must be at least one step adjustment"},
		{"21 steps", step.Config{AdjustmentType: kind, Steps: many}, KindLimitExceeded, "The limit of 20 step adjustments of one policy is exceeded."},
		{"no bounds", steps(adjustment(nil, nil, 1)), KindValidation, "Both lower and upper bounds of a step adjustment cannot be left unspecified"},
		{"lower > upper", steps(adjustment(5, 3, 1)), KindValidation, "Lower bound must be less than upper bound for a step adjustment"},
		{"lower = upper", steps(adjustment(5, 5, 1)), KindValidation, "Lower bound must be less than upper bound for a step adjustment"},
		{"two open lowers", steps(adjustment(nil, -5, -1), adjustment(nil, 0, -2)), KindValidation, "At most one step adjustment may have an unspecified lower bound"},
		{"two open uppers", steps(adjustment(5, nil, 1), adjustment(0, nil, 2)), KindValidation, "At most one step adjustment may have an unspecified upper bound"},
		{
			"negative lower, none open", steps(adjustment(-10, 0, -1)), KindValidation,
			"There must be a step adjustment with an unspecified lower bound when one step adjustment has a negative lower bound",
		},
		{
			"positive upper, none open", steps(adjustment(0, 10, 1)), KindValidation,
			"There must be a step adjustment with an unspecified upper bound when one step adjustment has a positive upper bound",
		},
		{"gap", steps(adjustment(0, 10, 1), adjustment(11, nil, 2)), KindValidation, "Step adjustment intervals cannot have gaps between them"},
		{"overlap", steps(adjustment(9, nil, 2), adjustment(0, 10, 1)), KindValidation, "Step adjustment intervals cannot overlap"},
		{"overlap, within", steps(adjustment(0, 100, 1), adjustment(10, 20, 2), adjustment(30, nil, 3)), KindValidation, "Step adjustment intervals cannot overlap"},
		{
			"magnitude without percent", step.Config{AdjustmentType: kind, Steps: []step.Adjustment{adjustment(0, nil, 1)}, MinMagnitude: ptr(1)},
			KindValidation, "Minimum adjustment magnitude is only allowed for adjustment type PercentChangeInCapacity",
		},
		{
			"negative magnitude", step.Config{AdjustmentType: step.PercentChangeInCapacity, Steps: []step.Adjustment{adjustment(0, nil, 1)}, MinMagnitude: ptr(-1)},
			KindValidation, "Minimum adjustment magnitude must be nonnegative",
		},
		{
			"negative cooldown", step.Config{AdjustmentType: kind, Steps: []step.Adjustment{adjustment(0, nil, 1)}, Cooldown: seconds(-1)},
			KindValidation, "Cooldown must be nonnegative",
		},
		{
			"negative capacity", step.Config{AdjustmentType: step.ExactCapacity, Steps: []step.Adjustment{adjustment(0, nil, -1)}},
			KindValidation, "Scaling adjustment cannot be less than 0 when adjustment type is ExactCapacity",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := newTarget(t, 0, 9)
			_, err := r.PutPolicy(t0, request{Key: blue, Name: "p", Type: step.Type{}, Step: &tt.c}.input(), noID)
			wantError(t, err, tt.kind, tt.msg)
		})
	}
}

func steps(s ...step.Adjustment) step.Config {
	return step.Config{AdjustmentType: step.ChangeInCapacity, Steps: s}
}

// AWS: the order of steps is kept and free; a policy for one direction is complete.
func TestStepConfigAccepted(t *testing.T) {
	for name, c := range map[string]step.Config{
		"out only":    steps(adjustment(0, nil, 1)),
		"in only":     steps(adjustment(nil, 0, -1)),
		"both, mixed": steps(adjustment(10, nil, 2), adjustment(nil, 0, -1), adjustment(0, 10, 1)),
		"nothing":     {AdjustmentType: step.ExactCapacity, Steps: []step.Adjustment{adjustment(0, nil, 0)}},
	} {
		r, target := newTarget(t, 0, 9)
		put(t, r, request{Name: "p", Type: step.Type{}, Step: &c}, noID)
		if diff := cmp.Diff(c.Steps, stepped(target.Policies[0]).Settings.Steps); diff != "" {
			t.Errorf("%s: stored otherwise:\n%s", name, diff)
		}
	}
}

// AWS: recorded: a missing configuration keeps all; one that is there keeps type and steps and clears the rest.
func TestStepConfigUpdate(t *testing.T) {
	full := steps(adjustment(0, nil, 1))
	full.AdjustmentType, full.Cooldown, full.Aggregation, full.MinMagnitude = step.PercentChangeInCapacity, seconds(60), step.AggregateMaximum, ptr(2)
	kept := step.Config{AdjustmentType: full.AdjustmentType, Steps: full.Steps}
	other := steps(adjustment(nil, 0, -1))
	for _, tt := range []struct {
		name   string
		update request
		want   step.Config
	}{
		{"left out, type too", request{}, full},
		{"left out", request{Type: step.Type{}}, full},
		{"empty", request{Step: &step.Config{}}, kept},
		{"cooldown only", request{Step: &step.Config{Cooldown: seconds(9)}}, step.Config{AdjustmentType: full.AdjustmentType, Steps: full.Steps, Cooldown: seconds(9), Aggregation: 0, MinMagnitude: nil}},
		{"steps and type", request{Step: &other}, other},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, target := newTarget(t, 0, 9, request{Name: "p", Type: step.Type{}, Step: &full})
			p := target.Policies[0]
			p.Cooling.OutEnd = t0
			tt.update.Name = "p"
			ch := put(t, r, tt.update, noID)
			if diff := cmp.Diff(&tt.want, stepped(p).Settings); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if ch.Created || ch.Policy != p || len(target.Policies) != 1 || p.Cooling.OutEnd != t0 || p.Created != t0 {
				t.Errorf("identity, age or cooldown changed: %+v", ch)
			}
		})
	}
}

// AWS: PutScalingPolicy; texts recorded, save that of target tracking changed to predictive scaling.
func TestPutPolicyRefuses(t *testing.T) {
	step1, track1 := stepping("s", step.ChangeInCapacity, adjustment(0, nil, 1)), track("t", 70)
	tests := []struct {
		name string
		in   request
		msg  string
	}{
		{"no type", request{Name: "new", Step: step1.Step}, "Scaling policy type must be specified"},
		{"type changed", request{Name: "s", Type: tracking.Type{}, TargetTracking: track1.TargetTracking},
			"You cannot change a StepScaling policy to a non StepScaling policy, or vice versa."},
		{"type changed, the other way", request{Name: "t", Type: step.Type{}, Step: step1.Step},
			"You cannot change a StepScaling policy to a non StepScaling policy, or vice versa."},
		{"type changed, no step scaling", request{Name: "t", Type: predictive.Type{}}, "The policy type cannot be changed for an existing scaling policy"},
		{"no predictive config", request{Name: "new", Type: predictive.Type{}}, "You must specify PredictiveScalingConfiguration."},
		{"no step config", request{Name: "new", Type: step.Type{}}, "StepScaling policy configuration must be specified"},
		{"no tracking config", request{Name: "new", Type: tracking.Type{}}, "TargetTrackingScaling policy configuration must be specified"},
		{
			"both configs", request{Name: "new", Type: step.Type{}, Step: step1.Step, TargetTracking: track1.TargetTracking},
			"You must only provide a single scaling policy configuration, which must match the scaling policy type specified.",
		},
		{
			"other config, type left out", request{Name: "t", Step: step1.Step},
			"You must only provide a single scaling policy configuration, which must match the scaling policy type specified.",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, target := newTarget(t, 1, 4, step1, track1)
			tt.in.Key = blue
			_, err := r.PutPolicy(t0, tt.in.input(), noID)
			wantError(t, err, KindValidation, tt.msg)
			if len(target.Policies) != 2 {
				t.Error("a refused policy was stored")
			}
		})
	}
}

// AWS: quotas: 50 policies of a target. Duplicates of a metric are refused first.
func TestPolicyQuota(t *testing.T) {
	r, _ := newTarget(t, 1, 4)
	for i := range PoliciesMax {
		put(t, r, track(fmt.Sprint("p", i), 1), counter())
	}
	in := track("one more", 1)
	in.Key = blue
	_, err := r.PutPolicy(t0, in.input(), noID)
	wantError(t, err, KindLimitExceeded, "The limit of 50 scaling policies of one scalable target is reached.")
	put(t, r, track("p0", 2), counter())
}

func TestDeletePolicy(t *testing.T) {
	r, target := newTarget(t, 1, 4, track("a", 70), track("b", 70), track("c", 70))
	p, err := r.DeletePolicy(blue, "b")
	if err != nil || len(p.AlarmNames()) != 2 {
		t.Errorf("got %v, %v", p, err)
	}
	if len(target.Policies) != 2 || target.Policies[0].Name != "a" || target.Policies[1].Name != "c" {
		t.Errorf("left: %v", target.Policies)
	}
	_, err = r.DeletePolicy(blue, "b")
	wantError(t, err, KindObjectNotFound, "No scaling policy found for service namespace: sagemaker, resource ID: "+
		"endpoint/chat/variant/blue, scalable dimension: sagemaker:variant:DesiredInstanceCount, policy name: b")
}

// AWS: TargetTrackingScalingPolicyConfiguration; texts recorded.
func TestTrackingConfigRefused(t *testing.T) {
	predefined := &tracking.PredefinedSpec{Metric: instancecount.InvocationsPerInstance}
	custom := &tracking.CustomizedSpec{Namespace: "n", Name: "m", Statistic: tracking.Sum}
	query := []tracking.MetricQuery{{ID: "m1", Expression: "m2+1"}}
	const invalidSpec = "The customized metric specification is not valid."
	const rangeText = "For target tracking scaling, target value must be between '8.51592E-109' and '1.174271E108', but was '"
	const only = "Scalable dimension sagemaker:variant:DesiredInstanceCount only supports the following predefined metric types: " +
		"SageMakerVariantInvocationsPerInstance, SageMakerVariantConcurrentRequestsPerModelHighResolution"
	tests := []struct {
		name string
		c    tracking.Config
		msg  string
	}{
		{"zero", tracking.Config{Predefined: predefined}, rangeText + "0.0'."},
		{"negative", tracking.Config{TargetValue: -12.5, Predefined: predefined}, rangeText + "-12.5'."},
		{"too large", tracking.Config{TargetValue: 2e108, Predefined: predefined}, rangeText + "2.0E108'."},
		{"too small", tracking.Config{TargetValue: 1.5e-109, Predefined: predefined}, rangeText + "1.5E-109'."},
		{"no metric", tracking.Config{TargetValue: 1}, "PredefinedMetricSpecification or CustomizedMetricSpecification must be set for target tracking scaling."},
		{"two metrics", tracking.Config{TargetValue: 1, Predefined: predefined, Customized: custom}, "Only one of PredefinedMetricSpecification or CustomizedMetricSpecification can be set for target tracking scaling."},
		{"negative cooldown", tracking.Config{TargetValue: 1, Predefined: predefined, ScaleInCooldown: seconds(-1)}, "Cooldown must be nonnegative"},
		{"another service's metric", tracking.Config{TargetValue: 1, Predefined: &tracking.PredefinedSpec{Metric: "ALBRequestCountPerTarget"}}, only},
		{"another dimension's metric", tracking.Config{TargetValue: 1, Predefined: &tracking.PredefinedSpec{Metric: unserved.InvocationsPerCopy}}, only},
		{
			"label", tracking.Config{TargetValue: 1, Predefined: &tracking.PredefinedSpec{Metric: instancecount.InvocationsPerInstance, ResourceLabel: "app/x"}},
			"Resource label cannot be specified for predefined metric type SageMakerVariantInvocationsPerInstance",
		},
		{"no name", tracking.Config{TargetValue: 1, Customized: &tracking.CustomizedSpec{Namespace: "n", Statistic: tracking.Sum}}, invalidSpec},
		{"no namespace", tracking.Config{TargetValue: 1, Customized: &tracking.CustomizedSpec{Name: "m", Statistic: tracking.Sum}}, invalidSpec},
		{"no statistic", tracking.Config{TargetValue: 1, Customized: &tracking.CustomizedSpec{Namespace: "n", Name: "m"}}, invalidSpec},
		{"math and a unit", tracking.Config{TargetValue: 1, Customized: &tracking.CustomizedSpec{Unit: "Percent", Queries: query}}, invalidSpec},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := newTarget(t, 1, 4)
			_, err := r.PutPolicy(t0, request{Key: blue, Name: "p", Type: tracking.Type{}, TargetTracking: &tt.c}.input(), noID)
			wantError(t, err, KindValidation, tt.msg)
		})
	}
}

// AWS: one policy a metric; target value, cooldowns and unit do not make another one, the order of dimensions neither.
func TestTrackingMetricIdentity(t *testing.T) {
	ab := []metric.Dimension{{Name: "A", Value: "1"}, {Name: "B", Value: "2"}}
	ba := []metric.Dimension{{Name: "B", Value: "2"}, {Name: "A", Value: "1"}}
	base := tracking.CustomizedSpec{Namespace: "n", Name: "m", Dimensions: ab, Statistic: tracking.Sum, Unit: "Count"}
	with := func(f func(*tracking.CustomizedSpec)) *tracking.CustomizedSpec {
		s := base
		f(&s)
		return &s
	}
	for _, tt := range []struct {
		name string
		spec *tracking.CustomizedSpec
		same bool
	}{
		{"equal", &base, true},
		{"unit", with(func(s *tracking.CustomizedSpec) { s.Unit = "" }), true},
		{"dimension order", with(func(s *tracking.CustomizedSpec) { s.Dimensions = ba }), true},
		{"statistic", with(func(s *tracking.CustomizedSpec) { s.Statistic = tracking.Average }), false},
		{"name", with(func(s *tracking.CustomizedSpec) { s.Name = "x" }), false},
		{"namespace", with(func(s *tracking.CustomizedSpec) { s.Namespace = "x" }), false},
		{"fewer dimensions", with(func(s *tracking.CustomizedSpec) { s.Dimensions = ab[:1] }), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			first := request{Name: "p", Type: tracking.Type{}, TargetTracking: &tracking.Config{TargetValue: 1, Customized: &base}}
			r, _ := newTarget(t, 1, 4, first)
			config := &tracking.Config{TargetValue: 2, Customized: tt.spec, ScaleInCooldown: seconds(1)}
			_, err := r.PutPolicy(t0, request{Key: blue, Name: "q", Type: tracking.Type{}, TargetTracking: config}.input(), counter())
			if !tt.same {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, KindValidation, "Only one TargetTrackingScaling policy for a given metric specification is allowed.")
			if ch := put(t, r, request{Name: "p", TargetTracking: config}, counter()); ch.Created {
				t.Error("a policy stands in its own way")
			}
		})
	}
}

// AWS: SageMaker's default cooldowns are 300 s; what was left out stays out of what is stored.
func TestTrackingCooldownsByDefault(t *testing.T) {
	in := track("cpu", 70)
	in.TargetTracking.ScaleInCooldown = seconds(0)
	_, target := newTarget(t, 1, 4, in)
	p := target.Policies[0]
	c := tracked(p).Settings
	if c.ScaleOutCooldown != nil || *c.ScaleInCooldown != 0 || c.DisableScaleIn != nil {
		t.Errorf("got %v, %v, %v", c.ScaleOutCooldown, *c.ScaleInCooldown, c.DisableScaleIn)
	}
	if cooldownOut(p) != 5*time.Minute || cooldownIn(p) != 0 {
		t.Errorf("got %v, %v", cooldownOut(p), cooldownIn(p))
	}
}
