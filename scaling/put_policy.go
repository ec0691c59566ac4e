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
		return PolicyChange{}, Refuse(KindObjectNotFound, "No scalable target registered for %s", in.Key)
	}
	if err := in.restore(r.types); err != nil {
		return PolicyChange{}, err
	}
	old := t.Policy(in.Name)
	put := Put{Now: now, Key: in.Key, API: ApplicationAutoScaling, Name: in.Name, Others: t.Policies, Metrics: r.dims.Metrics(in.Key.Dimension)}
	if old != nil {
		put.Stored = old.Rule
	}
	kind, err := in.kind(old)
	if err != nil {
		return PolicyChange{}, err
	}
	if len(in.Configs) > 0 {
		put.Config = in.Configs[0]
	}
	rule, err := kind.Put(put)
	if err != nil {
		return PolicyChange{}, err
	}
	if old == nil && len(t.Policies) >= PoliciesMax {
		return PolicyChange{}, Refuse(KindLimitExceeded, "The limit of %d scaling policies of one scalable target is reached.", PoliciesMax)
	}
	r.timetable = timetable{}
	if old == nil {
		return t.addPolicy(&Policy{Name: in.Name, Created: now, Rule: rule}, newID, put.Metrics), nil
	}
	change := t.replacePolicy(old, rule, newID, put.Metrics)
	if x := old.timed(); put.Config != nil && x != nil && x.Acts() {
		t.RuleDue = true
	}
	return change, nil
}

// kind returns the type of the policy that is to be, after checking that the type is known and stays, and that there is no configuration of
// another type. old is nil where the request makes a policy.
func (in *PolicyInput) kind(old *Policy) (Type, error) {
	kind := in.Type
	switch {
	case old == nil && kind == nil:
		return nil, Invalid("Scaling policy type must be specified")
	case old != nil && kind != nil && kind.Name() != old.Type():
		return nil, changesType(old.Rule.Type(), kind)
	case old != nil:
		kind = old.Rule.Type()
	}
	for _, c := range in.Configs {
		if c.Rule().Type().Name() != kind.Name() {
			return nil, Invalid("You must only provide a single scaling policy configuration, which must match the scaling policy type specified.")
		}
	}
	return kind, nil
}

// Fixed is a Type that AWS has a text of its own for, where a policy is to change from it or to it.
type Fixed interface{ Fixed() string }

// changesType refuses to change a policy's type.
func changesType(types ...Type) error {
	for _, t := range types {
		if x, ok := t.(Fixed); ok {
			return Invalid("%s", x.Fixed())
		}
	}
	return Invalid("The policy type cannot be changed for an existing scaling policy") // AWS's text is not known
}

func (t *Target) addPolicy(p *Policy, newID func() string, m Metrics) PolicyChange {
	if p.OwnsAlarms() {
		p.CreatedBy = newID()
		p.nameAlarms(t.Key, newID)
	}
	t.Policies = append(t.Policies, p)
	return PolicyChange{Target: t, Policy: p, Created: true, CreateAlarms: p.Alarms(t, m)}
}

// replacePolicy gives a policy a new rule. Its own alarms are recreated with new names each time, whether or not anything
// changed, which also restores deleted alarms; the policy's identity, creation time and cooldowns stay.
// (AWS: recorded.)
func (t *Target) replacePolicy(p *Policy, rule Rule, newID func() string, m Metrics) PolicyChange {
	ch := PolicyChange{Target: t, Policy: p, DeleteAlarms: p.AlarmNames()}
	p.Rule = rule
	p.nameAlarms(t.Key, newID)
	ch.CreateAlarms = p.Alarms(t, m)
	return ch
}

// DeletePolicy removes a policy and returns it, so that its alarms (Policy.AlarmNames) can be deleted. It fails with
// KindObjectNotFound.
func (r *Registry) DeletePolicy(k TargetKey, name string) (*Policy, error) {
	t := r.Targets[k]
	if t == nil {
		return nil, Refuse(KindObjectNotFound, "No scalable target found for %s", k)
	}
	p := t.Policy(name)
	if p == nil {
		return nil, Refuse(KindObjectNotFound, "No scaling policy found for %s, policy name: %s", k, name)
	}
	r.timetable = timetable{}
	t.Policies = slices.DeleteFunc(t.Policies, func(x *Policy) bool { return x == p })
	return p, nil
}
