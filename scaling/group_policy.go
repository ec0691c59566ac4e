package scaling

import (
	"slices"
	"time"
)

// GroupPut is a request of the EC2 Auto Scaling API to make a group's policy, or to replace it whole.
type GroupPut struct {
	Key      TargetKey
	Name     string
	Type     Type
	Config   Config
	Warmup   *time.Duration // nil: as the group says
	Disabled bool
}

// PutGroupPolicy makes a group's policy or replaces it; its identifier and age stay. newID, a UUID, is called for each identifier that
// is needed. It fails with KindValidation or KindLimitExceeded.
func (r *Registry) PutGroupPolicy(now time.Time, in GroupPut, newID func() string) (PolicyChange, error) {
	var policies []*Policy
	if t := r.Of(in.Key); t != nil && t.Group != nil {
		policies = t.Group.Policies
	}
	if in.Warmup != nil && (*in.Warmup < 0 || *in.Warmup > WarmupMax) {
		return PolicyChange{}, Invalid("EstimatedInstanceWarmup must be between 0 and %d seconds", WarmupMax/time.Second)
	}
	m := r.dims.Metrics(in.Key.Dimension)
	rule, err := in.Type.Put(Put{Now: now, Key: in.Key, API: EC2AutoScaling, Name: in.Name, Others: policies, Config: in.Config, Metrics: m})
	if err != nil {
		return PolicyChange{}, err
	}
	p := Policy{Name: in.Name, Rule: rule, Warmup: in.Warmup, Disabled: in.Disabled}
	at := slices.IndexFunc(policies, func(o *Policy) bool { return o.Name == in.Name })
	if at < 0 && len(policies) >= PoliciesMax {
		return PolicyChange{}, Refuse(KindLimitExceeded, "The limit of %d scaling policies of one Auto Scaling group is reached.", PoliciesMax)
	}
	t := r.Grouped(now, in.Key)
	if at < 0 {
		p.UUID, p.Created = newID(), now
		return t.addGroupPolicy(&p, newID, r), nil
	}
	return t.replaceGroupPolicy(policies[at], p, newID, m), nil
}

func (t *Target) addGroupPolicy(p *Policy, newID func() string, r *Registry) PolicyChange {
	p.nameAlarms(t.Key, newID)
	t.Group.Policies = append(t.Group.Policies, p)
	r.indexPolicies(t)
	return PolicyChange{Target: t, Policy: p, Created: true, CreateAlarms: p.Alarms(t, r.dims.Metrics(t.Key.Dimension))}
}

// replaceGroupPolicy replaces a policy. Its alarms are recreated with new names each time, whether or not anything
// changed.
func (t *Target) replaceGroupPolicy(old *Policy, next Policy, newID func() string, m Metrics) PolicyChange {
	ch := PolicyChange{Target: t, Policy: old}
	next.UUID, next.Created = old.UUID, old.Created
	ch.DeleteAlarms = old.AlarmNames()
	next.nameAlarms(t.Key, newID)
	ch.CreateAlarms = next.Alarms(t, m)
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
