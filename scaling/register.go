package scaling

import (
	"maps"
	"strings"
	"time"
)

// Registration is RegisterScalableTarget's request. Nil members were left out.
type Registration struct {
	Key      TargetKey
	Min, Max *int

	SuspendIn, SuspendOut, SuspendScheduled *bool

	Tags map[string]string
}

// Register makes or changes a target and asks for its capacity to be held against the range (Target.Clamp). Whether the
// resource exists and may be scaled is the caller's to check before. newID, a UUID, is called only for a new target.
// It fails with KindValidation, KindLimitExceeded or KindTooManyTags.
//
// AWS: RegisterScalableTarget, API reference: members left out of an update stay as they are.
func (r *Registry) Register(now time.Time, g Registration, newID func() string) (*Target, error) {
	old := r.Targets[g.Key]
	if err := r.registrable(old, g); err != nil {
		return nil, err
	}
	t := old
	if t == nil {
		t = r.create(now, g, newID())
	}
	t.Min, t.Max = Or(g.Min, t.Min), Or(g.Max, t.Max)
	t.Suspended.DynamicIn = Or(g.SuspendIn, t.Suspended.DynamicIn)
	t.Suspended.DynamicOut = Or(g.SuspendOut, t.Suspended.DynamicOut)
	t.Suspended.Scheduled = Or(g.SuspendScheduled, t.Suspended.Scheduled)
	t.ClampDue = true
	return t, nil
}

// registrable checks a registration; old is nil where it makes a target.
func (r *Registry) registrable(old *Target, g Registration) error {
	if old == nil {
		return r.creatable(g)
	}
	if g.Tags != nil && len(g.Tags) == 0 {
		return Invalid("Tags cannot be empty")
	}
	if len(g.Tags) > 0 {
		return Invalid("The scalable target that you tried to tag already exists. " +
			"To update tags on an existing scalable target, use the TagResource API.")
	}
	return checkRange(Or(g.Min, old.Min), Or(g.Max, old.Max))
}

func (r *Registry) creatable(g Registration) error {
	if g.Min == nil {
		return Invalid("Minimum capacity must be specified")
	}
	if g.Max == nil {
		return Invalid("Maximum capacity must be specified")
	}
	if err := checkRange(*g.Min, *g.Max); err != nil {
		return err
	}
	if err := checkTags(nil, g.Tags); err != nil {
		return err
	}
	if r.count(g.Key.Dimension) >= TargetsMax {
		return Refuse(KindLimitExceeded, "The limit of %d scalable targets of dimension %s is reached.", TargetsMax, g.Key.Dimension)
	}
	return nil
}

func (r *Registry) count(d Dimension) int {
	n := 0
	for k := range r.Targets { //tidy:unordered only counted
		if k.Dimension == d {
			n++
		}
	}
	return n
}

func checkRange(least, most int) error {
	if least < 0 {
		return Invalid("Minimum capacity cannot be less than 0")
	}
	if most < least {
		return Invalid("Maximum capacity cannot be less than minimum capacity")
	}
	return checkCapacity("Maximum capacity", &most)
}

// create adds a target. What a departed one of the same key left behind goes on with it: AWS keeps the history of a resource
// whether or not it is registered.
func (r *Registry) create(now time.Time, g Registration, uuid string) *Target {
	t := &Target{Key: g.Key, UUID: uuid, Created: now, Tags: maps.Clone(g.Tags)}
	if d := r.Departed[g.Key]; d != nil {
		t.Activity, t.LastNotScaled = d.Activity, d.LastNotScaled
		delete(r.Departed, g.Key)
	}
	if own := r.Groups[g.Key]; own != nil {
		t.Activity, t.LastNotScaled, t.Group = own.Activity, own.LastNotScaled, own.Group
		delete(r.Groups, g.Key)
		r.indexPolicies(t)
	}
	r.Targets[g.Key] = t
	r.byID[t.ID36()] = t
	return t
}

// CheckInstanceType refuses instance types that AWS does not scale: burstable ones.
func CheckInstanceType(instanceType string) error {
	if !strings.HasPrefix(instanceType, "ml.t2.") {
		return nil
	}
	return Invalid("You cannot register a variant with %s instance type as a scalable target. This is because the burstable "+
		"performance of these instances can lead to unpredictable behavior with Auto Scaling.", instanceType)
}

// Deregister removes a target with its policies, scheduled actions and tags; its capacity stays. It returns the target as it was, so that its
// alarms (Target.AlarmNames) can be deleted. It fails with KindObjectNotFound.
func (r *Registry) Deregister(now time.Time, k TargetKey) (*Target, error) {
	t := r.Targets[k]
	if t == nil {
		return nil, Refuse(KindObjectNotFound, "No scalable target found for %s", k)
	}
	delete(r.Targets, k)
	delete(r.byID, t.ID36())
	r.timetable = timetable{}
	if len(t.Schedules) > 0 {
		r.clock.stale = true
	}
	if t.Group != nil { // it keeps the bounds
		t.Group.Bounded = true
		own := &Target{
			Key: k, Created: t.Created, Min: t.Min, Max: t.Max, Activity: t.Activity, LastNotScaled: t.LastNotScaled, Group: t.Group,
			ClampDue: t.ClampDue,
		}
		r.own(own)
		r.indexPolicies(own)
		return t, nil
	}
	maps.DeleteFunc(r.Departed, func(_ TargetKey, d *Target) bool { return now.Sub(d.Departed) > HistoryKept })
	r.Departed[k] = &Target{
		Key: k, UUID: t.UUID, Created: t.Created, Departed: now, Activity: t.Activity, LastNotScaled: t.LastNotScaled,
	}
	return t, nil
}
