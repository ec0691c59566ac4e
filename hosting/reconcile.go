package hosting

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Reported is what a fleet's report led to.
type Reported struct {
	Variant  string     // of the copy that was reported; "" where no variant has it
	Changed  bool       // false: the report repeats what was known
	Measured []Measured // times of the copy's start that have become known
}

// Report applies a fleet's report of a copy of one of the endpoint's instances. Fleets may repeat themselves.
func (e *Endpoint) Report(now time.Time, rep InstanceReport) Reported {
	for _, v := range e.all() {
		at := slices.IndexFunc(v.Instances, func(i *Instance) bool { return i.ID == rep.ID })
		if at < 0 {
			continue
		}
		n := v.Instances[at].copy(rep.CopyID())
		if n < 0 {
			return Reported{Variant: v.Config.Name}
		}
		c := v.Instances[at].Copies[n]
		out := Reported{Variant: v.Config.Name}
		if rep.Stages != (Stages{}) {
			out.Measured, c.Stages = rep.Stages.measured(c.Stages, !c.EverReady), rep.Stages
		}
		out.Changed = v.report(now, at, n, rep)
		return out
	}
	return Reported{}
}

// report applies a report to copy n of the instance at an index.
func (v *Variant) report(now time.Time, at, n int, rep InstanceReport) (changed bool) {
	i := v.Instances[at]
	if i.State != InstanceDraining {
		changed = i.Copies[n].report(now, rep)
		i.follow()
		return changed
	}
	if rep.State != FleetGone {
		return false
	}
	if i.Copies = slices.Delete(i.Copies, n, n+1); len(i.Copies) == 0 {
		v.Instances = slices.Delete(v.Instances, at, at+1)
	}
	return true
}

// report applies a report to a wanted copy.
func (c *Copy) report(now time.Time, rep InstanceReport) (changed bool) {
	switch {
	case rep.State == FleetReady:
		if c.Ready && c.Address == rep.Address {
			return false
		}
		c.Ready, c.Address, c.EverReady = true, rep.Address, true
		c.Reason, c.Unhealthy, c.Cause, c.Final, c.Preparing, c.Ejected = "", "", CauseHealth, false, false, ""
	case rep.State == FleetPreparing:
		if c.Preparing && c.Reason == rep.Reason {
			return false
		}
		c.Ready, c.Address, c.Preparing, c.Reason, c.Cause, c.ReasonAt, c.Unhealthy = false, "", true, rep.Reason, rep.Cause, now, ""
	case rep.State == FleetStarting:
		if unhealthy := !c.Ready && rep.Reason != c.Unhealthy; !c.Preparing {
			if unhealthy {
				c.Unhealthy = rep.Reason
			}
			return unhealthy
		}
		c.Unhealthy = rep.Reason
		c.Preparing, c.Launched, c.Grace, c.Reason, c.Cause = false, now, 0, "", CauseHealth
	case rep.State == FleetGone:
		// A wanted copy that its fleet gave up stays: the level asks for it until the fleet has it again.
		rep.Reason = cmp.Or(rep.Reason, "The instance went away.")
		c.fail(now, rep)
	case rep.Cause == CauseStopped:
		c.Ready, c.Address, c.Reason, c.Cause, c.Final, c.Preparing, c.Ejected = false, "", "", CauseHealth, false, false, ""
		c.Unhealthy, c.Stages = "", Stages{}
		if !c.EverReady {
			c.Launched, c.Grace = now, 0 // its startup timeout begins again
		}
	default:
		c.fail(now, rep)
	}
	return true
}

// Reconcile moves the endpoint as far as its instances allow: changes complete, or fail once a copy has taken too long to
// become healthy. It reports whether the endpoint is gone. Calling it again without a report in between changes nothing.
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
			e.gone = true
			return true
		}
	case InService, Failed: // at rest
	}
	return false
}

