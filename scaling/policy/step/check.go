package step

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strings"

	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// Put implements scaling.Type. Application Auto Scaling completes a request from the stored configuration: an absent configuration keeps
// all; one that is there keeps the adjustment type and steps that it leaves out, and clears every other member that it leaves out.
// (AWS: recorded.) EC2 Auto Scaling keeps nothing.
func (Type) Put(p scaling.Put) (scaling.Rule, error) {
	in, _ := p.Config.(*Config)
	if p.API == scaling.EC2AutoScaling {
		return putGroup(in)
	}
	var stored *Config
	if p.Stored != nil {
		stored = p.Stored.(*Rule).Settings
	}
	switch {
	case in == nil && stored != nil:
		return stored.Rule(), nil
	case in == nil:
		return nil, scaling.Invalid("StepScaling policy configuration must be specified")
	}
	next := *in
	if stored != nil {
		next.AdjustmentType = cmp.Or(next.AdjustmentType, stored.AdjustmentType)
		if next.Steps == nil {
			next.Steps = stored.Steps
		}
	}
	next.Steps = slices.Clone(next.Steps)
	if err := next.check(); err != nil {
		return nil, err
	}
	return next.Rule(), nil
}

// putGroup checks a configuration of a group's policy. AWS: measured.
func putGroup(in *Config) (scaling.Rule, error) {
	switch {
	case !in.AdjustmentType.Valid():
		return nil, scaling.Invalid("You must specify an AdjustmentType for policy type: %s", Type{}.Name())
	case len(in.Steps) == 0:
		return nil, scaling.Invalid("You must specify at least one StepAdjustment for policy type: %s", Type{}.Name())
	}
	if err := in.CheckMagnitude(); err != nil {
		return nil, err
	}
	next := *in
	next.Steps = slices.Clone(in.Steps)
	if err := next.check(); err != nil {
		return nil, reworded(err)
	}
	return next.Rule(), nil
}

// CheckMagnitude checks the minimum magnitude of a group's policy.
func (s *Config) CheckMagnitude() error {
	if s.MinMagnitude != nil && s.AdjustmentType != PercentChangeInCapacity {
		return scaling.Invalid("MinAdjustmentMagnitude is only supported for the AdjustmentType PercentChangeInCapacity")
	}
	if scaling.Or(s.MinMagnitude, 0) < 0 {
		return scaling.Invalid("MinAdjustmentMagnitude must be greater than or equal to 0")
	}
	return scaling.CheckAdjustment("MinAdjustmentMagnitude", scaling.Or(s.MinMagnitude, 0))
}

// reworded gives what both APIs refuse the words of EC2 Auto Scaling. AWS: measured.
func reworded(err error) error {
	var e *scaling.Error
	if !errors.As(err, &e) {
		return err
	}
	text := e.Msg
	switch {
	case strings.HasPrefix(text, "Lower bound must be"):
		text = "LowerBound must be less than the UpperBound for StepAdjustment"
	case strings.HasPrefix(text, "There must be"):
		text = strings.NewReplacer("unspecified lower bound", "unspecified lower bound (i.e., lower bound is null)",
			"unspecified upper bound", "unspecified upper bound (i.e., upper bound is null)").Replace(text)
	case strings.HasPrefix(text, "Scaling adjustment cannot"):
		text = "ScalingAdjustment cannot be less than 0 when AdjustmentType is ExactCapacity"
	}
	text = strings.NewReplacer("Step adjustment", "StepAdjustment", "step adjustment", "StepAdjustment").Replace(text)
	return &scaling.Error{Kind: e.Kind, Msg: text}
}

