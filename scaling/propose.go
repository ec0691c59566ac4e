package scaling

import (
	"math"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/metric"
)

// propose computes what one policy wants at the word of one alarm, and whether it may have it. Proposals that may are marked
// Acted until arbitrate has picked one.
func propose(s *situation, p *Policy, sig *Signal) Proposal {
	pr := heard(s, sig)
	if len(sig.Datapoints) > 0 && sig.Group {
		pr.Metric = mean(sig.Datapoints)
	}
	switch {
	case p.Disabled:
		pr.Outcome = PolicyDisabled
	case sig.Group && !sig.Executed && s.target.Group.Suspends(ProcessAlarmNotification):
		pr.Outcome, pr.Process = ProcessSuspended, ProcessAlarmNotification
	case p.Type == SimpleScaling:
		proposeSimple(s, p, sig, &pr)
	case sig.State == alarm.InsufficientData || len(sig.Datapoints) == 0:
		// AWS: target tracking does not scale while an alarm is in INSUFFICIENT_DATA; step scaling needs data to choose a step.
		pr.Outcome = NoData
	case p.Type == StepScaling:
		proposeStep(s, p, sig, &pr)
	case sig.State != alarm.InAlarm:
		pr.Metric, pr.Outcome = mean(sig.Datapoints), Quiet
	default:
		proposeTracking(s, p, sig, &pr)
	}
	return pr
}

// heard is what an alarm says, before anything is made of it.
func heard(s *situation, sig *Signal) Proposal {
	pr := Proposal{
		Policy: sig.Policy, Group: sig.Group, Executed: sig.Executed, Alarm: sig.Alarm, State: sig.State, Comparison: comparisonCode(sig.Comparison), Threshold: sig.Threshold,
		Evaluated: len(sig.Datapoints), Wanted: s.capacity.Desired, Clamped: s.capacity.Desired,
	}
	for _, v := range sig.Datapoints {
		if sig.Comparison.Breaches(v, sig.Threshold) {
			pr.Breaching++
		}
	}
	return pr
}

// proposeStep follows a step scaling policy. The alarm's state is of no matter: the action may stand in any state's list.
func proposeStep(s *situation, p *Policy, sig *Signal, pr *Proposal) {
	pr.Metric = p.Step.aggregate(sig.Datapoints)
	step, found := p.Step.step(pr.Metric-sig.Threshold, sig.Comparison.High())
	if !found {
		pr.Outcome = NoStepMatches
		return
	}
	// AWS: step scaling, user guide: instances that warm up do not count as capacity that an adjustment adds to.
	warming, left := s.warming(p)
	if p.Step.AdjustmentType == ExactCapacity {
		warming = 0
	}
	current := s.capacity.Current - warming
	pr.Warming = warming
	pr.Formula, pr.Factor = p.Step.formula(), float64(step.Adjustment)
	pr.Raw, pr.Wanted, pr.Least = p.Step.adjust(current, step.Adjustment)
	switch {
	case pr.Wanted > current:
		within := pr.Wanted
		if from, limited := s.scaleOutFrom(p); limited && p.Step.AdjustmentType != ExactCapacity {
			_, within, _ = p.Step.adjust(min(from, current), step.Adjustment)
		}
		s.judgeOut(p, pr, within)
	case pr.Wanted < current && left > 0:
		// AWS: step scaling, user guide: no scale-in until the instances of a scale-out have warmed up.
		pr.Raw, pr.Wanted, pr.Least = p.Step.adjust(s.capacity.Current, step.Adjustment)
		pr.Outcome, pr.Left, pr.Warming = WarmingUp, left, 0
	case pr.Wanted < current:
		s.judgeIn(p, pr)
	default:
		pr.Outcome = AtDesired
	}
}

func (s *StepConfig) formula() Formula {
	switch s.AdjustmentType {
	case ExactCapacity:
		return FormulaExact
	case PercentChangeInCapacity:
		return FormulaPercent
	default:
		return FormulaChange
	}
}

