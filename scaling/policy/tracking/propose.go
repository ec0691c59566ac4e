package tracking

import (
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// Propose is the whole rule. The high alarm only scales out, the low alarm only in, each to the capacity that brings the load to the target
// value: ceil(load / target). E.g. 500 invocations a minute at a target of 70 need ceil(500 / 70) = 8.
//
// AWS: target tracking overview, user guide: in proportion, rounded up to the next whole unit; no formula is documented.
func (r *Rule) Propose(s scaling.Situation) scaling.Proposal {
	p := s.Proposal()
	switch sig := s.Signal; {
	case s.NoData():
		// AWS: target tracking does not scale while an alarm is in INSUFFICIENT_DATA.
		p.Outcome = scaling.NoData
	case sig.State != alarm.InAlarm:
		p.Metric, p.Outcome = scaling.Mean(sig.Datapoints), scaling.Quiet
	case sig.Comparison.High():
		r.scaleOut(&s, &p)
	default:
		r.scaleIn(&s, &p)
	}
	return p
}

// scaleOut asks for the capacity that the load needs. While the policy's last scale-out is in progress or cools down, what that one added
// counts: the capacity is computed from what it was before.
func (r *Rule) scaleOut(s *scaling.Situation, p *scaling.Proposal) {
	target := r.Settings.TargetValue
	if s.Capacity.Current == 0 { // there is no proportion: one instance is a start
		p.Metric, p.Wanted = scaling.Mean(s.Signal.Datapoints), 0
		p.Formula, p.Factor = scaling.FormulaFromZero, target
		if p.Metric > target {
			p.Raw, p.Wanted = 1, 1
		}
		s.ScaleOut(p, p.Wanted)
		return
	}
	l := certain(s)
	r.need(p, l)
	within := p.Wanted
	if from, limited := s.ScaleOutFrom(); limited {
		// E.g. at 140 of 70, 4 became 8, and 8 still read 140: ceil(140 × 8 / 70) = 16 is wanted, ceil(140 × 4 / 70) = 8 is within the
		// cooldown. At least 1: from zero there is no proportion.
		within = scaling.Ceil(l.Reading * float64(min(l.Served, max(from, 1))) / target)
	}
	s.ScaleOut(p, within)
}

// scaleIn asks for the capacity that the load still needs, if nothing speaks against it: the policy itself, what limits every policy, and
// last the target's other target tracking policies.
func (r *Rule) scaleIn(s *scaling.Situation, p *scaling.Proposal) {
	l, known := kept(s, s.Signal)
	if known {
		r.need(p, l)
	} else {
		p.Metric, p.Wanted, p.Factor = scaling.Mean(s.Signal.Datapoints), 0, r.Settings.TargetValue
	}
	_, warming := s.Warming(s.Policy)
	switch {
	case r.scaleInDisabled():
		p.Outcome = scaling.ScaleInDisabled
		return
	case r.blind(s, s.Policy):
		p.Outcome = scaling.Blind
		return
	case warming > 0:
		p.Outcome, p.Left = scaling.WarmingUp, warming
		return
	}
	s.ScaleIn(p)
	switch {
	case p.Outcome == scaling.SuspendedIn || p.Outcome == scaling.AtMin:
	case !known:
		p.Outcome, p.Left, p.Clamped = scaling.Unsettled, 0, s.Capacity.Desired
	case p.Wanted >= s.Capacity.Current:
		// The alarm is low, yet one instance less would lift the metric above its target: 2 at 60 of 70 are 1 at 120.
		p.Outcome, p.Left, p.Clamped = scaling.AnticipatedFlapping, 0, s.Capacity.Desired
	case p.Outcome == scaling.Acted || p.Outcome == scaling.Unscalable:
		agree(s, p)
	}
}

// agree holds a scale-in against the target's other target tracking policies that may scale in: each must be ready for it, and the largest
// of their capacities is taken. One that is not ready names itself, the first by name. E.g. one policy wants 3 and another 5: 5 it is; a third
// whose low alarm is OK keeps the capacity.
//
// AWS: target tracking, user guide: scale-in only if all of the target tracking policies (with scale-in enabled) are ready.
func agree(s *scaling.Situation, p *scaling.Proposal) {
	veto, largest, cooling := "", "", time.Duration(0)
	for o := range s.Target.All() {
		r, same := o.Rule.(*Rule)
		if !same || o == s.Policy || o.Disabled || r.scaleInDisabled() {
			continue
		}
		want, ready := r.vote(s, o)
		left := o.CoolingIn(s.Now)
		if _, warm := s.Warming(o); warm > 0 {
			left = warm
		}
		to := s.Clamp(want)
		switch {
		case !ready || left > 0 || to >= s.Capacity.Desired:
			if veto == "" || o.Name < veto {
				veto, cooling = o.Name, left
			}
		case to > p.Clamped || (to == p.Clamped && largest != "" && o.Name < largest):
			p.Clamped, largest = to, o.Name
		}
	}
	if largest != "" {
		p.By = largest
	}
	if veto != "" {
		p.Outcome, p.By, p.Left, p.Clamped = scaling.NotAgreed, veto, cooling, s.Capacity.Desired
	}
}

// vote returns the capacity that a policy's low alarm would scale in to, and whether it would scale in at all: the alarm is in
// ALARM, has data of the present capacity, and fewer instances are enough.
func (r *Rule) vote(s *scaling.Situation, p *scaling.Policy) (want int, ready bool) {
	sig, found := s.State(p, r.AlarmLow)
	if !found || sig.State != alarm.InAlarm || len(sig.Datapoints) == 0 || r.blind(s, p) {
		return 0, false
	}
	l, known := kept(s, &sig)
	if !known {
		return 0, false
	}
	want = scaling.Ceil(l.value() / r.Settings.TargetValue)
	return want, want < s.Capacity.Current
}

// blind reports whether a policy's metric has ended: its high alarm looks back minutes and misses it, while the low alarm still lives on
// what it saw a quarter of an hour ago.
// AWS: target tracking, user guide: no scaling while the metric has insufficient data, which is no sign of low use.
func (r *Rule) blind(s *scaling.Situation, p *scaling.Policy) bool {
	sig, found := s.State(p, r.AlarmHigh)
	return found && sig.State == alarm.InsufficientData
}

// A reading of a metric that falls as capacity rises means something only together with the capacity that served while it was taken:
// 500 invocations a minute read 500 per instance while one serves and 62.5 while eight do. The load, reading × capacity, is the same. So
// the rule computes the capacity that a load needs, and never multiplies a reading by a capacity that did not serve it.
//
// AWS publishes no formula; recordings show that it multiplies old readings by the new capacity once a cooldown is over, and so
// overshoots. Bellows does not, on purpose (docs/compatibility.md, †).

// load is what an alarm says about the load.
type load struct {
	Reading float64 // of the metric
	Served  int     // the capacity that it is multiplied by
	Partial bool    // no reading was taken since the capacity changed
}

// value is the load in units of the metric: what one instance alone would read.
func (l load) value() float64 { return metric.Finite(l.Reading * float64(l.Served)) }

// need sets the capacity that a load needs.
func (r *Rule) need(p *scaling.Proposal, l load) {
	p.Formula, p.Factor = scaling.FormulaTracking, r.Settings.TargetValue
	p.Metric, p.Served, p.Partial = l.Reading, l.Served, l.Partial
	p.Raw = metric.Finite(l.value() / p.Factor)
	p.Wanted = scaling.Ceil(p.Raw)
}

// certain returns the load that is certain: the mean of the readings taken since the serving capacity last changed. Where there is none yet,
// each reading was taken with Least instances or more, so their mean times Least is a load that was there, whatever the mixture.
//
// E.g. 500 invocations a minute, of which 10 s were served by one instance and 50 s by eight, read 135.4 per instance: with the periods
// before it, mean(500, 500, 135.4) × 1 = 378. What was read while nothing served counts as one instance's.
func certain(s *scaling.Situation) load {
	sig := s.Signal
	if n := len(sig.Datapoints) - sig.Settled; sig.Settled > 0 {
		return load{Reading: scaling.Mean(sig.Datapoints[n:]), Served: s.Capacity.Current}
	}
	return load{Reading: scaling.Mean(sig.Datapoints), Served: min(max(sig.Least, 1), s.Capacity.Current), Partial: true}
}

// kept returns the load that capacity has to be kept for: the larger of the mean of the readings taken since the serving capacity last
// changed and the newest of them, so that a load that has begun to rise counts at once. E.g. 20, 20 and 50 count as 50. It reports false
// where there is none: nothing is known of the load that the present capacity bears.
func kept(s *scaling.Situation, sig *scaling.Signal) (load, bool) {
	if sig.Settled == 0 {
		return load{}, false
	}
	settled := sig.Datapoints[len(sig.Datapoints)-sig.Settled:]
	return load{Reading: max(scaling.Mean(settled), settled[len(settled)-1]), Served: s.Capacity.Current}, true
}
