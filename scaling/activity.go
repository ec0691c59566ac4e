package scaling

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/plural"
)

// Statuses of an activity.
const (
	Pending Status = iota + 1
	InProgress
	Successful
	Overridden
	Unfulfilled
	Failed
)

// Status is how far an activity is.
type Status int

// String returns AWS's status code.
func (s Status) String() string {
	switch s {
	case Pending:
		return "Pending"
	case InProgress:
		return "InProgress"
	case Successful:
		return "Successful"
	case Overridden:
		return "Overridden"
	case Unfulfilled:
		return "Unfulfilled"
	case Failed:
		return "Failed"
	default:
		return "invalid"
	}
}

// Causes of an activity.
const (
	CauseAlarm   CauseKind = iota + 1 // an alarm invoked a policy
	CauseMinimum                      // the minimum was set above the capacity
	CauseMaximum                      // the maximum was set below the capacity

	// The rest are of the EC2 Auto Scaling API.
	CauseExecuted      // a user executed a policy
	CauseDesired       // a user set the desired capacity, or changed it through SageMaker
	CauseConstraints   // a user updated the group
	CauseCreated       // the endpoint was created
	CauseReplaced      // the endpoint was moved to another endpoint config
	CauseDeleted       // the endpoint was deleted
	CauseSchedule      // a scheduled action of Application Auto Scaling's ran
	CauseGroupSchedule // a group's scheduled action ran
	CauseForecast      // a predictive scaling policy forecast a need
	CauseRequest       // requests waited for a first instance
	CauseRule          // a policy asked at a moment of its own
)

// CauseKind is what kind of thing began an activity.
type CauseKind int

// String returns the kind's name.
func (k CauseKind) String() string {
	switch k {
	case CauseAlarm:
		return "Alarm"
	case CauseMinimum:
		return "Minimum"
	case CauseMaximum:
		return "Maximum"
	case CauseExecuted:
		return "Executed"
	case CauseDesired:
		return "Desired"
	case CauseConstraints:
		return "Constraints"
	case CauseCreated:
		return "Created"
	case CauseReplaced:
		return "Replaced"
	case CauseDeleted:
		return "Deleted"
	case CauseSchedule:
		return "Schedule"
	case CauseGroupSchedule:
		return "GroupSchedule"
	case CauseForecast:
		return "Forecast"
	case CauseRequest:
		return "Request"
	case CauseRule:
		return "Rule"
	default:
		return "invalid"
	}
}

// Cause is what began an activity.
type Cause struct {
	Kind     CauseKind
	Alarm    string      // CauseAlarm
	State    alarm.State // CauseAlarm
	Policy   string      // CauseAlarm, CauseExecuted, CauseForecast, CauseRule
	API      API         `json:"Group,omitempty"`
	Capacity int         // CauseMinimum, CauseMaximum: the bound; CauseForecast, CauseRule: what was wanted; CauseRequest: requests that waited
	Action   string      // CauseSchedule: the scheduled action
}

// String returns AWS's text, as recorded.
func (c Cause) String() string {
	switch c.Kind {
	case CauseAlarm:
		return fmt.Sprintf("monitor alarm %s in state %s triggered policy %s", c.Alarm, c.State, c.Policy)
	case CauseMinimum:
		return fmt.Sprintf("minimum capacity was set to %d", c.Capacity)
	case CauseMaximum:
		return fmt.Sprintf("maximum capacity was set to %d", c.Capacity)
	case CauseSchedule:
		return fmt.Sprintf("scheduled action name %s was triggered", c.Action)
	case CauseForecast: // AWS's own words are not known
		return fmt.Sprintf("predictive scaling policy %s forecast a capacity of %d", c.Policy, c.Capacity)
	case CauseRule: // AWS has no such policies
		return fmt.Sprintf("policy %s asked for a capacity of %d", c.Policy, c.Capacity)
	case CauseRequest: // AWS has no such thing
		if c.Capacity == 1 {
			return "a request waited while the capacity was 0"
		}
		return plural.Of(c.Capacity, "request") + " waited while the capacity was 0"
	default:
		return c.request()
	}
}

