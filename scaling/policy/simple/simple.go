// Package simple is simple scaling, of Auto Scaling groups only: a policy that changes the capacity by one adjustment, whatever the size of
// the breach, and then rests.
//
// AWS: simple scaling policies and scaling cooldowns, EC2 Auto Scaling user guide.
package simple

import (
	"time"

	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/step"
)

// Propose is the whole rule. It waits for the activity in progress, then for the group's cooldown; the alarm says when to act, not how
// much. What alarms say meanwhile is not remembered: the first after the cooldown counts. E.g. an adjustment of -25 % makes 6 of 8.
func (r *Rule) Propose(s scaling.Situation) scaling.Proposal {
	p := s.Proposal()
	t, c, sig, config := s.Target, s.Capacity, s.Signal, r.Settings.adjustment()
	p.Formula, p.Factor = config.Formula(), float64(r.Settings.Adjustment)
	p.Raw, p.Wanted, p.Least = config.Adjust(c.Desired, r.Settings.Adjustment)
	left := t.Group.CoolingDown(s.Now)
	waits := !sig.Executed || sig.HonorCooldown
	switch {
	case waits && s.Moving():
		p.Outcome = scaling.ActivityInProgress
	case waits && left > 0:
		p.Outcome, p.Left, p.By = scaling.HeldByCooldown, left, t.Group.Cooling.Policy
	case p.Wanted == c.Desired:
		p.Outcome = scaling.AtDesired
	case p.Wanted > c.Desired && c.Desired >= t.Max:
		p.Outcome = scaling.AtMax
	case p.Wanted < c.Desired && c.Desired <= t.Min:
		p.Outcome = scaling.AtMin
	default:
		p.Clamped = s.Clamp(p.Wanted)
		p.Outcome = s.Possible(&p)
	}
	return p
}

// Type is the policy type.
type Type struct{}

// Name implements scaling.Type.
func (Type) Name() string { return "SimpleScaling" }

// Number implements scaling.Numbered.
func (Type) Number() int { return 3 }

// New implements scaling.Type.
func (Type) New() scaling.Rule { return &Rule{} }

// Explain implements scaling.Explainer: adjustments read as those of step scaling.
func (Type) Explain(d *scaling.Decision, p *scaling.Proposal) scaling.Texts {
	return scaling.Texts{Computed: step.Computed(d, p)}
}

// Put implements scaling.Type. AWS: measured.
func (Type) Put(p scaling.Put) (scaling.Rule, error) {
	in, _ := p.Config.(*Config)
	switch {
	case p.API != scaling.EC2AutoScaling || in == nil:
		return nil, scaling.Invalid("Policies of type %s belong to Auto Scaling groups", Type{}.Name())
	case !in.AdjustmentType.Valid():
		return nil, scaling.Invalid("You must specify an AdjustmentType for policy type: %s", Type{}.Name())
	case !in.Given:
		return nil, scaling.Invalid("You must specify a ScalingAdjustment for policy type: %s", Type{}.Name())
	case in.AdjustmentType == step.ExactCapacity && in.Adjustment < 0:
		return nil, scaling.Invalid("ScalingAdjustment cannot be less than 0 when AdjustmentType is ExactCapacity")
	}
	if err := scaling.CheckCooldown(in.Cooldown); err != nil {
		return nil, err
	}
	if err := scaling.CheckAdjustment("ScalingAdjustment", in.Adjustment); err != nil {
		return nil, err
	}
	if err := in.adjustment().CheckMagnitude(); err != nil {
		return nil, err
	}
	next := *in
	next.Given = false // of the request
	return next.Rule(), nil
}

// Config is a simple scaling policy's configuration.
type Config struct {
	AdjustmentType step.AdjustmentType
	Adjustment     int
	Given          bool           `json:"-"` // the client named an Adjustment
	Cooldown       *time.Duration // nil: the group's default cooldown
	MinMagnitude   *int           // PercentChangeInCapacity only: the least number of instances to change by
}

// Rule implements scaling.Config.
func (c *Config) Rule() scaling.Rule { return &Rule{Settings: c} }

// adjustment returns the arithmetic, which is that of a step.
func (c *Config) adjustment() *step.Config {
	return &step.Config{AdjustmentType: c.AdjustmentType, MinMagnitude: c.MinMagnitude}
}

// Rule is what a simple scaling policy does.
type Rule struct {
	Settings *Config `json:"Simple"`
}

var (
	_ scaling.Resting    = (*Rule)(nil)
	_ scaling.Directed   = (*Rule)(nil)
	_ scaling.Executable = (*Rule)(nil)
)

// Type implements scaling.Rule.
func (*Rule) Type() scaling.Type { return Type{} }

// Config implements scaling.Rule.
func (r *Rule) Config() scaling.Config {
	if r.Settings == nil {
		return nil
	}
	return r.Settings
}

// GroupCooldown implements scaling.Resting.
func (r *Rule) GroupCooldown() *time.Duration { return r.Settings.Cooldown }

// ScalesIn implements scaling.Directed.
func (r *Rule) ScalesIn() bool {
	return r.Settings.AdjustmentType == step.ExactCapacity || r.Settings.Adjustment < 0
}

// LeavesZero implements scaling.Directed.
func (r *Rule) LeavesZero() bool {
	return r.Settings.adjustment().AddsToZero() && r.Settings.Adjustment > 0
}

// Execution implements scaling.Executable.
func (r *Rule) Execution(x scaling.Execution) (scaling.Signal, error) {
	if x.Metric != nil || x.Threshold != nil {
		return scaling.Signal{}, scaling.Invalid("MetricValue and BreachThreshold are not supported for policies of type %s", Type{}.Name())
	}
	return scaling.Signal{}, nil
}
