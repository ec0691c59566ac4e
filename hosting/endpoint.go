package hosting

import (
	"fmt"
	"iter"
	"slices"
	"time"
)

// Status is an endpoint's state. AWS: SageMaker API reference, DescribeEndpoint, EndpointStatus.
type Status int

// Endpoint states. SystemUpdating, OutOfService and UpdateRollbackFailed are AWS's own troubles and do not occur here.
const (
	Creating Status = iota + 1
	InService
	Updating
	RollingBack
	Deleting
	Failed
)

// String returns SageMaker's name.
func (s Status) String() string {
	switch s {
	case Creating:
		return "Creating"
	case InService:
		return "InService"
	case Updating:
		return "Updating"
	case RollingBack:
		return "RollingBack"
	case Deleting:
		return "Deleting"
	case Failed:
		return "Failed"
	default:
		return "invalid"
	}
}

// Endpoint is what invocations are addressed to: some variants, each with a fleet of instances.
type Endpoint struct {
	Name          string
	Config        string // the endpoint config in use
	Replaced      string `json:",omitzero"` // the one in use before it; "": there was none, or a server recorded none that is older than this field
	Status        Status
	FailureReason string
	Created       time.Time
	Modified      time.Time
	Served        time.Time `json:",omitzero"` // when it was InService for the first time
	Tags          Tags
	Variants      []*Variant // in use

	// Newest is the generation of the newest fleets that were made for the endpoint.
	Newest Generation `json:",omitzero"`

	// Deployment is the UpdateEndpoint under way, else nil.
	Deployment *Deployment

	// Retired are instances of an earlier config, or of variants that failed to start, until they are gone.
	Retired []*Variant

	gone bool // see Gone
}

// Gone reports whether the endpoint has been deleted: another one may have its name.
func (e *Endpoint) Gone() bool { return e.gone }

// Serves reports whether the endpoint takes invocations.
func (e *Endpoint) Serves() bool {
	return e.Status == InService || e.Status == Updating || e.Status == RollingBack
}

// Variant returns the variant in use of the given name, or nil.
func (e *Endpoint) Variant(name string) *Variant {
	for _, v := range e.Variants {
		if v.Config.Name == name {
			return v
		}
	}
	return nil
}

// Next returns the variants that are in use once the update under way is done; those in use where none is.
func (e *Endpoint) Next() []*Variant {
	if e.Deployment != nil && e.Deployment.RetireAt.IsZero() {
		return e.Deployment.Variants
	}
	return e.Variants // traffic has moved to the new fleet already
}

// Generation numbers the fleets of an endpoint in the order of their deployment: 1 is what CreateEndpoint makes, and each UpdateEndpoint
// makes the next. Two fleets of one variant differ in it.
type Generation int

// Variant is one fleet of a production variant: its configuration, its goal, and its instances. While an endpoint is updated, several
// fleets of a variant exist side by side.
type Variant struct {
	Config VariantConfig

	// Generation is never 0, save in a state of an earlier version that was not restored yet.
	Generation Generation `json:",omitzero"`

	// Model is kept here because models may be deleted while they are in use.
	Model   Model
	Desired int // instances asked for

	CurrentWeight float64
	DesiredWeight float64

	// Previous is Desired before the change under way, to roll back to.
	Previous int

	// ChangeStarted is when the change under way began; zero while there is none.
	ChangeStarted time.Time

	Instances []*Instance // in order of creation

	// Served is how many instances took the variant's invocations in the last hour, oldest first; see Endpoint.NoteServed.
	Served []Served `json:",omitempty"`
}

// Current returns how many instances of the fleet are in service. See Endpoint.Serving for those that take a variant's invocations.
func (v *Variant) Current() int {
	n := 0
	for _, i := range v.Instances {
		if i.State == InstanceInService {
			n++
		}
	}
	return n
}

// Ejections returns a sentence for each copy that its gateway has ejected, with the reason.
func (v *Variant) Ejections() []string {
	var all []string
	for _, i := range v.Instances {
		for _, c := range i.Copies {
			if c.Ejected != "" {
				all = append(all, fmt.Sprintf("%s is not routed to for a while: %s", c.ID, c.Ejected))
			}
		}
	}
	return all
}

// wanted yields the copies of all instances that do not drain.
func (v *Variant) wanted() iter.Seq[*Copy] {
	return func(yield func(*Copy) bool) {
		for _, i := range v.Instances {
			if i.State == InstanceDraining {
				continue
			}
			for _, c := range i.Copies {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// provisioned returns how many instances do not drain.
func (v *Variant) provisioned() int {
	n := 0
	for _, i := range v.Instances {
		if i.State != InstanceDraining {
			n++
		}
	}
	return n
}

// settled reports whether every wanted instance has been healthy once and no other is left. An instance that served and
// crashed does not delay a change: its fleet starts it again.
func (v *Variant) settled() bool {
	for c := range v.wanted() {
		if !c.EverReady {
			return false
		}
	}
	return len(v.Instances) == v.Desired && v.provisioned() == v.Desired
}

// Deployment is an UpdateEndpoint under way: new fleets beside those in use.
// AWS: SageMaker developer guide, deployment guardrails (blue/green, all at once).
type Deployment struct {
	Config   string
	Started  time.Time
	Variants []*Variant // the new fleets, until they are the ones in use

	// Share is the part of each variant's invocations that its new fleet takes while the old one is in use, 0 to 1. It is 0 where traffic
	// moves all at once.
	Share float64 `json:",omitzero"`

	// Bake is how long the old fleets are kept after traffic moved: the baking period and the termination wait together.
	Bake time.Duration

	// RetireAt is when the old fleets may drain; zero until traffic has moved.
	RetireAt time.Time
}

// VariantOf returns the name of the variant in use that an instance belongs to; false where its fleet has no part of the variant's invocations.
func (r *Registry) VariantOf(endpoint string, id InstanceID) (string, bool) {
	e, found := r.Endpoints[endpoint]
	if !found {
		return "", false
	}
	for _, v := range e.Variants {
		if v.has(id) {
			return v.Config.Name, true
		}
	}
	if d := e.Deployment; d != nil && d.Share > 0 {
		for _, v := range d.Variants {
			if v.has(id) && e.Variant(v.Config.Name) != nil {
				return v.Config.Name, true
			}
		}
	}
	return "", false
}

func (v *Variant) has(id InstanceID) bool {
	return slices.ContainsFunc(v.Instances, func(i *Instance) bool { return i.ID == id })
}