// Activity is an entry in a target's history: a change of capacity, or a reason for not scaling.
type Activity struct {
	ID     string // a UUID
	Key    TargetKey
	Cause  Cause
	Status Status
	Start  time.Time
	End    time.Time // zero while it runs; and always, where NotScaled is set

	From, To int // desired capacity before and after; equal where NotScaled is set

	// CreditFrom is the capacity that the policy's scale-out cooldown counts from: From, or what it was before the first of
	// several activities within one cooldown.
	CreditFrom int

	// ChangedTo is the desired capacity set by another change: Overridden only.
	ChangedTo int

	// SetMin and SetMax are the bounds that a scheduled action set, or failed to: CauseSchedule only. The move of the capacity that
	// may follow is an activity of its own.
	SetMin, SetMax *int

	// Reason says why the activity is Failed or Unfulfilled, in the words of the service that refused.
	Reason string

	// NotScaled is set in entries that changed nothing.
	NotScaled NotScaledReason
}

// Description returns AWS's text, as recorded.
func (a Activity) Description() string {
	if a.NotScaled.Code != 0 {
		return "Attempting to scale due to alarm triggered"
	}
	if a.Cause.Kind == CauseSchedule {
		return "Setting " + a.bounds() // AWS: user guide, scaling activities: without a full stop
	}
	return fmt.Sprintf("Setting %s to %d.", a.Key.Dimension.Noun(), a.To)
}

// bounds tells what a scheduled action sets.
func (a Activity) bounds() string {
	var parts []string
	if a.SetMin != nil {
		parts = append(parts, fmt.Sprintf("min capacity to %d", *a.SetMin))
	}
	if a.SetMax != nil {
		parts = append(parts, fmt.Sprintf("max capacity to %d", *a.SetMax))
	}
	return strings.Join(parts, " and ")
}

// StatusMessage returns AWS's text, as recorded; "" where AWS has none. That of Unfulfilled is not recorded.
func (a Activity) StatusMessage() string {
	if a.NotScaled.Code != 0 {
		return ""
	}
	if a.Cause.Kind == CauseSchedule {
		if a.Status == Failed {
			return "Failed to set " + a.bounds() + ". Reason: " + a.Reason
		}
		return "Successfully set " + a.bounds()
	}
	done := fmt.Sprintf("Successfully set %s to %d.", a.Key.Dimension.Noun(), a.To)
	switch a.Status {
	case InProgress:
		return done + " Waiting for change to be fulfilled by " + a.Key.Dimension.Namespace() + "."
	case Successful:
		return done + " Change successfully fulfilled by " + a.Key.Dimension.Namespace() + "."
	case Overridden:
		return fmt.Sprintf("%s Found it was later changed to %d.", done, a.ChangedTo)
	case Unfulfilled:
		return fmt.Sprintf("%s Change could not be fulfilled by %s. Reason: %s", done, a.Key.Dimension.Namespace(), a.Reason)
	case Failed:
		return fmt.Sprintf("Failed to set %s to %d. Reason: %s", a.Key.Dimension.Noun(), a.To, a.Reason)
	default:
		return ""
	}
}

// ServiceError is a refusal by the service that a resource belongs to.
type ServiceError struct {
	Service string // its name as SDKs have it, such as AmazonSageMaker
	Code    string // the error's code; its status is 400
	Err     error
}

// Error returns the service's text.
func (e *ServiceError) Error() string { return e.Err.Error() }

// Unwrap returns the error behind it.
func (e *ServiceError) Unwrap() error { return e.Err }

