package timeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/plural"
	"bellows.dev/bellows/scaling"
)

// Group is a unit of meaning: a change of capacity from its cause to its result, or a single event.
type Group struct {
	ID     string    `json:"id"` // stable, unique in the timeline
	At     time.Time `json:"at"`
	Kind   string    `json:"kind"`   // change, held, alarm, schedule, endpoint or failure
	Title  string    `json:"title"`  // such as "Scaled out from 4 to 7"
	Cause  string    `json:"cause"`  // a sentence; "" where the title says it
	Result string    `json:"result"` // such as "ready in 1 m 18 s: model data 21 s · container 33 s"
	Status string    `json:"status,omitempty"`
	By     string    `json:"by,omitempty"` // of a change; see Change
	Policy string    `json:"policy,omitempty"`
	Alarm  string    `json:"alarm,omitempty"`
	From   *int      `json:"from,omitempty"` // desired capacity before and after
	To     *int      `json:"to,omitempty"`
	Events []Event   `json:"events"` // oldest first
}

// Event is one event of a group.
type Event struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"` // alarm, decision, activity, instance, schedule or endpoint
	Text string    `json:"text"`
}

// group makes the groups.
func (b *builder) group() {
	taken := map[string]map[time.Time]bool{} // transitions of alarms that are part of a change
	b.arrange()
	for _, c := range b.t.Changes[max(0, len(b.t.Changes)-groupsMax):] {
		b.t.Groups = append(b.t.Groups, b.changeGroup(c, taken))
	}
	for _, a := range b.activities {
		if !b.within(a.Start) || b.changed[a.Start.UnixNano()] && a.NotScaled.Code == 0 && a.Cause.Kind != scaling.CauseSchedule {
			continue
		}
		b.t.Groups = append(b.t.Groups, b.activityGroup(a, taken))
	}
	for _, x := range b.schedules {
		if e, ok := x.Event.(engine.ScheduledActionRan); ok {
			b.t.Groups = append(b.t.Groups, single(x.At, "schedule", "Scheduled action "+e.Run.Action+" ran", e.Run.String()))
		}
	}
	for _, x := range b.endpoints {
		if !b.within(x.At) {
			continue
		}
		switch e := x.Event.(type) {
		case engine.EndpointChanged:
			b.t.Groups = append(b.t.Groups, single(x.At, "endpoint", StatusTitle(e), e.Reason))
		case engine.EjectionChanged:
			b.t.Groups = append(b.t.Groups, single(x.At, "failure", "Instance left out of routing, or back in it", e.String()))
		}
	}
	b.failures()
	for name, all := range b.moves {
		for _, m := range all {
			if b.within(m.at) && !taken[name][m.at] && m.to == alarm.InAlarm {
				g := single(m.at, "alarm", b.short(name)+" went into ALARM", "")
				g.Alarm, g.Policy = name, b.policyOf(name)
				b.t.Groups = append(b.t.Groups, g)
			}
		}
	}
	slices.SortStableFunc(b.t.Groups, func(x, y Group) int { return cmp.Or(y.At.Compare(x.At), cmp.Compare(x.ID, y.ID)) })
	if len(b.t.Groups) > groupsMax {
		b.t.Groups = b.t.Groups[:groupsMax]
	}
}

func single(at time.Time, kind, title, text string) Group {
	return Group{ID: id(at, kind, title), At: at, Kind: kind, Title: title, Cause: text, Events: []Event{}}
}

func id(at time.Time, kind, title string) string {
	return fmt.Sprintf("%s-%d-%s", kind, at.UnixNano(), strings.ReplaceAll(title, " ", "-"))
}

// arrange finds changes, activities and launches by the moment of their change.
func (b *builder) arrange() {
	b.changed, b.started, b.followed = map[int64]bool{}, map[int64][]scaling.Activity{}, map[int64][]scaling.InstanceActivity{}
	for _, c := range b.t.Changes {
		b.changed[c.At.UnixNano()] = true
	}
	for _, a := range b.activities {
		b.started[a.Start.UnixNano()] = append(b.started[a.Start.UnixNano()], a)
	}
	for _, a := range b.launches {
		b.followed[a.Why.At.UnixNano()] = append(b.followed[a.Why.At.UnixNano()], a)
	}
	b.lives = map[string]*Life{}
	for i := range b.t.Lives {
		b.lives[b.t.Lives[i].ID] = &b.t.Lives[i]
	}
}

// changeGroup returns the group of a change of the desired capacity: the transition of the alarm that caused it, the activity, and the
// instances that it started or took away.
func (b *builder) changeGroup(c Change, taken map[string]map[time.Time]bool) Group {
	from, to := c.From, c.To
	g := Group{
		ID: id(c.At, "change", c.By), At: c.At, Kind: "change", Title: changeTitle(from, to), Cause: sentence(c.Cause), By: c.By, From: &from, To: &to,
		Events: []Event{},
	}
	for _, a := range b.started[c.At.UnixNano()] {
		if a.NotScaled.Code != 0 || a.Cause.Kind == scaling.CauseSchedule {
			continue
		}
		g.Status, g.Policy, g.Alarm = a.Status.String(), a.Cause.Policy, a.Cause.Alarm
		b.transition(&g, a, taken)
		g.Events = append(g.Events, Event{a.Start, "activity", a.Description() + " Cause: " + a.Cause.String() + "."})
		if !a.End.IsZero() {
			g.Events = append(g.Events, Event{a.End, "activity", a.Status.String() + ": " + a.StatusMessage()})
		}
	}
	if d, ok := b.decided[c.At]; ok {
		g.Events = append(g.Events, Event{c.At, "decision", d.Explain(b.types)})
		g.Cause = d.ExplainProposal(b.types, d.Winner) + "." // it may begin with an alarm's name
	}
	g.Result = b.result(&g, c)
	slices.SortStableFunc(g.Events, func(x, y Event) int { return cmp.Or(x.At.Compare(y.At), cmp.Compare(rank[x.Kind], rank[y.Kind])) })
	return g
}

