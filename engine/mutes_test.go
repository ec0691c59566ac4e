package engine_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
)

// What was muted survives a restart: the action runs at the window's end all the same, at the moment that Wake tells.
func TestMutedActionsSurviveARestart(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	e := engine.New(engine.Config{Seed: 1})
	step := func(in engine.Input) engine.Output {
		t.Helper()
		out, err := e.Step(now, in)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	rule := alarm.Rule{Metric: datum("m", 1).ID, Period: time.Minute, Periods: 1, Comparison: alarm.GreaterThanThreshold, Missing: alarm.Ignore}
	rule.Statistic.Kind = 3
	step(engine.PutMetricAlarm{Scope: scope, Alarm: alarm.Alarm{
		Name: "a", ActionsEnabled: true, Rule: rule, Actions: []alarm.Action{{On: alarm.InAlarm, ARN: "topic"}},
	}})
	step(engine.PutMuteRule{Scope: scope, Rule: alarm.MuteRule{Name: "r", Expression: "at(2026-11-24T12:00)", Duration: 5 * time.Minute, Alarms: []string{"a"}}})
	out := step(engine.SetAlarmState{Scope: scope, Name: "a", State: alarm.InAlarm, Reason: "by hand"})
	if n := notified(out); n != "muted until 12:05" {
		t.Fatalf("in the window: %s", n)
	}
	text, err := json.Marshal(e.State())
	if err != nil {
		t.Fatal(err)
	}
	var back engine.State
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	e = restored(t, back)
	for now.Before(time.Date(2026, 11, 24, 12, 5, 0, 0, time.UTC)) {
		if n := notified(out); n == "topic" {
			t.Fatalf("the action ran at %v", now)
		}
		if now = e.Wake(); now.IsZero() {
			t.Fatal("nothing wakes the engine")
		}
		out = step(engine.Tick{})
	}
	if n := notified(out); n != "topic" {
		t.Errorf("at %v: %q", now, n)
	}
	step(engine.DeleteMuteRule{Scope: scope, Name: "r"})
	step(engine.DeleteMuteRule{Scope: scope, Name: "r"})
	if len(e.Region(scope).Alarms.MuteRules) != 0 {
		t.Error("the rule is still there")
	}
}

// notified is what a step's events say of actions.
func notified(out engine.Output) string {
	for _, x := range out.Events {
		switch x := x.(type) {
		case engine.AlarmNotifies:
			return x.Action.ARN
		case engine.AlarmActed:
			if !x.MutedUntil.IsZero() {
				return fmt.Sprint("muted until ", x.MutedUntil.Format("15:04"))
			}
		}
	}
	return ""
}

// The actions for the contributors of a PromQL alarm are muted as the alarm's own are: each leaves an entry, and at the window's end, after a
// restart too, those run whose contributors are still in the state that they went into.
func TestActionsForContributorsAreMuted(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	e := engine.New(engine.Config{Seed: 1})
	step := func(in engine.Input) (lines []string) {
		t.Helper()
		out, err := e.Step(now, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range out.Events {
			switch x := x.(type) {
			case engine.AlarmNotifies:
				if x.Contributor != nil {
					lines = append(lines, fmt.Sprintf("%s: %s is in %v", x.Action.ARN, x.Contributor.Attributes["job"], x.Transition.To))
				}
			case engine.AlarmActed:
				if x.Contributor != nil {
					lines = append(lines, fmt.Sprintf("%s: %s is muted until %s", x.Action.ARN, x.Contributor.Attributes["job"], x.MutedUntil.Format("15:04")))
				}
			}
		}
		slices.Sort(lines) // contributors come in the order of their IDs
		return lines
	}
	returned := func(jobs ...string) []string {
		t.Helper()
		in := engine.PromQLEvaluated{Scope: scope, Alarm: "p", Query: "up == 0", At: now}
		for _, j := range jobs {
			in.Contributors = append(in.Contributors, alarm.Returned{Attributes: map[string]string{"job": j}, Value: "0"})
		}
		lines := step(in)
		now = now.Add(time.Minute)
		return lines
	}
	want := func(got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("at %s: %q, want %q", now.Format("15:04"), got, want)
		}
	}
	step(engine.PutMetricAlarm{Scope: scope, Alarm: alarm.Alarm{
		Name: "p", ActionsEnabled: true, Rule: alarm.Rule{PromQL: &alarm.PromQL{Query: "up == 0", Interval: time.Minute}},
		Actions: []alarm.Action{{On: alarm.InAlarm, ARN: "bad"}, {On: alarm.OK, ARN: "good"}},
	}})
	want(returned("before"), "bad: before is in ALARM")
	step(engine.PutMuteRule{Scope: scope, Rule: alarm.MuteRule{
		Name: "r", Expression: "at(2026-11-24T12:01)", Duration: 5 * time.Minute, Alarms: []string{"p"},
	}})
	want(returned("before", "brief", "long"), "bad: brief is muted until 12:06", "bad: long is muted until 12:06")
	want(returned("long"), "good: before is muted until 12:06", "good: brief is muted until 12:06")
	text, err := json.Marshal(e.State())
	if err != nil {
		t.Fatal(err)
	}
	var back engine.State
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	e = restored(t, back)
	now = time.Date(2026, 11, 24, 12, 6, 0, 0, time.UTC)
	want(step(engine.Tick{}), "bad: long is in ALARM", "good: before is in OK")
	want(step(engine.Tick{}))
	want(returned(), "good: long is in OK")
}
