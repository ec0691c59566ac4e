package engine

import (
	"maps"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
)

// parentsMax is how many composite alarms may refer to one alarm. AWS: PutCompositeAlarm, API reference.
const parentsMax = 150

// PutCompositeAlarm makes a composite alarm, or changes it and keeps its state. State and times of Alarm are ignored. It fails with
// *alarm.Error.
type PutCompositeAlarm struct {
	Scope Scope
	Alarm alarm.Composite
}

func (in PutCompositeAlarm) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	c := in.Alarm
	x, err := alarm.ParseRule(c.Rule)
	if err != nil {
		return nil, &alarm.Error{Msg: err.Error()}
	}
	if err := r.fits(&c, x); err != nil {
		return nil, err
	}
	e.putComposite(r, &c, x)
	return nil, nil
}

// fits checks a composite alarm against the alarms that there are.
func (r *Region) fits(c *alarm.Composite, x *alarm.Expression) error {
	if r.Alarms[c.Name] != nil {
		return otherType(c.Name)
	}
	var absent []string
	for _, reference := range x.Children() {
		if err := c.Foreign(reference); err != nil {
			return err
		}
		name := c.NameOf(reference)
		if name == c.Name { // a longer way back to itself is allowed: recorded
			return &alarm.Error{Msg: "A composite alarm cannot have a child relation with itself via its AlarmRule, as it would introduce a circular dependency"}
		}
		if r.Alarms[name] == nil && r.Composites[name] == nil {
			absent = append(absent, c.Prefix+name)
		}
		if parents := r.tree.parents[name]; len(parents) >= parentsMax && !slices.Contains(parents, c.Name) {
			return &alarm.Error{Msg: "Could not save the composite alarm as the alarm " + name + " is in the rules of 150 composite alarms already"}
		}
	}
	if len(absent) > 0 {
		return &alarm.Error{Msg: "Could not save the composite alarm as alarms [" + strings.Join(absent, ", ") + "] in the alarm rule do not exist"}
	}
	if c.Suppressor == "" {
		return nil
	}
	name := c.NameOf(c.Suppressor)
	if r.Alarms[name] == nil && r.Composites[name] == nil {
		return &alarm.Error{Msg: "Could not save the composite alarm as its ActionsSuppressor " + c.Suppressor + " does not exist"}
	}
	if name == c.Name || r.tree.reaches(c, name) {
		return &alarm.Error{Msg: "A composite alarm cannot suppress itself, directly or by the alarms that it depends on"}
	}
	return nil
}

// otherType refuses a name that an alarm of the other type has. AWS: recorded.
func otherType(name string) error {
	return &alarm.Error{Msg: "AlarmName [" + name + "] is already used by another alarm of a different type"}
}

// putComposite puts a composite alarm in place, evaluates it, and lets its suppressor have its say. AWS: PutCompositeAlarm: an update
// leaves the state as it is, and its rule is evaluated at once; an identical one changes nothing.
func (e *Engine) putComposite(r *Region, c *alarm.Composite, x *alarm.Expression) {
	c.State, c.Reason, c.Updated, c.Transitioned, c.Configured = alarm.InsufficientData, alarm.Created, e.now, e.now, e.now
	old, why := r.Composites[c.Name], alarm.MadeNew
	var before *alarm.Composite
	if old != nil {
		if old.SameConfiguration(c) {
			return
		}
		copied := *old
		before, why = &copied, alarm.Reconfigured
		c.State, c.Reason, c.Data, c.Updated, c.Transitioned, c.Tags = old.State, old.Reason, old.Data, old.Updated, old.Transitioned, old.Tags
		c.Suppressed, c.Until, c.Held = old.Suppressed, old.Until, old.Held
		c.Reperiod(old)
		c.Muted = old.Muted
	}
	r.Composites[c.Name] = c
	r.tree.put(c, x)
	after := *c
	e.emit(CompositeConfigured{Scope: r.Scope, Alarm: c.Name, Before: before, After: &after})
	if before == nil || before.Suppressor != c.Suppressor {
		e.suppressing(r, c, func() (alarm.Transition, bool) { return c.Resettle(e.now, r.suppresses(c)) })
	}
	e.combine(r, c, why)
}

// suppresses tells whether a composite alarm's suppressor is in ALARM.
func (r *Region) suppresses(c *alarm.Composite) bool {
	return c.Suppressor != "" && r.stand(c.NameOf(c.Suppressor)).State == alarm.InAlarm
}

// stand is where an alarm stands. One that is gone, because the scaling policy that owned it is, has insufficient data.
func (r *Region) stand(name string) alarm.Standing {
	if a := r.Alarms[name]; a != nil {
		return alarm.Standing{State: a.State, Transitioned: a.Transitioned}
	}
	if c := r.Composites[name]; c != nil {
		return alarm.Standing{State: c.State, Transitioned: c.Transitioned}
	}
	return alarm.Standing{State: alarm.InsufficientData}
}

