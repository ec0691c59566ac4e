package scaling

import "time"

// Policy types.
const (
	StepScaling PolicyType = iota + 1
	TargetTrackingScaling
)

// PolicyType is the type of a scaling policy.
type PolicyType int

// String returns AWS's name of the type.
func (t PolicyType) String() string {
	switch t {
	case StepScaling:
		return "StepScaling"
	case TargetTrackingScaling:
		return "TargetTrackingScaling"
	default:
		return "invalid"
	}
}

// ParsePolicyType returns the type of AWS's name; zero where there is none.
func ParsePolicyType(s string) PolicyType { return parse(s, TargetTrackingScaling) }

// Policy is a scaling policy of a target. Exactly one of Step and TargetTracking is set, as its type says.
type Policy struct {
	Name    string
	Type    PolicyType
	Created time.Time

	Step           *StepConfig
	TargetTracking *TargetTrackingConfig

	// CreatedBy is a UUID that the actions of the policy's own alarms carry; "" for step scaling.
	CreatedBy string

	// AlarmHigh and AlarmLow name the alarms that a target tracking policy owns; AlarmLow is "" where scale-in is disabled.
	AlarmHigh, AlarmLow string

	Cooling Cooling
}

// AlarmNames returns the alarms that the policy owns: none, AlarmHigh, or both.
func (p *Policy) AlarmNames() []string {
	var names []string
	for _, n := range []string{p.AlarmHigh, p.AlarmLow} {
		if n != "" {
			names = append(names, n)
		}
	}
	return names
}

// PolicyInput is PutScalingPolicy's request. Optional members are zero where the client left them out.
type PolicyInput struct {
	Key            TargetKey
	Name           string
	Type           PolicyType
	Step           *StepConfig
	TargetTracking *TargetTrackingConfig
}

// PolicyChange is what a PutScalingPolicy did.
type PolicyChange struct {
	Target  *Target
	Policy  *Policy
	Created bool

	// DeleteAlarms and CreateAlarms are the orders that follow, in this sequence; both are empty where the policy's alarms stay.
	DeleteAlarms []string
	CreateAlarms []AlarmSpec
}
