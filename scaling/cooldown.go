package scaling

import "time"

// CooldownDefault is SageMaker's where a policy names none. AWS: PutScalingPolicy, Cooldown.
const CooldownDefault = 300 * time.Second

// Cooling is when a policy's last activities ended well: cooldowns count from there, so that a changed cooldown counts at once.
type Cooling struct {
	OutEnd  time.Time // zero: no scale-out yet
	OutFrom int       // the capacity before the first scale-out of the running cooldown
	InEnd   time.Time // zero: no scale-in yet, or ended by a scale-out
}

// CoolingOut returns what is left of the policy's scale-out cooldown; 0 where none runs.
func (p *Policy) CoolingOut(now time.Time) time.Duration {
	if p.Cooling.OutEnd.IsZero() {
		return 0
	}
	out, _ := p.cooldowns()
	return left(now, p.Cooling.OutEnd, out)
}

// CoolingIn returns what is left of the policy's scale-in cooldown; 0 where none runs.
func (p *Policy) CoolingIn(now time.Time) time.Duration {
	if p.Cooling.InEnd.IsZero() {
		return 0
	}
	_, in := p.cooldowns()
	return left(now, p.Cooling.InEnd, in)
}

func left(now, end time.Time, cooldown time.Duration) time.Duration {
	if end.IsZero() {
		return 0
	}
	return max(0, end.Add(cooldown).Sub(now))
}

// scalingOut reports whether a scale-out of the policy's is in progress.
func (t *Target) scalingOut(p *Policy) bool {
	a := t.Activity
	return a != nil && a.To > a.From && a.Cause.Kind == CauseAlarm && a.Cause.Policy == p.Name && a.Cause.API == p.API()
}

// coolDown starts the cooldown of the policy whose activity has succeeded.
func (t *Target) coolDown(a *Activity) {
	t.Group.completed(a)
	if a.Cause.Kind == CauseRequest {
		t.coolDownWoken(a.End)
	}
	p := t.Policy(a.Cause.Policy)
	if a.Cause.Kind != CauseAlarm || a.Cause.API == EC2AutoScaling || p == nil {
		return
	}
	if a.To > a.From {
		p.Cooling.OutEnd, p.Cooling.OutFrom = a.End, a.CreditFrom
		return
	}
	p.Cooling.InEnd = a.End
}

// Or returns what p points to, or otherwise where p is nil.
func Or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