// settle evaluates the composite alarms that depend on alarms which changed in this step, children first, and ends the wait and
// extension periods whose time has come: a suppressor that goes into ALARM in that very moment comes before.
func (e *Engine) settle(r *Region) {
	if len(r.moved) > 0 && len(r.Composites) > 0 {
		e.ascend(r)
	}
	r.moved = r.moved[:0]
	if end := r.periodEnds(); end.IsZero() || end.After(e.now) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(r.tree.waiting)) {
		c := r.Composites[name]
		e.suppressing(r, c, func() (alarm.Transition, bool) { return c.Expire(e.now) })
	}
}

// ascend goes up from the alarms that changed, level by level. Composite alarms that depend on one another are evaluated once: AWS:
// PutCompositeAlarm, API reference: evaluation stops where it finds a cycle in its path; recorded.
func (e *Engine) ascend(r *Region) {
	due := map[int]map[string]work{}
	done := map[string]bool{}
	for {
		for _, name := range r.moved {
			r.tree.follow(due, name)
		}
		r.moved = r.moved[:0]
		if len(due) == 0 {
			return
		}
		level := slices.Min(slices.Collect(maps.Keys(due)))
		batch := due[level]
		delete(due, level)
		for _, name := range slices.Sorted(maps.Keys(batch)) {
			c := r.Composites[name]
			if batch[name].suppressor {
				e.suppressing(r, c, func() (alarm.Transition, bool) { return c.SuppressorMoved(e.now, r.suppresses(c)) })
			}
			if batch[name].child && (!done[name] || !r.tree.rings[name]) {
				done[name] = true
				e.combine(r, c, alarm.Moved)
			}
		}
	}
}

// combine evaluates a composite alarm.
func (e *Engine) combine(r *Region, c *alarm.Composite, why alarm.Occasion) {
	t, changed := c.Evaluate(e.now, r.tree.rules[c.Name], r.stand, why)
	if changed {
		e.combined(r, c, t)
	}
}

// combined follows a composite alarm's change of state.
func (e *Engine) combined(r *Region, c *alarm.Composite, t alarm.Transition) {
	r.moved = append(r.moved, c.Name)
	e.emit(AlarmTransition{Scope: r.Scope, Alarm: c.Name, Composite: true, Transition: t})
	e.suppressing(r, c, func() (alarm.Transition, bool) { return t, c.Hold(e.now, t, r.suppresses(c)) })
}

// suppressing does something to what holds a composite alarm's actions back, tells of it, and runs the actions that are free then.
func (e *Engine) suppressing(r *Region, c *alarm.Composite, do func() (alarm.Transition, bool)) {
	before := c.Suppressed
	t, run := do()
	if c.Until.IsZero() {
		delete(r.tree.waiting, c.Name)
	} else {
		r.tree.waiting[c.Name] = true
	}
	if c.Suppressed != before {
		e.emit(ActionsSuppressed{Scope: r.Scope, Alarm: c.Name, From: before, To: c.Suppressed, Until: c.Until})
	}
	if run && !e.muteComposite(r, c, t) {
		e.notifyComposite(r, c, t)
	}
}

// notifyComposite runs the actions of a composite alarm's state.
func (e *Engine) notifyComposite(r *Region, c *alarm.Composite, t alarm.Transition) {
	for _, action := range c.Due() {
		after := *c
		e.emit(AlarmNotifies{Scope: r.Scope, Alarm: common(c), Transition: t, Action: action, Composite: &after})
	}
}

// common is what a composite alarm has in common with others.
func common(c *alarm.Composite) alarm.Alarm {
	return alarm.Alarm{
		Name: c.Name, Description: c.Description, ActionsEnabled: c.ActionsEnabled, Actions: c.Actions, State: c.State, Reason: c.Reason,
		Data: c.Data, Configured: c.Configured, Updated: c.Updated, Transitioned: c.Transitioned,
	}
}

// deletable checks that alarms can go: those that composite alarms depend on cannot, not even together with these.
// AWS: DeleteAlarms, API reference; recorded.
func (r *Region) deletable(names []string) error {
	composites := 0
	var needed []string
	for i, name := range names {
		if slices.Index(names, name) != i {
			continue
		}
		if r.Composites[name] != nil {
			composites++
		}
		if len(r.tree.parents[name])+len(r.tree.holds[name]) > 0 {
			needed = append(needed, name)
		}
	}
	switch {
	case composites > 1:
		return &alarm.Error{Msg: "Only one composite alarm can be deleted in an operation, and the request names more"}
	case len(needed) == 1:
		return &alarm.Error{Msg: "Cannot delete " + needed[0] + " as there are composite alarm(s) depending on it."}
	case len(needed) > 1:
		return &alarm.Error{Msg: "Cannot delete " + strings.Join(needed, ",") + " as there are composite alarm(s) depending on them."}
	}
	return nil
}

func (e *Engine) deleteComposite(r *Region, c *alarm.Composite) {
	delete(r.Composites, c.Name)
	r.tree.remove(c)
	e.emit(CompositeConfigured{Scope: r.Scope, Alarm: c.Name, Before: c})
}

// periodEnds is when the first wait or extension period ends; zero where none runs.
func (r *Region) periodEnds() time.Time {
	var first time.Time
	for name := range r.tree.waiting { //tidy:unordered the earliest of all
		if at := r.Composites[name].Until; first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}
