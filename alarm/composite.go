package alarm

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Composite is an alarm on the states of other alarms: its rule makes it ALARM where it holds, else OK. Exported members are its
// snapshot.
type Composite struct {
	Name        string
	Description string
	Rule        string // as it was given; ParseRule takes it apart

	// Prefix stands before an alarm's name where reasons name it, and may where rules do: what makes an ARN of a name.
	Prefix string

	ActionsEnabled bool
	Actions        []Action
	Tags           map[string]string

	// Suppressor is an alarm, as it was given, that holds actions back while it is in ALARM; "" where there is none. Wait is how long
	// actions wait for it to go there, Extension how long they stay held back when it has left.
	Suppressor      string
	Wait, Extension time.Duration

	State        State
	Reason       string
	Data         string    // StateReasonData, a JSON text; "" where there is none
	Configured   time.Time // when the configuration last changed
	Updated      time.Time // of State, Reason or Suppressed
	Transitioned time.Time // of State

	Suppressed SuppressedBy
	Until      time.Time   // end of a wait or extension period that runs; zero where none does
	Held       *Transition // the newest change of state whose actions are held back; nil where none are

	Muted *Muted `json:",omitzero"` // actions that a mute rule held back; nil where none are
}

// Standing is where an alarm stands, and since when.
type Standing struct {
	State        State
	Transitioned time.Time
}

// Occasion is why a composite alarm is evaluated.
type Occasion int

// Occasions.
const (
	Moved        Occasion = iota + 1 // an alarm that the rule refers to changed its state
	MadeNew                          // the alarm was created
	Reconfigured                     // its configuration was changed
)

// Error is why a change of alarms was refused. Nothing has changed where one is returned.
type Error struct{ Msg string } // AWS's text where it is known

// Error returns the text that clients see.
func (e *Error) Error() string { return e.Msg }

// NameOf is the name of the alarm that a rule or suppressor refers to.
func (c *Composite) NameOf(reference string) string {
	if c.Prefix == "" {
		return reference
	}
	return strings.TrimPrefix(reference, c.Prefix)
}

// Foreign refuses a reference that is another account's or region's ARN; nil for all others. AWS: recorded.
func (c *Composite) Foreign(reference string) error {
	here, there := strings.Split(c.Prefix, ":"), strings.SplitN(reference, ":", 7)
	switch {
	case len(here) != 7 || len(there) != 7 || there[0] != "arn" || there[2] != here[2]:
		return nil
	case there[3] != here[3]:
		return &Error{"Error in AlarmRule [Wrong ARN region, it was " + there[3] + " but " + here[3] + " was expected instead]"}
	case there[4] != here[4]:
		return &Error{"A composite alarm cannot have a child relation with alarms from another AWS account"}
	default:
		return nil
	}
}

// Evaluate holds the rule, taken apart in x, against the states of alarms, and moves the composite alarm's state. It reports
// whether the state changed.
func (c *Composite) Evaluate(now time.Time, x *Expression, stand func(name string) Standing, why Occasion) (Transition, bool) {
	state := func(reference string) State { return stand(c.NameOf(reference)).State }
	next := OK
	if x.Holds(state) {
		next = InAlarm
	}
	if next == c.State {
		return Transition{}, false
	}
	children := c.triggering(x, state, stand)
	reason := c.Prefix + c.Name + " was updated and its new alarm rule evaluates to " + next.String()
	switch {
	case why == MadeNew:
		reason = c.Prefix + c.Name + " was created and its alarm rule evaluates to " + next.String()
	case why == Moved && len(children) > 0:
		last := stand(children[0])
		reason = c.Prefix + children[0] + " transitioned to " + last.State.String() + " at " + last.Transitioned.UTC().Format(ruleDateForm)
	}
	return c.move(now, next, reason, c.triggeringData(triggers(next, children, stand), stand)), true
}

// triggers leaves out of the alarms that a result rests on those that did not set it off: beside children in ALARM, a condition such as NOT
// ALARM(deploying) only let it.
func triggers(to State, children []string, stand func(string) Standing) []string {
	alarming := func(name string) bool { return stand(name).State == InAlarm }
	if to != InAlarm || !slices.ContainsFunc(children, alarming) {
		return children
	}
	return slices.DeleteFunc(slices.Clone(children), func(name string) bool { return !alarming(name) })
}

// ruleDateForm is how a composite alarm's reason prints a moment. AWS: recorded.
const ruleDateForm = "Monday 02 January, 2006 15:04:05 UTC"

// triggering are the alarms whose states make the rule what it is, the one that changed last first. AWS: recorded.
func (c *Composite) triggering(x *Expression, state func(string) State, stand func(string) Standing) []string {
	names := map[string]bool{}
	for _, reference := range x.Support(state) {
		names[c.NameOf(reference)] = true
	}
	return slices.SortedFunc(maps.Keys(names), func(a, b string) int {
		return cmp.Or(stand(b).Transitioned.Compare(stand(a).Transitioned), strings.Compare(a, b))
	})
}

// dataMax is how long StateReasonData may be. AWS: CompositeAlarm, API reference.
const dataMax = 4000

// triggeringData renders as many of them as fit as StateReasonData. AWS: recorded.
func (c *Composite) triggeringData(children []string, stand func(string) Standing) string {
	var parts []string
	length := len(`{"triggeringAlarms":[]}`)
	for _, name := range children {
		x := stand(name)
		state, child := object{}, object{}
		state.text("value", x.State.String())
		state.text("timestamp", x.Transitioned.UTC().Format(dateForm))
		child.raw("arn", jsonText(c.Prefix+name))
		child.raw("state", state.String())
		if length += len(child.String()) + 1; length > dataMax {
			break
		}
		parts = append(parts, child.String())
	}
	o := object{}
	o.raw("triggeringAlarms", "["+strings.Join(parts, ",")+"]")
	return o.String()
}

// jsonText quotes a text that may hold anything.
func jsonText(s string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(s, "\ufffd") {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20:
			b.WriteString(`\u00` + string(hex[r>>4]) + string(hex[r&15]))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Set puts the composite alarm into a state until its rule is evaluated again: when an alarm it refers to changes, or its
// configuration. It reports false, and changes nothing, where that is its state already. AWS: SetAlarmState, API reference; recorded.
func (c *Composite) Set(now time.Time, s State, reason, data string) (Transition, bool) {
	if s == c.State {
		return Transition{}, false
	}
	return c.move(now, s, reason, data), true
}

func (c *Composite) move(now time.Time, s State, reason, data string) Transition {
	t := Transition{From: c.State, To: s, OldReason: c.Reason, Reason: reason, OldData: c.Data, Data: data}
	c.State, c.Reason, c.Data, c.Updated, c.Transitioned = s, reason, data, now, now
	return t
}

// SameConfiguration reports whether two composite alarms are configured alike, whatever their states.
func (c *Composite) SameConfiguration(o *Composite) bool {
	return c.Description == o.Description && c.Rule == o.Rule && c.ActionsEnabled == o.ActionsEnabled && slices.Equal(c.Actions, o.Actions) &&
		c.Suppressor == o.Suppressor && c.Wait == o.Wait && c.Extension == o.Extension
}

// Due returns the actions of the present state.
func (c *Composite) Due() []Action {
	var due []Action
	for _, a := range c.Actions {
		if c.ActionsEnabled && a.On == c.State {
			due = append(due, a)
		}
	}
	return due
}
