package scaling

import (
	"time"

	"bellows.dev/bellows/alarm"
)

// Policy types.
const (
	StepScaling PolicyType = iota + 1
	TargetTrackingScaling
	SimpleScaling // groups' only
	PredictiveScaling
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
	case SimpleScaling:
		return "SimpleScaling"
	case PredictiveScaling:
		return "PredictiveScaling"
	default:
		return "invalid"
	}
}

// ParsePolicyType returns the type of AWS's name; zero where there is none.
func ParsePolicyType(s string) PolicyType { return parse(s, PredictiveScaling) }

// Policy is a scaling policy of a target or of its group. Exactly one of Step, TargetTracking, Simple and Predictive is set, as
// its type says.
type Policy struct {
	Name    string
	Type    PolicyType
	Created time.Time

	Step           *StepConfig
	TargetTracking *TargetTrackingConfig
	Simple         *SimpleConfig `json:",omitempty"`

	// Outlook is what a predictive scaling policy expects; nil for the others.
	Predictive *PredictiveConfig `json:",omitempty"`
	Outlook    *Outlook          `json:",omitempty"`

	// UUID is in the ARN of a group's policy; "" where the policy is the target's.
	UUID     string         `json:",omitempty"`
	Warmup   *time.Duration `json:",omitempty"` // groups': how long new instances warm up; nil: as the group says
	Disabled bool           `json:",omitempty"` // groups': it is kept and does nothing

	// CreatedBy is a UUID that the actions of the policy's own alarms carry; "" for step scaling.
	CreatedBy string

	// AlarmHigh and AlarmLow name the alarms that a target tracking policy owns; AlarmLow is "" where scale-in is disabled.
	AlarmHigh, AlarmLow string

	Cooling Cooling
}

// grouped reports whether the policy is a group's.
func (p *Policy) grouped() bool { return p.UUID != "" }

// owner is what the names of the policy's own alarms carry.
func (p *Policy) owner(k TargetKey) string {
	if p.grouped() {
		return k.GroupName()
	}
	return k.ResourceID
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
	Predictive     *PredictiveConfig `json:",omitempty"`
}

// PolicyChange is what a PutScalingPolicy did.
type PolicyChange struct {
	Target  *Target
	Policy  *Policy
	Created bool

	// The alarms of DeleteAlarms are to be deleted, then those of CreateAlarms created; both are empty where the policy's alarms stay.
	DeleteAlarms []string
	CreateAlarms []alarm.Alarm
}
