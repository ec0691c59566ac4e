package scaling

import (
	"fmt"
	"strings"
	"time"
)

// Statuses of an instance's activity: those of EC2 Auto Scaling that occur here.
const (
	InstanceInProgress InstanceStatus = iota + 1 // it starts
	InstanceDraining                             // it finishes its invocations
	InstanceSuccessful
	InstanceFailed
	InstanceCancelled
)

// InstanceStatus is how far an instance's activity is.
type InstanceStatus int

// String returns AWS's status code.
func (s InstanceStatus) String() string {
	switch s {
	case InstanceInProgress:
		return "InProgress"
	case InstanceDraining:
		return "WaitingForConnectionDraining"
	case InstanceSuccessful:
		return "Successful"
	case InstanceFailed:
		return "Failed"
	case InstanceCancelled:
		return "Cancelled"
	default:
		return "invalid"
	}
}

// InstanceActivity is an entry in a group's history: an instance that starts, or is taken away.
type InstanceActivity struct {
	ID       string // a UUID
	Group    TargetKey
	Instance string
	Launch   bool // else it is taken away
	Status   InstanceStatus
	Start    time.Time
	End      time.Time // zero while it runs
	Reason   string    // why it failed

	// Why is the change of the desired capacity that it follows; its Cause is zero where it follows none.
	Why      CapacityChange
	From, To int // instances that are wanted, before and after
}

// CapacityChange is a change of a group's desired capacity, as its instances' activities tell it.
type CapacityChange struct {
	At       time.Time
	Cause    Cause
	From, To int
	Min, Max int
}

// Progress returns how far it is, in percent.
func (a InstanceActivity) Progress() int {
	switch a.Status {
	case InstanceInProgress:
		return 30
	case InstanceDraining:
		return 50
	default:
		return 100
	}
}

// Description returns AWS's text.
func (a InstanceActivity) Description() string {
	if a.Launch {
		return "Launching a new EC2 instance: " + a.Instance
	}
	return "Terminating EC2 instance: " + a.Instance
}

// CauseText returns AWS's text: what changed the desired capacity, and what the instance has to do with it.
// AWS: verifying a scaling activity, user guide.
func (a InstanceActivity) CauseText() string {
	at := stamp(a.Start)
	var parts []string
	if a.Why.Cause.Kind != 0 {
		parts = append(parts, fmt.Sprintf("At %s %s", stamp(a.Why.At), a.Why.text()))
	}
	if a.Launch {
		return strings.Join(append(parts, fmt.Sprintf("At %s an instance was started in response to a difference between desired and actual "+
			"capacity, increasing the capacity from %d to %d.", at, a.From, a.To)), "  ")
	}
	return strings.Join(append(parts,
		fmt.Sprintf("At %s an instance was taken out of service in response to a difference between desired and actual capacity, "+
			"shrinking the capacity from %d to %d.", at, a.From, a.To),
		fmt.Sprintf("At %s instance %s was selected for termination.", at, a.Instance)), "  ")
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// text tells the change in AWS's words.
func (c CapacityChange) text() string {
	what := c.Cause.request()
	if c.Cause.Kind == CauseRequest || c.Cause.Kind == CauseRule || c.Cause.Kind == CauseForecast {
		what = c.Cause.String()
	}
	if c.Cause.Kind == CauseAlarm {
		what = "a " + c.Cause.String()
	}
	bounds := fmt.Sprintf(" to min: %d, max: %d, desired: %d", c.Min, c.Max, c.To)
	if k := c.Cause.Kind; k == CauseMinimum || k == CauseMaximum {
		what = Cause{Kind: CauseConstraints}.request() + bounds
	} else if k == CauseConstraints || k == CauseGroupSchedule {
		what += bounds
	}
	if c.From == c.To {
		return what + "."
	}
	return fmt.Sprintf("%s changing the desired capacity from %d to %d.", what, c.From, c.To)
}

// request tells what a user asked for.
func (c Cause) request() string {
	switch c.Kind {
	case CauseExecuted:
		return "a user request executed policy " + c.Policy
	case CauseDesired:
		return "a user request explicitly set group desired capacity"
	case CauseConstraints:
		return "a user request update of AutoScalingGroup constraints"
	case CauseGroupSchedule:
		return "a scheduled action update of AutoScalingGroup constraints"
	case CauseCreated:
		return "a user request created an AutoScalingGroup"
	case CauseReplaced:
		return "a user request moved the endpoint to another endpoint configuration"
	case CauseDeleted:
		return "a user request deleted the endpoint"
	default:
		return "invalid"
	}
}
