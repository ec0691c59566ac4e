package scaling

import (
	"time"
)

// GroupUpdate is UpdateAutoScalingGroup's request. Nil members were left out.
type GroupUpdate struct {
	Key               TargetKey
	Min, Max, Desired *int
	DefaultCooldown   *time.Duration
	DefaultWarmup     *time.Duration
	ForgetWarmup      bool // DefaultInstanceWarmup -1
}

// UpdateGroup changes a group's bounds and settings and returns the target that stands for it, and the change of capacity that
// follows: the one asked for, or a move into the new bounds; none where From is Want. It fails with KindValidation.
//
// AWS: UpdateAutoScalingGroup, API reference: a desired capacity outside new bounds follows them, where none is given.
func (r *Registry) UpdateGroup(now time.Time, u GroupUpdate, c Capacity) (*Target, Change, error) {
	desired := c.Desired
	least, most := desired, desired
	if t := r.Of(u.Key); t != nil {
		least, most = t.Bounds(desired)
	}
	bounded := u.Min != nil || u.Max != nil
	least, most = Or(u.Min, least), Or(u.Max, most)
	want := Or(u.Desired, min(max(desired, least), max(least, most)))
	if !bounded && u.Desired == nil {
		want = desired
	}
	if err := u.check(least, most, want); err != nil {
		return nil, Change{}, err
	}
	t := r.Grouped(now, u.Key)
	if bounded {
		t.Min, t.Max, t.Group.Bounded = least, most, true
	}
	if u.DefaultCooldown != nil {
		t.Group.DefaultCooldown = u.DefaultCooldown
	}
	if u.DefaultWarmup != nil || u.ForgetWarmup {
		t.Group.DefaultWarmup = u.DefaultWarmup
	}
	return t, Change{From: desired, Want: want, Cause: Cause{Kind: CauseConstraints, API: EC2AutoScaling}}, nil
}

func (u *GroupUpdate) check(least, most, want int) error {
	switch {
	case least < 0:
		return Invalid("MinSize must be greater than or equal to 0")
	case most < least:
		return Invalid("Max bound, %d, must be greater than or equal to min bound, %d", most, least)
	case want < least || want > most:
		return Invalid("Desired capacity:%d must be between the specified min size:%d and max size:%d", want, least, most)
	case u.DefaultCooldown != nil && *u.DefaultCooldown < 0:
		return Invalid("DefaultCooldown must be greater than or equal to 0")
	case u.DefaultWarmup != nil && (*u.DefaultWarmup < 0 || *u.DefaultWarmup > WarmupMax):
		return Invalid("DefaultInstanceWarmup must be between 0 and %d seconds, or -1", WarmupMax/time.Second)
	case u.DefaultCooldown != nil && *u.DefaultCooldown > cooldownMax:
		return Invalid("DefaultCooldown must be at most %d", cooldownMax/time.Second)
	}
	return checkCapacity("MaxSize", &most)
}

// SetDesired asks for a desired capacity of a group, and returns the target that stands for it and the change that follows. It fails
// with KindValidation, and with KindActivityInProgress where the cooldown is to be honoured and runs, or an activity does.
//
// AWS: SetDesiredCapacity, API reference.
func (r *Registry) SetDesired(now time.Time, k TargetKey, want int, honor bool, c Capacity) (*Target, Change, error) {
	least, most := c.Desired, c.Desired
	t := r.Of(k)
	if t != nil {
		least, most = t.Bounds(c.Desired)
	}
	switch {
	case want > most:
		return nil, Change{}, Invalid("New SetDesiredCapacity value %d is above max value %d for the AutoScalingGroup.", want, most)
	case want < least:
		return nil, Change{}, Invalid("New SetDesiredCapacity value %d is below min value %d for the AutoScalingGroup.", want, least)
	case honor && !c.Scalable, honor && t != nil && (t.Activity != nil || t.Group.CoolingDown(now) > 0):
		return nil, Change{}, inProgress(k)
	}
	return r.Grouped(now, k), Change{From: c.Desired, Want: want, Cause: Cause{Kind: CauseDesired, API: EC2AutoScaling}}, nil
}

func inProgress(k TargetKey) error {
	return Refuse(KindActivityInProgress, "Scaling activity is in progress, or its cooldown has not ended, for the AutoScalingGroup %s.", k.GroupName())
}

// Hold keeps a change until the variant takes it. See Release.
func (t *Target) Hold(c Change) { t.Group.Held = &c }

// Release returns the change that waited, once the variant takes changes and no process that it needs is suspended; it is kept
// within the bounds of then. It reports false where none is due.
func (t *Target) Release(c Capacity) (Change, bool) {
	if t.Group == nil || t.Group.Held == nil || !c.Scalable {
		return Change{}, false
	}
	held := *t.Group.Held
	if !t.unbounded() {
		held.Want = t.clamp(held.Want)
	}
	held.From = c.Desired
	if t.Group.holds(held.From, held.Want) != 0 {
		return Change{}, false
	}
	t.Group.Held = nil
	return held, held.Want != held.From
}

// Wanted returns the desired capacity as the group shows it: one that waits counts.
func (t *Target) Wanted(desired int) int {
	if t.Group == nil || t.Group.Held == nil {
		return desired
	}
	return t.Group.Held.Want
}

// Execution is ExecutePolicy's request.
type Execution struct {
	Key           TargetKey
	Policy        string
	HonorCooldown bool
	Metric        *float64 // what the alarm's metric and threshold would be; for types that decide by them
	Threshold     *float64
}

// Execute decides what becomes of a group's policy that a user executes, into d. That there is nothing to do is no error. It fails
// with KindValidation, and with KindActivityInProgress where it has to wait.
//
// AWS: ExecutePolicy, API reference.
func (t *Target) Execute(now time.Time, x Execution, c Capacity, d *Decision) error {
	p := t.Group.Policy(x.Policy)
	if p.Disabled {
		return Invalid("Policy %s is disabled and cannot be executed", p.Name)
	}
	rule, ok := p.Rule.(Executable)
	if !ok {
		return Invalid("ExecutePolicy is not supported for policies of type %s", p.Type())
	}
	sig, err := rule.Execution(x)
	if err != nil {
		return err
	}
	sig.Policy, sig.Executed, sig.HonorCooldown = p, true, x.HonorCooldown
	least, most := t.Min, t.Max
	t.Fit(c)
	Decide(now, t, c, Seen{Signals: []Signal{sig}}, d)
	var refused error
	switch d.Proposals[0].Outcome {
	case ActivityInProgress, HeldByCooldown, Unscalable:
		refused = inProgress(t.Key)
	default:
		return nil
	}
	t.Min, t.Max = least, most // a refusal changes nothing
	return refused
}

// Fit gives a group that has no bounds the desired capacity as both. It goes before Decide.
func (t *Target) Fit(c Capacity) {
	if t.unbounded() {
		t.Min, t.Max = c.Desired, c.Desired
	}
}
