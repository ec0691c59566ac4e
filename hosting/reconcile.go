package hosting

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Report applies a fleet's report of an instance of the endpoint and returns the instance's variant, "" where no variant has it. changed
// is false where the report says nothing new: fleets may repeat themselves.
func (e *Endpoint) Report(now time.Time, rep InstanceReport) (variant string, changed bool) {
	for _, v := range e.all() {
		at := slices.IndexFunc(v.Instances, func(i *Instance) bool { return i.ID == rep.ID })
		if at >= 0 {
			return v.Config.Name, v.report(now, at, rep)
		}
	}
	return "", false
}

func (v *Variant) report(now time.Time, at int, rep InstanceReport) bool {
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
		i.State, i.Address, i.EverReady = InstanceInService, rep.Address, true
		i.Reason, i.Cause, i.Final, i.Preparing, i.Ejected = "", CauseHealth, false, false, ""
	case rep.State == FleetPreparing:
		if i.Preparing && i.Reason == rep.Reason {
			return false
		}
		i.State, i.Address, i.Preparing, i.Reason, i.Cause, i.ReasonAt = InstanceStarting, "", true, rep.Reason, rep.Cause, now
	case rep.State == FleetStarting:
		if !i.Preparing {
			return false
		}
		i.Preparing, i.Launched, i.Grace, i.Reason, i.Cause = false, now, 0, "", CauseHealth
	case rep.State == FleetGone:
		// A wanted instance that its fleet gave up stays: the level asks for it until the fleet has it again.
		rep.Reason = cmp.Or(rep.Reason, "The instance went away.")
		i.fail(now, rep)
	case rep.Cause == CauseStopped:
		i.State, i.Address, i.Reason, i.Cause, i.Final, i.Preparing, i.Ejected = InstanceStarting, "", "", CauseHealth, false, false, ""
		if !i.EverReady {
			i.Launched, i.Grace = now, 0 // its start-up time begins anew
		}
	default:
		i.fail(now, rep)
	}
	return true
}

func (i *Instance) fail(now time.Time, rep InstanceReport) {
	i.State, i.Address, i.Reason, i.Cause, i.Final, i.Preparing = InstanceStarting, "", rep.Reason, rep.Cause, rep.Final, false
	i.Ejected, i.ReasonAt = "", now
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
		for _, v := range d.Variants {
			if old := e.Variant(v.Config.Name); old != nil {
				v.Served = old.Served // measured with the old fleet until now
			}
		}
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

// overdue returns a variant of which an instance has never been healthy for longer than it may, or never can be, or nil.
func (r *Registry) overdue(now time.Time, variants []*Variant) *Variant {
	for _, v := range variants {
		for _, i := range v.Instances {
			if at := r.deadline(v, i); i.unborn() && i.Final || !at.IsZero() && !now.Before(at) {
				return v
			}
		}
	}
	return nil
}

// provisionTimeout is how long an instance may wait for capacity where its variant does not say. AWS keeps an endpoint Creating for
// about half an hour before it gives up with InsufficientInstanceCapacity.
const provisionTimeout = 30 * time.Minute

// deadline returns when an instance that has never been healthy has taken too long; the zero time where no time runs. Fetching model
// data has a deadline of the fleet's own, which reports its end.
func (r *Registry) deadline(v *Variant, i *Instance) time.Time {
	switch {
	case !i.unborn(), i.Preparing && i.Cause == CauseModelData:
		return time.Time{}
	case i.Preparing:
		return i.began().Add(r.policyTime(cmp.Or(v.Config.ProvisionTimeout, provisionTimeout)) + i.Grace)
	default:
		return i.began().Add(r.policyTime(r.timeout(v)) + i.Grace)
	}
}

func (i *Instance) unborn() bool { return i.State == InstanceStarting && !i.EverReady }

// timeout is how long an instance may take to become healthy: wall time.
func (r *Registry) timeout(v *Variant) time.Duration {
	return cmp.Or(v.Config.StartupTimeout, r.StartupTimeout)
}

// failureReason is SageMaker's text, and what the instance's fleet said last.
func failureReason(v *Variant) string {
	for _, i := range v.Instances {
		if i.unborn() && i.Cause != CauseHealth && i.Reason != "" {
			return i.Reason
		}
	}
	s := fmt.Sprintf("The primary container for production variant %s did not pass the ping health check. "+
		"The logs of its instances are in fleet/logs of the server's data directory.", v.Config.Name)
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
			if at := r.deadline(v, i); !at.IsZero() {
				earlier(at)
			}
		}
	}
	if d := e.Deployment; d != nil && !d.RetireAt.IsZero() {
		earlier(d.RetireAt)
	}
	return wake
}
