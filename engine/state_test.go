package engine_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/zone"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/tracking"
	"bellows.dev/bellows/sim"
)

// restored is FromState for a state that an engine gave.
func restored(t testing.TB, s engine.State) *engine.Engine {
	t.Helper()
	e, err := engine.FromState(s)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A state with a text that cannot be parsed is an error that names where it is.
func TestStateThatCannotBeParsed(t *testing.T) {
	s := engine.Scope{Account: "123456789012", Region: "us-east-1"}
	key := scaling.VariantTarget("e", "v")
	of := func(r engine.RegionState) engine.State {
		r.Scope = s
		return engine.State{Regions: []engine.RegionState{r}}
	}
	target := &scaling.Target{Key: key, Schedules: []*scaling.ScheduledAction{{Name: "night", Schedule: "cron(never)"}}}
	for want, state := range map[string]engine.State{
		"mute rule quiet": of(engine.RegionState{Mutes: map[string]*alarm.MuteRule{"quiet": {Name: "quiet", Expression: "cron(never)"}}}),
		"composite alarm both": of(engine.RegionState{Composites: map[string]*alarm.Composite{
			"both": {Name: "both", Rule: "ALARM("},
		}}),
		"scheduled action night": of(engine.RegionState{Targets: &scaling.Registry{Targets: map[scaling.TargetKey]*scaling.Target{key: target}}}),
	} {
		if e, err := engine.FromState(state); err == nil || e != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", want, e, err)
		}
	}
}

