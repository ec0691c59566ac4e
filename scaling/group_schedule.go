package scaling

import (
	"iter"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/schedule"
)

// GroupAction sets a group's bounds or desired capacity at a time, or at those of a Unix cron expression. It goes with its last run.
type GroupAction struct {
	ScheduledAction
	ID      string // a UUID
	Desired *int
}

// GroupScheduleInput is PutScheduledUpdateGroupAction's request. It replaces an action of the same name whole.
type GroupScheduleInput struct {
	Key        TargetKey
	Name       string
	Recurrence string // "" for a single run at Start
	Zone       string
	ZoneData   []byte // TZif of Zone; empty where there is no such zone
	Start, End time.Time
	Range      Range
	Desired    *int
}

// GroupSchedulesMax is how many scheduled actions a group may have. AWS: quotas of EC2 Auto Scaling, user guide.
const GroupSchedulesMax = 125

// Action returns the group's scheduled action of this name, or nil.
func (g *Group) Action(name string) *GroupAction {
	if g == nil {
		return nil
	}
	for _, a := range g.Schedules {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// PutGroupSchedule makes or replaces a group's scheduled action. It fails with KindValidation, KindLimitExceeded, or KindAlreadyExists where
// another one runs at the same time.
//
// AWS: PutScheduledUpdateGroupAction, API reference; scheduled scaling, user guide: each action has a time of its own.
func (r *Registry) PutGroupSchedule(now time.Time, in GroupScheduleInput, newID func() string) error {
	next, loc, err := r.groupAction(now, in)
	if err != nil {
		return err
	}
	if next.Next = next.after(now, loc); next.Next.IsZero() {
		return Invalid("The scheduled action would never run: its schedule names no time until its end")
	}
	var g *Group
	if t := r.Of(in.Key); t != nil {
		g = t.Group
	}
	old := g.Action(in.Name)
	if g != nil {
		for _, a := range g.Schedules {
			if a != old && a.Next.Equal(next.Next) {
				return Refuse(KindAlreadyExists, "The scheduled action %s runs at %s already. Give each action of a group a time of its own.",
					a.Name, a.Next.UTC().Format(time.RFC3339))
			}
		}
	}
	if old == nil && g != nil && len(g.Schedules) >= GroupSchedulesMax {
		return Refuse(KindLimitExceeded, "The limit of %d scheduled actions of one Auto Scaling group is reached.", GroupSchedulesMax)
	}
	if old == nil {
		next.ID = newID()
		g = r.Grouped(now, in.Key).Group
		g.Schedules = append(g.Schedules, &next)
	} else {
		next.ID, next.Created = old.ID, old.Created
		r.clock.moved(old.Next)
		*old = next
	}
	r.clock.add(next.Next)
	r.learn(now, in.Zone, in.ZoneData)
	return nil
}

// groupAction checks a request and returns the action that it asks for, and its time zone.
func (r *Registry) groupAction(now time.Time, in GroupScheduleInput) (GroupAction, *time.Location, error) {
	a := GroupAction{Desired: in.Desired, ScheduledAction: ScheduledAction{
		Name: in.Name, Schedule: in.Recurrence, Unix: true, Zone: in.Zone, Start: in.Start, End: in.End, Range: in.Range, Created: now, Anchor: now,
	}}
	if err := in.check(now); err != nil {
		return a, nil, err
	}
	if t := in.Start.Truncate(time.Second); t.Before(in.Start) { // schedules know whole seconds: not before the start
		a.Start = t.Add(time.Second)
	}
	if in.Recurrence == "" {
		a.Unix, a.Schedule = false, "at("+a.Start.UTC().Format("2006-01-02T15:04:05")+")"
		return a, time.UTC, nil
	}
	if _, err := schedule.ParseUnix(in.Recurrence); err != nil {
		return a, nil, Invalid("Given recurrence string:%s is invalid", in.Recurrence)
	}
	loc := r.location(in.Zone)
	if in.Zone != "" && len(in.ZoneData) > 0 {
		var err error
		if loc, err = time.LoadLocationFromTZData(in.Zone, in.ZoneData); err != nil {
			loc = nil
		}
	}
	if loc == nil {
		return a, nil, Invalid("Invalid TimeZone: %s", in.Zone)
	}
	return a, loc, nil
}

func (in *GroupScheduleInput) check(now time.Time) error {
	least, most, desired := in.Range.Min, in.Range.Max, in.Desired
	switch {
	case least == nil && most == nil && desired == nil:
		return Invalid("At least one of MinSize, MaxSize and DesiredCapacity must be specified")
	case Or(least, 0) < 0 || Or(most, 0) < 0 || Or(desired, 0) < 0:
		return Invalid("MinSize, MaxSize and DesiredCapacity must be greater than or equal to 0")
	case least != nil && most != nil && *most < *least:
		return Invalid("Max bound, %d, must be greater than or equal to min bound, %d", *most, *least)
	case desired != nil && (*desired < Or(least, *desired) || *desired > Or(most, *desired)):
		return Invalid("Desired capacity:%d must be between the specified min size:%d and max size:%d", *desired, Or(least, 0), Or(most, *desired))
	case in.Start.IsZero() && in.Recurrence == "":
		return Invalid("StartTime or Recurrence must be specified")
	case !in.Start.IsZero() && in.Start.Before(now):
		return Invalid("Given start time is in the past")
	case !in.End.IsZero() && in.End.Before(now):
		return Invalid("Given end time is in the past")
	case !in.End.IsZero() && !in.Start.IsZero() && !in.Start.Before(in.End):
		return Invalid("StartTime must be before EndTime")
	case in.Zone != "" && in.Recurrence == "":
		return Invalid("TimeZone can be specified with a Recurrence only")
	}
	return firstOf(
		checkCapacity("MinSize", least), checkCapacity("MaxSize", most), checkCapacity("DesiredCapacity", desired),
		checkTime("StartTime", in.Start), checkTime("EndTime", in.End),
	)
}

// DeleteGroupSchedule removes a group's scheduled action. It fails with KindObjectNotFound.
func (r *Registry) DeleteGroupSchedule(k TargetKey, name string) error {
	var g *Group
	if t := r.Of(k); t != nil {
		g = t.Group
	}
	a := g.Action(name)
	if a == nil {
		return Refuse(KindObjectNotFound, "Scheduled action name not found: %s", name)
	}
	r.clock.moved(a.Next)
	g.Schedules = slices.DeleteFunc(g.Schedules, func(x *GroupAction) bool { return x == a })
	return nil
}

// groups are all targets that have a group, registered or not, in no order.
func (r *Registry) groups() iter.Seq[*Target] {
	return func(yield func(*Target) bool) {
		for _, all := range []map[TargetKey]*Target{r.Targets, r.Groups} {
			for _, t := range all { //tidy:unordered callers sort, or each is by itself
				if t.Group != nil && !yield(t) {
					return
				}
			}
		}
	}
}

// DueGroupAction is a group's action that is to run.
type DueGroupAction struct {
	Target *Target
	action *GroupAction
	at     time.Time
}

// DueGroupActions returns the groups' actions whose time has come, earliest first; among equals by group, then name. Each is to be given
// to RunGroupAction.
func (r *Registry) DueGroupActions(now time.Time) []DueGroupAction {
	if next := r.planRuns(); next.IsZero() || next.After(now) {
		return nil
	}
	var out []DueGroupAction
	for t := range r.groups() {
		for _, a := range t.Group.Schedules {
			if !a.Next.After(now) {
				out = append(out, DueGroupAction{t, a, a.latest(now, r.location(a.Zone))})
			}
		}
	}
	slices.SortFunc(out, func(x, y DueGroupAction) int {
		if c := x.at.Compare(y.at); c != 0 {
			return c
		}
		if c := x.Target.Key.Compare(y.Target.Key); c != 0 {
			return c
		}
		return strings.Compare(x.action.Name, y.action.Name)
	})
	return out
}

// RunGroupAction runs a group's action, given the variant's capacity, and returns what became of it and the change of capacity that
// follows; none where From is Want. An action whose last run this was is no more.
//
// AWS: scheduled scaling, user guide; suspending processes: what would have run while ScheduledActions rests is lost.
func (r *Registry) RunGroupAction(now time.Time, x DueGroupAction, c Capacity) (Run, Change) {
	t, a := x.Target, x.action
	run := Run{Key: t.Key, API: EC2AutoScaling, Action: a.Name, Due: x.at, Since: a.Next, Range: a.Range, Desired: a.Desired, Outcome: RunDone}
	run.MinBefore, run.MaxBefore = t.Bounds(c.Desired)
	change := Change{From: c.Desired, Want: c.Desired}
	if t.Group.Suspends(ProcessScheduledActions) {
		run.Outcome = RunSuspended
	} else if _, next, err := r.UpdateGroup(now, GroupUpdate{Key: t.Key, Min: a.Range.Min, Max: a.Range.Max, Desired: a.Desired}, c); err != nil {
		run.Outcome, run.Reason = RunFailed, err.Error()
	} else {
		change = next
		change.Cause = Cause{Kind: CauseGroupSchedule, Action: a.Name, API: EC2AutoScaling}
	}
	a.Next = a.after(now, r.location(a.Zone))
	if a.Next.IsZero() {
		t.Group.Schedules = slices.DeleteFunc(t.Group.Schedules, func(o *GroupAction) bool { return o == a })
	}
	r.clock.stale = true
	run.MinAfter, run.MaxAfter = t.Bounds(c.Desired)
	run.Next = a.Next
	return run, change
}
