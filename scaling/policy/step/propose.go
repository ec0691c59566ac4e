package step

import (
	"slices"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// Propose is the whole rule: the adjustment whose interval holds the breach, metric less threshold, changes the capacity. E.g. with
// 0..10: +1 and 10..: +3 on an alarm above 50, a metric of 55 adds 1 instance and one of 70 adds 3. The alarm's state does not matter: the
// action may stand in any state's list.
//
// AWS: step scaling policies, user guide.
func (r *Rule) Propose(s scaling.Situation) scaling.Proposal {
	p := s.Proposal()
	if s.NoData() {
		p.Outcome = scaling.NoData // a step cannot be chosen without data
		return p
	}
	c := r.Settings
	p.Metric = r.Aggregate(s.Signal.Datapoints)
	step, found := c.step(p.Metric-s.Signal.Threshold, s.Signal.Comparison.High())
	if !found {
		p.Outcome = scaling.NoStepMatches
		return p
	}
	// AWS: step scaling, user guide: instances that warm up do not count as capacity that an adjustment adds to. E.g. 4 serve, 2 of them
	// warm up: +3 makes 2 + 3 = 5.
	warming, left := s.Warming(s.Policy)
	if c.AdjustmentType == ExactCapacity {
		warming = 0
	}
	current := s.Capacity.Current - warming
	p.Warming = warming
	p.Formula, p.Factor = c.Formula(), float64(step.Adjustment)
	p.Raw, p.Wanted, p.Least = c.Adjust(current, step.Adjustment)
	switch {
	case p.Wanted > current:
		within := p.Wanted
		if from, limited := s.ScaleOutFrom(); limited && c.AdjustmentType != ExactCapacity {
			// What the last scale-out added counts toward this one. E.g. 4 + 2 made 6; within its cooldown +3 makes 4 + 3 = 7, not 9.
			_, within, _ = c.Adjust(min(from, current), step.Adjustment)
		}
		s.ScaleOut(&p, within)
	case p.Wanted < current && left > 0:
		// AWS: step scaling, user guide: no scale-in until the instances of a scale-out have warmed up.
		p.Raw, p.Wanted, p.Least = c.Adjust(s.Capacity.Current, step.Adjustment)
		p.Outcome, p.Left, p.Warming = scaling.WarmingUp, left, 0
	case p.Wanted < current:
		s.ScaleIn(&p)
	default:
		p.Outcome = scaling.AtDesired
	}
	return p
}

// step returns the adjustment whose interval holds the breach, if any does. At a high alarm the lower bound belongs to the
// interval and the upper does not; at a low alarm it is the other way round.
// AWS: step scaling policies, user guide, step adjustments.
func (s *Config) step(breach float64, high bool) (Adjustment, bool) {
	breach = metric.Finite(breach) // a difference may overflow: it lies in the interval without a bound all the same
	for _, a := range s.Steps {
		lower, upper := a.lower(), a.upper()
		if high && lower <= breach && breach < upper {
			return a, true
		}
		if !high && lower < breach && breach <= upper {
			return a, true
		}
	}
	return Adjustment{}, false
}

// Adjust applies an adjustment to a capacity: the result before rounding, the capacity, and the minimum magnitude where that is what
// the capacity changes by.
// E.g. 11 + 30 % is 14.3, so 14; 3 - 10 % is 2.7, so 2; 4 + 25 % with a least magnitude of 2 is 5, so 6.
func (s *Config) Adjust(current, adjustment int) (raw float64, want, least int) {
	switch s.AdjustmentType {
	case ExactCapacity:
		return float64(adjustment), adjustment, 0
	case PercentChangeInCapacity:
		raw = float64(current) + float64(current)*float64(adjustment)/100
		change, least := s.percent(current, adjustment)
		return raw, max(0, current+change), least
	default:
		want = max(0, current+adjustment)
		return float64(want), want, 0
	}
}

// percent rounds a change in percent toward zero, but to at least one instance, then to at least the minimum magnitude.
// Percent of nothing is nothing; the magnitude then says by how much to leave zero (AWS: not documented).
// AWS: PutScalingPolicy, AdjustmentType; step scaling policies, user guide.
func (s *Config) percent(current, percent int) (change, least int) {
	if percent == 0 {
		return 0, 0
	}
	sign := 1
	if percent < 0 {
		sign = -1
	}
	product := current * percent
	change = product / 100
	if change == 0 && product != 0 {
		change = sign
	}
	if least = scaling.Or(s.MinMagnitude, 0); change*sign < least {
		return sign * least, least
	}
	return change, 0
}

// Aggregate implements scaling.Aggregating.
func (r *Rule) Aggregate(datapoints []float64) float64 {
	switch r.Settings.Aggregation {
	case AggregateMinimum:
		return slices.Min(datapoints)
	case AggregateMaximum:
		return slices.Max(datapoints)
	default:
		return scaling.Mean(datapoints)
	}
}

// Formula returns the formula of the adjustment type.
func (s *Config) Formula() scaling.Formula {
	switch s.AdjustmentType {
	case ExactCapacity:
		return scaling.FormulaExact
	case PercentChangeInCapacity:
		return scaling.FormulaPercent
	default:
		return scaling.FormulaChange
	}
}

// ScalesIn implements scaling.Directed.
func (r *Rule) ScalesIn() bool {
	return r.Settings.AdjustmentType == ExactCapacity || r.adjusts(func(n int) bool { return n < 0 })
}

// LeavesZero implements scaling.Directed: percent of nothing is nothing.
func (r *Rule) LeavesZero() bool {
	return r.Settings.AddsToZero() && r.adjusts(func(n int) bool { return n > 0 })
}

func (r *Rule) adjusts(by func(int) bool) bool {
	return slices.ContainsFunc(r.Settings.Steps, func(a Adjustment) bool { return by(a.Adjustment) })
}

// AddsToZero reports whether an adjustment that adds can change a capacity of 0.
func (s *Config) AddsToZero() bool {
	return s.AdjustmentType != PercentChangeInCapacity || s.MinMagnitude != nil
}

// Execution implements scaling.Executable. AWS: ExecutePolicy, MetricValue and BreachThreshold.
func (r *Rule) Execution(x scaling.Execution) (scaling.Signal, error) {
	switch {
	case x.Metric == nil || x.Threshold == nil:
		return scaling.Signal{}, scaling.Invalid("You must specify a MetricValue and BreachThreshold for policy type: %s", Type{}.Name())
	case !metric.IsFinite(*x.Metric) || !metric.IsFinite(*x.Threshold):
		return scaling.Signal{}, scaling.Invalid("MetricValue and BreachThreshold must be finite numbers")
	case x.HonorCooldown:
		return scaling.Signal{}, scaling.Invalid("HonorCooldown is not supported for policies of type %s", Type{}.Name())
	}
	sig := scaling.Signal{State: alarm.InAlarm, Threshold: *x.Threshold, Datapoints: []float64{*x.Metric}, Comparison: alarm.GreaterThanOrEqualToThreshold}
	if *x.Metric < *x.Threshold {
		sig.Comparison = alarm.LessThanOrEqualToThreshold
	}
	if _, found := r.Settings.step(*x.Metric-*x.Threshold, sig.Comparison.High()); !found {
		return scaling.Signal{}, scaling.Invalid("There is no StepAdjustment for the MetricValue %s with the BreachThreshold %s",
			scaling.FormatNumber(*x.Metric), scaling.FormatNumber(*x.Threshold))
	}
	return sig, nil
}
