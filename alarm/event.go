package alarm

import "time"

// Event is something that happened to the alarms of a registry, for the registry's owner to record and to carry out: one of the types in
// this file, in the order in which it happened.
type Event interface{ event() }

// Configured is a change of a metric alarm's configuration. Before is nil where it is new, After where it is deleted.
type Configured struct {
	Alarm         string
	Before, After *Alarm
}

// CompositeConfigured is a change of a composite alarm's configuration. Before is nil where it is new, After where it is deleted.
type CompositeConfigured struct {
	Alarm         string
	Before, After *Composite
}

// StateChange is a change of state of a metric alarm or a composite one.
type StateChange struct {
	Alarm     string
	Composite bool `json:",omitzero"`
	Transition
}

// ContributorStateChange is a change of state of one contributor of a PromQL alarm.
type ContributorStateChange struct {
	Alarm string
	ContributorChange
}

// SuppressionChange is a change of what suppresses a composite alarm's actions, zero for nothing; Until is the end of a wait or extension
// period.
type SuppressionChange struct {
	Alarm    string
	From, To SuppressedBy
	Until    time.Time
}

// QueryDue asks the owner to evaluate the query of a PromQL alarm at a time and to hand in the result with TakeResult. One that is never
// answered is asked again an interval later.
type QueryDue struct {
	Alarm string
	Query string
	At    time.Time
}

// Unevaluated says that an alarm could not be evaluated, and why; its state stays.
type Unevaluated struct {
	Alarm  string
	Reason string
}

// Notification asks the owner to carry out an action that is not a scaling policy.
type Notification struct {
	Alarm      Alarm // as it is after the transition; of a composite alarm, what both kinds have
	Transition Transition
	Action     Action

	Composite   *Composite   `json:",omitzero"` // the alarm, where it is one
	Contributor *Contributor `json:",omitzero"` // the action is for this contributor, not for the alarm as a whole
}

// Invocation asks the owner to invoke a scaling policy: on an alarm's change of state, and then once a minute (AWS: recorded; every ten
// seconds for short periods) while the state lasts. A registry only returns pointers to invocations, which are good until its next call:
// in a busy minute there is one for nearly every alarm.
type Invocation struct {
	Alarm  *Alarm // as it is in the registry
	Action Action
	First  bool   // on the change of state: it belongs in the alarm's history
	Unsafe string // why the policy must not act on the alarm's data; "" where it may
}

// Acted is what became of an action that an alarm invoked on a change of state.
type Acted struct {
	Alarm   string
	Action  Action
	Updated time.Time // when the alarm's state was updated
	Error   string    // why the action could not be invoked; "" where it was

	MutedUntil  time.Time    `json:",omitzero"` // end of the window of the mute rule that held the action back; zero where none did
	Composite   bool         `json:",omitzero"` // it is a composite alarm
	Contributor *Contributor `json:",omitzero"` // the action was for this contributor, not for the alarm as a whole
}

func (Configured) event()             {}
func (CompositeConfigured) event()    {}
func (StateChange) event()            {}
func (ContributorStateChange) event() {}
func (SuppressionChange) event()      {}
func (QueryDue) event()               {}
func (Unevaluated) event()            {}
func (Notification) event()           {}
func (*Invocation) event()            {}
func (Acted) event()                  {}
