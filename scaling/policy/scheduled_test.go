package policy_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bellows.dev/bellows/engine/dimension"
	. "bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
)

// t0 is 2026-11-23 10:00 UTC, a Monday.

func sched(name, expression string, least, most any) ScheduleInput {
	bound := func(v any) *int {
		if v == nil {
			return nil
		}
		return ptr(v.(int))
	}
	return ScheduleInput{Key: blue, Name: name, Schedule: expression, Range: &Range{Min: bound(least), Max: bound(most)}}
}

func putSchedule(t reporter, r *Registry, now time.Time, in ScheduleInput) *ScheduledAction {
	t.Helper()
	if err := r.PutSchedule(now, in); err != nil {
		t.Fatalf("putting %s: %v", in.Name, err)
	}
	return r.Targets[in.Key].Action(in.Name)
}

// outcomes renders runs: "name Done 1..4 at 10:05:00".
func outcomes(runs []Run) string {
	var out []string
	for _, r := range runs {
		out = append(out, fmt.Sprintf("%s %v %d..%d at %s", r.Action, r.Outcome, r.MinAfter, r.MaxAfter, r.Due.Format("15:04:05")))
	}
	return strings.Join(out, "; ")
}

func TestPutScheduleRefusals(t *testing.T) {
	const syntax = `Invalid schedule expression. Details: Schedule expressions must have the following syntax: ` +
		`rate(<number>\s?(minutes?|hours?|days?)), cron(<cron_expression>) or at(yyyy-MM-dd'T'HH:mm:ss).`
	for _, c := range []struct {
		in   ScheduleInput
		kind Kind
		want string
	}{
		{ScheduleInput{Key: VariantTarget("none", "v"), Name: "a"}, KindObjectNotFound, "No scalable target registered for service namespace: sagemaker, " +
			"resource ID: endpoint/none/variant/v, scalable dimension: sagemaker:variant:DesiredInstanceCount"},
		{ScheduleInput{Key: blue, Name: "a", Range: &Range{Min: ptr(1)}}, KindValidation, "Schedule must be set"},
		{ScheduleInput{Key: blue, Name: "a", Schedule: "rate(1 day)"}, KindValidation, "ScalableTargetAction must be set"},
		{ScheduleInput{Key: blue, Name: "a", Schedule: "rate(1 day)", Range: &Range{}}, KindValidation,
			"At least one of minimum capacity and maximum capacity should be provided"},
		{sched("a", "rate(1 day)", 5, 4), KindValidation, "Maximum capacity cannot be less than minimum capacity"},
		{sched("a", "rate(1 day)", -1, 4), KindValidation, "Minimum capacity cannot be less than 0"},
		{sched("a", "rate(1 day)", nil, -1), KindValidation, "Maximum capacity cannot be less than 0"},
		{sched("a", "cron(0 9 * * *)", 1, 2), KindValidation,
			"Invalid schedule expression. Details: Parse error at position 9, details: Unexpected end of expression."},
		{sched("a", "at(2026-11-25)", 1, 2), KindValidation,
			"Invalid schedule expression. Details: Parse error at position 10, details: Unexpected end of expression."},
		{sched("a", "every day", 1, 2), KindValidation, syntax},
		{sched("a", "rate(0 days)", 1, 2), KindValidation,
			"Invalid schedule frequency. Run for '2026-11-23T10:00:00.000Z' and '2026-11-23T10:00:00.000Z' are less than 60 seconds apart"},
		{sched("a", "cron(0,20 * * * * ? *)", 1, 2), KindValidation,
			"Invalid schedule frequency. Run for '2026-11-23T10:00:20.000Z' and '2026-11-23T10:01:00.000Z' are less than 60 seconds apart"},
		{ScheduleInput{Key: blue, Name: "a", Schedule: "rate(1 day)", Zone: "Mars/Olympus", Range: &Range{Min: ptr(1)}}, KindValidation,
			"Invalid schedule timezone: Mars/Olympus"},
		{ScheduleInput{Key: blue, Name: "a", Schedule: "rate(1 day)", Zone: "Mars/Olympus", ZoneData: []byte("TZif?"), Range: &Range{Min: ptr(1)}},
			KindValidation, "Invalid schedule timezone: Mars/Olympus"},
		{ScheduleInput{Key: blue, Name: "a", Schedule: "rate(1 day)", Range: &Range{Min: ptr(1)}, Start: at(60), End: at(60)}, KindValidation,
			"StartTime must be before EndTime"},
	} {
		r, target := newTarget(t, 1, 10)
		wantError(t, r.PutSchedule(t0, c.in), c.kind, c.want)
		if len(target.Schedules) != 0 || len(r.Zones) != 0 || !nextRun(r).IsZero() {
			t.Errorf("%s: a refusal left something behind", c.want)
		}
	}
}

