package scaling

import (
	"math"
	"slices"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/metric"
)

// Situation is what a rule sees when it proposes a capacity.
type Situation struct {
	Now      time.Time
	Target   *Target
	Policy   *Policy
	Capacity Capacity

	// Signal is the alarm that invokes the policy; nil where the rule is woken at its own moment.
	Signal *Signal

	// Windows are the metrics of a Windowed rule, in the order of its Windows; nil where the rule is invoked by an alarm.
	Windows []Readings

	signals []Signal
	alarms  Alarms
}

// Alarms finds the present state of alarms that a policy owns.
type Alarms interface {
	// Signal returns what an alarm says to a policy now; false where there is no such alarm.
	Signal(p *Policy, alarm string) (Signal, bool)
}

// Readings are the newest values of a metric, oldest first, each with the least capacity that served while it was measured. Periods
// without data are left out.
type Readings []Reading

// Reading is the value of one period.
type Reading struct {
	Value  float64
	Served int
}

// State returns what an alarm of a policy says: as it invokes the policy in this decision, else as it is now; false where there is no such alarm.
func (s *Situation) State(p *Policy, name string) (Signal, bool) {
	for i := range s.signals {
		if s.signals[i].Policy == p && s.signals[i].Alarm == name {
			return s.signals[i], true
		}
	}
	if s.alarms == nil || name == "" {
		return Signal{}, false
	}
	return s.alarms.Signal(p, name)
}

// Proposal returns what a rule begins with: who asks, what the alarm says, and that the capacity stays.
func (s *Situation) Proposal() Proposal {
	p := Proposal{Policy: s.Policy.Name, API: s.Policy.API(), Wanted: s.Capacity.Desired, Clamped: s.Capacity.Desired}
	sig := s.Signal
	if sig == nil {
		return p
	}
	p.Executed, p.Alarm, p.State = sig.Executed, sig.Alarm, sig.State
	p.Comparison, p.Threshold, p.Evaluated = comparisonCode(sig.Comparison), sig.Threshold, len(sig.Datapoints)
	for _, v := range sig.Datapoints {
		if sig.Comparison.Breaches(v, sig.Threshold) {
			p.Breaching++
		}
	}
	if p.API == EC2AutoScaling && len(sig.Datapoints) > 0 {
		p.Metric = Mean(sig.Datapoints)
	}
	return p
}

// NoData reports whether the alarm has no data to decide by.
func (s *Situation) NoData() bool {
	return s.Signal.State == alarm.InsufficientData || len(s.Signal.Datapoints) == 0
}

// Limit holds what a proposal wants against all that may limit it, in either direction, and sets its outcome. It is for rules without
// limits of their own.
func (s *Situation) Limit(p Proposal) Proposal {
	switch {
	case p.Wanted > s.Capacity.Desired:
		s.ScaleOut(&p, p.Wanted)
	case p.Wanted < s.Capacity.Desired:
		s.ScaleIn(&p)
	default:
		p.Outcome = AtDesired
	}
	return p
}

// ScaleOut sets the outcome of a proposal that wants more. within is the capacity that the policy may ask for while its last scale-out is
// in progress or cools down; Wanted where nothing limits it. See ScaleOutFrom.
func (s *Situation) ScaleOut(p *Proposal, within int) {
	t, c := s.Target, s.Capacity
	p.Credit = max(0, p.Wanted-within)
	suspended := s.suspended(true)
	switch {
	case suspended != 0:
		p.Outcome = suspended
	case p.Wanted <= c.Desired:
		p.Outcome = AtDesired
	case within <= c.Desired && t.scalingOut(s.Policy):
		p.Outcome = ActivityInProgress
	case within <= c.Desired:
		p.Outcome, p.Left = HeldByCooldown, s.Policy.CoolingOut(s.Now)
	case c.Desired >= t.Max:
		p.Outcome = AtMax
	default:
		p.Clamped = t.clamp(p.Wanted - p.Credit)
		p.Outcome = s.Possible(p)
	}
}

// ScaleIn sets the outcome of a proposal that wants less.
func (s *Situation) ScaleIn(p *Proposal) {
	t, c := s.Target, s.Capacity
	floor, by := t.expected(s.Now)
	suspended := s.suspended(false)
	switch {
	case suspended != 0:
		p.Outcome = suspended
	case c.Desired <= t.Min:
		p.Outcome = AtMin
	case p.Wanted >= c.Desired:
		p.Outcome = AtDesired
	case floor >= c.Desired:
		p.Outcome, p.By = HeldByForecast, by
	case s.Policy.CoolingIn(s.Now) > 0:
		// AWS: PutScalingPolicy, Cooldown: a scale-in within the cooldown of the last is blocked.
		p.Outcome, p.Left = HeldByCooldown, s.Policy.CoolingIn(s.Now)
	default:
		if p.Clamped = t.clamp(p.Wanted); floor > p.Clamped {
			p.Clamped, p.By = floor, by
		}
		p.Outcome = s.Possible(p)
	}
}

