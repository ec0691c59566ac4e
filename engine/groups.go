package engine

import (
	"slices"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
)

// Auto Scaling groups are how the EC2 Auto Scaling API shows production variants: see docs/decisions/0012-variants-as-groups.md.
// Inputs about one fail with a hosting.Error of KindNotFound where its variant is not there.

// UpdateGroup changes a group's bounds, desired capacity and settings.
type UpdateGroup struct {
	Scope  Scope
	Update scaling.GroupUpdate
}

// SetDesiredCapacity asks for a desired capacity of a group.
type SetDesiredCapacity struct {
	Scope         Scope
	Key           scaling.TargetKey
	Desired       int
	HonorCooldown bool
}

// PutGroupPolicy makes a group's policy or replaces it, and the alarms it owns. Its Result is a PutScalingPolicyResult.
type PutGroupPolicy struct {
	Scope Scope
	Input policy.GroupInput
}

// DeleteGroupPolicy removes a group's policy, the alarms it owns and the actions that name it; one that is not there is ignored.
type DeleteGroupPolicy struct {
	Scope Scope
	Key   scaling.TargetKey
	Name  string
}

// ExecuteGroupPolicy carries a group's policy out at a user's word.
type ExecuteGroupPolicy struct {
	Scope     Scope
	Execution scaling.Execution
}

// SetGroupProcesses suspends processes of a group, or resumes them; all where none is named.
type SetGroupProcesses struct {
	Scope     Scope
	Key       scaling.TargetKey
	Processes []scaling.Process
	Suspend   bool
}

// PutGroupSchedule makes or replaces a group's scheduled action. The input carries the data of the time zone that it names.
type PutGroupSchedule struct {
	Scope Scope
	Input scaling.GroupScheduleInput
}

// DeleteGroupSchedule removes a group's scheduled action.
type DeleteGroupSchedule struct {
	Scope Scope
	Key   scaling.TargetKey
	Name  string
}

func (in PutGroupSchedule) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	if _, _, err := r.variant(in.Input.Key); err != nil {
		return nil, err
	}
	return nil, r.Targets.PutGroupSchedule(e.now, in.Input, e.ids.uuid)
}

func (in DeleteGroupSchedule) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	if _, _, err := r.variant(in.Key); err != nil {
		return nil, err
	}
	return nil, r.Targets.DeleteGroupSchedule(in.Key, in.Name)
}

// variant finds the variant that a group stands for.
func (r *Region) variant(k scaling.TargetKey) (*hosting.Endpoint, *hosting.Variant, error) {
	endpoint, variant, _ := k.Variant()
	x, err := r.Hosting.Endpoint(endpoint)
	if err != nil {
		return nil, nil, err
	}
	v := x.Variant(variant)
	if v == nil || x.Status == hosting.Deleting {
		return nil, nil, &hosting.Error{Kind: hosting.KindNotFound, Resource: hosting.ResourceVariant, Name: variant}
	}
	return x, v, nil
}

// capacityAt is what a variant has now.
func capacityAt(x *hosting.Endpoint, v *hosting.Variant) scaling.Capacity {
	return scaling.Capacity{Desired: v.Desired, Current: x.Serving(v), Scalable: x.Status == hosting.InService}
}

func (in UpdateGroup) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	x, v, err := r.variant(in.Update.Key)
	if err != nil {
		return nil, err
	}
	if err := scaling.CheckInstanceType(v.Config.InstanceType); err != nil {
		return nil, err
	}
	t, c, err := r.Targets.UpdateGroup(e.now, in.Update, capacityAt(x, v))
	if err != nil {
		return nil, err
	}
	switch {
	case t.DryRun() && in.Update.Desired == nil:
		t.ClampDue = t.ClampDue || c.Want != c.From // the range alone changes nothing before the dry run ends
	case c.Want != t.Wanted(c.From):
		e.order(r, t, c)
	}
	return nil, nil
}

func (in SetDesiredCapacity) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	x, v, err := r.variant(in.Key)
	if err != nil {
		return nil, err
	}
	t, c, err := r.Targets.SetDesired(e.now, in.Key, in.Desired, in.HonorCooldown, capacityAt(x, v))
	if err != nil {
		return nil, err
	}
	if c.Want != t.Wanted(c.From) {
		e.order(r, t, c)
	}
	return nil, nil
}

// order carries a user's change of capacity out, now or as soon as the variant takes it.
func (e *Engine) order(r *Region, t *scaling.Target, c scaling.Change) {
	t.Hold(c)
	e.release(r, t)
}