// AWS: PutScheduledAction: what is left out is kept, save that start and end are deleted.
func TestPutScheduleUpdates(t *testing.T) {
	r, target := newTarget(t, 1, 10)
	first := sched("a", "cron(0 12 * * ? *)", 2, 4)
	first.Start, first.End = at(86400), at(864000)
	putSchedule(t, r, t0, first)
	putSchedule(t, r, at(60), ScheduleInput{Key: blue, Name: "a"})
	got := *target.Action("a")
	if got.Schedule != first.Schedule || *got.Range.Min != 2 || *got.Range.Max != 4 || !got.Start.IsZero() || !got.End.IsZero() || !got.Created.Equal(t0) {
		t.Errorf("%+v", got)
	}
	if want := at(2 * 3600); !got.Next.Equal(want) || !nextRun(r).Equal(want) {
		t.Errorf("next %v, %v; want %v", got.Next, nextRun(r), want)
	}
	putSchedule(t, r, at(120), ScheduleInput{Key: blue, Name: "a", Range: &Range{Max: ptr(7)}}) // the action is replaced as a whole
	if got := target.Action("a").Range; got.Min != nil || *got.Max != 7 {
		t.Errorf("%+v", got)
	}
	putSchedule(t, r, at(180), ScheduleInput{Key: blue, Name: "a", Schedule: "rate(2 hours)"})
	if got := target.Action("a"); !got.Next.Equal(at(180 + 7200)) {
		t.Errorf("a rate counts from when it was put: %v", got.Next)
	}
	putSchedule(t, r, at(240), ScheduleInput{Key: blue, Name: "a", Range: &Range{Max: ptr(8)}})
	if got := target.Action("a"); !got.Next.Equal(at(180 + 7200)) {
		t.Errorf("a change of the action moves the rate: %v", got.Next)
	}
	if err := r.PutSchedule(at(300), ScheduleInput{Key: blue, Name: "a", Schedule: "nonsense"}); err == nil || target.Action("a").Schedule != "rate(2 hours)" {
		t.Error("a refused update changed something")
	}
}

func TestSchedulesQuotaAndDelete(t *testing.T) {
	r, target := newTarget(t, 1, 10)
	for i := range SchedulesMax {
		putSchedule(t, r, t0, sched(fmt.Sprint(i), "rate(1 day)", 1, nil))
	}
	wantError(t, r.PutSchedule(t0, sched("one more", "rate(1 day)", 1, nil)), KindLimitExceeded,
		"The limit of 200 scheduled actions of one scalable target is reached.")
	putSchedule(t, r, t0, sched("7", "rate(2 days)", 1, nil)) // an update is no new one
	if err := r.DeleteSchedule(blue, "7"); err != nil || len(target.Schedules) != SchedulesMax-1 {
		t.Error(err)
	}
	wantError(t, r.DeleteSchedule(blue, "7"), KindObjectNotFound, "No scheduled action found for service namespace: sagemaker, "+
		"scalable target ID: 11111111-2222-3333-4444-555555555555, scheduled action name: 7")
	wantError(t, r.DeleteSchedule(VariantTarget("none", "v"), "7"), KindObjectNotFound, "No scalable target found for service namespace: sagemaker, "+
		"resource ID: endpoint/none/variant/v, scalable dimension: sagemaker:variant:DesiredInstanceCount")
	if _, err := r.Deregister(t0, blue); err != nil || !nextRun(r).IsZero() {
		t.Errorf("%v: schedules of a target that is gone are due %v", err, nextRun(r))
	}
}

