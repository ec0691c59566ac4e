package explain

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/scaling"
)

// Sources of moments.
const (
	present  = "present"
	restored = "past" // restored by repeating steps
)

// recently is the time range in which the last decision is searched.
const recently = 14 * 24 * time.Hour

// Moment is the state of a variant's scaling at a moment.
type Moment struct {
	At time.Time `json:"at"`

	// Source is "present", or "past" for a state restored by repeating steps.
	Source string `json:"source"`

	Outage *Outage `json:"outage,omitempty"` // the server cannot record what it decides: the last recorded state is explained
	Clock  *Clock  `json:"clock,omitempty"`  // of the running server, where its policy time is not the wall clock's

	Differs *time.Time `json:"differs,omitempty"` // time from which on this version decides differently than the one that ran then
	Idle    *Idle      `json:"idle,omitempty"`

	Gone      bool     `json:"gone,omitempty"` // the variant does not exist
	Scaled    bool     `json:"scaled"`         // it is a scalable target, or an Auto Scaling group with settings
	Min       int      `json:"min"`
	Max       int      `json:"max"`
	Desired   int      `json:"desired"`
	Current   int      `json:"current"`
	Status    string   `json:"status,omitempty"`  // of the endpoint
	Health    string   `json:"health,omitempty"`  // healthy, degraded or failing
	Trouble   string   `json:"trouble,omitempty"` // why the variant is not healthy
	PerMinute float64  `json:"invocations_per_minute"`
	Suspended []string `json:"suspended,omitempty"`
	DryRun    bool     `json:"dry_run,omitempty"`
	Ejected   []string `json:"ejected,omitempty"` // a sentence for each ejected instance; Trouble contains them, too
	Policies  []Policy `json:"policies"`

	Instances []Instance `json:"instances,omitempty"`

	Warnings []Warning `json:"warnings,omitempty"`
	Alarms   []Alarm   `json:"alarms"`

	Decision *Line `json:"decision,omitempty"` // the last decision before the moment
}

// Idle is a range without events before a server was started; possibly none was running.
type Idle struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// Policy is what one policy received and recommended.
type Policy struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Group bool   `json:"group,omitempty"` // put through the EC2 Auto Scaling API

	// Says has a sentence for each alarm that invokes the policy, what it forecasts, or the reason why there is none.
	Says []string `json:"says"`

	Proposals []scaling.Proposal `json:"proposals,omitempty"`
}

// Warning is a likely mistake in the configuration.
type Warning struct {
	Kind   string `json:"kind"`
	Policy string `json:"policy,omitempty"`
	Text   string `json:"text"`
}

// Alarm is the state of an alarm that invokes a policy.
type Alarm struct {
	Name   string    `json:"name"`
	Short  string    `json:"short"` // its label, as people see it
	State  string    `json:"state"`
	Since  time.Time `json:"since"`
	Reason string    `json:"reason"`

	Repeated bool `json:"-"` // its actions have been invoked again since its state changed
}

// momentOf reads the moment from the current or the restored engine, and returns the engine's policy types.
func momentOf(ctx context.Context, p Past, q Query) (m Moment, types scaling.Types, err error) {
	m = Moment{Policies: []Policy{}, Alarms: []Alarm{}, Gone: true}
	var past bool
	var recorded time.Time
	err = p.View(ctx, func(now time.Time, e *engine.Engine) {
		types, recorded = e.Config().Policies, e.Now()
		if q.At.IsZero() || !q.At.Before(now) {
			m.look(now, present, e, q)
			return
		}
		past = true
	})
	if err != nil {
		return m, types, err
	}
	defer func() {
		if l, ok := p.Live(ctx); ok {
			m.live(l, recorded)
		}
	}()
	if !past {
		return m, types, nil
	}
	s, err := p.At(ctx, q.At)
	if err != nil {
		return m, types, err
	}
	m.look(q.At, restored, s.Engine, q)
	if !s.Differs.IsZero() {
		m.Differs = &s.Differs
	}
	if !s.Until.IsZero() {
		m.Idle = &Idle{s.From, s.Until}
	}
	return m, types, nil
}

