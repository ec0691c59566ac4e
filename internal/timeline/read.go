package timeline

import (
	"context"
	"maps"
	"slices"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/scaling"
)

// present is an instance that exists now.
type present struct {
	started  time.Time
	serving  bool
	draining bool
	stages   hosting.Stages
}

// watched is an alarm that invokes a policy of the target.
type watched struct {
	policy string
	rule   alarm.Rule
	name   string
	state  alarm.State
	since  time.Time
}

// cooldowns are a policy's.
type cooldowns struct{ out, in time.Duration }

// report is a fleet's report of a copy of the variant.
type report struct {
	at time.Time
	hosting.InstanceReport
}

// move is a transition of an alarm.
type move struct {
	at       time.Time
	from, to alarm.State
}

// present reads the current state.
func (b *builder) present(now time.Time, e *engine.Engine) {
	b.t.Now, b.here, b.types = now, map[string]present{}, e.Config().Policies
	r := e.Region(b.q.Scope)
	if r == nil {
		return
	}
	if x, err := r.Hosting.Endpoint(b.q.Endpoint); err == nil {
		for _, v := range x.All() {
			if v.Config.Name == b.q.Variant {
				b.instances(v)
			}
		}
		if v := x.Variant(b.q.Variant); v != nil {
			b.exists, b.desired = true, v.Desired
		}
	}
	d, t, ok := r.Consider(now, b.q.target())
	if !ok {
		return
	}
	least, most := t.Bounds(b.desired)
	b.bounds, b.cools = &Bounds{now, least, most}, map[string]cooldowns{}
	policies := map[string]string{}
	for _, p := range d.Proposals {
		policies[p.Alarm] = p.Policy
	}
	for p := range t.All() {
		b.expect(p)
		for _, name := range p.AlarmNames() {
			policies[name] = p.Name
		}
		if c, ok := p.Rule.(scaling.Cooled); ok && p.API() == scaling.ApplicationAutoScaling {
			out, in := c.Cooldowns()
			b.cools[p.Name] = cooldowns{out, in}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(policies)) {
		if a := r.Alarms.Metric[name]; a != nil {
			b.watched = append(b.watched, watched{policies[name], a.Rule, name, a.State, a.Transitioned})
		}
	}
}

func (b *builder) instances(v *hosting.Variant) {
	for _, i := range v.Instances {
		p := present{started: i.Started, serving: i.State == hosting.InstanceInService, draining: i.State == hosting.InstanceDraining}
		if len(i.Copies) > 0 {
			p.stages = i.Copies[0].Stages
		}
		b.here[string(i.ID)] = p
	}
}

// read reads the event history from the beginning of the range to the present: states within the range follow from the present by undoing
// what happened since.
func (b *builder) read(ctx context.Context, s Sources) error {
	rows := func(table, key string, from, until time.Time, each func(engine.Recorded)) error {
		got, err := s.Events(ctx, log.EventQuery{
			Scope: engine.ScopeName(b.q.Scope), Table: table, Key: key, From: from, To: until, Limit: rowsMax,
		})
		if err != nil {
			return err
		}
		if len(got) == rowsMax {
			b.cut(got[len(got)-1].At)
		}
		for _, x := range slices.Backward(got) {
			each(x)
		}
		return nil
	}
	end := b.t.Now.Add(time.Nanosecond)
	key := b.q.target()
	if err := rows(log.TableGroup, key.VariantName(), b.q.From, end, func(x engine.Recorded) {
		if a, ok := x.Event.(engine.InstanceActivityChanged); ok {
			b.launches = append(b.launches, a.Activity)
		}
	}); err != nil {
		return err
	}
	if err := rows(log.TableEndpoint, b.q.Endpoint, b.q.From, end, b.ofEndpoint); err != nil {
		return err
	}
	if err := rows(log.TableActivity, key.ResourceID, b.q.From.Add(-b.longestCooldown()), end, func(x engine.Recorded) {
		if a, ok := x.Event.(engine.ActivityChanged); ok {
			b.activities = append(b.activities, a.Activity)
		}
	}); err != nil {
		return err
	}
	b.moves, b.made, b.gone = map[string][]move{}, map[string]time.Time{}, map[string]time.Time{}
	for name := range b.alarmNames() {
		if err := rows(log.TableAlarm, name, b.q.From, end, func(x engine.Recorded) {
			switch a := x.Event.(type) {
			case engine.AlarmTransition:
				b.moves[name] = append(b.moves[name], move{x.At, a.From, a.To})
			case engine.AlarmConfigured:
				switch {
				case a.Before == nil:
					b.made[name], b.moves[name] = x.At, nil // an earlier one of the name is another alarm
				case a.After == nil:
					b.gone[name] = x.At
				}
			}
		}); err != nil {
			return err
		}
	}
	return b.scheduled(ctx, s)
}

// longestCooldown returns how long before the range an activity may have begun whose cooldown reaches into it: the activity itself may have
// taken an hour.
func (b *builder) longestCooldown() time.Duration {
	var most time.Duration
	for _, c := range b.cools { //tidy:unordered the maximum
		most = max(most, c.out, c.in)
	}
	if most == 0 {
		return 0
	}
	return most + time.Hour
}

// scheduled reads what scheduled actions did.
func (b *builder) scheduled(ctx context.Context, s Sources) error {
	got, err := s.Events(ctx, log.EventQuery{
		Scope: engine.ScopeName(b.q.Scope), Table: log.TableDecision, Key: b.q.target().ResourceID, Types: []string{"Scheduled"},
		From: b.q.From, To: b.q.To, Limit: rowsMax,
	})
	slices.Reverse(got)
	b.schedules = got
	return err
}

// decisions reads the decisions that changed the capacity.
func (b *builder) decisions(ctx context.Context, s Sources) error {
	b.decided = map[time.Time]scaling.Decision{}
	for _, c := range b.t.Changes[max(0, len(b.t.Changes)-groupsMax):] {
		if c.By != "policy" && c.By != "forecast" && c.By != "request" {
			continue
		}
		got, err := s.Events(ctx, log.EventQuery{
			Scope: engine.ScopeName(b.q.Scope), Table: log.TableDecision, Key: b.q.target().ResourceID, From: c.At, To: c.At.Add(time.Nanosecond), Limit: 10,
		})
		if err != nil {
			return err
		}
		for _, x := range got {
			if d, ok := x.Event.(engine.Decided); ok && d.Decision.Acted {
				b.decided[c.At] = d.Decision
			}
		}
	}
	return nil
}

func (b *builder) ofEndpoint(x engine.Recorded) {
	switch e := x.Event.(type) {
	case engine.InstanceChanged:
		if e.Key.Variant == b.q.Variant {
			b.reports = append(b.reports, report{x.At, e.Report})
		}
	case engine.EjectionChanged:
		if e.Key.Variant == b.q.Variant {
			b.endpoints = append(b.endpoints, x)
		}
	case engine.EndpointChanged:
		b.endpoints = append(b.endpoints, x)
	}
}

// alarmNames returns the alarms of the target's policies and those that caused its activities.
func (b *builder) alarmNames() map[string]bool {
	names := map[string]bool{}
	for _, w := range b.watched {
		names[w.name] = true
	}
	for _, a := range b.activities {
		if a.Cause.Alarm != "" {
			names[a.Cause.Alarm] = true
		}
	}
	return names
}

// cut notes that rows before a time were not read.
func (b *builder) cut(at time.Time) {
	if b.t.Cut == nil || at.After(*b.t.Cut) {
		b.t.Cut = &at
	}
}

// policyOf returns the policy that an alarm invokes, as far as it is known.
func (b *builder) policyOf(name string) string {
	for _, w := range b.watched {
		if w.name == name {
			return w.policy
		}
	}
	for _, a := range b.activities {
		if a.Cause.Alarm == name {
			return a.Cause.Policy
		}
	}
	return ""
}
