package engine

import (
	"fmt"
	"time"

	"bellows.dev/bellows/alarm"
)

// PromQLDue asks the world outside to evaluate a PromQL alarm's query at a moment, over the metrics of its scope. It is an event of the
// step in which the alarm is due (Wake tells when), once each EvaluationInterval; a PromQLEvaluated, stepped as soon as it is known,
// says what came of it. One that is never answered is asked again an interval later.
type PromQLDue struct {
	Scope Scope
	Alarm string
	Query string
	At    time.Time
}

// PromQLEvaluated says what the query of a PromQL alarm returned: an instant vector, each of whose series is a contributor and
// breaches. What the alarm no longer asks for (it is gone, or was put with another query meanwhile) changes nothing.
type PromQLEvaluated struct {
	Scope        Scope
	Alarm, Query string           // as PromQLDue had them
	At           time.Time        // as PromQLDue had it
	Contributors []alarm.Returned // in any order
	Err          string           // why the query could not be evaluated; "" where it was
	Temporary    bool             `json:",omitzero"` // the reason is the server's, not the query's: it may succeed the next time
}

// ContributorTransition is a change of state of one contributor of a PromQL alarm.
type ContributorTransition struct {
	Scope Scope
	Alarm string
	alarm.ContributorChange
}

func (in PromQLEvaluated) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	a := r.Alarms[in.Alarm]
	if a == nil || a.Rule.PromQL == nil || a.Rule.PromQL.Query != in.Query {
		return nil, nil
	}
	if in.Err != "" {
		if a.Fail(e.now, in.Err, in.Temporary) {
			e.emit(AlarmUnevaluated{Scope: r.Scope, Alarm: a.Name, Reason: a.Reason})
		}
		return nil, nil
	}
	t, moved, changes := a.Contribute(e.now, in.Contributors)
	for i := range changes {
		e.contributed(r, a, &changes[i])
	}
	if moved {
		e.transition(r, a, t)
	}
	e.act(r, a, t, "")
	return nil, nil
}

// contributed tells of a contributor's change of state and carries out the alarm's actions for it: all but scaling policies, which
// hear of the alarm as a whole. AWS: CloudWatch user guide, acting on alarm changes.
func (e *Engine) contributed(r *Region, a *alarm.Alarm, c *alarm.ContributorChange) {
	e.emit(ContributorTransition{r.Scope, a.Name, *c})
	if !a.ActionsEnabled {
		return
	}
	t := alarm.Transition{From: c.From, To: c.To, OldReason: c.OldReason, Reason: c.Contributor.Reason}
	until := r.mutedUntil(a.Name, e.now)
	if until.IsZero() {
		e.notifyContributor(r, a, &c.Contributor, t)
		return
	}
	for _, action := range a.Actions {
		if action.On == c.To && action.Policy == "" {
			e.emit(AlarmActed{Scope: r.Scope, Alarm: a.Name, Action: action, Updated: a.Updated, Contributor: &c.Contributor, MutedUntil: until})
		}
	}
	a.HoldContributor(c)
	r.muting[a.Name] = true
}

// notifyContributor carries out the alarm's actions for a contributor's change.
func (e *Engine) notifyContributor(r *Region, a *alarm.Alarm, c *alarm.Contributor, t alarm.Transition) {
	for _, action := range a.Actions {
		if action.On == t.To && action.Policy == "" {
			e.emit(AlarmNotifies{Scope: r.Scope, Alarm: *a, Transition: t, Action: action, Contributor: c})
		}
	}
}

// AlarmUnevaluated says that an alarm could not be evaluated; its state stays.
type AlarmUnevaluated struct {
	Scope  Scope
	Alarm  string
	Reason string
}

func (PromQLDue) event()             {}
func (ContributorTransition) event() {}
func (AlarmUnevaluated) event()      {}

// String renders the request.
func (e PromQLDue) String() string { return fmt.Sprintf("alarm %s asks for %s", e.Alarm, e.Query) }

// String renders the change.
func (e ContributorTransition) String() string {
	return fmt.Sprintf("alarm %s, contributor %s %v -> %v: %s", e.Alarm, e.Contributor.ID, e.From, e.To, e.Contributor.Reason)
}

// String renders the failure.
func (e AlarmUnevaluated) String() string { return fmt.Sprintf("alarm %s: %s", e.Alarm, e.Reason) }
