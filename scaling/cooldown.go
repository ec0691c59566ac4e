package scaling

import "time"

// cooldownDefault is SageMaker's where a policy names none. AWS: PutScalingPolicy, Cooldown.
const cooldownDefault = 300 * time.Second

// Cooling is when a policy's last activities ended well: cooldowns count from there, so that a changed cooldown counts at once.
type Cooling struct {
	OutEnd  time.Time // zero: no scale-out yet
	OutFrom int       // the capacity before the first scale-out of the running cooldown
	InEnd   time.Time // zero: no scale-in yet, or ended by a scale-out
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

// scaleOutFrom returns the capacity that a policy's scale-outs are computed from while its last one is in progress or cools down: what it
// was before that. So what was added counts toward the next, and only a larger scale-out acts. It reports false where none limits.
//
// AWS: PutScalingPolicy, Cooldown; that the base is the capacity before the change, until the cooldown after its end is over, is how
// recordings are best explained.
func (s *situation) scaleOutFrom(p *Policy) (from int, limited bool) {
	if s.target.scalingOut(p) {
		return s.target.Activity.CreditFrom, true
	}
	return p.Cooling.OutFrom, p.coolingOut(s.now) > 0
}

// scalingOut reports whether a scale-out of the policy's is in progress.
func (t *Target) scalingOut(p *Policy) bool {
	a := t.Activity
	return a != nil && a.To > a.From && a.Cause.Kind == CauseAlarm && a.Cause.Policy == p.Name && a.Cause.Group == p.grouped()
}

// coolDown starts the cooldown of the policy whose activity has succeeded.
func (t *Target) coolDown(a *Activity) {
	t.Group.completed(a)
	if a.Cause.Kind == CauseRequest {
		t.coolDownWoken(a.End)
	}
	p := t.Policy(a.Cause.Policy)
	if a.Cause.Kind != CauseAlarm || a.Cause.Group || p == nil {
		return
	}
	if a.To > a.From {
		p.Cooling.OutEnd, p.Cooling.OutFrom = a.End, a.CreditFrom
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
