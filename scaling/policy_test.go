package scaling

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/metric"
)

// AWS: PutScalingPolicy, StepAdjustment; step scaling policies, user guide; texts recorded.
func TestStepConfigRefused(t *testing.T) {
	const kind = ChangeInCapacity
	many := []StepAdjustment{step(nil, 0, -1)}
	for i := range StepsMax {
		many = append(many, step(i, i+1, 1))
	}
	tests := []struct {
		name string
		c    StepConfig
		kind Kind
		msg  string
	}{
		{"no type", StepConfig{}, KindValidation, "Adjustment type must be specified"},
		{"no steps", StepConfig{AdjustmentType: kind}, KindValidation, "There must be at least one step adjustment"},
		{"empty steps", StepConfig{AdjustmentType: kind, Steps: []StepAdjustment{}}, KindValidation, "There must be at least one step adjustment"},
		{"21 steps", StepConfig{AdjustmentType: kind, Steps: many}, KindLimitExceeded, "The limit of 20 step adjustments of one policy is exceeded."},
		{"no bounds", steps(step(nil, nil, 1)), KindValidation, "Both lower and upper bounds of a step adjustment cannot be left unspecified"},
		{"lower > upper", steps(step(5, 3, 1)), KindValidation, "Lower bound must be less than upper bound for a step adjustment"},
		{"lower = upper", steps(step(5, 5, 1)), KindValidation, "Lower bound must be less than upper bound for a step adjustment"},
		{"two open lowers", steps(step(nil, -5, -1), step(nil, 0, -2)), KindValidation, "At most one step adjustment may have an unspecified lower bound"},
		{"two open uppers", steps(step(5, nil, 1), step(0, nil, 2)), KindValidation, "At most one step adjustment may have an unspecified upper bound"},
		{
			"negative lower, none open", steps(step(-10, 0, -1)), KindValidation,
			"There must be a step adjustment with an unspecified lower bound when one step adjustment has a negative lower bound",
		},
		{
			"positive upper, none open", steps(step(0, 10, 1)), KindValidation,
			"There must be a step adjustment with an unspecified upper bound when one step adjustment has a positive upper bound",
		},
		{"gap", steps(step(0, 10, 1), step(11, nil, 2)), KindValidation, "Step adjustment intervals cannot have gaps between them"},
		{"overlap", steps(step(9, nil, 2), step(0, 10, 1)), KindValidation, "Step adjustment intervals cannot overlap"},
		{"overlap, within", steps(step(0, 100, 1), step(10, 20, 2), step(30, nil, 3)), KindValidation, "Step adjustment intervals cannot overlap"},
		{
			"magnitude without percent", StepConfig{AdjustmentType: kind, Steps: []StepAdjustment{step(0, nil, 1)}, MinMagnitude: ptr(1)},
			KindValidation, "Minimum adjustment magnitude is only allowed for adjustment type PercentChangeInCapacity",
		},
		{
			"negative magnitude", StepConfig{AdjustmentType: PercentChangeInCapacity, Steps: []StepAdjustment{step(0, nil, 1)}, MinMagnitude: ptr(-1)},
			KindValidation, "Minimum adjustment magnitude must be nonnegative",
		},
		{
			"negative cooldown", StepConfig{AdjustmentType: kind, Steps: []StepAdjustment{step(0, nil, 1)}, Cooldown: seconds(-1)},
			KindValidation, "Cooldown must be nonnegative",
		},
		{
			"negative capacity", StepConfig{AdjustmentType: ExactCapacity, Steps: []StepAdjustment{step(0, nil, -1)}},
			KindValidation, "Scaling adjustment cannot be less than 0 when adjustment type is ExactCapacity",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := newTarget(t, 0, 9)
			_, err := r.PutPolicy(t0, PolicyInput{Key: blue, Name: "p", Type: StepScaling, Step: &tt.c}, noID)
			wantError(t, err, tt.kind, tt.msg)
		})
	}
}

func steps(s ...StepAdjustment) StepConfig {
	return StepConfig{AdjustmentType: ChangeInCapacity, Steps: s}
}

// AWS: the order of steps is kept and free; a policy for one direction is complete.
func TestStepConfigAccepted(t *testing.T) {
	for name, c := range map[string]StepConfig{
		"out only":    steps(step(0, nil, 1)),
		"in only":     steps(step(nil, 0, -1)),
		"both, mixed": steps(step(10, nil, 2), step(nil, 0, -1), step(0, 10, 1)),
		"nothing":     {AdjustmentType: ExactCapacity, Steps: []StepAdjustment{step(0, nil, 0)}},
	} {
		r, target := newTarget(t, 0, 9)
		put(t, r, PolicyInput{Name: "p", Type: StepScaling, Step: &c}, noID)
		if diff := cmp.Diff(c.Steps, target.Policies[0].Step.Steps); diff != "" {
			t.Errorf("%s: stored otherwise:\n%s", name, diff)
		}
	}
}

