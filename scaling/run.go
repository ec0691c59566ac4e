package scaling

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Outcomes of a scheduled action's run.
const (
	RunDone      RunOutcome = iota + 1 // the range was set
	RunFailed                          // the range would have been upside down
	RunSuspended                       // scheduled scaling is suspended: the run is lost
)

// RunOutcome is what became of a scheduled action's run.
type RunOutcome int

// String returns the outcome's name.
func (o RunOutcome) String() string {
	switch o {
	case RunDone:
		return "Done"
	case RunFailed:
		return "Failed"
	case RunSuspended:
		return "Suspended"
	default:
		return "invalid"
	}
}

// Run is one run of a scheduled action, and why it did what it did.
type Run struct {
	Key     TargetKey
	API     API `json:"Group,omitempty"` // EC2AutoScaling: the action is a group's
	Action  string
	Due     time.Time // when it was to run
	Since   time.Time // the first run that is due; before Due if runs were missed and only the latest is executed
	Range   Range     // what the action sets
	Desired *int      `json:",omitempty"` // what a group's action sets

	// Withheld is what a group's action would have changed the desired capacity to, were this no dry run; nil where it is none or changes nothing.
	Withheld *int `json:",omitempty"`

	Outcome RunOutcome
	Reason  string // RunFailed: AWS's text

	MinBefore, MaxBefore int
	MinAfter, MaxAfter   int

	Next time.Time // zero where there is none
}

// clock knows the earliest run of all.
type clock struct {
	known bool
	stale bool // the earliest may be later than next
	next  time.Time
}

// add takes note of a run.
func (c *clock) add(t time.Time) {
	if !t.IsZero() && (c.next.IsZero() || t.Before(c.next)) {
		c.next = t
	}
}

// moved takes note that a run is no more.
func (c *clock) moved(t time.Time) {
	if !t.IsZero() && !t.After(c.next) {
		c.stale = true
	}
}

// Plan recomputes the times of the next scheduled action and the next rule if changes have invalidated them. It is called at the end
// of each step, so that NextRun and NextRule only read.
func (r *Registry) Plan() {
	r.planRuns()
	r.planRules()
}

// NextRun returns when the earliest scheduled action is due, as of Plan; zero where none is.
func (r *Registry) NextRun() time.Time { return r.clock.next }

func (r *Registry) planRuns() time.Time {
	if !r.clock.known || r.clock.stale {
		r.clock = clock{known: true}
		for _, t := range r.Targets { //tidy:unordered the earliest of all
			for _, a := range t.Schedules {
				r.clock.add(a.Next)
			}
		}
		for t := range r.groups() {
			for _, a := range t.Group.Schedules {
				r.clock.add(a.Next)
			}
		}
	}
	return r.clock.next
}

// due returns the targets and actions whose time has come, earliest first; among equals by target, then name.
func (r *Registry) due(now time.Time) []dueAction {
	if next := r.planRuns(); next.IsZero() || next.After(now) {
		return nil
	}
	var out []dueAction
	for _, t := range r.Targets { //tidy:unordered sorted below
		for _, a := range t.Schedules {
			if !a.Next.IsZero() && !a.Next.After(now) {
				out = append(out, dueAction{t, a, a.latest(now, r.location(a.Zone))})
			}
		}
	}
	slices.SortFunc(out, compareDue)
	return out
}

// dueAction is an action that is to run.
type dueAction struct {
	target *Target
	action *ScheduledAction
	at     time.Time // its latest run that is due
}

// latest returns the latest due run of an action. Runs set bounds, they do not add to them: after missed runs, executing the latest of
// each action in their order results in the range that it would have been.
func (a *ScheduledAction) latest(now time.Time, loc *time.Location) time.Time {
	at := a.Next
	for _, back := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour, 31 * 24 * time.Hour, 366 * 24 * time.Hour} {
		from := now.Add(-back)
		if !from.After(at) {
			break
		}
		if next := a.after(from, loc); !next.IsZero() && !next.After(now) {
			at = next
			break
		}
	}
	for next := a.after(at, loc); !next.IsZero() && !next.After(now); next = a.after(at, loc) {
		at = next
	}
	return at
}

