package scaling

import (
	"iter"
	"slices"
	"time"

	"bellows.dev/bellows/metric"
)

// timetable is where the targets are whose policies' rules act at moments of their own, so that a step need not look for them. It is made
// again where policies come or go.
type timetable struct {
	known   bool
	targets []*Target // by key

	timed bool // next is known
	next  time.Time
}

// timedTargets returns the targets with Timed rules, by key.
func (r *Registry) timedTargets() []*Target {
	if r.timetable.known {
		return r.timetable.targets
	}
	r.timetable = timetable{known: true}
	for _, t := range r.Targets { //tidy:unordered sorted below
		if slices.ContainsFunc(t.Policies, func(p *Policy) bool { return p.timed() != nil }) {
			r.timetable.targets = append(r.timetable.targets, t)
		}
	}
	slices.SortFunc(r.timetable.targets, func(a, b *Target) int { return a.Key.Compare(b.Key) })
	return r.timetable.targets
}

// timed returns the policy's rule if it is a Timed one, or nil.
func (p *Policy) timed() Timed {
	x, _ := p.Rule.(Timed)
	return x
}

// forecaster returns the policy's rule if it is a Forecaster that proposes capacities, or nil.
func (p *Policy) forecaster() Forecaster {
	if x, ok := p.Rule.(Forecaster); ok && x.Acts() {
		return x
	}
	return nil
}

// NextRule returns when a rule is next due at a moment of its own, as of Plan; zero: never.
func (r *Registry) NextRule() time.Time { return r.timetable.next }

func (r *Registry) planRules() time.Time {
	if r.timetable.timed {
		return r.timetable.next
	}
	targets := r.timedTargets()
	r.timetable.timed, r.timetable.next = true, time.Time{}
	for _, t := range targets {
		for _, p := range t.Policies {
			if x := p.timed(); x != nil {
				r.timetable.earlier(x.Next())
			}
		}
	}
	return r.timetable.next
}

func (s *timetable) earlier(t time.Time) {
	if !t.IsZero() && (s.next.IsZero() || t.Before(s.next)) {
		s.next = t
	}
}

// Wanted is a policy that wants its past.
type Wanted struct {
	Target *Target
	Policy *Policy
	Rule   Forecaster
}

// WakeRules wakes the rules that are due and returns the policies that want their past, and the targets that are to be decided.
func (r *Registry) WakeRules(now time.Time) (wanted []Wanted, due []*Target) {
	if next := r.planRules(); next.IsZero() || now.Before(next) {
		return nil, nil
	}
	r.timetable.timed = false
	for _, t := range r.timedTargets() {
		decision := false
		for _, p := range t.Policies {
			x := p.timed()
			if x == nil || x.Next().IsZero() || now.Before(x.Next()) {
				continue
			}
			asks := x.Wake(now)
			decision = decision || asks.Decision
			if f, ok := p.Rule.(Forecaster); ok && asks.History {
				wanted = append(wanted, Wanted{t, p, f})
			}
		}
		if decision {
			t.RuleDue = true
			due = append(due, t)
		}
	}
	return wanted, due
}

// HistoryQueries are what a Forecaster has to know of the past.
type HistoryQueries struct {
	Load []metric.DataQuery // the sum of an hour's datapoints counts

	// The mean of an hour's datapoints counts. Both are empty where the load alone says what capacity it needs.
	Scaling, Capacity []metric.DataQuery
}

// HistoryHours is how much of the past Forecasters look at, at most.
const HistoryHours = 14 * 24

// PastLoad is the past of a Forecaster: a value an hour, oldest first, ending with the last whole one.
type PastLoad struct {
	Until                   time.Time // the end of the last hour
	Load, Scaling, Capacity []HourValue

	// Unread is why a metric could not be evaluated, in a sentence for an operator; "" where each was.
	Unread string `json:",omitzero"`
}

// All iterates over the values of each metric and its name.
func (p *PastLoad) All() iter.Seq2[string, []HourValue] {
	return func(yield func(string, []HourValue) bool) {
		_ = yield("Load", p.Load) && yield("Scaling", p.Scaling) && yield("Capacity", p.Capacity)
	}
}

// HourValue is the value of one hour; hours without data are left out.
type HourValue struct {
	Ago   int // hours from its end to Until
	Value float64
}

// Learn gives a policy its past. found is false where the policy has been deleted or is no Forecaster's.
func (r *Registry) Learn(now time.Time, k TargetKey, policy string, past PastLoad) (l Learned, found bool) {
	t := r.Targets[k]
	if t == nil || t.Policy(policy) == nil {
		return l, false
	}
	f, found := t.Policy(policy).Rule.(Forecaster)
	if !found {
		return l, false
	}
	l = f.Learn(now, r.dims.Metrics(k.Dimension), past)
	r.timetable.timed = false
	t.RuleDue = t.RuleDue || f.Acts()
	return l, true
}

// RaiseMax raises the target's maximum for a forecast that approaches or exceeds it, if its policy allows it. It stays raised, as
// on AWS, until it is set again. It returns the previous maximum, and false if it does not change.
// AWS: PredictiveScalingConfiguration of EC2 Auto Scaling, MaxCapacityBreachBehavior.
func (t *Target) RaiseMax(now time.Time) (before int, policy string, raised bool) {
	before = t.Max
	if t.DryRun() || t.Suspended.DynamicOut {
		return before, "", false
	}
	for _, p := range t.Policies {
		if f := p.forecaster(); f != nil {
			if to := f.RaisedMax(now, t.Max); to > t.Max {
				t.Max, policy = to, p.Name
			}
		}
	}
	return before, policy, t.Max > before
}

// NoteRules notes what a decision made of the rules whose moment it was: they stay due where the resource took no change.
func (t *Target) NoteRules(d *Decision) {
	t.RuleDue = slices.ContainsFunc(d.Proposals, func(p Proposal) bool { return p.byRule() && p.Outcome == Unscalable })
}

// ExpectedCapacity returns the capacity that the target's forecasts say is needed now, within its range; false where none scales it.
func (t *Target) ExpectedCapacity(now time.Time) (int, bool) {
	n, policy := t.expected(now)
	return t.clamp(n), policy != ""
}

// expected returns the capacity below which no policy scales in, and the policy whose forecast says so; never more than the maximum.
// AWS: predictive scaling, how it works: it does not scale in; what was forecast is the least there is.
func (t *Target) expected(now time.Time) (capacity int, policy string) {
	for _, p := range t.Policies {
		f := p.forecaster()
		if f == nil {
			continue
		}
		n, found := f.Expects(now)
		n = min(n, t.Max)
		if found && (policy == "" || n > capacity || n == capacity && p.Name < policy) {
			capacity, policy = n, p.Name
		}
	}
	return capacity, policy
}
