package alarm

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// parentsMax is how many composite alarms may refer to one alarm. AWS: PutCompositeAlarm, API reference.
const parentsMax = 150

// PutComposite creates a composite alarm, or changes the one of its name, which keeps its state; its rule is evaluated at once. Nothing
// happens where nothing differs. State and times of c are ignored. It fails with *Error.
// AWS: PutCompositeAlarm: an update leaves the state as it is, and its rule is evaluated at once.
func (r *Registry) PutComposite(now time.Time, c Composite) ([]Event, error) {
	r.begin(now)
	x, err := ParseRule(c.Rule)
	if err != nil {
		return nil, &Error{Msg: err.Error()}
	}
	if err := c.checkPeriods(); err != nil {
		return nil, err
	}
	if err := r.checkComposite(&c, x); err != nil {
		return nil, err
	}
	c = c.configuration()
	c.State, c.Reason, c.Updated, c.Transitioned, c.Configured = InsufficientData, Created, now, now, now
	old, why := r.Composite[c.Name], MadeNew
	var before *Composite
	if old != nil {
		if old.SameConfiguration(&c) {
			return nil, nil
		}
		copied := *old
		before, why = &copied, Reconfigured
		c.State, c.Reason, c.Data, c.Updated, c.Transitioned, c.Tags = old.State, old.Reason, old.Data, old.Updated, old.Transitioned, old.Tags
		c.Suppressed, c.Until, c.Held = old.Suppressed, old.Until, old.Held
		c.Reperiod(old)
		c.Muted = old.Muted
	}
	r.Composite[c.Name] = &c
	r.graph.put(&c, x)
	after := c
	r.emit(CompositeConfigured{Alarm: c.Name, Before: before, After: &after})
	if before == nil || before.Suppressor != c.Suppressor {
		r.suppress(&c, func() (Transition, bool) { return c.Resettle(now, r.suppressorInAlarm(&c)) })
	}
	r.evaluateComposite(&c, why)
	return r.events, nil
}

// checkComposite checks a composite alarm, whose rule is x, against the alarms that exist.
func (r *Registry) checkComposite(c *Composite, x *Expression) error {
	if r.Metric[c.Name] != nil {
		return otherType(c.Name)
	}
	var absent []string
	for _, reference := range x.Children() {
		if err := c.Foreign(reference); err != nil {
			return err
		}
		name := c.NameOf(reference)
		if name == c.Name { // a longer way back to itself is allowed: recorded
			return &Error{Msg: "A composite alarm cannot have a child relation with itself via its AlarmRule, as it would introduce a circular dependency"}
		}
		if !r.exists(name) {
			absent = append(absent, c.Prefix+name)
		}
		if parents := r.graph.parents[name]; len(parents) >= parentsMax && !slices.Contains(parents, c.Name) {
			return &Error{Msg: "Could not save the composite alarm as the alarm " + name + " is in the rules of 150 composite alarms already"}
		}
	}
	if len(absent) > 0 {
		return &Error{Msg: "Could not save the composite alarm as alarms [" + strings.Join(absent, ", ") + "] in the alarm rule do not exist"}
	}
	if c.Suppressor == "" {
		return nil
	}
	name := c.NameOf(c.Suppressor)
	if !r.exists(name) {
		return &Error{Msg: "Could not save the composite alarm as its ActionsSuppressor " + c.Suppressor + " does not exist"}
	}
	if r.graph.dependsOn(name, c.Name) {
		return &Error{Msg: "A composite alarm cannot suppress itself, directly or by the alarms that it depends on"}
	}
	return nil
}

func (r *Registry) exists(name string) bool { return r.Metric[name] != nil || r.Composite[name] != nil }

// Deletable checks that users may delete alarms: those that a composite alarm depends on must stay, even where it is deleted with them. It
// fails with *Error. AWS: DeleteAlarms, API reference; recorded.
func (r *Registry) Deletable(names []string) error {
	composites := 0
	var needed []string
	for i, name := range names {
		if slices.Index(names, name) != i {
			continue
		}
		if r.Composite[name] != nil {
			composites++
		}
		if len(r.graph.parents[name])+len(r.graph.suppresses[name]) > 0 {
			needed = append(needed, name)
		}
	}
	switch {
	case composites > 1:
		return &Error{Msg: "Only one composite alarm can be deleted in an operation, and the request names more"}
	case len(needed) == 1:
		return &Error{Msg: "Cannot delete " + needed[0] + " as there are composite alarm(s) depending on it."}
	case len(needed) > 1:
		return &Error{Msg: "Cannot delete " + strings.Join(needed, ",") + " as there are composite alarm(s) depending on them."}
	}
	return nil
}

