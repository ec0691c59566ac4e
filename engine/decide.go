package engine

import (
	"cmp"
	"slices"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/scaling"
)

// invoke tells a scaling policy what its alarm says; it returns why it could not.
func (e *Engine) invoke(r *Region, a *alarm.Alarm, action alarm.Action) string {
	t, p := r.policyOf(action)
	if t == nil {
		return "No scaling policy found for " + action.Policy
	}
	s := r.signal(t, a, p)
	from := len(e.step.points)
	e.step.points = append(e.step.points, s.Datapoints...)
	s.Datapoints = slices.Clip(e.step.points[from:])
	r.due = append(r.due, dueTarget{t, len(e.step.signals)})
	e.step.signals = append(e.step.signals, s)
	return ""
}

// policyOf finds the policy that an action names, and its target; nil where there is none.
func (r *Region) policyOf(action alarm.Action) (*scaling.Target, *scaling.Policy) {
	if t, err := r.Targets.ByID(action.Target); err == nil {
		if p := t.Policy(action.Policy); p != nil {
			return t, p
		}
	}
	if t, p := r.Targets.ByPolicyID(action.Target); p != nil && p.Name == action.Policy {
		return t, p
	}
	return nil, nil
}

// signal is what an alarm says to a policy of a target now. Its datapoints are the alarm's own, and good until it is evaluated again.
func (r *Region) signal(t *scaling.Target, a *alarm.Alarm, p *scaling.Policy) scaling.Signal {
	s := scaling.Signal{
		Policy: p, Alarm: a.Name, State: a.State, Comparison: a.Rule.Comparison, Threshold: a.Rule.Threshold, Datapoints: a.Recent,
	}
	if m, ok := p.Rule.(scaling.Measured); ok {
		r.settled(&s, t, m.MeasuringSpan(), a)
	}
	return s
}

// settled tells which of a signal's datapoints were measured with the capacity that serves now, and else the least that served. Datapoints
// that a client supplied are taken to be of the present capacity. span is how long before its timestamp the oldest of what a sample describes may
// have happened.
func (r *Region) settled(s *scaling.Signal, t *scaling.Target, span time.Duration, a *alarm.Alarm) {
	v := r.resource(t)
	if v == nil || len(a.Recent) == 0 {
		return
	}
	s.Settled = len(a.Recent)
	since := v.ServedSince()
	if since.IsZero() || a.Newest.IsZero() {
		return
	}
	since = since.Add(span)
	for s.Settled = 0; s.Settled < len(a.Recent); s.Settled++ {
		if a.RecentStart(len(a.Recent) - 1 - s.Settled).Before(since) {
			break
		}
	}
	if s.Settled == 0 {
		s.Least = v.LeastServed(a.RecentStart(0).Add(-span))
	}
}

// decide turns the step's signals into one decision a target.
func (e *Engine) decide(r *Region) {
	slices.SortFunc(r.due, func(a, b dueTarget) int {
		return cmp.Or(a.target.Key.Compare(b.target.Key), cmp.Compare(a.signal, b.signal))
	})
	for rest := r.due; len(rest) > 0; {
		t, invoked := rest[0].target, e.step.invoked[:0]
		for ; len(rest) > 0 && rest[0].target == t; rest = rest[1:] {
			if at := rest[0].signal; at != noSignal {
				invoked = append(invoked, e.step.signals[at])
			}
		}
		e.step.invoked = invoked
		e.decideOne(r, t, invoked)
	}
	r.due = r.due[:0]
}

func (e *Engine) decideOne(r *Region, t *scaling.Target, signals []scaling.Signal) {
	d := &e.step.decision
	if t.RuleDue {
		e.raise(r, t)
	}
	c := r.Capacity(t)
	t.Fit(c)
	e.step.own = ownAlarms{r, t}
	scaling.Decide(e.now, t, c, scaling.Seen{Signals: signals, Alarms: &e.step.own, Windows: e.windows(r, t)}, d)
	t.Note(d)
	t.NoteRules(d)
	t.Woke(d)
	kept := *d
	kept.Proposals = e.proposals.copied(d.Proposals)
	e.emit(Decided{Scope: r.Scope, Target: t.Key, Decision: kept})
	if d.Acted {
		e.scale(r, t, d.Change())
	} else if a, ok := t.NotScaled(e.now, d, e.ids.uuid); ok {
		e.emit(ActivityChanged{r.Scope, a})
	}
}

