package policy

import (
	"time"

	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/simple"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// GroupInput is PutScalingPolicy's request of the EC2 Auto Scaling API, which has the members of all its policy types beside one another.
// Optional members are zero where the client left them out. It replaces a policy of the same name whole.
type GroupInput struct {
	Key  scaling.TargetKey
	Name string
	Type GroupType // zero: SimpleScaling

	AdjustmentType step.AdjustmentType
	Adjustment     *int           // SimpleScaling
	Cooldown       *time.Duration // SimpleScaling
	MinMagnitude   *int
	Steps          []step.Adjustment // StepScaling
	Aggregation    step.Aggregation  // StepScaling
	TargetTracking *tracking.Config
	Warmup         *time.Duration // StepScaling, TargetTrackingScaling
	Disabled       bool
}

// Types of policies that groups can have. The numbers are those of the types (scaling.Numbered).
const (
	GroupStep GroupType = iota + 1
	GroupTracking
	GroupSimple
)

// GroupType is the type of a group's policy, as requests in journals have it.
type GroupType int

// String returns AWS's name of the type.
func (t GroupType) String() string {
	if t < GroupStep || t > GroupSimple {
		return "invalid"
	}
	return t.kind().Name()
}

// ParseGroupType returns the type of AWS's name; zero where groups have none of that name.
func ParseGroupType(name string) GroupType { return scaling.Named(name, GroupSimple) }

func (t GroupType) kind() scaling.Type {
	switch t {
	case GroupStep:
		return step.Type{}
	case GroupTracking:
		return tracking.Type{}
	default:
		return simple.Type{} // AWS: PutScalingPolicy, PolicyType
	}
}

// Put returns the request as the registry takes it. It fails with KindValidation where it has members that belong to other types.
func (in *GroupInput) Put() (scaling.GroupPut, error) {
	out := scaling.GroupPut{Key: in.Key, Name: in.Name, Type: in.Type.kind(), Warmup: in.Warmup, Disabled: in.Disabled}
	if err := in.foreign(); err != nil {
		return out, err
	}
	switch in.Type {
	case GroupStep:
		out.Config = &step.Config{AdjustmentType: in.AdjustmentType, Steps: in.Steps, Aggregation: in.Aggregation, MinMagnitude: in.MinMagnitude}
	case GroupTracking:
		if in.TargetTracking != nil {
			out.Config = in.TargetTracking
		}
	default:
		out.Config = &simple.Config{
			AdjustmentType: in.AdjustmentType, Adjustment: scaling.Or(in.Adjustment, 0), Given: in.Adjustment != nil,
			Cooldown: in.Cooldown, MinMagnitude: in.MinMagnitude,
		}
	}
	return out, nil
}

// foreign refuses members that belong to other types of policy. AWS: measured.
func (in *GroupInput) foreign() error {
	isStep, isTracking := in.Type == GroupStep, in.Type == GroupTracking
	isSimple := !isStep && !isTracking
	for _, m := range []struct {
		name       string
		set, takes bool
	}{
		{"AdjustmentType", in.AdjustmentType != 0, isSimple || isStep},
		{"ScalingAdjustment", in.Adjustment != nil, isSimple},
		{"Cooldown", in.Cooldown != nil, isSimple},
		{"MinAdjustmentMagnitude", in.MinMagnitude != nil, isSimple || isStep},
		{"StepAdjustments", in.Steps != nil, isStep},
		{"MetricAggregationType", in.Aggregation != 0, isStep},
		{"EstimatedInstanceWarmup", in.Warmup != nil, isStep || isTracking},
		{"TargetTrackingConfiguration", in.TargetTracking != nil, isTracking},
	} {
		if m.set && !m.takes {
			return scaling.Invalid("%s is not supported for a %s policy", m.name, in.Type.kind().Name())
		}
	}
	return nil
}
