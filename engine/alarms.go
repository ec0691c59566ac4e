package engine

import (
	"fmt"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/metric"
)

// PutMetricAlarm creates a metric alarm, or changes it and keeps its state. State and times of Alarm are ignored. It fails with *alarm.Error.
type PutMetricAlarm struct {
	Scope Scope
	Alarm alarm.Alarm

	// Past are samples that the alarm looks at and that the hot window no longer has; they come from the metric history, where there is one.
	// See metric.Window.Recall.
	Past []PastSamples `json:",omitempty"`
}

// PastSamples are all samples of a metric from a time until the beginning of the hot window, and perhaps some that the window has.
type PastSamples struct {
	ID      metric.ID
	From    time.Time
	Samples []metric.BucketState
}

// DeleteAlarms deletes alarms of either kind; names that do not exist are ignored. It fails with *alarm.Error.
type DeleteAlarms struct {
	Scope Scope
	Names []string
}

// SetAlarmState puts an alarm into a state until its next evaluation. It fails with alarm.ErrNoAlarm.
type SetAlarmState struct {
	Scope  Scope
	Name   string
	State  alarm.State
	Reason string
	Data   string // StateReasonData as given, a JSON text; "" where there is none

	// Facts is what Data says; nil where it says too little for a scaling policy to act on.
	Facts *alarm.Data
}

// SetAlarmActions enables or disables the actions of alarms; names that do not exist are ignored.
type SetAlarmActions struct {
	Scope   Scope
	Names   []string
	Enabled bool
}

// Notified is what became of an AlarmNotifies: the action was carried out, or could not be.
type Notified struct {
	Scope   Scope
	Alarm   string
	Action  alarm.Action
	Updated time.Time // of the alarm's state
	Error   string    // why the action failed; "" where it was carried out

	Composite   bool               `json:",omitzero"` // it is a composite alarm
	Contributor *alarm.Contributor `json:",omitzero"` // the action was for this contributor, not for the alarm as a whole
}

// TagAlarm adds or replaces tags of an alarm or mute rule, and removes those of the keys in Remove. It fails with alarm.ErrNoAlarm or
// alarm.ErrTooManyTags.
type TagAlarm struct {
	Scope  Scope
	Name   string
	Add    map[string]string
	Remove []string

	MuteRule bool `json:",omitzero"` // Name is the name of a mute rule
}

// PutCompositeAlarm creates a composite alarm, or changes it and keeps its state. State and times of Alarm are ignored. It fails with
// *alarm.Error.
type PutCompositeAlarm struct {
	Scope Scope
	Alarm alarm.Composite
}

// PutMuteRule creates a mute rule or replaces it; an existing one keeps its tags. It fails with *alarm.Error or alarm.ErrTooManyMuteRules.
type PutMuteRule struct {
	Scope Scope
	Rule  alarm.MuteRule
}

// DeleteMuteRule deletes a mute rule and ends its muting; one that does not exist is ignored.
type DeleteMuteRule struct {
	Scope Scope
	Name  string
}

// PromQLEvaluated is what the query of a PromQL alarm returned, in answer to a PromQLDue: an instant vector, each of whose series is a
// contributor and breaches. One that the alarm no longer asks for (it is gone, or has another query by now) changes nothing.
type PromQLEvaluated struct {
	Scope        Scope
	Alarm, Query string           // as PromQLDue had them
	At           time.Time        // as PromQLDue had it
	Contributors []alarm.Returned // in any order
	Err          string           // why the query could not be evaluated; "" where it was
	Temporary    bool             `json:",omitzero"` // the error is the server's, not the query's: the next evaluation may succeed
}

func (in PutMetricAlarm) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	if err := r.Alarms.Check(&in.Alarm); err != nil {
		return nil, err
	}
	e.carryOut(r, r.Alarms.Put(e.now, in.Alarm))
	for i := range in.Past {
		r.Metrics.Recall(in.Past[i].ID, in.Past[i].From, in.Past[i].Samples)
	}
	return nil, nil
}

