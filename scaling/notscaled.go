package scaling

import "time"

// Reasons for not scaling.
const (
	AlreadyAtMaxCapacity NotScaledCode = iota + 1
	AlreadyAtMinCapacity
	AlreadyAtDesiredCapacity
	AutoScalingAnticipatedFlapping
	TargetServicePutResourceAsUnscalable
)

// NotScaledCode is why an alarm changed nothing.
type NotScaledCode int

// String returns AWS's code.
func (c NotScaledCode) String() string {
	switch c {
	case AlreadyAtMaxCapacity:
		return "AlreadyAtMaxCapacity"
	case AlreadyAtMinCapacity:
		return "AlreadyAtMinCapacity"
	case AlreadyAtDesiredCapacity:
		return "AlreadyAtDesiredCapacity"
	case AutoScalingAnticipatedFlapping:
		return "AutoScalingAnticipatedFlapping"
	case TargetServicePutResourceAsUnscalable:
		return "TargetServicePutResourceAsUnscalable"
	default:
		return "invalid"
	}
}

// NotScaledReason is a code and the number that AWS shows with it.
type NotScaledReason struct {
	Code NotScaledCode

	// Capacity is the maximum, the minimum, or for the next two the desired capacity; nothing for the last.
	Capacity int
}

// NotScaled notes that an alarm changed nothing, if the decision has a reason of AWS's for that and the latest entry of the
// target's history that has a reason has another one: what repeats each minute is written once, whichever policy repeats it and whatever
// scaled in between. It reports false where nothing is to be written. newID is called only where something is.
//
// AWS: scaling activities, user guide; statuses and the absence of repetitions recorded. That an activity in between does not count is
// what fits two recordings best.
func (t *Target) NotScaled(now time.Time, d *Decision, newID func() string) (Activity, bool) {
	p, code := d.notScaled()
	if code == 0 || code == t.LastNotScaled {
		return Activity{}, false
	}
	t.LastNotScaled = code
	a := Activity{
		ID: newID(), Key: t.Key, Cause: p.cause(), Status: Failed, Start: now, From: d.Capacity.Desired, To: d.Capacity.Desired,
		NotScaled: NotScaledReason{Code: code},
	}
	switch code {
	case AlreadyAtMaxCapacity:
		a.NotScaled.Capacity = d.Max
	case AlreadyAtMinCapacity:
		a.NotScaled.Capacity = d.Min
	case AlreadyAtDesiredCapacity:
		a.Status, a.NotScaled.Capacity = Successful, d.Capacity.Desired
	case AutoScalingAnticipatedFlapping:
		a.NotScaled.Capacity = d.Capacity.Desired
	case TargetServicePutResourceAsUnscalable: // carries no number
	}
	return a, true
}