func (m *Moment) look(at time.Time, source string, e *engine.Engine, q Query) {
	m.At, m.Source = at, source
	r := e.Region(q.Scope)
	if r == nil {
		return
	}
	m.endpoint(at, r, q)
	if x, err := r.Hosting.Endpoint(q.Endpoint); err == nil && x.Variant(q.Variant) != nil {
		for _, w := range r.Hosting.Warnings(x, x.Variant(q.Variant)) {
			m.Warnings = append(m.Warnings, Warning{Kind: w.String(), Text: w.Text()})
		}
	}
	for _, w := range r.ActionWarnings() {
		if w.Endpoint == q.Endpoint && w.Variant == q.Variant {
			m.Warnings = append(m.Warnings, Warning{Kind: engine.ActionLeadsNowhere, Policy: w.Action.Policy, Text: w.String()})
		}
	}
	d, t, ok := r.Consider(at, q.target())
	if !ok {
		return
	}
	if m.Gone, m.Scaled = false, true; q.Target.ResourceID != "" {
		c := r.Capacity(t)
		m.Desired, m.Current = c.Desired, c.Current
	}
	m.Min, m.Max = t.Bounds(m.Desired)
	m.holds(t)
	m.policies(e.Config().Policies, t, &d)
	for _, w := range r.Warnings(at) {
		if w.Target == t.Key {
			for _, x := range w.Warnings {
				m.Warnings = append(m.Warnings, Warning{x.Kind.String(), x.Policy, x.String()})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.invoking(t, &d))) {
		if a := r.Alarms.Metric[name]; a != nil {
			m.Alarms = append(m.Alarms, Alarm{a.Name, e.Config().Policies.AlarmLabel(a.Name), a.State.String(), a.Transitioned, a.Reason, a.Invoked.After(a.Transitioned)})
		}
	}
}

// endpoint reads the variant itself, in use or part of an update.
func (m *Moment) endpoint(at time.Time, r *engine.Region, q Query) {
	x, err := r.Hosting.Endpoint(q.Endpoint)
	if err != nil {
		return
	}
	if q.Variant == "" { // a resource that is all of the endpoint
		m.Status = x.Status.String()
	}
	m.Instances = instances(x, q.Variant)
	for _, v := range x.Shown() {
		if v.Config.Name != q.Variant {
			continue
		}
		m.Gone, m.Desired, m.Current, m.Status = false, v.Desired, x.Serving(v), x.Status.String()
		m.Ejected = v.Ejections()
		health, why := r.Health(at, x, v)
		m.Health, m.Trouble, m.PerMinute = health.String(), why, r.Traffic(at, q.Endpoint, q.Variant).PerMinute()
	}
}

// invoking returns the names of the alarms that invoke the target's policies, or should.
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

func (m *Moment) policies(types scaling.Types, t *scaling.Target, d *scaling.Decision) {
	for i := range d.Proposals {
		if d.Proposals[i].Waiting > 0 { // a wake-up for waiting requests is a proposal without a policy
			m.Policies = append(m.Policies, Policy{
				Name: d.Proposals[i].Policy, Type: "Request", Says: []string{d.ExplainProposal(types, i)}, Proposals: d.Proposals[i : i+1],
			})
		}
	}
	for p := range t.All() {
		x := Policy{Name: p.Name, Type: p.Type(), Group: bool(p.API()), Says: []string{}}
		for i := range d.Proposals {
			if pr := d.Proposals[i]; pr.Policy == p.Name && pr.API == p.API() {
				x.Proposals, x.Says = append(x.Proposals, pr), append(x.Says, d.ExplainProposal(types, i))
			}
		}
		if rule, ok := p.Rule.(scaling.Remarking); ok {
			if remark := rule.Remark(); remark != "" {
				x.Says = append(x.Says, remark)
			}
		}
		m.Policies = append(m.Policies, x)
	}
	slices.SortStableFunc(m.Policies, func(a, b Policy) int { return strings.Compare(a.Name, b.Name) })
}

// alarms returns the names of the moment's alarms.
func (m *Moment) alarms() []string {
	var names []string
	for _, a := range m.Alarms {
		names = append(names, a.Name)
	}
	return names
}

// holds lists what prevents the target's decisions from taking effect.
func (m *Moment) holds(t *scaling.Target) {
	m.DryRun = t.DryRun()
	for _, x := range []struct {
		is   bool
		what string
	}{
		{t.Suspended.DynamicOut, "scale-out by policies"}, {t.Suspended.DynamicIn, "scale-in by policies"}, {t.Suspended.Scheduled, "scheduled scaling"},
	} {
		if x.is {
			m.Suspended = append(m.Suspended, x.what)
		}
	}
	if t.Group != nil {
		for _, x := range t.Group.Suspended {
			m.Suspended = append(m.Suspended, "process "+x.Process.String())
		}
	}
}
