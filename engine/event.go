package engine

import (
	"fmt"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/scaling"
)

// Event is something that happened, with the numbers of the decision behind it. Activities, alarm history, logs and scenario
// output are renderings of the same value.
type Event interface {
	// String renders the event in a line for people.
	String() string
	event()
}

// AlarmTransition is an alarm's change of state.
type AlarmTransition struct {
	Scope    Scope
	Alarm    string
	From, To alarm.State
	Reason   string
}

// ActivityChanged is a scaling activity in its new status.
type ActivityChanged struct {
	Scope    Scope
	Activity scaling.Activity
}

// Decided is what every policy of a target saw and wanted, and what came of it.
type Decided struct {
	Scope    Scope
	Target   scaling.TargetKey
	Decision scaling.Decision
}

// EndpointChanged is an endpoint's change of status. To is 0 when it is gone, From when it is new.
type EndpointChanged struct {
	Key      EndpointKey
	From, To hosting.Status
	Reason   string
}

func (AlarmTransition) event() {}
func (ActivityChanged) event() {}
func (Decided) event()         {}
func (EndpointChanged) event() {}

// String renders the transition.
func (e AlarmTransition) String() string {
	return fmt.Sprintf("alarm %s %v -> %v: %s", e.Alarm, e.From, e.To, e.Reason)
}

// String renders the activity.
func (e ActivityChanged) String() string {
	a := e.Activity
	return fmt.Sprintf("activity %s %v: %s %v", a.Key, a.Status, a.Description(), a.Cause)
}

// String renders the decision.
func (e Decided) String() string {
	return fmt.Sprintf("decision %s: %s", e.Target, e.Decision.String())
}

// String renders the change.
func (e EndpointChanged) String() string {
	return fmt.Sprintf("endpoint %s %v -> %v %s", e.Key.Endpoint, e.From, e.To, e.Reason)
}
