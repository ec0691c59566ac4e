package explain

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/scaling"
)

// gather reads the events of the variant in a time range, oldest first, including those of the given alarms and of alarms in decisions.
func gather(ctx context.Context, p Past, q Query, alarms []string, from, until time.Time) ([]engine.Recorded, error) {
	var all []engine.Recorded
	read := func(table, key string, take func(engine.Event) bool) error {
		items, err := p.Events(ctx, log.EventQuery{Scope: engine.ScopeName(q.Scope), Table: table, Key: key, From: from, To: until, Limit: eventsMax})
		if err != nil {
			return err
		}
		for _, i := range slices.Backward(items) {
			if take(i.Event) {
				all = append(all, i)
			}
		}
		return nil
	}
	every := func(engine.Event) bool { return true }
	resource := q.target().ResourceID
	if err := read(log.TableDecision, resource, func(e engine.Event) bool {
		if d, ok := e.(engine.Decided); ok {
			for _, p := range d.Decision.Proposals {
				alarms = append(alarms, p.Alarm)
			}
		}
		return true
	}); err != nil {
		return nil, err
	}
	if err := read(log.TableActivity, resource, every); err != nil {
		return nil, err
	}
	if err := read(log.TableEndpoint, q.Endpoint, func(e engine.Event) bool {
		switch x := e.(type) {
		case engine.InstanceChanged:
			return q.Variant == "" || x.Key.Variant == q.Variant
		case engine.EjectionChanged:
			return q.Variant == "" || x.Key.Variant == q.Variant
		default:
			return true
		}
	}); err != nil {
		return nil, err
	}
	hand, err := byHand(ctx, p, q, from, until)
	if err != nil {
		return nil, err
	}
	all = append(all, hand...)
	slices.Sort(alarms)
	for _, name := range slices.Compact(alarms) {
		if name == "" {
			continue
		}
		if err := read(log.TableAlarm, name, ofAlarm); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(all, func(a, b engine.Recorded) int { return cmp.Or(a.At.Compare(b.At), rank(a.Event)-rank(b.Event)) })
	return all, nil
}

// ofAlarm reports whether an event of an alarm belongs in a story: its transitions, and its actions that were not carried out.
func ofAlarm(e engine.Event) bool {
	switch x := e.(type) {
	case engine.AlarmTransition:
		return true
	case engine.AlarmActed:
		return x.Error != "" || !x.MutedUntil.IsZero()
	default:
		return false
	}
}

// notActed renders an action that an alarm did not carry out.
func notActed(types scaling.Types, e engine.AlarmActed) string {
	what, name := "notify", e.Action.ARN
	if e.Action.Policy != "" {
		what, name = "invoke policy", e.Action.Policy
	}
	why := e.Error
	if why == "" {
		why = "a mute rule holds it back until " + stamp(e.MutedUntil)
	}
	return fmt.Sprintf("%s did not %s %s: %s", types.AlarmLabel(e.Alarm), what, name, why)
}

// skipped adds to what policies say the reason for which an alarm, on the change to its present state, did not invoke them: SetAlarmState without
// data that is fresh, or a mute rule.
func (m *Moment) skipped(ctx context.Context, p Past, types scaling.Types, q Query, until time.Time) error {
	for _, a := range m.Alarms {
		items, err := p.Events(ctx, log.EventQuery{
			Scope: engine.ScopeName(q.Scope), Table: log.TableAlarm, Key: a.Name, From: a.Since, To: until, Limit: eventsMax,
		})
		if err != nil {
			return err
		}
		for _, i := range slices.Backward(items) {
			e, ok := i.Event.(engine.AlarmActed)
			if !ok || !ofAlarm(e) || e.Error != "" && a.Repeated || e.Error == "" && !e.MutedUntil.After(m.At) {
				continue
			}
			for j := range m.Policies {
				if x := &m.Policies[j]; x.Name == e.Action.Policy {
					x.Says = append(x.Says, "at "+stamp(i.At)+" "+notActed(types, e))
				}
			}
		}
	}
	return nil
}

// byHand reads manual changes of the desired capacity, which have neither decision nor activity. They are found by the instances launched
// and terminated because of them; each is listed once, at its own time.
func byHand(ctx context.Context, p Past, q Query, from, until time.Time) ([]engine.Recorded, error) {
	items, err := p.Events(ctx, log.EventQuery{
		Scope: engine.ScopeName(q.Scope), Table: log.TableGroup, Key: q.Endpoint + "/" + q.Variant, From: from, To: until, Limit: eventsMax,
	})
	var out []engine.Recorded
	known := map[time.Time]bool{}
	for _, i := range items {
		e, ok := i.Event.(engine.InstanceActivityChanged)
		if !ok {
			continue
		}
		if why := e.Activity.Why; handKind(why.Cause.Kind) && !why.At.Before(from) && !known[why.At] {
			known[why.At] = true
			out = append(out, engine.Recorded{At: why.At, Event: e})
		}
	}
	return out, err
}

func handKind(k scaling.CauseKind) bool {
	return k == scaling.CauseDesired || k == scaling.CauseConstraints
}

// rank orders events with equal times by cause and effect.
func rank(e engine.Event) int {
	switch e.(type) {
	case engine.AlarmTransition, engine.ScheduledActionRan:
		return 0
	case engine.Decided, engine.InstanceActivityChanged, engine.AlarmActed:
		return 1
	case engine.ActivityChanged:
		return 2
	case engine.InstanceChanged, engine.EjectionChanged:
		return 3
	default:
		return 4
	}
}

// lastDecision returns the target's last decision before a moment, nil if there is none.
func lastDecision(ctx context.Context, p Past, types scaling.Types, q Query, until time.Time) (*Line, error) {
	items, err := p.Events(ctx, log.EventQuery{
		Scope: engine.ScopeName(q.Scope), Table: log.TableDecision, Key: q.target().ResourceID, Types: []string{log.TypeDecided}, From: until.Add(-recently), To: until, Limit: 1,
	})
	if len(items) == 0 || err != nil {
		return nil, err
	}
	l := line(types, items[0])
	return &l, nil
}

// line renders one event.
func line(types scaling.Types, i engine.Recorded) Line {
	l := Line{At: i.At, What: i.Event}
	switch e := i.Event.(type) {
	case engine.Decided:
		l.Kind, l.Text, l.Idle = KindDecision, e.Decision.Explain(types), !e.Decision.Acted
	case engine.ActivityChanged:
		l.Kind, l.Text = "activity", activity(e)
	case engine.ScheduledActionRan:
		l.Kind, l.Text = "schedule", e.Run.Action+": "+e.Run.String()
	case engine.AlarmTransition:
		l.Kind, l.Text = "alarm", fmt.Sprintf("%s: %v → %v", types.AlarmLabel(e.Alarm), e.From, e.To)
	case engine.AlarmActed:
		l.Kind, l.Text = "alarm", notActed(types, e)
	case engine.InstanceActivityChanged:
		l.Kind, l.Text = KindChange, hand(e.Activity.Why)
	case engine.EndpointChanged:
		l.Kind, l.Text = "endpoint", strings.TrimPrefix(e.String(), "endpoint ")
	case engine.InstanceChanged:
		l.Kind, l.Text = "instance", strings.TrimPrefix(e.String(), "instance ")
	case engine.EjectionChanged:
		l.Kind, l.Text = "instance", e.String()
	default:
		l.Kind, l.Text = "event", e.String()
	}
	return l
}

// hand renders a manual change of the desired capacity.
func hand(why scaling.CapacityChange) string {
	s := fmt.Sprintf("desired %d -> %d by hand", why.From, why.To)
	if why.Cause.Kind == scaling.CauseConstraints {
		s += fmt.Sprintf(", with the group's range set to %d to %d", why.Min, why.Max)
	}
	return s
}

// activity renders an activity. Its cause is included only if there is no decision.
func activity(e engine.ActivityChanged) string {
	a := e.Activity
	if a.NotScaled.Code != 0 {
		return "Not scaled: " + a.NotScaled.Code.String()
	}
	s := fmt.Sprintf("%v: %s", a.Status, a.Description())
	if k := a.Cause.Kind; k == scaling.CauseMinimum || k == scaling.CauseMaximum {
		s = strings.TrimSuffix(s, ".") + ": " + a.Cause.String() + "."
	}
	if !a.End.IsZero() || a.Reason != "" { // another sentence follows; AWS's text of a scheduled action has no full stop
		s = strings.TrimSuffix(s, ".") + "."
	}
	if !a.End.IsZero() {
		s += fmt.Sprintf(" After %v.", a.End.Sub(a.Start).Round(time.Second))
	}
	if a.Reason != "" {
		s += " " + a.Reason
	}
	return s
}
