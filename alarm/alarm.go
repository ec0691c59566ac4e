package alarm

import (
	"time"

	"bellows.dev/bellows/metric"
)

// Alarm is one metric alarm: what it compares, what it sets off, and where it stands. Exported members are its snapshot.
type Alarm struct {
	Name           string
	Description    string
	Rule           Rule
	ActionsEnabled bool
	Actions        []Action

	State        State
	Reason       string
	Updated      time.Time // of State or Reason
	Transitioned time.Time // of State
	Next         time.Time // evaluation
	Invoked      time.Time // when scaling actions of the present state were last invoked

	// Recent are the values that the last evaluation rested on, oldest first.
	Recent []float64
}

// Action is what an alarm sets off in a state: a scaling policy, or something that ARN names.
type Action struct {
	On     State
	ARN    string // verbatim; "" where Target is set
	Target string // identity of a scalable target
	Policy string // name of one of its policies
}

// Transition is a change of state and its reason.
type Transition struct {
	From, To State
	Reason   string
}

// Scratch is memory that evaluations use again.
type Scratch struct{ slots, real []metric.Datapoint }

// Schedule sets the next evaluation: the first instant after now that is a multiple of the cadence plus the delay.
func (a *Alarm) Schedule(now time.Time, delay time.Duration) {
	c := a.Rule.Cadence()
	a.Next = metric.Align(now.Add(-delay), c).Add(c + delay)
}

// Evaluate looks at the series and moves the alarm's state. It reports whether the state changed.
func (a *Alarm) Evaluate(now time.Time, delay time.Duration, s *metric.Series, m *Scratch) (Transition, bool) {
	a.Schedule(now, delay)
	m.slots = a.Rule.Slots(now, delay, s, m.slots)
	if a.Rule.LowSamples(m.slots) {
		return Transition{}, false
	}
	v := a.Rule.Decide(m.slots, a.State, m.real)
	m.real = v.Real
	a.Recent = a.Recent[:0]
	for i := len(v.Real) - 1; i >= 0; i-- {
		a.Recent = append(a.Recent, v.Real[i].Value)
	}
	if v.State == a.State {
		return Transition{}, false
	}
	t := Transition{a.State, v.State, a.Rule.Reason(v)}
	a.State, a.Reason, a.Updated, a.Transitioned, a.Invoked = v.State, t.Reason, now, now, time.Time{}
	return t, true
}

// Due returns the scaling actions to invoke now: those of the present state upon its beginning, and again each minute while it
// lasts. AWS: CloudWatch user guide, alarm actions; Auto Scaling actions are the exception that repeats.
func (a *Alarm) Due(now time.Time) []Action {
	if !a.ActionsEnabled || now.Before(a.Invoked.Add(time.Minute)) {
		return nil
	}
	var due []Action
	for _, x := range a.Actions {
		if x.On == a.State && x.Policy != "" {
			due = append(due, x)
		}
	}
	if len(due) > 0 {
		a.Invoked = now
	}
	return due
}