// evaluateDependents evaluates the composite alarms that depend on alarms which changed, level by level from the lowest. A composite alarm
// whose rule depends on itself through others is evaluated once. AWS: PutCompositeAlarm, API reference: evaluation stops where it finds a
// cycle in its path; recorded.
func (r *Registry) evaluateDependents() {
	if len(r.Composite) == 0 {
		r.moved = r.moved[:0]
	}
	if len(r.moved) == 0 {
		return
	}
	due := map[int]map[string]cause{}
	done := map[string]bool{}
	for {
		for _, name := range r.moved {
			r.graph.addDependents(due, name)
		}
		r.moved = r.moved[:0]
		if len(due) == 0 {
			return
		}
		level := slices.Min(slices.Collect(maps.Keys(due))) //tidy:unordered the smallest
		batch := due[level]
		delete(due, level)
		for _, name := range slices.Sorted(maps.Keys(batch)) {
			c := r.Composite[name]
			if batch[name].suppressor {
				r.suppress(c, func() (Transition, bool) { return c.SuppressorMoved(r.now, r.suppressorInAlarm(c)) })
			}
			if batch[name].child && (!done[name] || !r.graph.cyclic[name]) {
				done[name] = true
				r.evaluateComposite(c, Moved)
			}
		}
	}
}

// evaluateComposite evaluates a composite alarm's rule.
func (r *Registry) evaluateComposite(c *Composite, why Occasion) {
	if t, changed := c.Evaluate(r.now, r.graph.rules[c.Name], r.stateSince, why); changed {
		r.compositeMoved(c, t)
	}
}

// compositeMoved records a change of a composite alarm's state and runs its actions, or holds them back.
func (r *Registry) compositeMoved(c *Composite, t Transition) {
	r.moved = append(r.moved, c.Name)
	r.emit(StateChange{Alarm: c.Name, Composite: true, Transition: t})
	r.suppress(c, func() (Transition, bool) { return t, c.Hold(r.now, t, r.suppressorInAlarm(c)) })
}

// suppress changes what suppresses a composite alarm's actions, records the change, and runs the actions that are released: change returns
// the transition that they belong to, and whether there are any.
func (r *Registry) suppress(c *Composite, change func() (Transition, bool)) {
	before := c.Suppressed
	t, run := change()
	if c.Until.IsZero() {
		delete(r.graph.withPeriods, c.Name)
	} else {
		r.graph.withPeriods[c.Name] = true
	}
	if c.Suppressed != before {
		r.emit(SuppressionChange{Alarm: c.Name, From: before, To: c.Suppressed, Until: c.Until})
	}
	if run && !r.muteComposite(c, t) {
		r.notifyComposite(c, t)
	}
}

// suppressorInAlarm reports whether a composite alarm has a suppressor that is in ALARM.
func (r *Registry) suppressorInAlarm(c *Composite) bool {
	return c.Suppressor != "" && r.stateSince(c.NameOf(c.Suppressor)).State == InAlarm
}

// notifyComposite runs the actions of a composite alarm's present state.
func (r *Registry) notifyComposite(c *Composite, t Transition) {
	for _, action := range c.Due() {
		after := *c
		r.emit(Notification{Alarm: c.common(), Transition: t, Action: action, Composite: &after})
	}
}

// endPeriods ends the wait and extension periods that are over. It comes after suppressors have been evaluated: one that goes into ALARM as
// a period ends counts.
func (r *Registry) endPeriods() {
	if end := r.periodsEnd(); end.IsZero() || end.After(r.now) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(r.graph.withPeriods)) {
		c := r.Composite[name]
		r.suppress(c, func() (Transition, bool) { return c.Expire(r.now) })
	}
}

// periodsEnd returns when the first wait or extension period ends; zero where none runs.
func (r *Registry) periodsEnd() time.Time {
	var first time.Time
	for name := range r.graph.withPeriods { //tidy:unordered the earliest of all
		if at := r.Composite[name].Until; first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}
