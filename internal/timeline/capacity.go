package timeline

import (
	"slices"
	"time"

	"bellows.dev/bellows/scaling"
)

// changes lists the changes of the desired capacity: instances that came and went name the change that they followed.
func (b *builder) changes() {
	seen := map[time.Time]bool{}
	for _, a := range b.launches {
		why := a.Why
		if why.Cause.Kind == 0 || seen[why.At] || why.At.Before(b.q.From) || why.From == why.To {
			continue
		}
		seen[why.At] = true
		b.t.Changes = append(b.t.Changes, Change{At: why.At, From: why.From, To: why.To, By: by(why.Cause.Kind), Cause: why.Cause.String()})
		if b.bounds != nil && b.within(why.At) && why.Min < why.Max {
			b.bound(Bounds{why.At, why.Min, why.Max})
		}
	}
	if b.bounds != nil {
		b.bound(*b.bounds)
	}
	slices.SortStableFunc(b.t.Changes, func(a, b Change) int { return a.At.Compare(b.At) })
}

// bound adds a step of the bounds. The first that is known counts from the beginning of the range.
func (b *builder) bound(x Bounds) {
	n := len(b.t.Bounds)
	if n > 0 && b.t.Bounds[n-1].Min == x.Min && b.t.Bounds[n-1].Max == x.Max {
		return
	}
	if n == 0 {
		x.At = b.q.From
	}
	if x.At.Before(b.q.To) {
		b.t.Bounds = append(b.t.Bounds, x)
	}
}

// cool lists the cooldowns of the policies that exist still. AWS: PutScalingPolicy, Cooldown: a scale-out ends the cooldown of a scale-in.
func (b *builder) cool() {
	for i, a := range b.activities {
		c, known := b.cools[a.Cause.Policy]
		if !known || a.Status != scaling.Successful || a.NotScaled.Code != 0 || a.From == a.To {
			continue
		}
		x := Cooling{Policy: a.Cause.Policy, Out: a.To > a.From, From: a.End, To: a.End.Add(c.in)}
		if x.Out {
			x.To = a.End.Add(c.out)
		}
		for _, later := range b.activities[i+1:] { // they are sorted by their start
			if x.Out || !later.Start.Before(x.To) {
				break
			}
			if later.To > later.From && later.Start.After(a.Start) {
				x.To = later.Start
			}
		}
		if x.From.Before(x.To) && x.To.After(b.q.From) && x.From.Before(b.q.To) {
			b.t.Coolings = append(b.t.Coolings, x)
		}
	}
}

// by is what kind of thing changed a capacity.
func by(k scaling.CauseKind) string {
	switch k {
	case scaling.CauseAlarm, scaling.CauseRule, scaling.CauseExecuted:
		return "policy"
	case scaling.CauseSchedule, scaling.CauseGroupSchedule:
		return "schedule"
	case scaling.CauseForecast:
		return "forecast"
	case scaling.CauseRequest:
		return "request"
	case scaling.CauseMinimum, scaling.CauseMaximum:
		return "bounds"
	case scaling.CauseDesired, scaling.CauseConstraints:
		return "hand"
	default:
		return "deployment"
	}
}

// capacity makes the steps of the capacity lane: the desired capacity from its changes, the running one from the instances' lives. Then it
// drops changes after the range, which were needed until here.
func (b *builder) capacity() {
	desired := b.desired
	if len(b.t.Changes) > 0 {
		desired = b.t.Changes[0].From
	}
	moments := []time.Time{b.q.From}
	for _, c := range b.t.Changes {
		moments = append(moments, c.At)
	}
	for i := range b.t.Lives {
		for _, s := range b.t.Lives[i].Spans {
			moments = append(moments, s.From)
			if !s.To.IsZero() {
				moments = append(moments, s.To)
			}
		}
	}
	slices.SortFunc(moments, time.Time.Compare)
	moments = slices.CompactFunc(moments, time.Time.Equal)
	count := counter{lives: b.t.Lives}
	next := 0
	for _, at := range moments {
		running := count.at(at)
		for ; next < len(b.t.Changes) && !b.t.Changes[next].At.After(at); next++ {
			desired = b.t.Changes[next].To
		}
		n := len(b.t.Capacity)
		if !b.within(at) || n > 0 && b.t.Capacity[n-1].Desired == desired && b.t.Capacity[n-1].Running == running {
			continue
		}
		b.t.Capacity = append(b.t.Capacity, Capacity{at, desired, running})
	}
	b.t.Changes = slices.DeleteFunc(b.t.Changes, func(c Change) bool { return !b.within(c.At) })
}

// counter counts serving instances at moments that only grow.
type counter struct {
	lives []Life
	edges []edge // sorted; made at the first call
	next  int
	n     int
}

// edge is a moment at which an instance begins or ceases to serve.
type edge struct {
	at time.Time
	by int
}

func (c *counter) at(at time.Time) int {
	if c.edges == nil {
		c.edges = []edge{}
		for i := range c.lives {
			for _, s := range c.lives[i].Spans {
				if s.State != serving {
					continue
				}
				c.edges = append(c.edges, edge{s.From, 1})
				if !s.To.IsZero() {
					c.edges = append(c.edges, edge{s.To, -1})
				}
			}
		}
		slices.SortStableFunc(c.edges, func(a, b edge) int { return a.at.Compare(b.at) })
	}
	for ; c.next < len(c.edges) && !c.edges[c.next].at.After(at); c.next++ {
		c.n += c.edges[c.next].by
	}
	return c.n
}
