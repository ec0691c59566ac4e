package scaling

import (
	"slices"
	"time"

	"bellows.dev/bellows/plural"
)

// WakeTag is the tag of a scalable target or an endpoint that, set to "true", lets a request wake a variant which is scaled to zero:
// requests wait, and one instance is asked for at once. "false" says no where the server's default is yes. A target's own tag counts
// before its endpoint's.
const WakeTag = "bellows:wake-on-request"

// WakesOnRequest reports whether a request wakes the target. otherwise is what counts where the target has no such tag.
func (t *Target) WakesOnRequest(otherwise bool) bool {
	switch t.Tags[WakeTag] {
	case "true":
		return true
	case "false":
		return false
	default:
		return otherwise
	}
}

// Wakeable reports whether a wake-up could raise the target's capacity from zero now: its maximum allows it, and nothing rests.
func (t *Target) Wakeable() bool {
	return t.Max > 0 && !t.Suspended.DynamicOut && !t.DryRun() && t.Group.holds(0, 1) == 0
}

// proposeFirst asks for the first instance of a target at zero for which requests wait.
func (s *Situation) proposeFirst() Proposal {
	t, c := s.Target, s.Capacity
	pr := Proposal{Policy: WakeTag, Waiting: t.WakeDue, Formula: FormulaWake, Wanted: 1, Raw: 1, Clamped: c.Desired}
	switch {
	case t.Suspended.DynamicOut:
		pr.Outcome = SuspendedOut
	case c.Desired > 0:
		pr.Outcome, pr.Wanted = AtDesired, c.Desired
	case t.Max == 0:
		pr.Outcome = AtMax
	default:
		pr.Clamped = t.clamp(pr.Wanted)
		pr.Outcome = s.Possible(&pr)
	}
	return pr
}

// Woke notes what a decision made of the requests that wait. Only one that the resource could not take is made again, once it can:
// gateways say again what else goes on.
func (t *Target) Woke(d *Decision) {
	if !slices.ContainsFunc(d.Proposals, func(p Proposal) bool { return p.Waiting > 0 && p.Outcome == Unscalable }) {
		t.WakeDue = 0
	}
}

// coolDownWoken starts the scale-in cooldown of every policy: what a request woke is not taken away before metrics of it are there.
func (t *Target) coolDownWoken(end time.Time) {
	for p := range t.All() {
		p.Cooling.InEnd = end
	}
}

// waits tells how many requests wait.
func (p *Proposal) waits() string {
	if p.Waiting == 1 {
		return "a request waits"
	}
	return plural.Of(p.Waiting, "request waits", "requests wait")
}

// zeroCapacityWarnings warns of a target that can be scaled to zero and that nothing brings back from there: no policy whose alarm may see
// requests at zero, no scheduled action that raises the minimum, no switch.
// AWS: SageMaker developer guide, scale to zero instances: target tracking alone does not scale out from zero.
func (t *Target) zeroCapacityWarnings(alarms []AlarmFacts, wakes bool) []Warning {
	if t.Min > 0 || t.Max == 0 || wakes || !t.scalesToZero() {
		return nil
	}
	for p := range t.All() {
		if p.leavesZero() && slices.ContainsFunc(of(alarms, p), func(a AlarmFacts) bool { return a.SeesZero && a.ActionsEnabled }) {
			return nil
		}
		if x := p.timed(); x != nil && x.Acts() {
			return nil
		}
	}
	raises := func(r Range) bool { return r.Min != nil && *r.Min > 0 }
	for _, a := range t.Schedules {
		if !a.Next.IsZero() && raises(a.Range) {
			return nil
		}
	}
	if t.Group != nil && slices.ContainsFunc(t.Group.Schedules, func(a *GroupAction) bool {
		return !a.Next.IsZero() && (raises(a.Range) || a.Desired != nil && *a.Desired > 0)
	}) {
		return nil
	}
	return []Warning{{Kind: ZeroCapacityWithoutWakeUp}}
}

// scalesToZero reports whether anything scales the target to zero.
func (t *Target) scalesToZero() bool {
	for p := range t.All() {
		if p.scalesIn() {
			return true
		}
	}
	return slices.ContainsFunc(t.Schedules, func(a *ScheduledAction) bool { return a.Range.Max != nil && *a.Range.Max == 0 })
}

// leavesZero reports whether the policy can raise a capacity of zero, given an alarm that is in ALARM there.
func (p *Policy) leavesZero() bool {
	x, ok := p.Rule.(Directed)
	return !p.Disabled && (!ok || x.LeavesZero())
}