// Possible returns the outcome of a change that nothing else limits: Acted, unless the resource takes none now or a process of the
// group that it needs is suspended.
func (s *Situation) Possible(p *Proposal) Outcome {
	if !s.Capacity.Scalable {
		return Unscalable
	}
	if x := s.Target.Group.holds(s.Capacity.Desired, p.Clamped); x != 0 {
		p.Process = x
		return ProcessSuspended
	}
	return Acted
}

// Clamp returns a capacity within the target's range.
func (s *Situation) Clamp(n int) int { return s.Target.clamp(n) }

// Moving reports whether capacity changes now: an activity or a change by hand is under way, or an instance is being replaced.
func (s *Situation) Moving() bool {
	return s.Target.Activity != nil || !s.Capacity.Scalable || s.Capacity.Current != s.Capacity.Desired
}

// ScaleOutFrom returns the capacity that the policy's scale-outs are computed from while its last one is in progress or cools down: what
// it was before that. So what was added counts toward the next, and only a larger scale-out acts. It reports false where none limits.
//
// AWS: PutScalingPolicy, Cooldown; that the base is the capacity before the change, until the cooldown after its end is over, is how
// recordings are best explained.
func (s *Situation) ScaleOutFrom() (from int, limited bool) {
	if s.Target.scalingOut(s.Policy) {
		return s.Target.Activity.CreditFrom, true
	}
	return s.Policy.Cooling.OutFrom, s.Policy.CoolingOut(s.Now) > 0
}

// Warming returns how many instances of a policy's group warm up, and how long the last of them still does.
func (s *Situation) Warming(p *Policy) (n int, left time.Duration) {
	g := s.Target.Group
	if g == nil || p.API() != EC2AutoScaling {
		return 0, 0
	}
	w := g.warmup(p)
	for _, l := range g.Launched {
		if rest := l.At.Add(w).Sub(s.Now); rest > 0 {
			n, left = n+l.Added, max(left, rest)
		}
	}
	return min(n, s.Capacity.Current), left
}

// Mean returns the mean of at least one value.
func Mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return metric.Finite(sum / float64(len(values)))
}

// Ceil rounds up to a capacity, but takes what is whole save for the noise of binary fractions as whole, and keeps within [0, 2³¹-1].
// E.g. 3 × 0.1 / 0.3 is 1, not 2.
func Ceil(v float64) int {
	v = metric.Finite(v)
	if near := math.Round(v); math.Abs(v-near) <= 1e-9*math.Abs(v) {
		v = near
	}
	return int(min(max(math.Ceil(v), 0), math.MaxInt32))
}

// Consider says what every policy of a target sees and wants at a moment, for explanations: what Decide makes of what is seen now, and
// beside it, Quiet, what alarms say that invoke no policy, and what rules that act without alarms would propose were it their moment.
func Consider(now time.Time, t *Target, c Capacity, in Seen, quiet []Signal) Decision {
	var d Decision
	Decide(now, t, c, in, &d)
	for i := range quiet {
		s := Situation{Now: now, Target: t, Policy: quiet[i].Policy, Capacity: c, Signal: &quiet[i]}
		p := s.Proposal()
		if p.Evaluated < quiet[i].Needs {
			p.Needs = quiet[i].Needs
		}
		if p.Outcome = Quiet; p.Evaluated == 0 {
			p.Outcome = NoData
		} else {
			p.Metric = s.Policy.aggregate(quiet[i].Datapoints)
		}
		d.Proposals = append(d.Proposals, p)
	}
	for _, p := range t.Policies {
		if x := p.timed(); x != nil && x.Acts() && !t.RuleDue {
			s := Situation{Now: now, Target: t, Policy: p, Capacity: c}
			if _, ok := x.(Windowed); ok {
				s.Windows = in.Windows(p)
			}
			pr := p.Rule.Propose(s)
			if pr.Outcome == Acted {
				pr.Outcome = Quiet
			}
			d.Proposals = append(d.Proposals, pr)
		}
	}
	slices.SortFunc(d.Proposals, canonical)
	d.Winner = max(slices.IndexFunc(d.Proposals, func(p Proposal) bool { return p.Outcome == Acted }), 0)
	return d
}

// aggregate returns the one value that the policy makes of datapoints.
func (p *Policy) aggregate(datapoints []float64) float64 {
	if a, ok := p.Rule.(Aggregating); ok {
		return a.Aggregate(datapoints)
	}
	return Mean(datapoints)
}
