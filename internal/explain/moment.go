package explain

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/scaling"
)

// recently is how far back a moment looks for the last decision, and for the last word of an alarm where only the history is left.
const recently = 14 * 24 * time.Hour

// Moment is how things stood.
type Moment struct {
	At time.Time `json:"at"`

	// Source tells how well the moment is known: "present", "journal" (the engine as it stood, decided again) or "history" (what
	// alarms and decisions said last; Capacity, Policies and Warnings are then empty).
	Source string `json:"source"`

	Scaled   bool     `json:"scaled"` // it is a scalable target, or an Auto Scaling group with settings
	Min      int      `json:"min"`
	Max      int      `json:"max"`
	Desired  int      `json:"desired"`
	Current  int      `json:"current"`
	Status   string   `json:"status,omitempty"` // of the endpoint
	Policies []Policy `json:"policies"`

	Warnings []Warning `json:"warnings,omitempty"`
	Alarms   []Alarm   `json:"alarms"`

	Decision *Line `json:"decision,omitempty"` // the last until then
}

// Policy is what one policy saw and wanted.
type Policy struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Group bool   `json:"group,omitempty"` // it came through the EC2 Auto Scaling API

	// Says has a sentence for each alarm that invokes the policy, or one that says why there is none.
	Says []string `json:"says"`

	Proposals []scaling.Proposal `json:"proposals,omitempty"`
}

// Warning is something that is silently wrong.
type Warning struct {
	Kind   string `json:"kind"`
	Policy string `json:"policy,omitempty"`
	Text   string `json:"text"`
}

// Alarm is the state of an alarm that invokes a policy.
type Alarm struct {
	Name   string    `json:"name"`
	State  string    `json:"state"`
	Since  time.Time `json:"since"`
	Reason string    `json:"reason"`
}

// momentOf looks at the moment in the engine, now or as it stood; where it cannot, Source is left empty.
func momentOf(ctx context.Context, p Past, q Query) (Moment, error) {
	m := Moment{Policies: []Policy{}, Alarms: []Alarm{}}
	var past bool
	err := p.View(ctx, func(now time.Time, e *engine.Engine) {
		if q.At.IsZero() || !q.At.Before(now) {
			m.look(now, "present", e, q)
			return
		}
		past = true
	})
	if err != nil || !past {
		return m, err
	}
	m.At = q.At
	e, err := p.At(ctx, q.At)
	if err == nil && e != nil {
		m.look(q.At, "journal", e, q)
	}
	return m, err
}

func (m *Moment) look(at time.Time, source string, e *engine.Engine, q Query) {
	m.At = at
	r := e.Region(q.Scope)
	if r == nil {
		return
	}
	if x, err := r.Hosting.Endpoint(q.Endpoint); err == nil && x.Variant(q.Variant) != nil {
		v := x.Variant(q.Variant)
		m.Source, m.Desired, m.Current, m.Status = source, v.Desired, v.Current(), x.Status.String()
	}
	d, t, ok := r.Consider(at, q.target())
	if !ok {
		return
	}
	m.Source, m.Scaled = source, true
	m.Min, m.Max = t.Bounds(m.Desired)
	m.policies(t, &d)
	for _, w := range r.Warnings(at) {
		if w.Target == t.Key {
			for _, x := range w.Warnings {
				m.Warnings = append(m.Warnings, Warning{x.Kind.String(), x.Policy, x.String()})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.invoking(t, &d))) {
		if a := r.Alarms[name]; a != nil {
			m.Alarms = append(m.Alarms, Alarm{a.Name, a.State.String(), a.Transitioned, a.Reason})
		}
	}
}

// invoking names the alarms that invoke the target's policies, or should.
func (m *Moment) invoking(t *scaling.Target, d *scaling.Decision) map[string]bool {
	names := map[string]bool{}
	for _, name := range t.AlarmNames() {
		names[name] = true
	}
	for _, p := range d.Proposals {
		names[p.Alarm] = true
	}
	return names
}

func (m *Moment) policies(t *scaling.Target, d *scaling.Decision) {
	own := func(policies []*scaling.Policy, group bool) {
		for _, p := range policies {
			x := Policy{Name: p.Name, Type: p.Type.String(), Group: group, Says: []string{}}
			for i := range d.Proposals {
				if pr := d.Proposals[i]; pr.Policy == p.Name && pr.Group == group {
					x.Proposals, x.Says = append(x.Proposals, pr), append(x.Says, d.Explain(i))
				}
			}
			m.Policies = append(m.Policies, x)
		}
	}
	own(t.Policies, false)
	if t.Group != nil {
		own(t.Group.Policies, true)
	}
	slices.SortStableFunc(m.Policies, func(a, b Policy) int { return strings.Compare(a.Name, b.Name) })
}

// alarms names the alarms that the moment tells of.
func (m *Moment) alarms() []string {
	var names []string
	for _, a := range m.Alarms {
		names = append(names, a.Name)
	}
	return names
}

// remember fills a moment that only the history knows: the last word of each alarm.
func (m *Moment) remember(items []Item) {
	m.Source = "history"
	last := map[string]Alarm{}
	for _, i := range items {
		if t, ok := i.Event.(engine.AlarmTransition); ok {
			last[t.Alarm] = Alarm{t.Alarm, t.To.String(), i.At, t.Reason}
		}
		if d, ok := i.Event.(engine.Decided); ok {
			c := d.Decision
			m.Scaled, m.Min, m.Max, m.Desired, m.Current = true, c.Min, c.Max, c.Want, c.Capacity.Current
		}
	}
	m.Alarms = slices.SortedFunc(maps.Values(last), func(a, b Alarm) int { return cmp.Compare(a.Name, b.Name) })
}
