package scaling

import "time"

// cooldownDefault is SageMaker's where a policy names none. AWS: PutScalingPolicy, Cooldown.
const cooldownDefault = 300 * time.Second

// Cooling is when a policy's last activities ended well: cooldowns count from there, so that a changed cooldown counts at once.
type Cooling struct {
	OutEnd         time.Time // zero: no scale-out yet
	OutFrom, OutTo int       // what the scale-outs of the running cooldown began at and reached
	InEnd          time.Time // zero: no scale-in yet, or ended by a scale-out
}

func (p *Policy) cooldownOut() time.Duration {
	if p.grouped() {
		return 0 // groups know warm-up instead, and simple scaling's cooldown is the group's
	}
	if p.Type == StepScaling {
		return or(p.Step.Cooldown, cooldownDefault)
	}
	if p.Type == PredictiveScaling {
		return 0 // it acts an hour at a time
	}
	return or(p.TargetTracking.ScaleOutCooldown, cooldownDefault)
}

func (p *Policy) cooldownIn() time.Duration {
	if p.grouped() {
		return 0
	}
	if p.Type == StepScaling {
		return or(p.Step.Cooldown, cooldownDefault)
	}
	if p.Type == PredictiveScaling {
		return 0
	}
	return or(p.TargetTracking.ScaleInCooldown, cooldownDefault)
}

// coolingOut returns what is left of the policy's scale-out cooldown; 0 where none runs.
func (p *Policy) coolingOut(now time.Time) time.Duration {
	return left(now, p.Cooling.OutEnd, p.cooldownOut())
}

// coolingIn returns what is left of the policy's scale-in cooldown; 0 where none runs.
func (p *Policy) coolingIn(now time.Time) time.Duration {
	return left(now, p.Cooling.InEnd, p.cooldownIn())
}

func left(now, end time.Time, cooldown time.Duration) time.Duration {
	if end.IsZero() {
		return 0
	}
	return max(0, end.Add(cooldown).Sub(now))
}

// credit is the capacity that the policy's scale-outs of the running cooldown added and that still serves: the next scale-out
// within it adds only what it wants beyond that.
// AWS: PutScalingPolicy, Cooldown: capacity that was added counts toward what the next scale-out wants.
func (p *Policy) credit(now time.Time, current int) int {
	if p.coolingOut(now) == 0 {
		return 0
	}
	return max(0, min(p.Cooling.OutTo, current)-p.Cooling.OutFrom)
}

// coolDown starts the cooldown of the policy whose activity has succeeded.
func (t *Target) coolDown(a *Activity) {
	t.Group.completed(a)
	p := t.Policy(a.Cause.Policy)
	if a.Cause.Kind != CauseAlarm || a.Cause.Group || p == nil {
		return
	}
	if a.To > a.From {
		p.Cooling.OutEnd, p.Cooling.OutFrom, p.Cooling.OutTo = a.End, a.CreditFrom, a.To
		return
	}
	p.Cooling.InEnd = a.End
}

func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