func (r *Registry) reconcileCreating(now time.Time, e *Endpoint) {
	if late := r.overdue(now, e.Variants); late != nil {
		e.Status, e.Modified, e.FailureReason = Failed, now, r.failureReason(late)
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
		e.Status, e.Modified, e.FailureReason = RollingBack, now, r.failureReason(late)
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
		if !i.EverReady() {
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
		e.Status, e.Modified, e.FailureReason = RollingBack, now, r.failureReason(late)
		for _, v := range d.Variants {
			drainAll(v)
		}
		e.Retired, e.Deployment = append(e.Retired, d.Variants...), nil
		return
	}
	if d.RetireAt.IsZero() && allSettled(d.Variants) {
		for _, v := range d.Variants {
			if old := e.Variant(v.Config.Name); old != nil {
				v.Served = old.Served // by the old fleet until now
			}
		}
		e.Retired, e.Variants, d.Variants = append(e.Retired, e.Variants...), d.Variants, nil
		e.Replaced, e.Config, d.RetireAt = e.Config, d.Config, now.Add(d.Bake)
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

// overdue returns a variant of which a copy has not been healthy for longer than it may, or never can be, or nil.
func (r *Registry) overdue(now time.Time, variants []*Variant) *Variant {
	for _, v := range variants {
		for c := range v.wanted() {
			if at := r.deadline(v, c); !c.EverReady && c.Final || !at.IsZero() && !now.Before(at) {
				return v
			}
		}
	}
	return nil
}

// provisionTimeout is how long an instance may wait for capacity where its variant does not say. AWS keeps an endpoint Creating for
// about half an hour before it gives up with InsufficientInstanceCapacity.
const provisionTimeout = 30 * time.Minute

// deadline returns when a wanted copy that has never been healthy has taken too long; the zero time where it has no deadline. Fetching model
// data has a deadline of the fleet's own, which reports its end.
func (r *Registry) deadline(v *Variant, c *Copy) time.Time {
	switch {
	case c.EverReady, c.Preparing && c.Cause == CauseModelData:
		return time.Time{}
	case c.Preparing:
		return c.began().Add(r.policyTime(cmp.Or(v.Config.ProvisionTimeout, provisionTimeout)) + c.Grace)
	default:
		return c.began().Add(r.policyTime(r.timeout(v)) + c.Grace)
	}
}

// timeout is how long a copy may take to become healthy: wall time.
func (r *Registry) timeout(v *Variant) time.Duration {
	return cmp.Or(v.Config.StartupTimeout, r.StartupTimeout)
}

// failureReason is SageMaker's text, and the last reason that the copy's fleet reported.
func (r *Registry) failureReason(v *Variant) string {
	for c := range v.wanted() {
		if !c.EverReady && c.Cause != CauseHealth && c.Reason != "" {
			return c.Reason
		}
	}
	s := fmt.Sprintf("The primary container for production variant %s did not pass the ping health check. "+
		"The logs of its instances are in fleet/logs of the server's data directory.", v.Config.Name)
	if why := v.LastFailure(); why != "" {
		return s + " Last failure: " + why
	}
	if _, c := unhealthy([]*Variant{v}); c != nil {
		return s + " Last failure: " + NotHealthyWithin(r.timeout(v), c.Unhealthy)
	}
	return s
}

// NotHealthyWithin says that a copy did not answer /ping with 200 within its startup timeout, and why.
func NotHealthyWithin(timeout time.Duration, why string) string {
	return fmt.Sprintf("It did not become healthy within %v: %s", timeout, why)
}

// Wake returns the earliest moment at which Reconcile can change the endpoint without a report of its fleet; the zero time
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
		for c := range v.wanted() {
			if at := r.deadline(v, c); !at.IsZero() {
				earlier(at)
			}
		}
	}
	if d := e.Deployment; d != nil && !d.RetireAt.IsZero() {
		earlier(d.RetireAt)
	}
	return wake
}
