package engine

import (
	"fmt"
	"time"

	"bellows.dev/bellows/hosting"
)

// Ejection is an instance that its gateway leaves out for a while, because it fails where others do not.
type Ejection struct {
	ID     hosting.InstanceID
	Since  time.Time // wall time
	Times  int       // ejections in a row: the pauses between trials grow with them
	Reason string    // in a sentence for an operator
}

// InstancesEjected tells which of a variant's instances a gateway leaves out: all of them, whenever that changes.
type InstancesEjected struct {
	Key     VariantKey
	Ejected []Ejection // sorted by ID; empty: all are routed to
}

// EjectionChanged tells that a gateway leaves an instance out, or routes to it again.
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
	now := map[hosting.InstanceID]Ejection{}
	for _, j := range in.Ejected {
		now[j.ID] = j
	}
	for _, v := range x.All() {
		for _, i := range v.Instances {
			j, ejected := now[i.ID]
			if v.Config.Name != in.Key.Variant || ejected == (i.Ejected != "") && j.Reason == i.Ejected {
				continue
			}
			if i.Ejected = j.Reason; !ejected {
				j.ID = i.ID
			}
			e.emit(EjectionChanged{Key: in.Key, Ejection: j, Ended: !ejected})
		}
	}
	return nil, nil
}