// story runs a busy hour; swap is called at each minute and may exchange the engine. It returns every event as a line.
func story(t *testing.T, swap func(minute int, e *engine.Engine) *engine.Engine) []string {
	t.Helper()
	w := sim.NewWorld(engine.Config{Seed: 7}, time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC))
	var lines []string
	w.OnEvent = func(now time.Time, e engine.Event) { lines = append(lines, now.Format("15:04:05 ")+e.String()) }
	must := func(in engine.Input) {
		t.Helper()
		if _, err := w.Do(in); err != nil {
			t.Fatalf("%T: %v", in, err)
		}
	}
	s := engine.Scope{Account: "123456789012", Region: "us-east-1"}
	key := scaling.VariantTarget("e", "v")
	one, three, eight := 1, 3, 8
	must(engine.CreateModel{Scope: s, Model: hosting.Model{Name: "m"}})
	must(engine.CreateEndpointConfig{Scope: s, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
		{Name: "v", Model: "m", InitialCount: 2, InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	must(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: s, Endpoint: "e"}, Config: "c"})
	for minute := range 60 {
		switch minute {
		case 5:
			must(engine.RegisterScalableTarget{Scope: s, Registration: scaling.Registration{Key: key, Min: &one, Max: &eight}})
			must(engine.PutScalingPolicy{Scope: s, Input: scaling.PolicyInput{
				Key: key, Name: "tt", Type: tracking.Type{},
				Configs: []scaling.Config{&tracking.Config{
					TargetValue: 70, Predefined: &tracking.PredefinedSpec{Metric: instancecount.InvocationsPerInstance},
				}},
			}})
			must(engine.PutScheduledAction{Scope: s, Input: scaling.ScheduleInput{
				Key: key, Name: "wave", Schedule: "rate(13 minutes)", Range: &scaling.Range{Min: &one, Max: &eight},
			}})
			paris, err := zone.Data("Europe/Paris")
			if err != nil {
				t.Fatal(err)
			}
			must(engine.PutScheduledAction{Scope: s, Input: scaling.ScheduleInput{
				Key: key, Name: "noon", Schedule: "cron(45 11 ? * TUE *)", Zone: "Europe/Paris", ZoneData: paris, Range: &scaling.Range{Max: &three},
			}})
			must(engine.PutMetricAlarm{Scope: s, Alarm: alarm.Alarm{Name: "by hand", ActionsEnabled: true, Rule: alarm.Rule{
				Metric: metric.NewID("N", "m"), Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute, Periods: 2,
				Threshold: 1, Comparison: alarm.GreaterThanThreshold, Missing: alarm.Breaching,
			}}})
			must(engine.PutMetricAlarm{Scope: s, Alarm: alarm.Alarm{Name: "quiet", Rule: alarm.Rule{
				Metric: metric.NewID("N", "q"), Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute, Periods: 1,
				Threshold: 1, Comparison: alarm.GreaterThanThreshold, Missing: alarm.Ignore,
			}}})
			must(engine.PutCompositeAlarm{Scope: s, Alarm: alarm.Composite{
				Name: "top", Rule: "NOT OK(quiet) AND ALARM(\"by hand\")", Suppressor: "quiet", Wait: 90 * time.Second, Extension: 5 * time.Minute,
				ActionsEnabled: true, Actions: []alarm.Action{{On: alarm.InAlarm, ARN: "topic"}, {On: alarm.OK, ARN: "topic"}},
			}})
			must(engine.PutMetricAlarm{Scope: s, Alarm: alarm.Alarm{Name: "promql", ActionsEnabled: true, Rule: alarm.Rule{PromQL: &alarm.PromQL{
				Query: "up", Interval: time.Minute, Pending: 3 * time.Minute, Recovery: 4 * time.Minute,
			}}}})
			must(engine.PutMetricAlarm{Scope: s, Alarm: alarm.Alarm{Name: "math", Rule: alarm.Rule{
				Metrics: []metric.DataQuery{
					{ID: "m1", Hidden: true, Stat: &metric.MetricStat{
						Metric: metric.NewID("AWS/SageMaker", "Invocations", metric.Dimension{Name: "EndpointName", Value: "e"},
							metric.Dimension{Name: "VariantName", Value: "v"}),
						Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute,
					}},
					{ID: "e1", Expression: "RUNNING_SUM(m1)-m1"},
				},
				Period: time.Minute, Periods: 2, Threshold: 500, Comparison: alarm.GreaterThanThreshold,
			}}})
			w.SetLoad(engine.VariantKey{Scope: s, Endpoint: "e", Variant: "v"}, 400)
		case 12, 40:
			must(engine.SetAlarmState{Scope: s, Name: "quiet", State: alarm.InAlarm, Reason: "quiet, please"})
		case 20:
			must(engine.SetAlarmState{Scope: s, Name: "quiet", State: alarm.InsufficientData, Reason: "as you like"})
		case 25:
			w.SetLoad(engine.VariantKey{Scope: s, Endpoint: "e", Variant: "v"}, 10)
		}
		if minute > 5 && minute < 30 {
			must(engine.PromQLEvaluated{Scope: s, Alarm: "promql", Query: "up", Contributors: []alarm.Returned{
				{Attributes: map[string]string{"a": "b"}, Value: "1"}, {Attributes: map[string]string{"minute": strconv.Itoa(minute / 5)}, Value: "+Inf"},
			}})
		} else if minute >= 30 {
			must(engine.PromQLEvaluated{Scope: s, Alarm: "promql", Query: "up"})
		}
		if err := w.Run(time.Minute); err != nil {
			t.Fatal(err)
		}
		w.Engine = swap(minute, w.Engine)
	}
	return lines
}

// An engine that was written down and read again at any minute goes on as if nothing had been.
func TestRestoredStateContinues(t *testing.T) {
	want := story(t, func(_ int, e *engine.Engine) *engine.Engine { return e })
	if len(want) < 20 {
		t.Fatalf("only %d events: the story is too dull to prove anything", len(want))
	}
	for _, every := range []int{1, 7} {
		got := story(t, func(minute int, e *engine.Engine) *engine.Engine {
			if minute%every != 0 {
				return e
			}
			text, err := json.Marshal(e.State())
			if err != nil {
				t.Fatal(err)
			}
			var s engine.State
			if err := json.Unmarshal(text, &s); err != nil {
				t.Fatal(err)
			}
			return restored(t, s)
		})
		if len(got) != len(want) {
			t.Errorf("read again each %d min: %d events, want %d", every, len(got), len(want))
		}
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Fatalf("read again each %d min, event %d:\ngot  %s\nwant %s", every, i, got[i], want[i])
			}
		}
	}
}