// proposeTracking follows a target tracking policy: its high alarm only scales out, its low alarm only in, each to the capacity that
// brings the load to the target value. E.g. 500 invocations a minute at a target of 70: ceil(500 × 1 / 70) = 8.
// AWS: target tracking overview, user guide: in proportion, rounded up to the next whole unit; no formula is documented.
func proposeTracking(s *situation, p *Policy, sig *Signal, pr *Proposal) {
	target := p.TargetTracking.TargetValue
	pr.Metric, pr.Wanted = mean(sig.Datapoints), 0
	pr.Formula, pr.Factor = FormulaTracking, target
	switch {
	case !sig.Comparison.High():
		s.judgeTrackingIn(p, sig, pr)
	case s.capacity.Current == 0: // there is no proportion: one instance is a start
		pr.Formula = FormulaFromZero
		if pr.Metric > target {
			pr.Raw, pr.Wanted = 1, 1
		}
		s.judgeOut(p, pr, pr.Wanted)
	default:
		l := s.loadOut(sig)
		pr.take(l)
		within := pr.Wanted
		if from, limited := s.scaleOutFrom(p); limited {
			// At least 1: from zero there is no proportion.
			within = ceil(l.Reading * float64(min(l.Served, max(from, 1))) / target)
		}
		s.judgeOut(p, pr, within)
	}
}

// take computes the capacity that a load needs.
func (pr *Proposal) take(l load) {
	pr.Metric, pr.Served, pr.Partial = l.Reading, l.Served, l.Partial
	pr.Raw = finite(l.value() / pr.Factor)
	pr.Wanted = ceil(pr.Raw)
}

// finite is metric.Finite, for functions that call an argument metric.
func finite(v float64) float64 { return metric.Finite(v) }

// ceil rounds up, but takes what is whole save for the noise of binary fractions as whole, and keeps within [0, 2³¹-1].
func ceil(v float64) int {
	v = finite(v)
	if near := math.Round(v); math.Abs(v-near) <= 1e-9*math.Abs(v) {
		v = near
	}
	return int(min(max(math.Ceil(v), 0), math.MaxInt32))
}

// judgeOut decides whether a scale-out may be. within is the capacity that the policy may ask for while its last scale-out is in progress
// or cools down; Wanted where it is not.
func (s *situation) judgeOut(p *Policy, pr *Proposal, within int) {
	t, c := s.target, s.capacity
	pr.Credit = max(0, pr.Wanted-within)
	switch {
	case t.Suspended.DynamicOut && !pr.Group:
		pr.Outcome = SuspendedOut
	case pr.Wanted <= c.Desired:
		pr.Outcome = AtDesired
	case within <= c.Desired && t.scalingOut(p):
		pr.Outcome = ActivityInProgress
	case within <= c.Desired:
		pr.Outcome, pr.Left = HeldByCooldown, p.coolingOut(s.now)
	case c.Desired >= t.Max:
		pr.Outcome = AtMax
	default:
		pr.Clamped = t.clamp(pr.Wanted - pr.Credit)
		pr.Outcome = s.possible(pr)
	}
}

// judgeIn decides whether a scale-in may be, as far as the policy itself goes.
func (s *situation) judgeIn(p *Policy, pr *Proposal) {
	t, c := s.target, s.capacity
	foretold, by := t.foretold(s.now)
	switch {
	case t.Suspended.DynamicIn && !pr.Group:
		pr.Outcome = SuspendedIn
	case c.Desired <= t.Min:
		pr.Outcome = AtMin
	case pr.Wanted >= c.Desired:
		pr.Outcome = AtDesired
	case foretold >= c.Desired:
		pr.Outcome, pr.By = HeldByForecast, by
	case p.coolingIn(s.now) > 0:
		// AWS: PutScalingPolicy, Cooldown: a scale-in within the cooldown of the last is blocked.
		pr.Outcome, pr.Left = HeldByCooldown, p.coolingIn(s.now)
	default:
		if pr.Clamped = t.clamp(pr.Wanted); foretold > pr.Clamped {
			pr.Clamped, pr.By = foretold, by
		}
		pr.Outcome = s.possible(pr)
	}
}

// possible says whether a change may be now, whoever asks.
func (s *situation) possible(pr *Proposal) Outcome {
	if !s.capacity.Scalable {
		return Unscalable
	}
	if p := s.target.Group.holds(s.capacity.Desired, pr.Clamped); p != 0 {
		pr.Process = p
		return ProcessSuspended
	}
	return Acted
}
