package scaling

import (
	"strings"
	"time"
)

// Target is a scalable target: a resource whose capacity is kept between Min and Max and moved by policies.
type Target struct {
	Key       TargetKey
	UUID      string // with dashes; new with every registration; ARNs of policies carry it
	Min, Max  int
	Created   time.Time
	Suspended Suspended
	Tags      map[string]string
	Policies  []*Policy          // in the order of their creation
	Schedules []*ScheduledAction // in the order of their creation

	// ClampDue: a range was set and the capacity has not been held against it yet. See Clamp.
	ClampDue bool

	// RuleDue: the moment of a Timed rule has come, such as a forecast's, and the target is to be decided without an alarm.
	RuleDue bool `json:"PredictDue,omitempty"`

	// WakeDue: so many requests wait for a first instance, and the capacity has not been held against that yet.
	WakeDue int `json:",omitempty"`

	// Activity is the one in flight, Pending or InProgress; nil where there is none.
	Activity *Activity

	// LastNotScaled is the reason of the latest entry in the target's history that has one; zero where none has.
	LastNotScaled NotScaledCode

	// Departed is when the target was deregistered; zero while it is registered.
	Departed time.Time

	Watch Watch `json:",omitzero"`

	// Group is what the EC2 Auto Scaling API keeps of the variant; nil until it is used. A group's own target has no UUID: it is
	// not registered, and lives in Registry.Groups.
	Group *Group `json:",omitempty"`

	resource Resource // see Resource; not encoded
}

// DryRunTag is the tag that, set to "true", makes a target's decisions be recorded and explained, and change nothing. The range and scheduled
// actions change nothing either. What a user asks for takes effect: a desired capacity, whichever API sets it.
const DryRunTag = "bellows:dry-run"

// DryRun reports whether the target's decisions change nothing.
func (t *Target) DryRun() bool { return t.Tags[DryRunTag] == "true" }

// Suspended says which kinds of scaling rest. AWS: suspending and resuming scaling, user guide.
type Suspended struct {
	DynamicIn, DynamicOut, Scheduled bool
}

// idPrefix stands where AWS has the service's four characters; SageMaker's own is not known.
const idPrefix = "056m"

// ID36 returns the target's identifier as it stands in its ARN: 36 characters.
func (t *Target) ID36() string { return ID36(t.UUID) }

// ID36 returns the identifier of the target that has a UUID.
func ID36(uuid string) string { return idPrefix + strings.ReplaceAll(uuid, "-", "") }

// Policy returns the policy of this name, or nil.
func (t *Target) Policy(name string) *Policy {
	for _, p := range t.Policies {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// AlarmNames returns the alarms that the target's policies own, in the order of the policies.
func (t *Target) AlarmNames() []string {
	var names []string
	for _, p := range t.Policies {
		names = append(names, p.AlarmNames()...)
	}
	return names
}

// Capacity is what the scaled resource has now.
type Capacity struct {
	Desired  int  // what is asked for
	Current  int  // what serves
	Scalable bool // whether the resource takes a change now: its endpoint is InService
}

// Change is a move of a target's desired capacity, and why.
type Change struct {
	From, Want int
	Cause      Cause
}

// Clamp moves the capacity into [Min, Max] after either was set or touched: on AWS every registration does, even one that names
// neither. A resource that takes no change now is clamped when next it does, so the engine calls it until ClampDue is false.
// It reports false where the capacity is to stay.
//
// AWS: RegisterScalableTarget, API reference; causes recorded.
func (t *Target) Clamp(c Capacity) (Change, bool) {
	if !t.ClampDue || !c.Scalable || t.DryRun() {
		return Change{}, false
	}
	if t.Group.holds(c.Desired, t.clamp(c.Desired)) != 0 {
		return Change{}, false // once the process goes on
	}
	t.ClampDue = false
	return t.outside(c)
}

// outside returns the change that brings the capacity into the range; false where it is within.
func (t *Target) outside(c Capacity) (Change, bool) {
	switch {
	case c.Desired < t.Min:
		return Change{From: c.Desired, Want: t.Min, Cause: Cause{Kind: CauseMinimum, Capacity: t.Min}}, true
	case c.Desired > t.Max:
		return Change{From: c.Desired, Want: t.Max, Cause: Cause{Kind: CauseMaximum, Capacity: t.Max}}, true
	default:
		return Change{}, false
	}
}

func (t *Target) clamp(n int) int { return min(max(n, t.Min), t.Max) }