func (in PutCompositeAlarm) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	events, err := r.Alarms.PutComposite(e.now, in.Alarm)
	if err != nil {
		return nil, err
	}
	e.carryOut(r, events)
	return nil, nil
}

func (in DeleteAlarms) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	if err := r.Alarms.Deletable(in.Names); err != nil {
		return nil, err
	}
	e.carryOut(r, r.Alarms.Delete(e.now, in.Names))
	return nil, nil
}

func (in SetAlarmState) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	events, err := r.Alarms.SetState(e.now, in.Name, alarm.Override{
		State: in.State, Reason: in.Reason, Data: in.Data, Facts: in.Facts, Lenient: e.config.LenientSetAlarmState,
	})
	if err != nil {
		return nil, err
	}
	e.carryOut(r, events)
	return nil, nil
}

func (in SetAlarmActions) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	e.carryOut(r, r.Alarms.EnableActions(e.now, in.Names, in.Enabled))
	return nil, nil
}

func (in PromQLEvaluated) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	e.carryOut(r, r.Alarms.TakeResult(e.now, alarm.QueryResult{
		Alarm: in.Alarm, Query: in.Query, Returned: in.Contributors, Err: in.Err, Temporary: in.Temporary,
	}))
	return nil, nil
}

func (in Notified) apply(e *Engine) (Result, error) {
	e.emit(AlarmActed{in.Scope, alarm.Acted{
		Alarm: in.Alarm, Action: in.Action, Updated: in.Updated, Error: in.Error, Composite: in.Composite, Contributor: in.Contributor,
	}})
	return nil, nil
}

func (in TagAlarm) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	if in.MuteRule {
		return nil, r.Alarms.TagMuteRule(in.Name, in.Add, in.Remove)
	}
	return nil, r.Alarms.Tag(in.Name, in.Add, in.Remove)
}

func (in PutMuteRule) apply(e *Engine) (Result, error) {
	return nil, e.region(in.Scope).Alarms.PutMuteRule(e.now, in.Rule)
}

func (in DeleteMuteRule) apply(e *Engine) (Result, error) {
	if r := e.regions[in.Scope]; r != nil {
		r.Alarms.DeleteMuteRule(in.Name)
	}
	return nil, nil
}

// stepAlarms brings a region's alarms up to the present and notes what they tell scaling policies.
func (e *Engine) stepAlarms(r *Region) {
	out := r.Alarms.Step(e.now, e.readingsOf(r.Scope))
	for _, x := range out.Evaluated {
		e.step.out.Evaluated = append(e.step.out.Evaluated, Evaluated{r, x.Alarm, x.Moved})
	}
	e.carryOut(r, out.Events)
}

// carryOut records what happened to a region's alarms, and passes their invocations on to scaling policies.
func (e *Engine) carryOut(r *Region, events []alarm.Event) {
	for _, x := range events {
		switch x := x.(type) {
		case *alarm.Invocation:
			why := x.Unsafe
			if why == "" {
				why = e.invoke(r, x.Alarm, x.Action)
			}
			if x.First {
				e.emit(AlarmActed{r.Scope, alarm.Acted{Alarm: x.Alarm.Name, Action: x.Action, Updated: x.Alarm.Updated, Error: why}})
			}
		case alarm.Acted:
			e.emit(AlarmActed{r.Scope, x})
		case alarm.StateChange:
			e.emit(AlarmTransition{r.Scope, x})
		case alarm.ContributorStateChange:
			e.emit(ContributorTransition{r.Scope, x})
		case alarm.Configured:
			e.emit(AlarmConfigured{r.Scope, x})
		case alarm.CompositeConfigured:
			e.emit(CompositeConfigured{r.Scope, x})
		case alarm.SuppressionChange:
			e.emit(ActionsSuppressed{r.Scope, x})
		case alarm.Notification:
			e.emit(AlarmNotifies{r.Scope, x})
		case alarm.QueryDue:
			e.emit(PromQLDue{r.Scope, x})
		case alarm.Unevaluated:
			e.emit(AlarmUnevaluated{r.Scope, x})
		default:
			panic(fmt.Sprintf("engine: an event of alarms, %T, is not carried out", x))
		}
	}
}
