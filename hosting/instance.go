package hosting

import (
	"slices"
	"time"
)

// InstanceState is where an instance is in its life.
type InstanceState int

// Instance states.
const (
	InstanceStarting  InstanceState = iota + 1 // no copy serves: it is new, or its copies crashed and start again
	InstanceInService                          // a copy takes invocations
	InstanceDraining                           // takes no new invocations, and goes
)

// String returns the state's name in the Auto Scaling API's life cycle.
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

// Instance is one machine of a fleet. It holds copies; without inference components it holds one, of its variant's model.
type Instance struct {
	ID      InstanceID
	State   InstanceState
	Started time.Time // when it was asked for
	Copies  []*Copy

	*EarlierCopy // of a state that Registry.Restore has not completed yet; else nil
}

// Copy is one model server on an instance.
type Copy struct {
	ID      CopyID
	Started time.Time // when it was asked for

	Ready     bool   `json:",omitzero"` // it answers /ping with 200
	Address   string `json:",omitzero"` // host:port; set while it is ready
	EverReady bool   `json:",omitzero"`
	Reason    string `json:",omitzero"` // why it is not ready, from its fleet
	Failures  int    `json:",omitzero"` // times it was reported failed

	// Unhealthy is why /ping has not been answered with 200 since its model server was started, from its fleet; "" where that is not known.
	Unhealthy string `json:",omitzero"`

	// Preparing: it waits for capacity or model data, and its start-up time does not run.
	Preparing bool `json:",omitzero"`

	// Launched is when its start-up time began, where that is later than Started.
	Launched time.Time `json:",omitzero"`

	// Grace is by how much its deadline is later, in policy time, because the clock ran at another speed when its time began.
	Grace time.Duration `json:",omitzero"`

	// Cause and Final are those of the last failure, and ReasonAt is when Reason was reported.
	Cause    Cause     `json:",omitzero"`
	Final    bool      `json:",omitzero"`
	ReasonAt time.Time `json:",omitzero"`

	// Ejected is why its gateway does not route to it for a while, although it is ready; "" where it does.
	Ejected string `json:",omitzero"`

	// Stages are those that its start has reached, as far as its fleet reports them. They are forgotten when the start or the copy fails.
	Stages Stages `json:",omitzero"`
}

// newInstance returns an instance that starts, with one copy of its variant's model.
func newInstance(now time.Time, id InstanceID) *Instance {
	return &Instance{ID: id, State: InstanceStarting, Started: now, Copies: []*Copy{{ID: CopyID(id), Started: now}}}
}

// EverReady reports whether a copy of the instance has served at any time.
func (i *Instance) EverReady() bool {
	return slices.ContainsFunc(i.Copies, func(c *Copy) bool { return c.EverReady })
}

// Failure returns the newest reason for which a copy of the instance is not ready, and how often its copies failed.
func (i *Instance) Failure() (reason string, failures int) {
	var at time.Time
	for _, c := range i.Copies {
		failures += c.Failures
		if c.Reason != "" && (reason == "" || c.ReasonAt.After(at)) {
			reason, at = c.Reason, c.ReasonAt
		}
	}
	return reason, failures
}

// copy returns the index of one of the instance's copies, -1 where it has none of that identity.
func (i *Instance) copy(id CopyID) int {
	return slices.IndexFunc(i.Copies, func(c *Copy) bool { return c.ID == id })
}

func (i *Instance) drain() { i.State = InstanceDraining }

// follow sets the state of an instance that does not drain by its copies.
func (i *Instance) follow() {
	i.State = InstanceStarting
	if slices.ContainsFunc(i.Copies, func(c *Copy) bool { return c.Ready }) {
		i.State = InstanceInService
	}
}

// began is when the time that a copy may take to become ready began.
func (c *Copy) began() time.Time {
	if !c.Preparing && !c.Launched.IsZero() {
		return c.Launched
	}
	return c.Started
}

// fail notes a failure of the copy.
func (c *Copy) fail(now time.Time, rep InstanceReport) {
	c.Ready, c.Address, c.Reason, c.Cause, c.Final, c.Preparing = false, "", rep.Reason, rep.Cause, rep.Final, false
	c.Ejected, c.Unhealthy, c.ReasonAt, c.Stages = "", "", now, Stages{}
	c.Failures++
}
