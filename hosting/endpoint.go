package hosting

import (
	"fmt"
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

// Endpoint is what invocations are addressed to: some variants, each with its instances.
type Endpoint struct {
	Name          string
	Config        string // the endpoint config in use
	Status        Status
	FailureReason string
	Created       time.Time
	Modified      time.Time
	Served        time.Time `json:",omitzero"` // since when: it was InService for the first time
	Tags          Tags
	Variants      []*Variant

	// Deployment is the UpdateEndpoint under way, else nil.
	Deployment *Deployment

	// Retired are instances of an earlier config, or of variants that failed to start, until they are gone.
	Retired []*Variant
}

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

// Variant is a production variant in use: its configuration, its goal, and its instances.
type Variant struct {
	Config VariantConfig

	// Model is the variant's own copy: models may be deleted while in use.
	Model   Model
	Desired int // instances asked for

	CurrentWeight float64
	DesiredWeight float64

	// Previous is Desired before the change under way, to roll back to.
	Previous int

	// ChangeStarted is when the change under way began; zero while there is none.
	ChangeStarted time.Time

	Instances []*Instance // in order of creation

	// Served is how many instances took invocations in the last hour, oldest first; see NoteServed.
	Served []Served `json:",omitempty"`
}

// Current returns how many instances take invocations.
func (v *Variant) Current() int {
	n := 0
	for _, i := range v.Instances {
		if i.State == InstanceInService {
			n++
		}
	}
	return n
}

// Ejections says, for each instance that its gateway leaves out for a while, which one it is and why.
func (v *Variant) Ejections() []string {
	var all []string
	for _, i := range v.Instances {
		if i.Ejected != "" {
			all = append(all, fmt.Sprintf("%s is not routed to for a while: %s", i.ID, i.Ejected))
		}
	}
	return all
}

// provisioned returns how many instances are wanted: all that do not drain.
func (v *Variant) provisioned() int {
	n := 0
	for _, i := range v.Instances {
		if i.State != InstanceDraining {
			n++
		}
	}
	return n
}

// settled reports whether every wanted instance has once been healthy and no other is left. An instance that served and
// crashed does not hold a change up: its fleet brings it back.
func (v *Variant) settled() bool {
	for _, i := range v.Instances {
		if i.State == InstanceDraining || !i.EverReady {
			return false
		}
	}
	return len(v.Instances) == v.Desired
}

// InstanceState is where an instance is in its life.
type InstanceState int

// Instance states.
const (
	InstanceStarting  InstanceState = iota + 1 // not healthy: new, or crashed and on its way back
	InstanceInService                          // takes invocations
	InstanceDraining                           // takes no new ones, and goes
)

// String returns the state in the words of the Auto Scaling API's life cycle.
func (s InstanceState) String() string {
	switch s {
	case InstanceStarting:
		return "Pending"
	case InstanceInService:
		return "InService"
	case InstanceDraining:
		return "Terminating"
	default:
		return "invalid"
	}
}

// Instance is one running model server.
type Instance struct {
	ID        InstanceID
	State     InstanceState
	Address   string // host:port; set while in service
	Started   time.Time
	EverReady bool
	Reason    string // why it is not serving, from its fleet
	Failures  int    // times it was reported failed

	// Preparing: it waits for capacity or model data, and its start-up time does not run.
	Preparing bool `json:",omitzero"`

	// Launched is when its start-up time began, where that is later than Started.
	Launched time.Time `json:",omitzero"`

	// Grace is by how much its deadline is later, in policy time, since the clock ran at another speed when its time began.
	Grace time.Duration `json:",omitzero"`

	// Cause and Final are those of the last failure, and ReasonAt is when Reason was reported.
	Cause    Cause     `json:",omitzero"`
	Final    bool      `json:",omitzero"`
	ReasonAt time.Time `json:",omitzero"`

	// Ejected says why its gateway leaves it out for a while, although it is in service; "" where it does not.
	Ejected string `json:",omitempty"`
}

// Deployment is an UpdateEndpoint under way: a new fleet beside the one in use.
// AWS: SageMaker developer guide, deployment guardrails (blue/green, all at once).
type Deployment struct {
	Config   string
	Started  time.Time
	Variants []*Variant // the new fleet, until traffic moves to it

	// Bake is how long the old fleet is kept after traffic moved: the baking period and the termination wait together.
	Bake time.Duration

	// RetireAt is when the old fleet may drain; zero until traffic has moved.
	RetireAt time.Time
}

// VariantOf returns the name of the variant in use that an instance belongs to.
func (r *Registry) VariantOf(endpoint string, id InstanceID) (string, bool) {
	e, found := r.Endpoints[endpoint]
	if !found {
		return "", false
	}
	for _, v := range e.Variants {
		for _, i := range v.Instances {
			if i.ID == id {
				return v.Config.Name, true
			}
		}
	}
	return "", false
}