func TestRuns(t *testing.T) {
	r, target := newTarget(t, 1, 10)
	start := sched("off-pattern", "cron(0 12 * * ? *)", 3, nil)
	start.Start, start.End = at(330), at(2*3600)
	putSchedule(t, r, t0, start)                                               // 10:05:30, 12:00, and never again
	putSchedule(t, r, t0, sched("once", "at(2026-11-23T10:10:00)", nil, 8))    // 10:10
	putSchedule(t, r, t0, sched("past", "at(2026-11-23T09:59:59)", nil, 99))   // never
	putSchedule(t, r, t0, sched("too high", "at(2026-11-23T10:20:00)", 9, 20)) // both bounds: fine whatever was before
	putSchedule(t, r, t0, sched("upside down", "at(2026-11-23T10:30:00)", nil, 5))
	for _, c := range []struct {
		seconds int
		want    string
	}{
		{0, ""},
		{329, ""},
		{330, "off-pattern Done 3..10 at 10:05:30"},
		{331, ""},
		{600, "once Done 3..8 at 10:10:00"},
		{1200, "too high Done 9..20 at 10:20:00"},
		{1800, "upside down Failed 9..20 at 10:30:00"},
		{7199, ""},
		{7200, "off-pattern Done 3..20 at 12:00:00"},
		{90000000, ""},
	} {
		if got := outcomes(r.RunDue(at(c.seconds))); got != c.want {
			t.Errorf("after %d s: %q, want %q", c.seconds, got, c.want)
		}
		if next := nextRun(r); !next.IsZero() && !next.After(at(c.seconds)) {
			t.Errorf("after %d s the next run is %v", c.seconds, next)
		}
	}
	if !target.ClampDue || len(target.Schedules) != 5 {
		t.Errorf("%+v", target)
	}
}

// What would have run while scheduled scaling was suspended is not run on resume. (AWS: user guide, suspending.)
func TestSuspendedRunsAreLost(t *testing.T) {
	r, target := newTarget(t, 1, 10)
	putSchedule(t, r, t0, sched("a", "rate(10 minutes)", 5, nil))
	target.Suspended.Scheduled = true
	runs := r.RunDue(at(600))
	if got := outcomes(runs); got != "a Suspended 1..10 at 10:10:00" {
		t.Error(got)
	}
	if _, ok := target.Ran(at(600), &runs[0], noID); ok {
		t.Error("a suspended run left an activity")
	}
	target.Suspended.Scheduled = false
	if got := outcomes(r.RunDue(at(601))); got != "" {
		t.Error(got)
	}
	if got := outcomes(r.RunDue(at(1200))); got != "a Done 5..10 at 10:20:00" {
		t.Error(got)
	}
}

// After a gap the latest run of each action is made up for, in their order: the range is the one that would be, had there been no gap.
func TestMissedRuns(t *testing.T) {
	r, _ := newTarget(t, 1, 10)
	putSchedule(t, r, t0, sched("day", "cron(0 8 * * ? *)", 5, 20))
	putSchedule(t, r, t0, sched("night", "cron(0 20 * * ? *)", 1, 5))
	putSchedule(t, r, t0, sched("often", "cron(* 9 * * ? *)", 2, nil))
	runs := r.RunDue(at(10*86400 + 3*3600)) // ten days later, at 13:00
	if got, want := outcomes(runs), "night Done 1..5 at 20:00:00; day Done 5..20 at 08:00:00; often Done 2..20 at 09:59:00"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := runs[1].String(); got != "min 1 -> 5, max 5 -> 20; first due 2026-11-24 08:00:00 UTC, only the latest run is made up for; next 2026-12-04 08:00:00 UTC" {
		t.Error(got)
	}
}

