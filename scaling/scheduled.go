package scaling

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"bellows.dev/bellows/schedule"
)

// ScheduledAction sets a target's range at the times of a schedule.
type ScheduledAction struct {
	Name       string
	Schedule   string    // as the client wrote it
	Unix       bool      `json:",omitempty"` // it is a Unix cron expression: groups'
	Zone       string    // name of a time zone; "" for UTC
	Start, End time.Time // bounds of its runs, both inclusive; zero where there is none
	Range      Range     // at least one member is set
	Created    time.Time

	// Anchor is what a rate counts from where there is no Start: when the schedule was put.
	Anchor time.Time

	// Next is the next run; zero where there is none.
	Next time.Time

	// NeverDue: as it was put last, the action had no time to come.
	NeverDue bool `json:",omitempty"`
}

// Range is what a scheduled action sets; nil members stay as they are.
type Range struct{ Min, Max *int }

// ScheduleInput is PutScheduledAction's request. Optional members are zero where the client left them out.
type ScheduleInput struct {
	Key        TargetKey
	Name       string
	Schedule   string
	Zone       string
	ZoneData   []byte // TZif of Zone; empty where there is no such zone
	Start, End time.Time
	Range      *Range
}

// Action returns the scheduled action of this name, or nil.
func (t *Target) Action(name string) *ScheduledAction {
	for _, a := range t.Schedules {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// PutSchedule makes or changes a scheduled action. It fails with KindObjectNotFound where no target is registered, KindValidation or
// KindLimitExceeded.
//
// AWS: PutScheduledAction, API reference: an update keeps what is left out, save that a start and an end that are left out are deleted.
func (r *Registry) PutSchedule(now time.Time, in ScheduleInput) error {
	t := r.Targets[in.Key]
	if t == nil {
		return Refuse(KindObjectNotFound, "No scalable target registered for %s", in.Key)
	}
	old := t.Action(in.Name)
	next := ScheduledAction{Name: in.Name, Created: now, Anchor: now}
	if old != nil {
		next = *old
	}
	if in.Schedule != "" && in.Schedule != next.Schedule {
		next.Schedule, next.Anchor = in.Schedule, now
	}
	if in.Zone != "" {
		next.Zone = in.Zone
	}
	if in.Range != nil {
		next.Range = *in.Range
	}
	next.Start, next.End = in.Start, in.End
	loc, err := r.admit(now, &next, in)
	if err != nil {
		return err
	}
	if old == nil && len(t.Schedules) >= SchedulesMax {
		return Refuse(KindLimitExceeded, "The limit of %d scheduled actions of one scalable target is reached.", SchedulesMax)
	}
	next.Next = next.after(now, loc)
	next.NeverDue = next.Next.IsZero()
	if old == nil {
		t.Schedules = append(t.Schedules, &next)
	} else {
		r.clock.moved(old.Next)
		*old = next
	}
	r.clock.add(next.Next)
	r.learn(now, in.Zone, in.ZoneData)
	return nil
}

// NextRuns returns the first n runs that a scheduled action would have if it were put now, fewer where the schedule ends earlier. It refuses what
// PutSchedule refuses of a new action of a registered target, and changes nothing.
func (r *Registry) NextRuns(now time.Time, in ScheduleInput, n int) ([]time.Time, error) {
	a := ScheduledAction{Schedule: in.Schedule, Zone: in.Zone, Start: in.Start, End: in.End, Anchor: now}
	if in.Range != nil {
		a.Range = *in.Range
	}
	loc, err := r.admit(now, &a, in)
	if err != nil {
		return nil, err
	}
	var runs []time.Time
	for at := now; len(runs) < n; {
		if at = a.after(at, loc); at.IsZero() {
			break
		}
		runs = append(runs, at)
	}
	return runs, nil
}

// admit checks what a scheduled action is to be after a request and returns its time zone.
func (r *Registry) admit(now time.Time, a *ScheduledAction, in ScheduleInput) (*time.Location, error) {
	if a.Schedule == "" {
		return nil, Invalid("Schedule must be set")
	}
	if a.Range == (Range{}) && in.Range == nil {
		return nil, Invalid("ScalableTargetAction must be set")
	}
	if err := a.Range.check(); err != nil {
		return nil, err
	}
	s, err := schedule.Parse(a.Schedule)
	if bad := (*schedule.SyntaxError)(nil); errors.As(err, &bad) {
		if bad.Position != schedule.NoPosition {
			return nil, Invalid("Invalid schedule expression. Details: Parse error at position %d, details: %s", bad.Position, bad.Why)
		}
		return nil, Invalid(`Invalid schedule expression. Details: Schedule expressions must have the following syntax: ` +
			`rate(<number>\s?(minutes?|hours?|days?)), cron(<cron_expression>) or at(yyyy-MM-dd'T'HH:mm:ss).`)
	}
	loc := r.location(a.Zone)
	if in.Zone != "" && len(in.ZoneData) > 0 {
		if loc, err = time.LoadLocationFromTZData(in.Zone, in.ZoneData); err != nil {
			loc = nil
		}
	}
	if loc == nil {
		return nil, Invalid("Invalid schedule timezone: %s", a.Zone)
	}
	if err := firstOf(checkTime("StartTime", a.Start), checkTime("EndTime", a.End)); err != nil {
		return nil, err
	}
	if !a.Start.IsZero() && !a.End.IsZero() && !a.Start.Before(a.End) {
		return nil, Invalid("StartTime must be before EndTime")
	}
	if first, second, found := s.TooOften(now, loc); found {
		const layout = "2006-01-02T15:04:05.000Z"
		return nil, Invalid("Invalid schedule frequency. Run for '%s' and '%s' are less than 60 seconds apart",
			first.UTC().Format(layout), second.UTC().Format(layout))
	}
	return loc, nil
}

func (g Range) check() error {
	switch {
	case g.Min == nil && g.Max == nil:
		return Invalid("At least one of minimum capacity and maximum capacity should be provided")
	case g.Min != nil && *g.Min < 0:
		return Invalid("Minimum capacity cannot be less than 0")
	case g.Max != nil && *g.Max < 0:
		return Invalid("Maximum capacity cannot be less than 0")
	case g.Min != nil && g.Max != nil:
		return checkRange(*g.Min, *g.Max)
	default:
		return firstOf(checkCapacity("Minimum capacity", g.Min), checkCapacity("Maximum capacity", g.Max))
	}
}

// DeleteSchedule removes a scheduled action. It fails with KindObjectNotFound.
func (r *Registry) DeleteSchedule(k TargetKey, name string) error {
	t := r.Targets[k]
	if t == nil {
		return Refuse(KindObjectNotFound, "No scalable target found for %s", k)
	}
	a := t.Action(name)
	if a == nil { // (AWS: recorded: another shape of text than that of policies)
		return Refuse(KindObjectNotFound, "No scheduled action found for service namespace: %s, scalable target ID: %s, scheduled action name: %s",
			k.Dimension.Namespace(), t.UUID, name)
	}
	r.clock.moved(a.Next)
	t.Schedules = slices.DeleteFunc(t.Schedules, func(x *ScheduledAction) bool { return x == a })
	return nil
}

// CheckSchedules fails where the schedule of a scheduled action cannot be parsed.
func (r *Registry) CheckSchedules() error {
	for _, all := range []map[TargetKey]*Target{r.Targets, r.Groups} {
		for _, t := range all { //tidy:unordered whichever is found first: all are wrong
			for _, a := range t.Schedules {
				if _, err := a.parse(); err != nil {
					return fmt.Errorf("scheduled action %s of %s: %w", a.Name, t.Key.ResourceID, err)
				}
			}
		}
	}
	return nil
}

func (a *ScheduledAction) parse() (schedule.Schedule, error) {
	if a.Unix {
		return schedule.ParseUnix(a.Schedule)
	}
	return schedule.Parse(a.Schedule)
}

// after returns the action's first run after a moment; zero where there is none.
//
// AWS: scheduled scaling, user guide: a recurring schedule with a start runs at the start, even off its pattern, and from then on by its
// pattern; none begins after the end. Nothing runs before the start. A rate counts from the start, or from when it was put.
func (a *ScheduledAction) after(now time.Time, loc *time.Location) time.Time {
	s, err := a.parse()
	if err != nil {
		panic("scaling: a schedule that was admitted cannot be read: " + err.Error())
	}
	if s.Recurring() && a.Start.After(now) {
		return a.within(a.Start)
	}
	from := now
	if before := a.Start.Add(-time.Nanosecond); !a.Start.IsZero() && from.Before(before) {
		from = before // a one-time schedule at its very start counts
	}
	if s.Kind() == schedule.Rate {
		anchor := a.Anchor
		if !a.Start.IsZero() {
			anchor = a.Start
		}
		// The last run not after from; the next one is an interval later.
		from = from.Add(-(from.Sub(anchor) % s.Every()))
	}
	next, ok := s.Next(from, loc)
	if !ok {
		return time.Time{}
	}
	return a.within(next)
}

// lastYear is the last that a moment can be written down of (RFC 3339): 9999-12-31T23:59:59 in New York is later.
const lastYear = 9999

func (a *ScheduledAction) within(t time.Time) time.Time {
	if !a.End.IsZero() && t.After(a.End) || t.UTC().Year() > lastYear {
		return time.Time{}
	}
	return t.UTC()
}

// location returns a zone that is known, UTC for "", or nil.
func (r *Registry) location(zone string) *time.Location {
	if zone == "" {
		return time.UTC
	}
	if loc := r.locs[zone]; loc != nil {
		return loc
	}
	data, known := r.Zones[zone]
	if !known {
		return nil
	}
	loc, err := time.LoadLocationFromTZData(zone, data)
	if err != nil {
		return nil
	}
	if r.locs == nil {
		r.locs = map[string]*time.Location{}
	}
	r.locs[zone] = loc
	return loc
}

// learn stores a zone's data. If it has changed, as after new legislation, every action in the zone is planned again.
func (r *Registry) learn(now time.Time, zone string, data []byte) {
	if zone == "" || len(data) == 0 || slices.Equal(r.Zones[zone], data) {
		return
	}
	if r.Zones == nil {
		r.Zones = map[string][]byte{}
	}
	r.Zones[zone] = data
	delete(r.locs, zone)
	for _, t := range r.Targets { //tidy:unordered each by itself
		for _, a := range t.Schedules {
			if a.Zone == zone && !a.Next.IsZero() {
				a.Next = a.after(now, r.location(zone))
			}
		}
	}
	for t := range r.groups() {
		t.Group.Schedules = slices.DeleteFunc(t.Group.Schedules, func(a *GroupAction) bool {
			if a.Zone == zone {
				a.Next = a.after(now, r.location(zone))
			}
			return a.Next.IsZero() // a group's action goes where no run is left
		})
	}
	r.clock.stale = true
}
