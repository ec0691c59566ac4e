package hosting

import (
	"maps"
	"slices"
	"time"
)

// EarlierCopy is what states of earlier versions have of an instance's one copy, as members of the instance itself.
type EarlierCopy struct {
	EarlierAddress   string        `json:"Address,omitzero"`
	EarlierEverReady bool          `json:"EverReady,omitzero"`
	EarlierReason    string        `json:"Reason,omitzero"`
	EarlierFailures  int           `json:"Failures,omitzero"`
	EarlierPreparing bool          `json:"Preparing,omitzero"`
	EarlierLaunched  time.Time     `json:"Launched,omitzero"`
	EarlierGrace     time.Duration `json:"Grace,omitzero"`
	EarlierCause     Cause         `json:"Cause,omitzero"`
	EarlierFinal     bool          `json:"Final,omitzero"`
	EarlierReasonAt  time.Time     `json:"ReasonAt,omitzero"`
	EarlierEjected   string        `json:"Ejected,omitzero"`
}

// Restore completes a registry that was decoded from a state of any version. newID names each new instance, differently each time.
func (r *Registry) Restore(newID func() InstanceID) {
	r.NewID = newID
	for _, name := range slices.Sorted(maps.Keys(r.Endpoints)) {
		e := r.Endpoints[name]
		for _, v := range e.all() {
			for _, i := range v.Instances {
				i.restore()
			}
		}
		e.number()
	}
}

// restore gives an instance of an earlier version's state its one copy.
func (i *Instance) restore() {
	old := i.EarlierCopy
	if i.EarlierCopy = nil; len(i.Copies) > 0 {
		return
	}
	c := &Copy{ID: CopyID(i.ID), Started: i.Started}
	if old != nil {
		*c = Copy{
			ID: c.ID, Started: c.Started, Ready: old.EarlierAddress != "" || i.State == InstanceInService, Address: old.EarlierAddress,
			EverReady: old.EarlierEverReady, Reason: old.EarlierReason, Failures: old.EarlierFailures, Preparing: old.EarlierPreparing,
			Launched: old.EarlierLaunched, Grace: old.EarlierGrace, Cause: old.EarlierCause, Final: old.EarlierFinal,
			ReasonAt: old.EarlierReasonAt, Ejected: old.EarlierEjected,
		}
	}
	i.Copies = []*Copy{c}
}

// number gives the fleets of an earlier version's state their generations, in the order in which they were made as far as that is known.
func (e *Endpoint) number() {
	if e.Newest > 0 {
		return
	}
	groups := [][]*Variant{e.Variants}
	if len(e.Retired) > 0 {
		groups = [][]*Variant{e.Retired, e.Variants}
	}
	if e.Deployment != nil && len(e.Deployment.Variants) > 0 {
		groups = append(groups, e.Deployment.Variants)
	}
	for _, variants := range groups {
		e.Newest++
		for _, v := range variants {
			v.Generation = e.Newest
		}
	}
}
