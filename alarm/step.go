package alarm

import (
	"slices"
	"time"
)

// Outcome is what came of a Step.
type Outcome struct {
	Events []Event

	// Evaluated are the metric alarms that were evaluated and either changed their state or invoke a scaling policy: a Reading of each is
	// all that it takes to repeat the step without its metrics.
	Evaluated []Evaluation
}

// Evaluation is a metric alarm that was evaluated, as it is after the step.
type Evaluation struct {
	Alarm *Alarm
	Moved bool // its state changed
}

// Reading is what an evaluation made of an alarm: with the readings of a step, the step can be repeated without its metrics.
type Reading struct {
	Alarm  string
	Recent []float64
	Ages   []int // as Alarm has them

	// Moved: the state changed, to State, for Reason and with Data, which are set only then.
	Moved        bool
	State        State
	Reason, Data string
}

// Readings are those of one step, by alarm.
type Readings map[string]*Reading

// Reading returns what it takes to repeat an evaluation. It shares memory with the alarm.
func (x Evaluation) Reading() Reading {
	out := Reading{Alarm: x.Alarm.Name, Recent: x.Alarm.Recent, Ages: x.Alarm.Ages, Moved: x.Moved}
	if x.Moved {
		out.State, out.Reason, out.Data = x.Alarm.State, x.Alarm.Reason, x.Alarm.Data
	}
	return out
}

// Step brings all alarms up to a time, in this order: it evaluates the metric alarms that are due, by the time at which they became so,
// then by name; evaluates the composite alarms that depend on an alarm which changed since the last step, children first; ends the wait
// and extension periods that are over; and runs the actions that are no longer muted.
//
// Where readings is not nil, alarms are evaluated by their readings instead of by metrics, and one without a reading stays as it is.
func (r *Registry) Step(now time.Time, readings Readings) Outcome {
	r.begin(now)
	for slot := r.queue.due(now); slot != nil; slot = r.queue.due(now) {
		for i, x := range slot.alarms {
			if i%fetchAhead == 0 {
				r.fetched += fetch(slot.alarms[i:min(i+fetchAhead, len(slot.alarms))])
			}
			if !r.queue.skip(x.alarm) {
				r.evaluate(x, readings)
				r.queue.add(x)
			}
		}
		r.queue.done(slot)
	}
	r.evaluateDependents()
	r.endPeriods()
	r.unmute()
	return Outcome{r.events, r.evaluated}
}

// Wake returns the earliest time at which Step has something to do; zero where only a change of alarms can give it any. now is the time of
// the last step.
func (r *Registry) Wake(now time.Time) time.Time {
	var wake time.Time
	for _, at := range [...]time.Time{r.queue.next(), r.periodsEnd(), r.mutingEnds(now)} {
		if !at.IsZero() && (wake.IsZero() || at.Before(wake)) {
			wake = at
		}
	}
	return wake
}

// evaluate evaluates a metric alarm and runs the actions that are due. The query of a PromQL alarm is evaluated by the owner.
func (r *Registry) evaluate(x entry, readings Readings) {
	a := x.alarm
	if a.Rule.PromQL != nil {
		a.Schedule(r.now, r.delay)
		if !a.WarmsUp(r.now) {
			r.emit(QueryDue{Alarm: a.Name, Query: a.Rule.PromQL.Query, At: r.now})
		}
		return
	}
	var t Transition
	var changed bool
	switch {
	case readings != nil:
		t, changed = r.repeat(a, readings[a.Name])
	case x.series != nil:
		t, changed = a.Evaluate(r.now, r.delay, x.series, &r.scratch)
	default:
		t, changed = a.EvaluateMath(r.now, r.delay, x.program, r.metrics, &r.scratch)
	}
	if changed {
		r.transition(a, t)
	}
	if changed || slices.ContainsFunc(a.Actions, func(x Action) bool { return x.Policy != "" }) {
		r.evaluated = append(r.evaluated, Evaluation{a, changed})
	}
	r.act(a, t, "")
}

// repeat puts an alarm where an earlier evaluation left it; x is nil where there was none.
func (r *Registry) repeat(a *Alarm, x *Reading) (t Transition, changed bool) {
	a.Schedule(r.now, r.delay)
	if x == nil {
		return t, false
	}
	a.Restore(r.now, r.delay, x.Recent, x.Ages)
	if !x.Moved {
		return t, false
	}
	return a.Set(r.now, x.State, x.Reason, x.Data)
}

// transition records a change of a metric alarm's state.
func (r *Registry) transition(a *Alarm, t Transition) {
	r.moved = append(r.moved, a.Name)
	r.emit(StateChange{Alarm: a.Name, Transition: t})
}

// act runs the actions of a metric alarm that are due, unless it is muted; t is the transition that has just happened, zero where none
// has. unsafe says why scaling policies must not act; "" where they may.
func (r *Registry) act(a *Alarm, t Transition, unsafe string) {
	if r.mute(a, t) {
		return
	}
	due, first := a.Due(r.now, r.due[:0])
	r.due = due
	for _, action := range due {
		switch {
		case action.Policy != "":
			r.invocations = append(r.invocations, Invocation{a, action, first, unsafe})
			r.emit(&r.invocations[len(r.invocations)-1])
		case t.To != 0: // actions other than scaling policies run on changes only
			r.emit(Notification{Alarm: *a, Transition: t, Action: action})
		}
	}
}
