package engine

import (
	"fmt"
	"time"

	"bellows.dev/bellows/hosting"
)

// Ejection is a copy that its gateway does not route to for a while, because it fails where others do not.
type Ejection struct {
	ID     hosting.CopyID
	Since  time.Time // wall time
	Times  int       // ejections in a row: the pauses between trials grow with them
	Reason string    // in a sentence for an operator
}

// InstancesEjected lists all of a variant's copies that a gateway has ejected, whenever that changes.
type InstancesEjected struct {
	Key     VariantKey
	Ejected []Ejection // sorted by ID; empty: all are routed to
}

// EjectionChanged is a gateway's ejection of a copy, or its end.
type EjectionChanged struct {
	Key      VariantKey
	Ejection Ejection
	Ended    bool // it is routed to again
}

func (EjectionChanged) event() {}

// String renders the change.
func (e EjectionChanged) String() string {
	where := fmt.Sprintf("%s of %s/%s", e.Ejection.ID, e.Key.Endpoint, e.Key.Variant)
	if e.Ended {
		return where + " is routed to again"
	}
	return where + " is not routed to for a while: " + e.Ejection.Reason
}

func (in InstancesEjected) apply(e *Engine) (Result, error) {
	_, x := e.endpointOf(in.Key)
	if x == nil {
		return nil, nil
	}
	now := map[hosting.CopyID]Ejection{}
	for _, j := range in.Ejected {
		now[j.ID] = j
	}
	for _, v := range x.All() {
		if v.Config.Name != in.Key.Variant {
			continue
		}
		for _, i := range v.Instances {
			for _, c := range i.Copies {
				e.eject(in.Key, c, now)
			}
		}
	}
	return nil, nil
}

// eject notes whether a copy is among those that are ejected now.
func (e *Engine) eject(k VariantKey, c *hosting.Copy, now map[hosting.CopyID]Ejection) {
	j, ejected := now[c.ID]
	if ejected == (c.Ejected != "") && j.Reason == c.Ejected {
		return
	}
	if c.Ejected = j.Reason; !ejected {
		j.ID = c.ID
	}
	e.emit(EjectionChanged{Key: k, Ejection: j, Ended: !ejected})
}
