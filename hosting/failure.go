package hosting

import (
	"cmp"
	"fmt"
	"slices"
)

// newestFailure returns the wanted instance, of those that do not serve, whose failure is the newest, and its variant; nil where none has
// failed or waits.
func newestFailure(variants []*Variant) (*Variant, *Instance) {
	var of *Variant
	var newest *Instance
	for _, v := range variants {
		for _, i := range v.Instances {
			if i.State == InstanceStarting && i.Reason != "" && (newest == nil || !i.ReasonAt.Before(newest.ReasonAt)) {
				of, newest = v, i
			}
		}
	}
	return of, newest
}

// LastFailure returns the newest reason for which a wanted instance is not serving, or "".
func (v *Variant) LastFailure() string {
	if _, i := newestFailure([]*Variant{v}); i != nil {
		return i.Reason
	}
	return ""
}

// PendingReason returns the newest reason for which a creation or an update under way is not done, "" where nothing has failed yet or nothing is
// under way. Where the change fails, its FailureReason follows.
func (e *Endpoint) PendingReason() string {
	if e.Status != Creating && e.Status != Updating {
		return ""
	}
	v, i := newestFailure(e.Next())
	switch {
	case i == nil:
		return ""
	case i.Cause != CauseHealth:
		return i.Reason
	default:
		return fmt.Sprintf("The primary container for production variant %s has not passed the ping health check yet. Last failure: %s", v.Config.Name, i.Reason)
	}
}

// Delayed returns the endpoint's status, Creating or Updating, where it is held up by the failure of an instance that has never served; else 0.
func (e *Endpoint) Delayed(by InstanceID) Status {
	if e.Status != Creating && e.Status != Updating {
		return 0
	}
	for _, v := range e.Next() {
		for _, i := range v.Instances {
			if i.ID == by && i.unborn() && i.Failures > 0 {
				return e.Status
			}
		}
	}
	return 0
}

// Failure returns what is wrong with a variant: the newest reason for which an instance of it does not serve, in use or coming with an
// update; else why the endpoint's last change failed; else "".
func (e *Endpoint) Failure(variant string) string {
	all := slices.DeleteFunc(e.all(), func(v *Variant) bool { return v.Config.Name != variant })
	if _, i := newestFailure(all); i != nil {
		return i.Reason
	}
	return cmp.Or(e.PendingReason(), e.FailureReason)
}

// Shown returns the variants in use and, of an update under way, those that come with it and are not in use.
func (e *Endpoint) Shown() []*Variant {
	return append(slices.Clone(e.Variants), slices.DeleteFunc(slices.Clone(e.Next()), func(v *Variant) bool {
		return e.Variant(v.Config.Name) != nil
	})...)
}