func (e *Engine) release(r *Region, t *scaling.Target) {
	if c, due := t.Release(r.Capacity(t)); due {
		e.scale(r, t, c)
	}
}

func (in PutGroupPolicy) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	_, v, err := r.variant(in.Input.Key)
	if err != nil {
		return nil, err
	}
	if err := scaling.CheckInstanceType(v.Config.InstanceType); err != nil {
		return nil, err
	}
	put, err := in.Input.Put()
	if err != nil {
		return nil, err
	}
	change, err := r.Targets.PutGroupPolicy(e.now, put, e.ids.uuid)
	if err != nil {
		return nil, err
	}
	e.replaceAlarms(r, change)
	return PutScalingPolicyResult{UUID: change.Policy.UUID, Alarms: change.Policy.AlarmNames()}, nil
}

func (in DeleteGroupPolicy) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	if _, _, err := r.variant(in.Key); err != nil {
		return nil, err
	}
	if p := r.Targets.DeleteGroupPolicy(in.Key, in.Name); p != nil {
		e.forget(r, p)
	}
	return nil, nil
}

// forget takes a group's policy out of the alarms.
func (e *Engine) forget(r *Region, p *scaling.Policy) {
	e.carryOut(r, r.Alarms.Delete(e.now, p.AlarmNames()))
	r.Alarms.RemoveActions(p.UUID, p.Name)
}

// removeGroup forgets what was set of a variant's group.
func (e *Engine) removeGroup(r *Region, k scaling.TargetKey) {
	for _, p := range r.Targets.RemoveGroup(k) {
		e.forget(r, p)
	}
}

func (in ExecuteGroupPolicy) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	x, v, err := r.variant(in.Execution.Key)
	if err != nil {
		return nil, err
	}
	t := r.Targets.Of(in.Execution.Key)
	if t == nil || t.Group.Policy(in.Execution.Policy) == nil {
		return nil, &scaling.Error{Kind: scaling.KindObjectNotFound, Msg: "Policy not found: " + in.Execution.Policy}
	}
	var d scaling.Decision
	if err := t.Execute(e.now, in.Execution, capacityAt(x, v), &d); err != nil {
		return nil, err
	}
	e.emit(Decided{Scope: r.Scope, Target: t.Key, Decision: d})
	if d.Acted {
		e.scale(r, t, d.Change())
	}
	return nil, nil
}

func (in SetGroupProcesses) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	x, _, err := r.variant(in.Key)
	if err != nil {
		return nil, err
	}
	t := r.Targets.Grouped(e.now, in.Key)
	if in.Suspend {
		t.Group.Suspend(e.now, in.Processes)
		e.touch(r, x.Name) // requests may no longer wake it
		return nil, nil
	}
	t.Group.Resume(in.Processes)
	e.touch(r, x.Name) // what waited goes on
	return nil, nil
}

// byHand tells groups of desired capacities that were set through SageMaker: what waited is superseded.
func (e *Engine) byHand(r *Region, endpoint string, before map[string]int, changes []hosting.Change) {
	for _, c := range changes {
		if c.Desired == nil {
			continue
		}
		key := scaling.VariantTarget(endpoint, c.Variant)
		e.noteCause(r, key, scaling.Cause{Kind: scaling.CauseDesired}, before[c.Variant], *c.Desired)
		if t := r.Targets.Of(key); t != nil && t.Group != nil {
			t.Group.Held = nil
			t.Group.Lost(max(0, before[c.Variant]-*c.Desired))
		}
	}
}

// desired returns the desired capacity of each variant of an endpoint.
func (r *Region) desired(endpoint string) map[string]int {
	out := map[string]int{}
	if x := r.Hosting.Endpoints[endpoint]; x != nil {
		for _, v := range x.Variants {
			out[v.Config.Name] = v.Desired
		}
	}
	return out
}

// orphans removes the groups of variants that an endpoint has no more.
func (e *Engine) orphans(r *Region, x *hosting.Endpoint) {
	var gone []scaling.TargetKey
	for k := range r.Targets.Groups { //tidy:unordered sorted below
		if name, variant, _ := k.Variant(); name == x.Name && x.Variant(variant) == nil {
			gone = append(gone, k)
		}
	}
	slices.SortFunc(gone, scaling.TargetKey.Compare)
	for _, k := range gone {
		e.removeGroup(r, k)
	}
}
