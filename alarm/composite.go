package alarm

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Composite is a composite alarm: an alarm on the states of other alarms, in ALARM while its rule is true, else OK. Exported members are
// its snapshot.
type Composite struct {
	Name        string
	Description string
	Rule        string // as it was given; see ParseRule

	// Prefix makes an ARN of an alarm's name. Reasons name alarms with it; rules and suppressors may.
	Prefix string

	ActionsEnabled bool
	Actions        []Action
	Tags           map[string]string

	// Suppressor names an alarm, as it was given, that suppresses actions while it is in ALARM; "" where there is none. Wait is how long
	// actions wait for it to go into ALARM, Extension how long they stay suppressed after it left. AWS: ActionsSuppressor.
	Suppressor      string
	Wait, Extension time.Duration

	State        State
	Reason       string
	Data         string    // StateReasonData, a JSON text; "" where there is none
	Configured   time.Time // when the configuration last changed
	Updated      time.Time // of State, Reason or Suppressed
	Transitioned time.Time // of State

	Suppressed SuppressedBy
	Until      time.Time   // end of the present wait or extension period; zero where there is none
	Held       *Transition // the newest change of state whose actions are suppressed; nil where none are

	Muted *Muted `json:",omitzero"` // actions that a mute rule holds back; nil where none are
}

// StateSince is an alarm's state and since when it is in it.
type StateSince struct {
	State        State
	Transitioned time.Time
}

// Occasion is why a composite alarm is evaluated.
type Occasion int

// Occasions.
const (
	Moved        Occasion = iota + 1 // an alarm that the rule refers to changed its state, came or went
	MadeNew                          // the alarm was created
	Reconfigured                     // its configuration was changed
)

// Error says why a change of alarms was refused. The refusal changed nothing.
type Error struct{ Msg string } // AWS's text where it is known

// Error returns the text that clients see.
func (e *Error) Error() string { return e.Msg }

// common returns what a composite alarm has in common with a metric alarm.
func (c *Composite) common() Alarm {
	return Alarm{
		Name: c.Name, Description: c.Description, ActionsEnabled: c.ActionsEnabled, Actions: c.Actions, State: c.State, Reason: c.Reason,
		Data: c.Data, Configured: c.Configured, Updated: c.Updated, Transitioned: c.Transitioned,
	}
}

// configuration returns the composite alarm without its state.
func (c *Composite) configuration() Composite {
	return Composite{
		Name: c.Name, Description: c.Description, Rule: c.Rule, Prefix: c.Prefix, ActionsEnabled: c.ActionsEnabled, Actions: c.Actions, Tags: c.Tags,
		Suppressor: c.Suppressor, Wait: c.Wait, Extension: c.Extension,
	}
}

// NameOf returns the name of the alarm that a rule or suppressor refers to.
func (c *Composite) NameOf(reference string) string {
	if c.Prefix == "" {
		return reference
	}
	return strings.TrimPrefix(reference, c.Prefix)
}

// Foreign refuses a reference that is the ARN of another account or region. It fails with *Error. AWS: recorded.
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

// Evaluate evaluates the composite alarm's parsed rule, x, on the states of alarms that stateOf returns. It reports whether the state
// changed.
func (c *Composite) Evaluate(now time.Time, x *Expression, stateOf func(name string) StateSince, why Occasion) (Transition, bool) {
	state := func(reference string) State { return stateOf(c.NameOf(reference)).State }
	next := OK
	if x.Holds(state) {
		next = InAlarm
	}
	if next == c.State {
		return Transition{}, false
	}
	children := c.triggering(x, state, stateOf)
	reason := c.Prefix + c.Name + " was updated and its new alarm rule evaluates to " + next.String()
	switch {
	case why == MadeNew:
		reason = c.Prefix + c.Name + " was created and its alarm rule evaluates to " + next.String()
	case why == Moved && len(children) > 0:
		last := stateOf(children[0])
		reason = c.Prefix + children[0] + " transitioned to " + last.State.String() + " at " + last.Transitioned.UTC().Format(ruleDateForm)
	}
	return c.move(now, next, reason, c.triggeringData(triggers(next, children, stateOf), stateOf)), true
}

// triggers removes from the alarms that a result is based on those that did not cause it: where there are children in ALARM, a condition
// such as NOT ALARM(deploying) only permitted it.
func triggers(to State, children []string, stateOf func(string) StateSince) []string {
	alarming := func(name string) bool { return stateOf(name).State == InAlarm }
	if to != InAlarm || !slices.ContainsFunc(children, alarming) {
		return children
	}
	return slices.DeleteFunc(slices.Clone(children), func(name string) bool { return !alarming(name) })
}

// ruleDateForm is the layout of times in a composite alarm's reason. AWS: recorded.
const ruleDateForm = "Monday 02 January, 2006 15:04:05 UTC"

// triggering returns the alarms that the rule's result is based on, the one that changed last first. AWS: recorded.
func (c *Composite) triggering(x *Expression, state func(string) State, stateOf func(string) StateSince) []string {
	names := map[string]bool{}
	for _, reference := range x.Support(state) {
		names[c.NameOf(reference)] = true
	}
	return slices.SortedFunc(maps.Keys(names), func(a, b string) int {
		return cmp.Or(stateOf(b).Transitioned.Compare(stateOf(a).Transitioned), strings.Compare(a, b))
	})
}

// dataMax is the most characters of StateReasonData. AWS: CompositeAlarm, API reference.
const dataMax = 4000

// triggeringData renders as many of these as fit as StateReasonData. AWS: recorded.
func (c *Composite) triggeringData(children []string, stateOf func(string) StateSince) string {
	var parts []string
	length := len(`{"triggeringAlarms":[]}`)
	for _, name := range children {
		x := stateOf(name)
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

// jsonText quotes any text as JSON.
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

// Set puts the composite alarm into a state until its rule is evaluated again, when an alarm that it refers to changes or its own
// configuration. It reports false, and changes nothing, where the alarm is in that state already. AWS: SetAlarmState, API reference; recorded.
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

// SameConfiguration reports whether two composite alarms have the same configuration, whatever their states.
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