func TestActivitiesOfRuns(t *testing.T) {
	r, target := newTarget(t, 1, 10)
	target.LastNotScaled = AlreadyAtMaxCapacity
	for _, c := range []struct {
		least, most                any
		status                     Status
		description, message, text string
	}{
		{4, 8, Successful, "Setting min capacity to 4 and max capacity to 8", "Successfully set min capacity to 4 and max capacity to 8", "min 1 -> 4, max 10 -> 8; no further run"},
		{5, nil, Successful, "Setting min capacity to 5", "Successfully set min capacity to 5", "min 4 -> 5, max 8; no further run"},
		{nil, 9, Successful, "Setting max capacity to 9", "Successfully set max capacity to 9", "min 5, max 8 -> 9; no further run"},
		{nil, 3, Failed, "Setting max capacity to 3", "Failed to set max capacity to 3. Reason: Maximum capacity cannot be less than minimum capacity",
			"failed to set max capacity to 3 within min 5, max 9: Maximum capacity cannot be less than minimum capacity; no further run"},
	} {
		putSchedule(t, r, t0, sched("go", "at(2026-11-23T10:10:00)", c.least, c.most))
		runs := r.RunDue(at(600))
		if len(runs) != 1 {
			t.Fatal(runs)
		}
		a, ok := target.Ran(at(600), &runs[0], counter())
		if !ok || a.Status != c.status || a.Description() != c.description || a.StatusMessage() != c.message || a.ID != "id-1" ||
			a.Cause.String() != "scheduled action name go was triggered" || !a.Start.Equal(at(600)) || !a.End.Equal(at(600)) || target.LastNotScaled != AlreadyAtMaxCapacity {
			t.Errorf("%v %s %s %s", a.Status, a.Description(), a.StatusMessage(), a.Cause)
		}
		if got := runs[0].String(); got != c.text {
			t.Errorf("%s\nwant %s", got, c.text)
		}
		if err := r.DeleteSchedule(blue, "go"); err != nil {
			t.Fatal(err)
		}
	}
}

// A registry that is written down and read again runs the same actions at the same moments, whatever is put and deleted meanwhile; and
// RunDue at every second gives the range that one call at the end gives.
func TestSchedulesSurviveAndCatchUp(t *testing.T) {
	expressions := []string{
		"rate(1 minute)", "rate(7 minutes)", "cron(* * * * ? *)", "cron(0/9 * ? * MON-FRI *)", "at(2026-11-23T10:30:00)", "cron(15 10 ? * 2#4 *)",
	}
	rapid.Check(t, func(t *rapid.T) {
		live, _ := newTarget(t, 0, 100)
		late, _ := newTarget(t, 0, 100)
		n := rapid.IntRange(1, 6).Draw(t, "actions")
		for i := range n {
			// Disjoint bounds, so that no order turns the range upside down.
			in := sched(fmt.Sprint(i), rapid.SampledFrom(expressions).Draw(t, "schedule"), rapid.IntRange(0, 40).Draw(t, "min"), rapid.IntRange(50, 100).Draw(t, "max"))
			if rapid.Bool().Draw(t, "starts") {
				in.Start = at(rapid.IntRange(1, 1800).Draw(t, "start"))
			}
			if rapid.Bool().Draw(t, "ends") {
				in.End = at(rapid.IntRange(1801, 5000).Draw(t, "end"))
			}
			putSchedule(t, live, t0, in)
			putSchedule(t, late, t0, in)
		}
		end := rapid.IntRange(0, 5000).Draw(t, "seconds")
		for s := 0; s <= end; s++ {
			next := nextRun(live)
			if due := !next.IsZero() && !next.After(at(s)); due != (len(live.RunDue(at(s))) > 0) {
				t.Fatalf("second %d: due %v", s, due)
			}
			if s == end/2 {
				text, err := json.Marshal(live)
				if err != nil {
					t.Fatal(err)
				}
				live = NewRegistry(policy.Types(), dimension.All())
				if err := json.Unmarshal(text, live); err != nil {
					t.Fatal(err)
				}
			}
		}
		late.RunDue(at(end))
		a, b := live.Targets[blue], late.Targets[blue]
		if a.Min != b.Min || a.Max != b.Max {
			t.Fatalf("%d..%d step by step, %d..%d at once", a.Min, a.Max, b.Min, b.Max)
		}
		for i := range a.Schedules {
			if !a.Schedules[i].Next.Equal(b.Schedules[i].Next) {
				t.Fatalf("%v, %v", a.Schedules[i].Next, b.Schedules[i].Next)
			}
		}
	})
}
