package engine

import (
	"fmt"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
)

// Event is something that happened, with the numbers of the decision behind it. Activities, alarm history, logs and scenario
// output are renderings of the same value.
type Event interface {
	// String renders the event in a line for people.
	String() string
	event()
}

// Recorded is an event as the log has it.
type Recorded struct {
	At    time.Time // policy time
	Event Event
	After string // the token of a query that continues after it; "" where it does not come from the log
}

// Events returns one value of each type of Event, for those who write events down and read them again.
func Events() []Event {
	return []Event{
		AlarmTransition{}, AlarmConfigured{}, AlarmNotifies{}, AlarmActed{}, CompositeConfigured{}, ActionsSuppressed{},
		ContributorTransition{}, AlarmUnevaluated{}, PromQLDue{},
		ActivityChanged{}, Decided{}, EndpointChanged{}, InstanceChanged{},
		InstanceActivityChanged{},
		ScheduledActionRan{},
		HistoryWanted{}, ForecastMade{}, MaxCapacityRaised{}, SettingsChanged{}, EjectionChanged{},
	}
}

// AlarmTransition is a change of state of a metric alarm or a composite one.
type AlarmTransition struct {
	Scope Scope
	alarm.StateChange
}

// AlarmConfigured is a change of a metric alarm's configuration.
type AlarmConfigured struct {
	Scope Scope
	alarm.Configured
}

// CompositeConfigured is a change of a composite alarm's configuration.
type CompositeConfigured struct {
	Scope Scope
	alarm.CompositeConfigured
}

// ActionsSuppressed is a change of what suppresses a composite alarm's actions.
type ActionsSuppressed struct {
	Scope Scope
	alarm.SuppressionChange
}

// AlarmNotifies asks the world outside to carry out an action that is not a scaling policy; a Notified says what became of it.
type AlarmNotifies struct {
	Scope Scope
	alarm.Notification
}

// AlarmActed is what became of an action that an alarm invoked on its change of state.
type AlarmActed struct {
	Scope Scope
	alarm.Acted
}

// PromQLDue asks the world outside to evaluate the query of a PromQL alarm over the metrics of its scope. A PromQLEvaluated, stepped as soon
// as it is known, is the answer; where none comes, the next PromQLDue follows an interval later.
type PromQLDue struct {
	Scope Scope
	alarm.QueryDue
}

// ContributorTransition is a change of state of one contributor of a PromQL alarm.
type ContributorTransition struct {
	Scope Scope
	alarm.ContributorStateChange
}

// AlarmUnevaluated says that an alarm could not be evaluated; its state stays.
type AlarmUnevaluated struct {
	Scope Scope
	alarm.Unevaluated
}