// Refusal returns the reason of an activity that the service refused, in the form that AWS's history shows.
// AWS: SageMaker developer guide, querying endpoint automatic scaling history.
func Refusal(err error, requestID string) string {
	var e *ServiceError
	if !errors.As(err, &e) {
		return err.Error()
	}
	return fmt.Sprintf("%s (Service: %s; Status Code: 400; Error Code: %s; Request ID: %s).", e, e.Service, e.Code, requestID)
}

// Begin starts an activity, Pending, and returns the entries of the target's history that are new or changed, oldest first: one
// still in flight is Overridden by the new one, which comes last. A scale-out ends every scale-in cooldown of the target.
//
// AWS: PutScalingPolicy, Cooldown: a scale-out stops the cooldown of the scale-in before it, for good.
func (t *Target) Begin(now time.Time, id string, c Change) []Activity {
	var entries []Activity
	from := c.From
	if p := t.policyOf(c.Cause); p != nil && t.scalingOut(p) {
		from = t.Activity.CreditFrom
	}
	if t.Activity != nil {
		t.Activity.ChangedTo = c.Want
		overridden, _ := t.finish(now, Overridden, "")
		entries = append(entries, overridden)
	}
	a := Activity{
		ID: id, Key: t.Key, Cause: c.Cause, Status: Pending, Start: now, From: c.From, To: c.Want, CreditFrom: from,
	}
	if a.To > a.From {
		t.beginOut(now, &a)
	}
	t.moved(&a)
	t.Activity = &a
	if t.Group != nil {
		t.Group.Held = nil // the newer wish counts
	}
	return append(entries, a)
}

// policyOf returns the policy whose alarm caused a change, or nil.
func (t *Target) policyOf(c Cause) *Policy {
	switch {
	case c.Kind != CauseAlarm:
		return nil
	case c.API == EC2AutoScaling:
		return t.Group.Policy(c.Policy)
	default:
		return t.Policy(c.Policy)
	}
}

func (t *Target) beginOut(now time.Time, a *Activity) {
	for _, p := range t.Policies {
		p.Cooling.InEnd = time.Time{}
		if p.Name == a.Cause.Policy && a.Cause.API == ApplicationAutoScaling && p.CoolingOut(now) > 0 {
			a.CreditFrom = p.Cooling.OutFrom
		}
	}
}

// Accept says that the service took the change: the activity is InProgress. It reports false where none was Pending.
func (t *Target) Accept() (Activity, bool) {
	if t.Activity == nil || t.Activity.Status != Pending {
		return Activity{}, false
	}
	t.Activity.Status = InProgress
	return *t.Activity, true
}

// Track ends the activity in progress once its capacity serves and the resource is scalable again, or once the desired capacity
// has been changed otherwise. It returns false if the activity continues or there is none.
func (t *Target) Track(now time.Time, c Capacity) (Activity, bool) {
	a := t.Activity
	switch {
	case a == nil || a.Status != InProgress:
		return Activity{}, false
	case c.Desired != a.To:
		a.ChangedTo = c.Desired
		return t.finish(now, Overridden, "")
	case c.Current == a.To && c.Scalable:
		return t.finish(now, Successful, "")
	default:
		return Activity{}, false
	}
}

// Fail ends the activity because the service refused the change. It leaves no cooldown.
func (t *Target) Fail(now time.Time, reason string) (Activity, bool) {
	return t.finish(now, Failed, reason)
}

// Unfulfil ends the activity because the change was taken but cannot be reached: instances do not start. It leaves no cooldown.
func (t *Target) Unfulfil(now time.Time, reason string) (Activity, bool) {
	return t.finish(now, Unfulfilled, reason)
}

func (t *Target) finish(now time.Time, s Status, reason string) (Activity, bool) {
	a := t.Activity
	if a == nil {
		return Activity{}, false
	}
	a.Status, a.End, a.Reason = s, now, reason
	t.Activity = nil
	if s == Successful {
		t.coolDown(a)
	}
	return *a, true
}
