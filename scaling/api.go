package scaling

import "time"

// The two APIs that scale production variants. A policy belongs to one of them, and obeys its rules.
const (
	ApplicationAutoScaling API = false // a scalable target's: cooldowns of its own, suspension by direction, entries for what was not scaled
	EC2AutoScaling         API = true  // an Auto Scaling group's: warm-up times, suspension by process
)

// API is the API through which a policy was put, or a change of capacity came. Encoded, it is the member Group: true for EC2AutoScaling.
type API bool

// API returns the API that the policy belongs to.
func (p *Policy) API() API { return p.UUID != "" }

// owner returns what the names of the policy's own alarms carry.
func (p *Policy) owner(k TargetKey) string {
	if p.API() == EC2AutoScaling {
		return k.GroupName()
	}
	return k.ResourceID
}

// suspended returns the outcome of a wish that the target's API has suspended; zero where it has not. Groups suspend processes instead.
//
// AWS: suspending and resuming scaling, Application Auto Scaling user guide.
func (s *Situation) suspended(out bool) Outcome {
	switch {
	case s.Policy.API() == EC2AutoScaling:
		return 0
	case out && s.Target.Suspended.DynamicOut:
		return SuspendedOut
	case !out && s.Target.Suspended.DynamicIn:
		return SuspendedIn
	default:
		return 0
	}
}

// silenced returns the outcome of a signal that does not reach the policy; zero where it does.
//
// AWS: suspending and resuming processes, EC2 Auto Scaling user guide.
func (s *Situation) silenced() (Outcome, Process) {
	p := s.Policy
	switch {
	case p.Disabled:
		return PolicyDisabled, 0
	case p.API() == EC2AutoScaling && !s.Signal.Executed && s.Target.Group.Suspends(ProcessAlarmNotification):
		return ProcessSuspended, ProcessAlarmNotification
	default:
		return 0, 0
	}
}

// cooldowns returns the policy's cooldowns: those of groups have none, and simple scaling's is the group's.
func (p *Policy) cooldowns() (out, in time.Duration) {
	if p.API() == EC2AutoScaling {
		return 0, 0
	}
	if c, ok := p.Rule.(Cooled); ok {
		return c.Cooldowns()
	}
	return 0, 0
}
