package scaling

import (
	"cmp"
	"math"
	"slices"
)

// mergeStep checks a step scaling configuration and completes it from the one stored: an absent configuration keeps all; one
// that is there keeps the adjustment type and steps that it leaves out, and clears every other member that it leaves out.
// (AWS: recorded.)
func mergeStep(stored, in *StepConfig) (*StepConfig, error) {
	if in == nil && stored == nil {
		return nil, invalid("StepScaling policy configuration must be specified")
	}
	if in == nil {
		return stored, nil
	}
	next := *in
	if stored != nil {
		next.AdjustmentType = cmp.Or(next.AdjustmentType, stored.AdjustmentType)
		if next.Steps == nil {
			next.Steps = stored.Steps
		}
	}
	next.Steps = slices.Clone(next.Steps)
	return &next, next.check()
}

// check refuses what AWS refuses, in AWS's order. (AWS: PutScalingPolicy, StepAdjustment; texts recorded.)
func (s *StepConfig) check() error {
	if s.AdjustmentType == 0 {
		return invalid("Adjustment type must be specified")
	}
	if len(s.Steps) == 0 {
		return invalid("There must be at least one step adjustment")
	}
	if len(s.Steps) > StepsMax {
		return refuse(KindLimitExceeded, "The limit of %d step adjustments of one policy is exceeded.", StepsMax)
	}
	if err := s.checkBounds(); err != nil {
		return err
	}
	if err := s.checkIntervals(); err != nil {
		return err
	}
	if s.MinMagnitude != nil && s.AdjustmentType != PercentChangeInCapacity {
		return invalid("Minimum adjustment magnitude is only allowed for adjustment type PercentChangeInCapacity")
	}
	if s.MinMagnitude != nil && *s.MinMagnitude < 0 { // AWS's words are not known
		return invalid("Minimum adjustment magnitude must be nonnegative")
	}
	if s.Cooldown != nil && *s.Cooldown < 0 {
		return invalid("Cooldown must be nonnegative")
	}
	negative := func(a StepAdjustment) bool { return a.Adjustment < 0 }
	if s.AdjustmentType == ExactCapacity && slices.ContainsFunc(s.Steps, negative) {
		return invalid("Scaling adjustment cannot be less than 0 when adjustment type is ExactCapacity")
	}
	return nil
}

// checkBounds checks each step's bounds, then which bounds may be open.
func (s *StepConfig) checkBounds() error {
	for _, a := range s.Steps {
		if a.Lower == nil && a.Upper == nil {
			return invalid("Both lower and upper bounds of a step adjustment cannot be left unspecified")
		}
	}
	for _, a := range s.Steps {
		if a.Lower != nil && a.Upper != nil && *a.Lower >= *a.Upper {
			return invalid("Lower bound must be less than upper bound for a step adjustment")
		}
	}
	openLower, openUpper, negative, positive := 0, 0, false, false
	for _, a := range s.Steps {
		if a.Lower == nil {
			openLower++
		}
		if a.Upper == nil {
			openUpper++
		}
		if finite(a.lower()) != a.lower() && a.Lower != nil || finite(a.upper()) != a.upper() && a.Upper != nil {
			return invalid("Step adjustment interval bounds must be finite numbers")
		}
		negative = negative || (a.Lower != nil && *a.Lower < 0)
		positive = positive || (a.Upper != nil && *a.Upper > 0)
	}
	switch {
	case openLower > 1:
		return invalid("At most one step adjustment may have an unspecified lower bound")
	case openUpper > 1:
		return invalid("At most one step adjustment may have an unspecified upper bound")
	case negative && openLower == 0:
		return invalid("There must be a step adjustment with an unspecified lower bound when one step adjustment has a negative lower bound")
	case positive && openUpper == 0:
		return invalid("There must be a step adjustment with an unspecified upper bound when one step adjustment has a positive upper bound")
	}
	return nil
}

// checkIntervals checks that the steps, in order, touch one another.
func (s *StepConfig) checkIntervals() error {
	sorted := slices.Clone(s.Steps)
	slices.SortFunc(sorted, func(a, b StepAdjustment) int { return cmp.Compare(a.lower(), b.lower()) })
	for i := 1; i < len(sorted); i++ {
		end, start := sorted[i-1].upper(), sorted[i].lower()
		if end < start {
			return invalid("Step adjustment intervals cannot have gaps between them")
		}
		if end > start {
			return invalid("Step adjustment intervals cannot overlap")
		}
	}
	return nil
}

func (a StepAdjustment) lower() float64 { return or(a.Lower, math.Inf(-1)) }
func (a StepAdjustment) upper() float64 { return or(a.Upper, math.Inf(1)) }
