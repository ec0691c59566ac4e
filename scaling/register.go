package scaling

import "time"

// Registration is RegisterScalableTarget's request. Nil members were left out.
type Registration struct {
	Key                                     TargetKey
	Min, Max                                *int
	SuspendIn, SuspendOut, SuspendSchedules *bool
	Tags                                    map[string]string
}

// Register makes or changes a target and asks for its capacity to be held against the range (Target.Clamp). Whether the
// resource exists and may be scaled is the caller's to check before. newID, a UUID, is called only for a new target.
func (r *Registry) Register(now time.Time, g Registration, newID func() string) (*Target, error) {
	panic("filled in next")
}

// CheckInstanceType refuses instance types that AWS does not scale.
func CheckInstanceType(instanceType string) error { panic("filled in next") }

// Deregister removes a target with its policies and tags; its capacity stays. It returns the target as it was, so that its
// alarms (Target.AlarmNames) can be deleted.
func (r *Registry) Deregister(now time.Time, k TargetKey) (*Target, error) { panic("filled in next") }

// PutPolicy makes or changes a policy. newID, a UUID, is called for each identifier that is needed.
func (r *Registry) PutPolicy(now time.Time, in PolicyInput, newID func() string) (PolicyChange, error) {
	panic("filled in next")
}

// DeletePolicy removes a policy and returns it, so that its alarms (Policy.AlarmNames) can be deleted.
func (r *Registry) DeletePolicy(k TargetKey, name string) (*Policy, error) { panic("filled in next") }

// Alarms returns the alarms that the policy wants: those of a target tracking policy, high first; none of a step scaling one.
func (p *Policy) Alarms(k TargetKey) []AlarmSpec { panic("filled in next") }

// ByID finds a registered target by the identifier in its ARN.
func (r *Registry) ByID(id36 string) (*Target, error) { panic("filled in next") }

// Tag adds or replaces tags of a target.
func (r *Registry) Tag(id36 string, tags map[string]string) error { panic("filled in next") }

// Untag removes tags of a target; keys that it does not have are ignored.
func (r *Registry) Untag(id36 string, keys []string) error { panic("filled in next") }

// String says in one line what was decided and why, with the numbers.
func (d *Decision) String() string { panic("filled in next") }

func (d *Decision) notScaled() (*Proposal, NotScaledCode) { panic("filled in next") }