// transition adds the transition of the alarm that led to an activity.
func (b *builder) transition(g *Group, a scaling.Activity, taken map[string]map[time.Time]bool) {
	m, ok := lastBefore(b.moves[a.Cause.Alarm], a.Start)
	if !ok {
		return
	}
	g.Events = append(g.Events, Event{m.at, "alarm", fmt.Sprintf("%s: %v → %v", b.short(a.Cause.Alarm), m.from, m.to)})
	if taken[a.Cause.Alarm] == nil {
		taken[a.Cause.Alarm] = map[time.Time]bool{}
	}
	taken[a.Cause.Alarm][m.at] = true
}

// rank orders events of one moment from cause to result.
var rank = map[string]int{"alarm": 0, "decision": 1, "activity": 2, "instance": 3}

// lastBefore returns the last transition until a moment.
func lastBefore(all []move, at time.Time) (move, bool) {
	for _, m := range slices.Backward(all) {
		if !m.at.After(at) {
			return m, true
		}
	}
	return move{}, false
}

// result adds the events of the instances that followed a change, and returns what came of it.
func (b *builder) result(g *Group, c Change) string {
	var last time.Time
	var slowest *Life
	waiting, failures, n := 0, 0, 0
	for _, a := range b.followed[c.At.UnixNano()] {
		n++
		g.Events = append(g.Events, Event{a.Start, "instance", a.Instance + " " + begun(a.Launch)})
		switch {
		case a.End.IsZero():
			waiting++
		case a.Status == scaling.InstanceFailed:
			failures++
			g.Events = append(g.Events, Event{a.End, "instance", a.Instance + " failed: " + a.Reason})
		default:
			g.Events = append(g.Events, Event{a.End, "instance", a.Instance + " " + ended(&a)})
			if a.End.After(last) {
				last, slowest = a.End, b.lives[a.Instance]
			}
		}
	}
	switch {
	case n == 0:
		return ""
	case failures > 0:
		return plural.Of(failures, "instance") + " failed"
	case waiting > 0 && c.To > c.From:
		return fmt.Sprintf("%d of %d start", waiting, n)
	case waiting > 0:
		return fmt.Sprintf("%d of %d drain", waiting, n)
	case c.To > c.From:
		return "ready in " + took(last.Sub(c.At)) + stagesText(slowest)
	default:
		return "drained in " + took(last.Sub(c.At))
	}
}

func begun(launch bool) string {
	if launch {
		return "starts"
	}
	return "drains"
}

func ended(a *scaling.InstanceActivity) string {
	switch {
	case a.Status == scaling.InstanceCancelled:
		return "was taken away before it served"
	case a.Launch:
		return "serves"
	default:
		return "is gone"
	}
}

// stagesText words the stages of a start that took time.
func stagesText(x *Life) string {
	if x == nil {
		return ""
	}
	var parts []string
	for _, s := range x.Stages {
		if s.Seconds >= 0.1 {
			parts = append(parts, s.Name+" "+took(time.Duration(s.Seconds*float64(time.Second))))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, " · ")
}

// took words a duration as people say it: 0.3 s, 41 s, 3 m 10 s.
func took(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d m %d s", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%d h %d m", int(d.Hours()), int(d.Minutes())%60)
	}
}

func changeTitle(from, to int) string {
	switch {
	case from == 0:
		return fmt.Sprintf("Started with %d", to)
	case to > from:
		return fmt.Sprintf("Scaled out from %d to %d", from, to)
	case to == 0:
		return fmt.Sprintf("Scaled in from %d to 0", from)
	default:
		return fmt.Sprintf("Scaled in from %d to %d", from, to)
	}
}

// sentence makes a sentence of AWS's text of a cause, which begins in lower case and has no full stop.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}

// activityGroup returns the group of an activity that is no change of instances: a refusal, or a bound that a schedule set.
func (b *builder) activityGroup(a scaling.Activity, taken map[string]map[time.Time]bool) Group {
	g := Group{
		ID: id(a.Start, "activity", a.ID), At: a.Start, Kind: "change", Title: strings.TrimSuffix(a.Description(), "."), Cause: sentence(a.Cause.String()),
		Status: a.Status.String(), By: by(a.Cause.Kind), Policy: a.Cause.Policy, Alarm: a.Cause.Alarm, Result: a.Reason, Events: []Event{},
	}
	if a.NotScaled.Code != 0 {
		g.Kind, g.Title, g.Result, g.Status = "held", "Did not scale", a.NotScaled.Code.String(), ""
		g.Cause = fmt.Sprintf("%s in %v.", b.short(a.Cause.Alarm), a.Cause.State)
		b.transition(&g, a, taken)
	}
	return g
}

// StatusTitle words a change of the status of an endpoint.
func StatusTitle(e engine.EndpointChanged) string {
	switch {
	case e.To == 0:
		return "Endpoint deleted"
	case e.From == 0:
		return "Endpoint created"
	default:
		return "Endpoint " + e.To.String()
	}
}

// failures adds a group for each failure of an instance in service.
func (b *builder) failures() {
	for i := range b.t.Lives {
		spans := b.t.Lives[i].Spans
		for n := 1; n < len(spans); n++ {
			if spans[n].State == failed && spans[n-1].State == serving && b.within(spans[n].From) {
				b.t.Groups = append(b.t.Groups, single(spans[n].From, "failure", "Instance "+b.t.Lives[i].ID+" failed", spans[n].Reason))
			}
		}
	}
}
