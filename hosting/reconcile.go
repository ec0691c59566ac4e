package hosting

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Report takes a fleet's word about an instance of the endpoint and returns its variant. A word that changes nothing, or is about
// an instance that is not there, is no news: fleets may repeat themselves.
func (e *Endpoint) Report(rep InstanceReport) (variant string, news bool) {
	for _, v := range e.all() {
		at := slices.IndexFunc(v.Instances, func(i *Instance) bool { return i.ID == rep.ID })
		if at >= 0 {
			return v.Config.Name, v.report(at, rep)
		}
	}
	return "", false
}

func (v *Variant) report(at int, rep InstanceReport) bool {
	i := v.Instances[at]
	switch {
	case rep.State == FleetGone && i.State == InstanceDraining:
		v.Instances = slices.Delete(v.Instances, at, at+1)
	case i.State == InstanceDraining:
		return false
	case rep.State == FleetReady:
		if i.State == InstanceInService && i.Address == rep.Address {
			return false
		}
		i.State, i.Address, i.EverReady, i.Reason = InstanceInService, rep.Address, true, ""
	case rep.State == FleetGone:
		// A wanted instance that its fleet gave up stays: the level asks for it until the fleet has it again.
		i.fail(cmp.Or(rep.Reason, "The instance went away."))
	default:
		i.fail(rep.Reason)
	}
	return true
}

func (i *Instance) fail(reason string) {
	i.State, i.Address, i.Reason = InstanceStarting, "", reason
	i.Failures++
}

// Reconcile moves the endpoint as far as its instances allow: changes complete, or fail once an instance has taken too long to
// become healthy. It reports whether the endpoint is gone. Calling it again without news changes nothing.
func (r *Registry) Reconcile(now time.Time, e *Endpoint) (gone bool) {
	e.Retired = slices.DeleteFunc(e.Retired, func(v *Variant) bool { return len(v.Instances) == 0 })
	switch e.Status {
	case Creating:
		r.reconcileCreating(now, e)
	case Updating:
		if e.Deployment != nil {
			r.reconcileDeployment(now, e)
		} else {
			r.reconcileScaling(now, e)
		}
	case RollingBack:
		if len(e.Retired) == 0 && !anyDraining(e.Variants) {
			e.settle(now)
		}
	case Deleting:
		if !slices.ContainsFunc(e.all(), func(v *Variant) bool { return len(v.Instances) > 0 }) {
			delete(r.Endpoints, e.Name)
			return true
		}
	case InService, Failed: // at rest
	}
	return false
}

func (r *Registry) reconcileCreating(now time.Time, e *Endpoint) {
	if late := r.overdue(now, e.Variants); late != nil {
		e.Status, e.Modified, e.FailureReason = Failed, now, failureReason(late)
		for _, v := range e.Variants {
			drainAll(v)
		}
		return
	}
	if allSettled(e.Variants) {
		e.settle(now)
	}
}

// reconcileScaling completes a change of weights and capacities, or rolls it back: what started goes, what served stays.
// AWS: DescribeEndpoint, EndpointStatus RollingBack.
func (r *Registry) reconcileScaling(now time.Time, e *Endpoint) {
	if late := r.overdue(now, e.Variants); late != nil {
		e.Status, e.Modified, e.FailureReason = RollingBack, now, failureReason(late)
		for _, v := range e.Variants {
			r.rollBack(now, v)
		}
		return
	}
	if allSettled(e.Variants) {
		e.settle(now)
	}
}

// rollBack returns a variant to its capacity before the change, as far as instances that have served allow.
func (r *Registry) rollBack(now time.Time, v *Variant) {
	if v.ChangeStarted.IsZero() {
		return
	}
	served := 0
	for _, i := range v.Instances {
		if !i.EverReady {
			i.drain()
		} else if i.State != InstanceDraining {
			served++
		}
	}
	r.resize(now, v, min(v.Previous, served))
	v.DesiredWeight = v.CurrentWeight
}

func (r *Registry) reconcileDeployment(now time.Time, e *Endpoint) {
	d := e.Deployment
	if late := r.overdue(now, d.Variants); late != nil {
		e.Status, e.Modified, e.FailureReason = RollingBack, now, failureReason(late)
		for _, v := range d.Variants {
			drainAll(v)
		}
		e.Retired, e.Deployment = append(e.Retired, d.Variants...), nil
		return
	}
	if d.RetireAt.IsZero() && allSettled(d.Variants) {
		e.Retired, e.Variants, d.Variants = append(e.Retired, e.Variants...), d.Variants, nil
		e.Config, d.RetireAt = d.Config, now.Add(d.Bake)
	}
	if d.RetireAt.IsZero() || now.Before(d.RetireAt) {
		return
	}
	for _, v := range e.Retired {
		drainAll(v)
	}
	if len(e.Retired) == 0 {
		e.Deployment = nil
		e.settle(now)
	}
}

// settle ends the change under way.
func (e *Endpoint) settle(now time.Time) {
	if e.Status == Creating {
		e.Served = now
	}
	e.Status, e.Modified = InService, now
	for _, v := range e.Variants {
		v.CurrentWeight, v.ChangeStarted = v.DesiredWeight, time.Time{}
	}
}

func allSettled(variants []*Variant) bool {
	return !slices.ContainsFunc(variants, func(v *Variant) bool { return !v.settled() })
}

func anyDraining(variants []*Variant) bool {
	return slices.ContainsFunc(variants, func(v *Variant) bool { return len(v.Instances) != v.provisioned() })
}

// overdue returns a variant of which an instance has never been healthy for longer than it may, or nil.
func (r *Registry) overdue(now time.Time, variants []*Variant) *Variant {
	for _, v := range variants {
		for _, i := range v.Instances {
			if i.unborn() && !now.Before(i.Started.Add(r.timeout(v))) {
				return v
			}
		}
	}
	return nil
}

func (i *Instance) unborn() bool { return i.State == InstanceStarting && !i.EverReady }

func (r *Registry) timeout(v *Variant) time.Duration {
	return cmp.Or(v.Config.StartupTimeout, r.StartupTimeout)
}

// failureReason is SageMaker's text, and what the instance's fleet said last.
func failureReason(v *Variant) string {
	s := fmt.Sprintf("The primary container for production variant %s did not pass the ping health check. "+
		"Please check CloudWatch logs for this endpoint.", v.Config.Name)
	if why := v.LastFailure(); why != "" {
		s += " Last failure: " + why
	}
	return s
}

// Wake returns the earliest moment at which Reconcile can change the endpoint without news from its fleet; the zero time
// where there is none.
func (r *Registry) Wake(e *Endpoint) time.Time {
	var wake time.Time
	earlier := func(t time.Time) {
		if wake.IsZero() || t.Before(wake) {
			wake = t
		}
	}
	if e.Status != Creating && e.Status != Updating {
		return wake
	}
	for _, v := range e.all() {
		for _, i := range v.Instances {
			if i.unborn() {
				earlier(i.Started.Add(r.timeout(v)))
			}
		}
	}
	if d := e.Deployment; d != nil && !d.RetireAt.IsZero() {
		earlier(d.RetireAt)
	}
	return wake
}
