package engine_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
)

// Settings change by an input alone: with the reason in an event, in regions that there are and in those to come, and in the state that
// is written down.
func TestSettingsAreAnInput(t *testing.T) {
	e := engine.New(engine.Config{Seed: 1, Settings: engine.Settings{StartupTimeout: 8 * time.Minute}})
	now := time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)
	there, later := engine.Scope{Account: "123456789012", Region: "a"}, engine.Scope{Account: "123456789012", Region: "b"}
	step := func(in engine.Input) engine.Output {
		t.Helper()
		out, err := e.Step(now, in)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	step(engine.CreateModel{Scope: there, Model: hosting.Model{Name: "m"}})
	want := engine.Settings{StartupTimeout: time.Minute, ClockSpeed: 60, InvocationTimeout: time.Second, LenientSetAlarmState: true, WakeOnRequest: true}
	out := step(engine.Configured{Settings: want})
	const text = "settings: startup_timeout 8m0s -> 1m0s, clock speed 1 -> 60, invocation_timeout 1m0s -> 1s, lenient_set_alarm_state false -> true, wake_on_request false -> true"
	if len(out.Events) != 1 || out.Events[0].String() != text {
		t.Errorf("events %v, want %s", out.Events, text)
	}
	if out := step(engine.Configured{Settings: want}); len(out.Events) != 0 {
		t.Errorf("the same settings again lead to %v", out.Events)
	}
	step(engine.CreateModel{Scope: later, Model: hosting.Model{Name: "m"}})
	state, err := json.Marshal(e.State())
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []engine.Settings{
		{}, {StartupTimeout: -1, ClockSpeed: 1, InvocationTimeout: 1}, {StartupTimeout: 1, InvocationTimeout: 1},
		{StartupTimeout: 1, ClockSpeed: 1e300, InvocationTimeout: 1}, {StartupTimeout: 1, ClockSpeed: 1},
	} {
		if _, err := e.Step(now.Add(time.Hour), engine.Configured{Settings: bad}); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	if after, err := json.Marshal(e.State()); err != nil || string(after) != string(state) {
		t.Errorf("a refusal changed the state: %v\n%s\n%s", err, state, after)
	}
	var read engine.State
	if err := json.Unmarshal(state, &read); err != nil {
		t.Fatal(err)
	}
	for _, x := range []*engine.Engine{e, restored(t, read)} {
		if got := x.Config().Settings; got != want {
			t.Errorf("settings %+v, want %+v", got, want)
		}
		for _, s := range []engine.Scope{there, later} {
			if h := x.Region(s).Hosting; h.StartupTimeout != want.StartupTimeout || h.ClockSpeed != want.ClockSpeed {
				t.Errorf("region %s has %v at %v", s.Region, h.StartupTimeout, h.ClockSpeed)
			}
		}
	}
}

// The config that an earlier version wrote for a data directory, all members side by side, is read as it was meant.
func TestConfigOfAnEarlierVersion(t *testing.T) {
	text := `{"Seed":42,"EvaluationDelay":10000000000,"StartupTimeout":60000000000,"ClockSpeed":60,"InvocationTimeout":1000000000,` +
		`"LenientSetAlarmState":true,"MetricRetention":900000000000,"WakeOnRequest":true}`
	want := engine.Config{
		Seed: 42, EvaluationDelay: 10 * time.Second, MetricRetention: 15 * time.Minute,
		Settings: engine.Settings{StartupTimeout: time.Minute, ClockSpeed: 60, InvocationTimeout: time.Second, LenientSetAlarmState: true, WakeOnRequest: true},
	}
	var got engine.Config
	if err := json.Unmarshal([]byte(text), &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %v, want %+v", got, err, want)
	}
}
