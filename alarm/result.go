package alarm

import "time"

// QueryResult is what the query of a PromQL alarm returned at some time: an instant vector, each of whose series is a contributor and
// breaches.
type QueryResult struct {
	Alarm, Query string     // as QueryDue has them
	Returned     []Returned // in any order

	Err       string // why the query could not be evaluated; "" where it was
	Temporary bool   // the error is the server's, not the query's: the next evaluation may succeed
}

// TakeResult takes the result of a PromQL alarm's query. One that the alarm has not asked for (it is gone, or has another query by now)
// changes nothing.
func (r *Registry) TakeResult(now time.Time, x QueryResult) []Event {
	r.begin(now)
	a := r.Metric[x.Alarm]
	if a == nil || a.Rule.PromQL == nil || a.Rule.PromQL.Query != x.Query {
		return nil
	}
	if x.Err != "" {
		if a.Fail(now, x.Err, x.Temporary) {
			r.emit(Unevaluated{Alarm: a.Name, Reason: a.Reason})
		}
		return r.events
	}
	t, moved, changes := a.Contribute(now, x.Returned)
	for i := range changes {
		r.contributorMoved(a, &changes[i])
	}
	if moved {
		r.transition(a, t)
	}
	r.act(a, t, "")
	return r.events
}

// contributorMoved records a contributor's change of state and runs the alarm's actions for it: all but scaling policies, which are invoked
// for the alarm as a whole. AWS: CloudWatch user guide, acting on alarm changes.
func (r *Registry) contributorMoved(a *Alarm, x *ContributorChange) {
	r.emit(ContributorStateChange{a.Name, *x})
	if !a.ActionsEnabled {
		return
	}
	if until := r.mutedUntil(a.Name); !until.IsZero() {
		r.muteContributor(a, x, until)
		return
	}
	r.notifyContributor(a, &x.Contributor, Transition{From: x.From, To: x.To, OldReason: x.OldReason, Reason: x.Contributor.Reason})
}

// notifyContributor runs the alarm's actions for a contributor's change.
func (r *Registry) notifyContributor(a *Alarm, c *Contributor, t Transition) {
	for _, action := range a.Actions {
		if action.On == t.To && action.Policy == "" {
			r.emit(Notification{Alarm: *a, Transition: t, Action: action, Contributor: c})
		}
	}
}
