package engine

import "bellows.dev/bellows/scaling"

// PutScheduledAction makes or changes a scheduled action. The input carries the data of the time zone that it names.
type PutScheduledAction struct {
	Scope Scope
	Input scaling.ScheduleInput
}

// DeleteScheduledAction removes a scheduled action.
type DeleteScheduledAction struct {
	Scope Scope
	Key   scaling.TargetKey
	Name  string
}

func (in PutScheduledAction) apply(e *Engine) (Result, error) {
	return nil, e.region(in.Scope).Targets.PutSchedule(e.now, in.Input)
}

func (in DeleteScheduledAction) apply(e *Engine) (Result, error) {
	return nil, e.region(in.Scope).Targets.DeleteSchedule(in.Key, in.Name)
}

// runSchedules runs the region's scheduled actions whose time has come and moves capacities into the new ranges, before alarms are
// looked at: policies decide within the range that is.
func (e *Engine) runSchedules(r *Region) {
	groups := r.Targets.DueGroupActions(e.now) // before the next line moves the clock
	runs := r.Targets.RunDue(e.now)
	for i := range runs {
		run := &runs[i]
		e.emit(ScheduledActionRan{r.Scope, *run})
		if a, ok := r.Targets.Targets[run.Key].Ran(e.now, run, e.ids.uuid); ok {
			e.emit(ActivityChanged{r.Scope, a})
		}
	}
	// Once all have run: of several at once the last one's range counts. A resource that takes no change now is clamped once it does, as
	// after a registration.
	for i := range runs {
		t := r.Targets.Targets[runs[i].Key]
		e.touchTarget(r, t.Key) // its range says whether requests wake it
		if c, ok := t.Clamp(r.Capacity(t)); ok {
			e.scale(r, t, c)
		}
	}
	for _, x := range groups {
		e.runGroupAction(r, x)
	}
}

func (e *Engine) runGroupAction(r *Region, x scaling.DueGroupAction) {
	run, c := r.Targets.RunGroupAction(e.now, x, r.Capacity(x.Target))
	if x.Target.DryRun() {
		x.Target.ClampDue = x.Target.ClampDue || run.Range != (scaling.Range{})
		if want := c.Want; want != c.From {
			run.Withheld = &want
		}
		c.Want = x.Target.Wanted(c.From)
	}
	e.emit(ScheduledActionRan{r.Scope, run})
	if c.Want != x.Target.Wanted(c.From) {
		e.order(r, x.Target, c)
	}
}
