package scaling

import "time"

// SimpleConfig is a simple scaling policy's configuration: one adjustment, whatever the size of the breach.
type SimpleConfig struct {
	AdjustmentType AdjustmentType
	Adjustment     int
	Cooldown       *time.Duration // nil: the group's default cooldown
	MinMagnitude   *int           // PercentChangeInCapacity only: the least number of instances to change by
}

// adjustment is the policy's arithmetic, which is that of a step.
func (c *SimpleConfig) adjustment() *StepConfig {
	return &StepConfig{AdjustmentType: c.AdjustmentType, MinMagnitude: c.MinMagnitude}
}

// proposeSimple follows a simple scaling policy. It waits for the activity in progress, then for the cooldown; the alarm says when
// to act, not how much. What alarms say meanwhile is not remembered: the first that is told after the cooldown counts.
// AWS: simple scaling policies and scaling cooldowns, user guide.
func proposeSimple(s *situation, p *Policy, sig *Signal, pr *Proposal) {
	t, c, config := s.target, s.capacity, p.Simple.adjustment()
	pr.Formula, pr.Factor = config.formula(), float64(p.Simple.Adjustment)
	pr.Raw, pr.Wanted, pr.Least = config.adjust(c.Desired, p.Simple.Adjustment)
	left := t.Group.CoolingDown(s.now)
	waits := !sig.Executed || sig.HonorCooldown
	switch {
	case waits && s.moving():
		pr.Outcome = ActivityInProgress
	case waits && left > 0:
		pr.Outcome, pr.Left, pr.By = HeldByCooldown, left, t.Group.Cooling.Policy
	case pr.Wanted == c.Desired:
		pr.Outcome = AtDesired
	case pr.Wanted > c.Desired && c.Desired >= t.Max:
		pr.Outcome = AtMax
	case pr.Wanted < c.Desired && c.Desired <= t.Min:
		pr.Outcome = AtMin
	default:
		pr.Clamped = t.clamp(pr.Wanted)
		pr.Outcome = s.possible(pr)
	}
}

// moving reports whether capacity changes now: an activity or a change by hand is under way, or an instance is being replaced.
func (s *situation) moving() bool {
	return s.target.Activity != nil || !s.capacity.Scalable || s.capacity.Current != s.capacity.Desired
}
