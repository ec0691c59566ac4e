package scaling

import (
	"slices"
	"time"
)

// PutPolicy makes or changes a policy. newID, a UUID, is called for each identifier that is needed. It fails with
// KindObjectNotFound where no target is registered, KindValidation or KindLimitExceeded.
//
// AWS: PutScalingPolicy, API reference; what an update keeps and clears is recorded.
func (r *Registry) PutPolicy(now time.Time, in PolicyInput, newID func() string) (PolicyChange, error) {
	t := r.Targets[in.Key]
	if t == nil {
		return PolicyChange{}, refuse(KindObjectNotFound, "No scalable target registered for %s", in.Key)
	}
	old := t.Policy(in.Name)
	next, err := t.merge(old, in)
	if err != nil {
		return PolicyChange{}, err
	}
	if old == nil && len(t.Policies) >= PoliciesMax {
		return PolicyChange{}, refuse(KindLimitExceeded, "The limit of %d scaling policies of one scalable target is reached.", PoliciesMax)
	}
	r.sight = sight{}
	if old == nil {
		return t.addPolicy(now, next, newID), nil
	}
	return t.replacePolicy(now, old, next, newID), nil
}

// merge checks a request against the policy it changes, nil where it makes one, and returns the policy that is to be.
func (t *Target) merge(old *Policy, in PolicyInput) (Policy, error) {
	next := Policy{Name: in.Name, Type: in.Type}
	if old != nil {
		next = *old
	}
	if err := checkType(old, in); err != nil {
		return next, err
	}
	var err error
	switch next.Type {
	case StepScaling:
		next.Step, err = mergeStep(next.Step, in.Step)
	case PredictiveScaling:
		next.Predictive, err = t.mergePredictive(next.Predictive, in.Predictive)
	default:
		next.TargetTracking, err = t.mergeTracking(next, in.TargetTracking)
	}
	return next, err
}

// checkType checks that the policy's type is known and stays, and that there is no configuration of another type.
func checkType(old *Policy, in PolicyInput) error {
	kind := in.Type
	switch {
	case old == nil && kind == 0:
		return invalid("Scaling policy type must be specified")
	case old != nil && kind != 0 && kind != old.Type && (kind == StepScaling || old.Type == StepScaling):
		return invalid("You cannot change a StepScaling policy to a non StepScaling policy, or vice versa.")
	case old != nil && kind != 0 && kind != old.Type: // AWS's text is not known
		return invalid("The policy type cannot be changed for an existing scaling policy")
	case old != nil:
		kind = old.Type
	}
	if in.Step != nil && kind != StepScaling || in.TargetTracking != nil && kind != TargetTrackingScaling ||
		in.Predictive != nil && kind != PredictiveScaling {
		return invalid("You must only provide a single scaling policy configuration, which must match the scaling policy type specified.")
	}
	return nil
}

func (t *Target) addPolicy(now time.Time, p Policy, newID func() string) PolicyChange {
	p.Created = now
	if p.Type == TargetTrackingScaling {
		p.CreatedBy = newID()
		p.nameAlarms(t.Key, newID)
	}
	if p.Type == PredictiveScaling {
		p.Outlook = &Outlook{Due: now}
	}
	t.Policies = append(t.Policies, &p)
	return PolicyChange{Target: t, Policy: &p, Created: true, CreateAlarms: p.Alarms(t)}
}

// replacePolicy puts a policy in the old one's place. A target tracking policy's alarms are made anew under new names each time, whether
// or not anything differs, so alarms that somebody has deleted are back afterwards; the policy's identity, creation time and cooldowns
// stay. (AWS: recorded.)
func (t *Target) replacePolicy(now time.Time, old *Policy, next Policy, newID func() string) PolicyChange {
	ch := PolicyChange{Target: t, Policy: old}
	if old.Type == TargetTrackingScaling {
		ch.DeleteAlarms = old.AlarmNames()
		next.nameAlarms(t.Key, newID)
		ch.CreateAlarms = next.Alarms(t)
	}
	before := old.Predictive
	*old = next
	if before != nil && before != next.Predictive {
		old.reconsider(now, before)
		t.PredictDue = t.PredictDue || old.Predictive.scales()
	}
	return ch
}

// DeletePolicy removes a policy and returns it, so that its alarms (Policy.AlarmNames) can be deleted. It fails with
// KindObjectNotFound.
func (r *Registry) DeletePolicy(k TargetKey, name string) (*Policy, error) {
	t := r.Targets[k]
	if t == nil {
		return nil, refuse(KindObjectNotFound, "No scalable target found for %s", k)
	}
	p := t.Policy(name)
	if p == nil {
		return nil, refuse(KindObjectNotFound, "No scaling policy found for %s, policy name: %s", k, name)
	}
	r.sight = sight{}
	t.Policies = slices.DeleteFunc(t.Policies, func(x *Policy) bool { return x == p })
	return p, nil
}
