package engine

import (
	"maps"
	"slices"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/scaling"
)

// InstanceActivityChanged is an instance's activity in its new status: an entry in the history of its variant's Auto Scaling group.
type InstanceActivityChanged struct {
	Scope    Scope
	Activity scaling.InstanceActivity
}

func (InstanceActivityChanged) event() {}

// String renders the activity.
func (e InstanceActivityChanged) String() string {
	a := e.Activity
	return "group " + a.Group.GroupName() + " " + a.Status.String() + ": " + a.Description() + ". " + a.CauseText()
}

// noteCause notes what changed a variant's desired capacity in this step: the activities of instances that come and go for it name it.
func (e *Engine) noteCause(r *Region, k scaling.TargetKey, cause scaling.Cause, from, to int) {
	why := scaling.CapacityChange{At: e.now, Cause: cause, From: from, To: to, Min: from, Max: from}
	if t := r.Targets.Of(k); t != nil {
		why.Min, why.Max = t.Bounds(from)
	}
	if e.step.why == nil {
		e.step.why = map[regionTarget]scaling.CapacityChange{}
	}
	e.step.why[regionTarget{r.Scope, k}] = why
}

// noteScaled notes a target's change of capacity as the cause of what happens to instances. before is the desired capacity of each variant of
// the endpoint before the change.
func (e *Engine) noteScaled(r *Region, endpoint, variant string, before map[string]int, c scaling.Change) {
	if variant != "" {
		e.noteCause(r, scaling.VariantTarget(endpoint, variant), c.Cause, c.From, c.Want)
		return
	}
	for name, n := range r.desired(endpoint) { //tidy:unordered put into a map
		if n != before[name] {
			e.noteCause(r, scaling.VariantTarget(endpoint, name), c.Cause, before[name], n)
		}
	}
}

// noteCauseForAll notes the same cause for every variant of an endpoint.
func (e *Engine) noteCauseForAll(r *Region, x *hosting.Endpoint, kind scaling.CauseKind) {
	for _, v := range x.Variants {
		from, to := v.Desired, v.Desired
		if kind == scaling.CauseCreated {
			from = 0
		}
		if kind == scaling.CauseDeleted {
			to = 0
		}
		e.noteCause(r, scaling.VariantTarget(x.Name, v.Config.Name), scaling.Cause{Kind: kind}, from, to)
	}
}

// regionTarget names a variant across scopes.
type regionTarget struct {
	Scope
	Key scaling.TargetKey
}

// followInstances compares an endpoint's instances with the activities that are open, and emits those that began and ended; x is nil where
// the endpoint is gone.
func (e *Engine) followInstances(r *Region, name string, x *hosting.Endpoint) {
	here := map[hosting.InstanceID]bool{}
	if x != nil {
		for _, v := range x.All() {
			e.followVariant(r, name, v, here)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.moving[name])) {
		if here[id] {
			continue
		}
		status := scaling.InstanceSuccessful
		if r.moving[name][id].Launch {
			status = scaling.InstanceCancelled
		}
		e.endInstance(r, name, id, status, "")
	}
}

// followVariant emits the activities of one fleet's instances.
func (e *Engine) followVariant(r *Region, endpoint string, v *hosting.Variant, here map[hosting.InstanceID]bool) {
	var started, drained []*hosting.Instance
	wanted := 0
	for _, i := range v.Instances {
		here[i.ID] = true
		a := r.moving[endpoint][i.ID]
		switch draining := i.State == hosting.InstanceDraining; {
		case draining && (a == nil || a.Launch):
			drained = append(drained, i)
		case i.State == hosting.InstanceInService && a != nil && a.Launch:
			e.endInstance(r, endpoint, i.ID, scaling.InstanceSuccessful, "")
		case !draining && a == nil && !i.EverReady():
			started = append(started, i)
		}
		if i.State != hosting.InstanceDraining {
			wanted++
		}
	}
	key := scaling.VariantTarget(endpoint, v.Config.Name)
	for _, i := range drained {
		if r.moving[endpoint][i.ID] != nil {
			status := scaling.InstanceCancelled
			reason, failures := i.Failure()
			if failures > 0 {
				status = scaling.InstanceFailed
			}
			e.endInstance(r, endpoint, i.ID, status, reason)
		}
	}
	before := wanted - len(started) + len(drained)
	for _, i := range drained {
		e.beginInstance(r, key, i.ID, false, before, wanted)
	}
	for _, i := range started {
		e.beginInstance(r, key, i.ID, true, before, wanted)
	}
}

func (e *Engine) beginInstance(r *Region, k scaling.TargetKey, id hosting.InstanceID, launch bool, from, to int) {
	a := &scaling.InstanceActivity{
		ID: activityID(id, launch), Group: k, Instance: string(id), Launch: launch, Status: scaling.InstanceDraining, Start: e.now,
		Why: e.step.why[regionTarget{r.Scope, k}], From: from, To: to,
	}
	if launch {
		a.Status = scaling.InstanceInProgress
	}
	r.open(a)
	e.emit(InstanceActivityChanged{r.Scope, *a})
}

// activityID makes an identifier of the instance's own, so that the sequence of others does not depend on it. An instance starts once
// and goes once.
func activityID(id hosting.InstanceID, launch bool) string {
	var s identities
	for _, c := range []byte(id) {
		s.state = s.next() ^ uint64(c)
	}
	if launch {
		s.next()
	}
	return s.uuid()
}

// open notes an instance's activity until it ends.
func (r *Region) open(a *scaling.InstanceActivity) {
	endpoint, _, _ := a.Group.Variant()
	if r.moving[endpoint] == nil {
		r.moving[endpoint] = moving{}
	}
	r.moving[endpoint][hosting.InstanceID(a.Instance)] = a
}

func (e *Engine) endInstance(r *Region, endpoint string, id hosting.InstanceID, status scaling.InstanceStatus, reason string) {
	a := *r.moving[endpoint][id]
	if delete(r.moving[endpoint], id); len(r.moving[endpoint]) == 0 {
		delete(r.moving, endpoint)
	}
	a.Status, a.Reason, a.End = status, reason, e.now
	e.emit(InstanceActivityChanged{r.Scope, a})
}
