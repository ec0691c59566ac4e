package scaling

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// GroupPolicyInput is PutScalingPolicy's request of the EC2 Auto Scaling API. Optional members are zero where the client left them
// out. It replaces a policy of the same name whole.
type GroupPolicyInput struct {
	Key  TargetKey
	Name string
	Type PolicyType // zero: SimpleScaling

	AdjustmentType AdjustmentType
	Adjustment     *int           // SimpleScaling
	Cooldown       *time.Duration // SimpleScaling
	MinMagnitude   *int
	Steps          []StepAdjustment // StepScaling
	Aggregation    Aggregation      // StepScaling
	TargetTracking *TargetTrackingConfig
	Warmup         *time.Duration // StepScaling, TargetTrackingScaling
	Disabled       bool
}

// PutGroupPolicy makes a group's policy or replaces it; its identifier and age stay. newID, a UUID, is called for each identifier that
// is needed. It fails with KindValidation or KindLimitExceeded.
func (r *Registry) PutGroupPolicy(now time.Time, in GroupPolicyInput, newID func() string) (PolicyChange, error) {
	if in.Type == 0 {
		in.Type = SimpleScaling // AWS: PutScalingPolicy, PolicyType
	}
	var policies []*Policy
	if t := r.Of(in.Key); t != nil && t.Group != nil {
		policies = t.Group.Policies
	}
	p, err := in.policy(policies)
	if err != nil {
		return PolicyChange{}, err
	}
	at := slices.IndexFunc(policies, func(o *Policy) bool { return o.Name == in.Name })
	if at < 0 && len(policies) >= PoliciesMax {
		return PolicyChange{}, refuse(KindLimitExceeded, "The limit of %d scaling policies of one Auto Scaling group is reached.", PoliciesMax)
	}
	t := r.Grouped(now, in.Key)
	if at < 0 {
		p.UUID, p.Created = newID(), now
		return t.addGroupPolicy(&p, newID, r), nil
	}
	return t.replaceGroupPolicy(policies[at], p, newID), nil
}

func (t *Target) addGroupPolicy(p *Policy, newID func() string, r *Registry) PolicyChange {
	if p.Type == TargetTrackingScaling {
		p.nameAlarms(t.Key, newID)
	}
	t.Group.Policies = append(t.Group.Policies, p)
	r.indexPolicies(t)
	return PolicyChange{Target: t, Policy: p, Created: true, CreateAlarms: p.Alarms(t)}
}

// replaceGroupPolicy puts a policy in the old one's place. Its alarms are made anew under new names each time, whether or not anything
// differs.
func (t *Target) replaceGroupPolicy(old *Policy, next Policy, newID func() string) PolicyChange {
	ch := PolicyChange{Target: t, Policy: old}
	next.UUID, next.Created = old.UUID, old.Created
	ch.DeleteAlarms = old.AlarmNames()
	if next.Type == TargetTrackingScaling {
		next.nameAlarms(t.Key, newID)
	}
	ch.CreateAlarms = next.Alarms(t)
	*old = next
	return ch
}

// DeleteGroupPolicy removes a group's policy and returns it, nil where there was none.
func (r *Registry) DeleteGroupPolicy(k TargetKey, name string) *Policy {
	t := r.Of(k)
	if t == nil {
		return nil
	}
	p := t.Group.Policy(name)
	if p == nil {
		return nil
	}
	t.Group.Policies = slices.DeleteFunc(t.Group.Policies, func(o *Policy) bool { return o == p })
	delete(r.byPolicy, p.UUID)
	return p
}

// policy checks the request against the group's policies and returns what it asks for.
func (in *GroupPolicyInput) policy(others []*Policy) (Policy, error) {
	p := Policy{Name: in.Name, Type: in.Type, Warmup: in.Warmup, Disabled: in.Disabled}
	if err := in.foreign(); err != nil {
		return p, err
	}
	if in.Warmup != nil && (*in.Warmup < 0 || *in.Warmup > warmupMax) {
		return p, invalid("EstimatedInstanceWarmup must be between 0 and %d seconds", warmupMax/time.Second)
	}
	var err error
	switch in.Type {
	case SimpleScaling:
		p.Simple, err = in.simple()
	case StepScaling:
		p.Step, err = in.step()
	default:
		p.TargetTracking, err = in.tracking(others)
	}
	return p, err
}

