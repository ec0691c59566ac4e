package engine

// Output is what one Step decided.
type Output struct {
	// Result answers the input's caller; its type is documented at the input. Nil where there is nothing to answer.
	Result Result

	// Effects are the levels that changed in this step. They replace earlier ones of the same key; saying one twice does no harm.
	Effects Effects

	// Events tell what happened and why, in the order of happening.
	Events []Event

	// Evaluated are the alarms that were evaluated, except those that invoke no scaling policy and whose state did not change: their
	// readings are what StepWithReadings needs to repeat the step. It is valid until the next step.
	Evaluated []Evaluated
}

// Result is an input's answer: one of the types named …Result in this package, or nil.
type Result any

// RegisterScalableTargetResult names the target.
type RegisterScalableTargetResult struct{ UUID string }

// PutScalingPolicyResult names the policy's target and the alarms that the policy owns.
type PutScalingPolicyResult struct {
	UUID   string // of the target
	Alarms []string
}

// Effects describe a level, never a difference: after a crash the whole level (Engine.Level) is released again and the world
// converges. Routes must be applied before Levels: an instance may drain only once no gateway sends it invocations.
type Effects struct {
	Routes []Route      // sorted by key
	Levels []FleetLevel // sorted by key
}

// Empty reports whether nothing changed.
func (f Effects) Empty() bool { return len(f.Routes) == 0 && len(f.Levels) == 0 }