// AWS: recorded: a missing configuration keeps all; one that is there keeps type and steps and clears the rest.
func TestStepConfigUpdate(t *testing.T) {
	full := steps(step(0, nil, 1))
	full.AdjustmentType, full.Cooldown, full.Aggregation, full.MinMagnitude = PercentChangeInCapacity, seconds(60), AggregateMaximum, ptr(2)
	kept := StepConfig{AdjustmentType: full.AdjustmentType, Steps: full.Steps}
	other := steps(step(nil, 0, -1))
	for _, tt := range []struct {
		name   string
		update PolicyInput
		want   StepConfig
	}{
		{"left out, type too", PolicyInput{}, full},
		{"left out", PolicyInput{Type: StepScaling}, full},
		{"empty", PolicyInput{Step: &StepConfig{}}, kept},
		{"cooldown only", PolicyInput{Step: &StepConfig{Cooldown: seconds(9)}}, StepConfig{full.AdjustmentType, full.Steps, seconds(9), 0, nil}},
		{"steps and type", PolicyInput{Step: &other}, other},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, target := newTarget(t, 0, 9, PolicyInput{Name: "p", Type: StepScaling, Step: &full})
			p := target.Policies[0]
			p.Cooling.OutEnd = t0
			tt.update.Name = "p"
			ch := put(t, r, tt.update, noID)
			if diff := cmp.Diff(&tt.want, p.Step); diff != "" {
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
	step1, track1 := stepping("s", ChangeInCapacity, step(0, nil, 1)), tracking("t", 70)
	tests := []struct {
		name string
		in   PolicyInput
		msg  string
	}{
		{"no type", PolicyInput{Name: "new", Step: step1.Step}, "Scaling policy type must be specified"},
		{"type changed", PolicyInput{Name: "s", Type: TargetTrackingScaling, TargetTracking: track1.TargetTracking},
			"You cannot change a StepScaling policy to a non StepScaling policy, or vice versa."},
		{"type changed, the other way", PolicyInput{Name: "t", Type: StepScaling, Step: step1.Step},
			"You cannot change a StepScaling policy to a non StepScaling policy, or vice versa."},
		{"type changed, no step scaling", PolicyInput{Name: "t", Type: PredictiveScaling}, "The policy type cannot be changed for an existing scaling policy"},
		{"no predictive config", PolicyInput{Name: "new", Type: PredictiveScaling}, "You must specify PredictiveScalingConfiguration."},
		{"no step config", PolicyInput{Name: "new", Type: StepScaling}, "StepScaling policy configuration must be specified"},
		{"no tracking config", PolicyInput{Name: "new", Type: TargetTrackingScaling}, "TargetTrackingScaling policy configuration must be specified"},
		{
			"both configs", PolicyInput{Name: "new", Type: StepScaling, Step: step1.Step, TargetTracking: track1.TargetTracking},
			"You must only provide a single scaling policy configuration, which must match the scaling policy type specified.",
		},
		{
			"other config, type left out", PolicyInput{Name: "t", Step: step1.Step},
			"You must only provide a single scaling policy configuration, which must match the scaling policy type specified.",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, target := newTarget(t, 1, 4, step1, track1)
			tt.in.Key = blue
			_, err := r.PutPolicy(t0, tt.in, noID)
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
		put(t, r, tracking(fmt.Sprint("p", i), 1), counter())
	}
	in := tracking("one more", 1)
	in.Key = blue
	_, err := r.PutPolicy(t0, in, noID)
	wantError(t, err, KindLimitExceeded, "The limit of 50 scaling policies of one scalable target is reached.")
	put(t, r, tracking("p0", 2), counter())
}

func TestDeletePolicy(t *testing.T) {
	r, target := newTarget(t, 1, 4, tracking("a", 70), tracking("b", 70), tracking("c", 70))
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
	predefined := &PredefinedSpec{Metric: VariantInvocationsPerInstance}
	custom := &CustomizedSpec{Namespace: "n", Name: "m", Statistic: Sum}
	query := []MetricQuery{{ID: "m1", Expression: "m2+1"}}
	const invalidSpec = "The customized metric specification is not valid."
	const rangeText = "For target tracking scaling, target value must be between '8.51592E-109' and '1.174271E108', but was '"
	const only = "Scalable dimension sagemaker:variant:DesiredInstanceCount only supports the following predefined metric types: " +
		"SageMakerVariantInvocationsPerInstance, SageMakerVariantConcurrentRequestsPerModelHighResolution"
	tests := []struct {
		name string
		c    TargetTrackingConfig
		msg  string
	}{
		{"zero", TargetTrackingConfig{Predefined: predefined}, rangeText + "0.0'."},
		{"negative", TargetTrackingConfig{TargetValue: -12.5, Predefined: predefined}, rangeText + "-12.5'."},
		{"too large", TargetTrackingConfig{TargetValue: 2e108, Predefined: predefined}, rangeText + "2.0E108'."},
		{"too small", TargetTrackingConfig{TargetValue: 1.5e-109, Predefined: predefined}, rangeText + "1.5E-109'."},
		{"no metric", TargetTrackingConfig{TargetValue: 1}, "PredefinedMetricSpecification or CustomizedMetricSpecification must be set for target tracking scaling."},
		{"two metrics", TargetTrackingConfig{TargetValue: 1, Predefined: predefined, Customized: custom}, "Only one of PredefinedMetricSpecification or CustomizedMetricSpecification can be set for target tracking scaling."},
		{"negative cooldown", TargetTrackingConfig{TargetValue: 1, Predefined: predefined, ScaleInCooldown: seconds(-1)}, "Cooldown must be nonnegative"},
		{"another service's metric", TargetTrackingConfig{TargetValue: 1, Predefined: &PredefinedSpec{Metric: ParsePredefinedMetric("ALBRequestCountPerTarget")}}, only},
		{"another dimension's metric", TargetTrackingConfig{TargetValue: 1, Predefined: &PredefinedSpec{Metric: ComponentInvocationsPerCopy}}, only},
		{
			"label", TargetTrackingConfig{TargetValue: 1, Predefined: &PredefinedSpec{VariantInvocationsPerInstance, "app/x"}},
			"Resource label cannot be specified for predefined metric type SageMakerVariantInvocationsPerInstance",
		},
		{"no name", TargetTrackingConfig{TargetValue: 1, Customized: &CustomizedSpec{Namespace: "n", Statistic: Sum}}, invalidSpec},
		{"no namespace", TargetTrackingConfig{TargetValue: 1, Customized: &CustomizedSpec{Name: "m", Statistic: Sum}}, invalidSpec},
		{"no statistic", TargetTrackingConfig{TargetValue: 1, Customized: &CustomizedSpec{Namespace: "n", Name: "m"}}, invalidSpec},
		{"math and a unit", TargetTrackingConfig{TargetValue: 1, Customized: &CustomizedSpec{Unit: "Percent", Queries: query}}, invalidSpec},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, _ := newTarget(t, 1, 4)
			_, err := r.PutPolicy(t0, PolicyInput{Key: blue, Name: "p", Type: TargetTrackingScaling, TargetTracking: &tt.c}, noID)
			wantError(t, err, KindValidation, tt.msg)
		})
	}
}

// AWS: one policy a metric; target value, cooldowns and unit do not make another one, the order of dimensions neither.
func TestTrackingMetricIdentity(t *testing.T) {
	ab := []metric.Dimension{{Name: "A", Value: "1"}, {Name: "B", Value: "2"}}
	ba := []metric.Dimension{{Name: "B", Value: "2"}, {Name: "A", Value: "1"}}
	base := CustomizedSpec{Namespace: "n", Name: "m", Dimensions: ab, Statistic: Sum, Unit: "Count"}
	with := func(f func(*CustomizedSpec)) *CustomizedSpec {
		s := base
		f(&s)
		return &s
	}
	for _, tt := range []struct {
		name string
		spec *CustomizedSpec
		same bool
	}{
		{"equal", &base, true},
		{"unit", with(func(s *CustomizedSpec) { s.Unit = "" }), true},
		{"dimension order", with(func(s *CustomizedSpec) { s.Dimensions = ba }), true},
		{"statistic", with(func(s *CustomizedSpec) { s.Statistic = Average }), false},
		{"name", with(func(s *CustomizedSpec) { s.Name = "x" }), false},
		{"namespace", with(func(s *CustomizedSpec) { s.Namespace = "x" }), false},
		{"fewer dimensions", with(func(s *CustomizedSpec) { s.Dimensions = ab[:1] }), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			first := PolicyInput{Name: "p", Type: TargetTrackingScaling, TargetTracking: &TargetTrackingConfig{TargetValue: 1, Customized: &base}}
			r, _ := newTarget(t, 1, 4, first)
			config := &TargetTrackingConfig{TargetValue: 2, Customized: tt.spec, ScaleInCooldown: seconds(1)}
			_, err := r.PutPolicy(t0, PolicyInput{Key: blue, Name: "q", Type: TargetTrackingScaling, TargetTracking: config}, counter())
			if !tt.same {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, KindValidation, "Only one TargetTrackingScaling policy for a given metric specification is allowed.")
			if ch := put(t, r, PolicyInput{Name: "p", TargetTracking: config}, counter()); ch.Created {
				t.Error("a policy stands in its own way")
			}
		})
	}
}

// AWS: SageMaker's default cooldowns are 300 s; what was left out stays out of what is stored.
func TestTrackingCooldownsByDefault(t *testing.T) {
	in := tracking("cpu", 70)
	in.TargetTracking.ScaleInCooldown = seconds(0)
	_, target := newTarget(t, 1, 4, in)
	p := target.Policies[0]
	c := p.TargetTracking
	if c.ScaleOutCooldown != nil || *c.ScaleInCooldown != 0 || c.DisableScaleIn != nil {
		t.Errorf("got %v, %v, %v", c.ScaleOutCooldown, *c.ScaleInCooldown, c.DisableScaleIn)
	}
	if p.cooldownOut() != 5*time.Minute || p.cooldownIn() != 0 {
		t.Errorf("got %v, %v", p.cooldownOut(), p.cooldownIn())
	}
}