// check refuses what AWS refuses, in AWS's order. (AWS: PutScalingPolicy, StepAdjustment; texts recorded.)
func (s *Config) check() error {
	if !s.AdjustmentType.Valid() {
		return scaling.Invalid("Adjustment type must be specified")
	}
	if len(s.Steps) == 0 {
		return scaling.Invalid("There must be at least one step adjustment")
	}
	if len(s.Steps) > scaling.StepsMax {
		return scaling.Refuse(scaling.KindLimitExceeded, "The limit of %d step adjustments of one policy is exceeded.", scaling.StepsMax)
	}
	if err := s.checkBounds(); err != nil {
		return err
	}
	if err := s.checkIntervals(); err != nil {
		return err
	}
	if s.MinMagnitude != nil && s.AdjustmentType != PercentChangeInCapacity {
		return scaling.Invalid("Minimum adjustment magnitude is only allowed for adjustment type PercentChangeInCapacity")
	}
	if s.MinMagnitude != nil && *s.MinMagnitude < 0 { // AWS's words are not known
		return scaling.Invalid("Minimum adjustment magnitude must be nonnegative")
	}
	if err := scaling.CheckAdjustment("MinAdjustmentMagnitude", scaling.Or(s.MinMagnitude, 0)); err != nil {
		return err
	}
	if err := scaling.CheckCooldown(s.Cooldown); err != nil {
		return err
	}
	if err := s.checkNumbers(); err != nil {
		return err
	}
	negative := func(a Adjustment) bool { return a.Adjustment < 0 }
	if s.AdjustmentType == ExactCapacity && slices.ContainsFunc(s.Steps, negative) {
		return scaling.Invalid("Scaling adjustment cannot be less than 0 when adjustment type is ExactCapacity")
	}
	return nil
}

// checkNumbers checks the ranges of the adjustments, and the aggregation.
func (s *Config) checkNumbers() error {
	for _, a := range s.Steps {
		if err := scaling.CheckAdjustment("ScalingAdjustment", a.Adjustment); err != nil {
			return err
		}
	}
	if s.Aggregation < 0 || s.Aggregation > AggregateMaximum {
		return scaling.Invalid("MetricAggregationType is not valid")
	}
	return nil
}

// checkBounds checks each step's bounds, then which bounds may be open.
func (s *Config) checkBounds() error {
	for _, a := range s.Steps {
		if a.Lower == nil && a.Upper == nil {
			return scaling.Invalid("Both lower and upper bounds of a step adjustment cannot be left unspecified")
		}
	}
	for _, a := range s.Steps {
		if a.Lower != nil && a.Upper != nil && *a.Lower >= *a.Upper {
			return scaling.Invalid("Lower bound must be less than upper bound for a step adjustment")
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
		if metric.Finite(a.lower()) != a.lower() && a.Lower != nil || metric.Finite(a.upper()) != a.upper() && a.Upper != nil {
			return scaling.Invalid("Step adjustment interval bounds must be finite numbers")
		}
		negative = negative || (a.Lower != nil && *a.Lower < 0)
		positive = positive || (a.Upper != nil && *a.Upper > 0)
	}
	switch {
	case openLower > 1:
		return scaling.Invalid("At most one step adjustment may have an unspecified lower bound")
	case openUpper > 1:
		return scaling.Invalid("At most one step adjustment may have an unspecified upper bound")
	case negative && openLower == 0:
		return scaling.Invalid("There must be a step adjustment with an unspecified lower bound when one step adjustment has a negative lower bound")
	case positive && openUpper == 0:
		return scaling.Invalid("There must be a step adjustment with an unspecified upper bound when one step adjustment has a positive upper bound")
	}
	return nil
}

// checkIntervals checks that the steps, in order, touch one another.
func (s *Config) checkIntervals() error {
	sorted := slices.Clone(s.Steps)
	slices.SortFunc(sorted, func(a, b Adjustment) int { return cmp.Compare(a.lower(), b.lower()) })
	for i := 1; i < len(sorted); i++ {
		end, start := sorted[i-1].upper(), sorted[i].lower()
		if end < start {
			return scaling.Invalid("Step adjustment intervals cannot have gaps between them")
		}
		if end > start {
			return scaling.Invalid("Step adjustment intervals cannot overlap")
		}
	}
	return nil
}

func (a Adjustment) lower() float64 { return scaling.Or(a.Lower, math.Inf(-1)) }
func (a Adjustment) upper() float64 { return scaling.Or(a.Upper, math.Inf(1)) }