// ownAlarms finds the present state of the alarms that the policies of a target own.
type ownAlarms struct {
	region *Region
	target *scaling.Target
}

// Signal implements scaling.Alarms.
func (x *ownAlarms) Signal(p *scaling.Policy, name string) (scaling.Signal, bool) {
	a := x.region.Alarms.Metric[name]
	if a == nil {
		return scaling.Signal{}, false
	}
	return x.region.signal(x.target, a, p), true
}

// scale begins an activity and asks hosting for its capacity.
func (e *Engine) scale(r *Region, t *scaling.Target, c scaling.Change) {
	for _, a := range t.Begin(e.now, e.ids.uuid(), c) {
		e.emit(ActivityChanged{r.Scope, a})
	}
	endpoint, variant := r.placeOf(t.Key)
	var before map[string]int
	if variant == "" {
		before = r.desired(endpoint)
	}
	err := e.change(r, endpoint, func() error { return r.dimension(t.Key).SetDesired(e.now, r.Hosting, t.Key.ResourceID, c.Want) })
	e.noteScaled(r, endpoint, variant, before, c)
	a, ok := t.Accept()
	if err != nil {
		a, ok = t.Fail(e.now, scaling.Refusal(err, e.ids.uuid()))
	}
	if ok {
		e.emit(ActivityChanged{r.Scope, a})
	}
}

func (in RegisterScalableTarget) apply(e *Engine) (Result, error) {
	k := in.Registration.Key
	d := e.config.Dimensions.Named(k.Dimension)
	if d == nil {
		return nil, scaling.ErrMismatched()
	}
	r := e.region(in.Scope)
	if err := d.Registrable(r.Hosting, k.ResourceID); err != nil {
		return nil, err
	}
	t, err := r.Targets.Register(e.now, in.Registration, e.ids.uuid)
	if err != nil {
		return nil, err
	}
	e.touchTarget(r, k)
	return RegisterScalableTargetResult{UUID: t.UUID}, nil
}

func (in DeregisterScalableTarget) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	if err := e.deregister(r, in.Key); err != nil {
		return nil, err
	}
	e.touchTarget(r, in.Key) // requests no longer wake it
	return nil, nil
}

func (e *Engine) deregister(r *Region, k scaling.TargetKey) error {
	t, err := r.Targets.Deregister(e.now, k)
	if err != nil {
		return err
	}
	e.carryOut(r, r.Alarms.Delete(e.now, t.AlarmNames()))
	for _, p := range t.Policies {
		delete(r.windows, p)
		r.Alarms.RemoveActions(t.ID36(), p.Name)
	}
	return nil
}

func (in PutScalingPolicy) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	change, err := r.Targets.PutPolicy(e.now, in.Input, e.ids.uuid)
	if err != nil {
		return nil, err
	}
	e.replaceAlarms(r, change)
	e.keepPast(r, in.Input.Key, change.Policy)
	r.watchWindows(in.Input.Key, change.Policy)
	if change.Target.RuleDue {
		e.expect(r, change.Target)
	}
	return PutScalingPolicyResult{UUID: change.Target.UUID, Alarms: change.Policy.AlarmNames()}, nil
}

// replaceAlarms carries out what a change of a policy means for the alarms that it owns.
func (e *Engine) replaceAlarms(r *Region, change scaling.PolicyChange) {
	e.carryOut(r, r.Alarms.Delete(e.now, change.DeleteAlarms))
	for _, a := range change.CreateAlarms {
		e.carryOut(r, r.Alarms.Put(e.now, a))
	}
}

func (in DeleteScalingPolicy) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	p, err := r.Targets.DeletePolicy(in.Key, in.Name)
	if err != nil {
		return nil, err
	}
	e.carryOut(r, r.Alarms.Delete(e.now, p.AlarmNames()))
	delete(r.windows, p)
	r.Alarms.RemoveActions(r.Targets.Targets[in.Key].ID36(), in.Name)
	return nil, nil
}