// InstanceChanged is a change of an instance's state.
type InstanceChanged struct {
	Key    VariantKey
	Report hosting.InstanceReport

	// Delays is the endpoint's status, Creating or Updating, where the report is of a failure that keeps it from InService; else 0.
	Delays hosting.Status `json:",omitzero"`
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

// ScheduledActionRan is what became of a scheduled action whose time had come.
type ScheduledActionRan struct {
	Scope Scope
	Run   scaling.Run
}

// EndpointChanged is an endpoint's change of status. To is 0 when it is gone, From when it is new.
type EndpointChanged struct {
	Key      EndpointKey
	From, To hosting.Status
	Reason   string
}

func (AlarmTransition) event()       {}
func (AlarmConfigured) event()       {}
func (CompositeConfigured) event()   {}
func (ActionsSuppressed) event()     {}
func (AlarmNotifies) event()         {}
func (AlarmActed) event()            {}
func (PromQLDue) event()             {}
func (ContributorTransition) event() {}
func (AlarmUnevaluated) event()      {}
func (InstanceChanged) event()       {}
func (ActivityChanged) event()       {}
func (Decided) event()               {}
func (EndpointChanged) event()       {}
func (ScheduledActionRan) event()    {}

// String renders the transition.
func (e AlarmTransition) String() string {
	return fmt.Sprintf("alarm %s %v -> %v: %s", e.Alarm, e.From, e.To, e.Reason)
}

// String renders the change.
func (e AlarmConfigured) String() string {
	return configured("alarm "+e.Alarm, e.Before == nil, e.After == nil)
}

func configured(what string, made, gone bool) string {
	switch {
	case made:
		return what + " created"
	case gone:
		return what + " deleted"
	default:
		return what + " updated"
	}
}

// String renders the change.
func (e CompositeConfigured) String() string {
	return configured("composite alarm "+e.Alarm, e.Before == nil, e.After == nil)
}

// String renders the change.
func (e ActionsSuppressed) String() string {
	if e.To == 0 {
		return fmt.Sprintf("alarm %s: actions are no longer suppressed", e.Alarm)
	}
	return fmt.Sprintf("alarm %s: %s", e.Alarm, e.To.Reason())
}

// String renders the notification.
func (e AlarmNotifies) String() string {
	return fmt.Sprintf("alarm %s is %v and notifies %s", e.Alarm.Name, e.Transition.To, e.Action.ARN)
}

// String renders the action.
func (e AlarmActed) String() string {
	what := e.Action.ARN
	if e.Action.Policy != "" {
		what = "policy " + e.Action.Policy
	}
	if !e.MutedUntil.IsZero() {
		return fmt.Sprintf("alarm %s: %s is muted until %s", e.Alarm, what, e.MutedUntil.UTC().Format(time.RFC3339))
	}
	if e.Error != "" {
		return fmt.Sprintf("alarm %s did not invoke %s: %s", e.Alarm, what, e.Error)
	}
	return fmt.Sprintf("alarm %s invoked %s", e.Alarm, what)
}

// String renders the request.
func (e PromQLDue) String() string { return fmt.Sprintf("alarm %s asks for %s", e.Alarm, e.Query) }

// String renders the change.
func (e ContributorTransition) String() string {
	return fmt.Sprintf("alarm %s, contributor %s %v -> %v: %s", e.Alarm, e.Contributor.ID, e.From, e.To, e.Contributor.Reason)
}

// String renders the failure.
func (e AlarmUnevaluated) String() string { return fmt.Sprintf("alarm %s: %s", e.Alarm, e.Reason) }

// String renders the change.
func (e InstanceChanged) String() string {
	if e.Report.Cause == hosting.CauseStopped {
		return fmt.Sprintf("instance %s of %s/%s ended with the server, and starts again", e.Report.ID, e.Key.Endpoint, e.Key.Variant)
	}
	s := fmt.Sprintf("instance %s of %s/%s %v", e.Report.ID, e.Key.Endpoint, e.Key.Variant, e.Report.State)
	if e.Delays != 0 {
		s += " while the endpoint is " + e.Delays.String()
	}
	if e.Report.Reason != "" {
		s += ": " + e.Report.Reason
	}
	return s
}

// String renders the activity, with why it changed nothing or failed where that is so.
func (e ActivityChanged) String() string {
	a := e.Activity
	if a.NotScaled.Code != 0 {
		return fmt.Sprintf("activity %s not scaled: %v. Cause: %v", a.Key.ResourceID, a.NotScaled.Code, a.Cause)
	}
	what := a.Description()
	if a.Status == scaling.Overridden || a.Status == scaling.Unfulfilled || a.Status == scaling.Failed {
		what = a.StatusMessage()
	}
	return fmt.Sprintf("activity %s %v: %s Cause: %v", a.Key.ResourceID, a.Status, what, a.Cause)
}

// String renders the decision.
func (e Decided) String() string {
	return fmt.Sprintf("decision %s: %s", e.Target.ResourceID, e.Decision.Explain(policy.Types()))
}

// String renders the change.
func (e EndpointChanged) String() string {
	from, to, why := "none", "gone", ""
	if e.From != 0 {
		from = e.From.String()
	}
	if e.To != 0 {
		to = e.To.String()
	}
	if e.Reason != "" {
		why = ": " + e.Reason
	}
	return fmt.Sprintf("endpoint %s %s -> %s%s", e.Key.Endpoint, from, to, why)
}

// String renders the run.
func (e ScheduledActionRan) String() string {
	return fmt.Sprintf("scheduled action %s of %s: %s", e.Run.Action, e.Run.Key.ResourceID, e.Run.String())
}