// foreign refuses members that belong to other types of policy. AWS: measured.
func (in *GroupPolicyInput) foreign() error {
	simple, step, tracking := in.Type == SimpleScaling, in.Type == StepScaling, in.Type == TargetTrackingScaling
	for _, m := range []struct {
		name       string
		set, takes bool
	}{
		{"AdjustmentType", in.AdjustmentType != 0, simple || step},
		{"ScalingAdjustment", in.Adjustment != nil, simple},
		{"Cooldown", in.Cooldown != nil, simple},
		{"MinAdjustmentMagnitude", in.MinMagnitude != nil, simple || step},
		{"StepAdjustments", in.Steps != nil, step},
		{"MetricAggregationType", in.Aggregation != 0, step},
		{"EstimatedInstanceWarmup", in.Warmup != nil, step || tracking},
		{"TargetTrackingConfiguration", in.TargetTracking != nil, tracking},
	} {
		if m.set && !m.takes {
			return invalid("%s is not supported for a %s policy", m.name, in.Type)
		}
	}
	return nil
}

func (in *GroupPolicyInput) simple() (*SimpleConfig, error) {
	switch {
	case in.AdjustmentType == 0:
		return nil, invalid("You must specify an AdjustmentType for policy type: %s", in.Type)
	case in.Adjustment == nil:
		return nil, invalid("You must specify a ScalingAdjustment for policy type: %s", in.Type)
	case in.AdjustmentType == ExactCapacity && *in.Adjustment < 0:
		return nil, invalid("ScalingAdjustment cannot be less than 0 when AdjustmentType is ExactCapacity")
	case in.Cooldown != nil && *in.Cooldown < 0:
		return nil, invalid("Cooldown must be nonnegative")
	}
	return &SimpleConfig{
		AdjustmentType: in.AdjustmentType, Adjustment: *in.Adjustment, Cooldown: in.Cooldown, MinMagnitude: in.MinMagnitude,
	}, in.magnitude()
}

func (in *GroupPolicyInput) magnitude() error {
	if in.MinMagnitude != nil && in.AdjustmentType != PercentChangeInCapacity {
		return invalid("MinAdjustmentMagnitude is only supported for the AdjustmentType PercentChangeInCapacity")
	}
	if or(in.MinMagnitude, 0) < 0 {
		return invalid("MinAdjustmentMagnitude must be greater than or equal to 0")
	}
	return nil
}

func (in *GroupPolicyInput) step() (*StepConfig, error) {
	switch {
	case in.AdjustmentType == 0:
		return nil, invalid("You must specify an AdjustmentType for policy type: %s", in.Type)
	case len(in.Steps) == 0:
		return nil, invalid("You must specify at least one StepAdjustment for policy type: %s", in.Type)
	}
	if err := in.magnitude(); err != nil {
		return nil, err
	}
	c := &StepConfig{AdjustmentType: in.AdjustmentType, Steps: slices.Clone(in.Steps), Aggregation: in.Aggregation, MinMagnitude: in.MinMagnitude}
	return c, reworded(c.check())
}

// reworded gives what both APIs refuse the words of EC2 Auto Scaling. AWS: measured.
func reworded(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	text := e.Msg
	switch {
	case strings.HasPrefix(text, "Lower bound must be"):
		text = "LowerBound must be less than the UpperBound for StepAdjustment"
	case strings.HasPrefix(text, "There must be"):
		text = strings.NewReplacer("unspecified lower bound", "unspecified lower bound (i.e., lower bound is null)",
			"unspecified upper bound", "unspecified upper bound (i.e., upper bound is null)").Replace(text)
	case strings.HasPrefix(text, "Scaling adjustment cannot"):
		text = "ScalingAdjustment cannot be less than 0 when AdjustmentType is ExactCapacity"
	}
	text = strings.NewReplacer("Step adjustment", "StepAdjustment", "step adjustment", "StepAdjustment").Replace(text)
	return &Error{e.Kind, text}
}

// tracking checks a target tracking configuration. There are no cooldowns: new instances warm up instead.
func (in *GroupPolicyInput) tracking(others []*Policy) (*TargetTrackingConfig, error) {
	c := in.TargetTracking
	if c == nil {
		return nil, invalid("You must specify a TargetTrackingConfiguration for policy type: %s", in.Type)
	}
	if s := c.Predefined; s != nil && s.Metric != GroupCPUUtilization {
		return nil, invalid("The predefined metric type %s is not served for production variants: only %s is. "+
			"Name another metric in a CustomizedMetricSpecification.", s.Metric, GroupCPUUtilization)
	}
	if err := c.check([]PredefinedMetric{GroupCPUUtilization}, VariantInstances); err != nil {
		return nil, err
	}
	if s := c.Customized; s != nil && s.Period != 0 && s.Period != 10*time.Second && s.Period != 30*time.Second && s.Period != time.Minute {
		return nil, invalid("Period must be 10, 30 or 60")
	}
	for _, o := range others {
		if o.Name != in.Name && o.Type == TargetTrackingScaling && o.TargetTracking.identity() == c.identity() {
			return nil, invalid("Only one TargetTrackingScaling policy for a given metric specification is allowed.")
		}
	}
	next := *c
	return &next, nil
}
