package hosting

import (
	"cmp"
	"fmt"
	"slices"
)

// newestFailure returns the wanted copy, of those that are not ready, whose failure is the newest, and its variant; nil where none has
// failed or waits.
func newestFailure(variants []*Variant) (*Variant, *Copy) {
	var of *Variant
	var newest *Copy
	for _, v := range variants {
		for c := range v.wanted() {
			if !c.Ready && c.Reason != "" && (newest == nil || !c.ReasonAt.Before(newest.ReasonAt)) {
				of, newest = v, c
			}
		}
	}
	return of, newest
}

// LastFailure returns the newest reason for which a wanted copy is not ready, or "".
func (v *Variant) LastFailure() string {
	if _, c := newestFailure([]*Variant{v}); c != nil {
		return c.Reason
	}
	return ""
}

// unhealthy returns the first wanted copy that starts and of which it is known why /ping is not answered with 200, and its variant; nil where
// there is none.
func unhealthy(variants []*Variant) (*Variant, *Copy) {
	for _, v := range variants {
		for c := range v.wanted() {
			if !c.Ready && c.Unhealthy != "" {
				return v, c
			}
		}
	}
	return nil, nil
}

// Waiting returns the newest reason for which a wanted copy is not ready, be it a failure or what /ping answers while it starts; else "".
func (v *Variant) Waiting() string {
	if why := v.LastFailure(); why != "" {
		return why
	}
	if _, c := unhealthy([]*Variant{v}); c != nil {
		return c.Unhealthy
	}
	return ""
}

// Waiting returns what a creation or an update under way waits for: PendingReason, else what /ping answers of a copy that starts; "" where that
// is not known or nothing is under way.
func (e *Endpoint) Waiting() string {
	if why := e.PendingReason(); why != "" || e.Status != Creating && e.Status != Updating {
		return why
	}
	v, c := unhealthy(e.Next())
	if c == nil {
		return ""
	}
	return fmt.Sprintf("The primary container for production variant %s has not passed the ping health check yet: %s", v.Config.Name, c.Unhealthy)
}

// PendingReason returns the newest failure for which a creation or an update under way is not done, "" where nothing has failed yet or nothing is
// under way. Where the change fails, its FailureReason follows.
func (e *Endpoint) PendingReason() string {
	if e.Status != Creating && e.Status != Updating {
		return ""
	}
	v, c := newestFailure(e.Next())
	switch {
	case c == nil:
		return ""
	case c.Cause != CauseHealth:
		return c.Reason
	default:
		return fmt.Sprintf("The primary container for production variant %s has not passed the ping health check yet. Last failure: %s", v.Config.Name, c.Reason)
	}
}

// Delayed returns the endpoint's status, Creating or Updating, where it is delayed by the failure of a copy that has never served; else 0.
func (e *Endpoint) Delayed(by CopyID) Status {
	if e.Status != Creating && e.Status != Updating {
		return 0
	}
	for _, v := range e.Next() {
		for c := range v.wanted() {
			if c.ID == by && !c.EverReady && c.Failures > 0 {
				return e.Status
			}
		}
	}
	return 0
}

// Failure returns what is wrong with a variant: the newest reason for which a copy of it is not ready, in use or coming with an
// update; else why the endpoint's last change failed; else "".
func (e *Endpoint) Failure(variant string) string {
	all := slices.DeleteFunc(e.all(), func(v *Variant) bool { return v.Config.Name != variant })
	if _, c := newestFailure(all); c != nil {
		return c.Reason
	}
	return cmp.Or(e.PendingReason(), e.FailureReason)
}

// Shown returns the variants in use and, of an update under way, those that come with it and are not in use.
func (e *Endpoint) Shown() []*Variant {
	return append(slices.Clone(e.Variants), slices.DeleteFunc(slices.Clone(e.Next()), func(v *Variant) bool {
		return e.Variant(v.Config.Name) != nil
	})...)
}
