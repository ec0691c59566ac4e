package timeline

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/scaling"
)

// Life is the life of an instance within the range.
type Life struct {
	ID    string    `json:"id"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to,omitzero"` // zero: it exists still
	Spans []Span    `json:"spans"`       // without gaps

	// Stages of the newest start that its fleet reported, as durations in seconds; absent if it reported none.
	Stages []Stage `json:"stages,omitempty"`
}

// Span is a stretch of an instance's life in one state.
type Span struct {
	State  string    `json:"state"` // starting, serving, failed or draining
	From   time.Time `json:"from"`
	To     time.Time `json:"to,omitzero"`
	Reason string    `json:"reason,omitempty"` // failed: why
}

// Stage is a part of an instance's start.
type Stage struct {
	Name    string  `json:"name"` // capacity, model data, container or health
	Seconds float64 `json:"seconds"`
}

// Span states.
const (
	starting = "starting"
	serving  = "serving"
	failed   = "failed"
	draining = "draining"
)

// step is a change of an instance's state.
type step struct {
	at     time.Time
	state  string
	reason string
}

// lifeline is what is known of one instance.
type lifeline struct {
	Life
	steps []step
}

// live reconstructs the lives of the instances, ordered by their beginning.
func (b *builder) live() {
	lines := b.lifelines()
	for _, id := range slices.Sorted(maps.Keys(lines)) {
		x := lines[id]
		slices.SortStableFunc(x.steps, func(a, b step) int { return a.at.Compare(b.at) })
		if x.From.IsZero() { // it is older than the range
			x.From = b.q.From
			x.steps = slices.Insert(x.steps, 0, step{at: x.From, state: b.before(x)})
		}
		x.span()
		if x.From.Before(b.q.To) {
			b.t.Lives = append(b.t.Lives, x.Life)
		}
	}
	slices.SortStableFunc(b.t.Lives, func(a, b Life) int { return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.ID, b.ID)) })
}

// lifelines gathers what is known of each instance, from the event history and the present.
func (b *builder) lifelines() map[string]*lifeline {
	lines := map[string]*lifeline{}
	of := func(id string) *lifeline {
		if lines[id] == nil {
			lines[id] = &lifeline{Life: Life{ID: id, Spans: []Span{}}}
		}
		return lines[id]
	}
	for i := range b.launches {
		of(b.launches[i].Instance).launched(&b.launches[i])
	}
	for i := range b.reports {
		of(string(b.reports[i].ID)).reported(&b.reports[i])
	}
	for id, p := range b.here {
		x := of(id)
		if x.From.IsZero() && p.started.After(b.q.From) {
			x.From = p.started
		}
		if s := StagesOf(p.stages); s != nil {
			x.Stages = s
		}
	}
	return lines
}

// launched adds a launch or a termination.
func (x *lifeline) launched(a *scaling.InstanceActivity) {
	if a.Launch {
		x.From = a.Start
		x.steps = append(x.steps, step{at: a.Start, state: starting})
		return
	}
	x.steps = append(x.steps, step{at: a.Start, state: draining})
	if !a.End.IsZero() {
		x.To = a.End
	}
}

// reported adds a fleet's report.
func (x *lifeline) reported(r *report) {
	switch r.State {
	case hosting.FleetReady:
		x.steps = append(x.steps, step{at: r.at, state: serving})
	case hosting.FleetFailed:
		x.steps = append(x.steps, step{at: r.at, state: failed, reason: r.Reason})
	case hosting.FleetPreparing, hosting.FleetStarting:
		x.steps = append(x.steps, step{at: r.at, state: starting})
	case hosting.FleetGone:
		x.To = r.at
	}
	if s := StagesOf(r.Stages); s != nil {
		x.Stages = s
	}
}

// span makes the spans from the steps.
func (x *lifeline) span() {
	for _, s := range x.steps {
		n := len(x.Spans)
		if n > 0 && (x.Spans[n-1].State == s.state || x.Spans[n-1].State == draining || !x.To.IsZero() && !s.at.Before(x.To)) {
			continue // a draining instance reports what its copies do, which changes nothing
		}
		if n > 0 {
			x.Spans[n-1].To = s.at
		}
		x.Spans = append(x.Spans, Span{State: s.state, From: s.at, Reason: s.reason})
	}
	if n := len(x.Spans); n > 0 && !x.To.IsZero() {
		x.Spans[n-1].To = x.To
	}
}

// before returns the state at the beginning of the range of an instance that is older. What happened to it first tells which it was; without
// an event since it is in the state of the present.
func (b *builder) before(x *lifeline) string {
	if len(x.steps) > 0 {
		if x.steps[0].state == serving {
			return starting
		}
		return serving // it started again, failed, or was taken away
	}
	if !x.To.IsZero() {
		return draining // it only ended: it was taken away before
	}
	switch p := b.here[x.ID]; {
	case p.draining:
		return draining
	case p.serving:
		return serving
	default:
		return starting
	}
}

// StagesOf returns the durations of a start; nil where nothing was reported.
func StagesOf(s hosting.Stages) []Stage {
	var out []Stage
	before := s.Asked
	for _, x := range []struct {
		name string
		at   time.Time
	}{{"capacity", s.Scheduled}, {"model data", s.DataReady}, {"container", s.Started}, {"health", s.Healthy}} {
		if x.at.IsZero() {
			continue
		}
		if !before.IsZero() {
			out = append(out, Stage{x.name, max(0, x.at.Sub(before).Seconds())})
		}
		before = x.at
	}
	return out
}