// RunDue runs the scheduled actions whose time has come, in their order, and returns what became of each. Capacities are held against
// the new ranges by Target.Clamp.
//
// AWS: scheduled scaling, user guide: a bound that the action leaves out stays; suspending: what would have run while scheduled scaling
// is suspended is not run on resume. A range that would be upside down fails (recorded).
func (r *Registry) RunDue(now time.Time) []Run {
	due := r.due(now)
	out := make([]Run, 0, len(due))
	for _, x := range due {
		out = append(out, r.run(now, x))
	}
	if len(due) > 0 {
		r.clock.stale = true
	}
	return out
}

func (r *Registry) run(now time.Time, x dueAction) Run {
	t, a := x.target, x.action
	run := Run{
		Key: t.Key, Action: a.Name, Due: x.at, Since: a.Next, Range: a.Range, Outcome: RunDone, MinBefore: t.Min, MaxBefore: t.Max,
	}
	least, most := Or(a.Range.Min, t.Min), Or(a.Range.Max, t.Max)
	if err := checkRange(least, most); t.Suspended.Scheduled {
		run.Outcome = RunSuspended
	} else if err != nil {
		run.Outcome, run.Reason = RunFailed, err.Error()
	} else {
		t.Min, t.Max, t.ClampDue = least, most, true
	}
	a.Next = a.after(now, r.location(a.Zone))
	run.MinAfter, run.MaxAfter, run.Next = t.Min, t.Max, a.Next
	return run
}

// Ran returns the entry of the target's history that a run leaves; false for one that was suspended, which leaves none.
func (t *Target) Ran(now time.Time, run *Run, newID func() string) (Activity, bool) {
	if run.Outcome == RunSuspended {
		return Activity{}, false
	}
	a := Activity{
		ID: newID(), Key: t.Key, Cause: Cause{Kind: CauseSchedule, Action: run.Action}, Status: Successful, Start: now, End: now,
		SetMin: run.Range.Min, SetMax: run.Range.Max,
	}
	if run.Outcome == RunFailed {
		a.Status, a.Reason = Failed, run.Reason
	}
	return a, true
}

func compareDue(a, b dueAction) int {
	return cmp.Or(a.at.Compare(b.at), a.target.Key.Compare(b.target.Key), strings.Compare(a.action.Name, b.action.Name))
}

// String says what the run did and why, with the numbers: "min 1 -> 5, max 10 -> 20; next 2026-11-26 06:30:00 UTC".
func (r *Run) String() string {
	var s string
	switch r.Outcome {
	case RunSuspended:
		s = "not run, scheduled scaling is suspended"
		if r.API == EC2AutoScaling {
			s = "not run, process " + ProcessScheduledActions.String() + " is suspended"
		}
	case RunFailed:
		s = fmt.Sprintf("failed to set %s within min %d, max %d: %s", r.wish(), r.MinBefore, r.MaxBefore, r.Reason)
	default:
		s = fmt.Sprintf("min %s, max %s", moveText(r.MinBefore, r.MinAfter), moveText(r.MaxBefore, r.MaxAfter))
		if r.Desired != nil {
			s += fmt.Sprintf(", desired %d", *r.Desired)
		}
		if r.Withheld != nil {
			s += fmt.Sprintf("; dry run, or desired would be %d", *r.Withheld)
		}
	}
	if r.Since.Before(r.Due) {
		s += "; first due " + r.Since.UTC().Format(time.DateTime) + " UTC, only the latest run is made up for"
	}
	if r.Next.IsZero() {
		return s + "; no further run"
	}
	return s + "; next " + r.Next.UTC().Format(time.DateTime) + " UTC"
}

// wish tells what the action would set.
func (r *Run) wish() string {
	if r.Desired == nil {
		return Activity{SetMin: r.Range.Min, SetMax: r.Range.Max}.bounds()
	}
	s := ""
	if r.Range != (Range{}) {
		s = Activity{SetMin: r.Range.Min, SetMax: r.Range.Max}.bounds() + " and "
	}
	return s + fmt.Sprintf("desired capacity to %d", *r.Desired)
}

func moveText(from, to int) string {
	if from == to {
		return strconv.Itoa(to)
	}
	return fmt.Sprintf("%d -> %d", from, to)
}
