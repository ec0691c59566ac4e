package engine_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/predictive"
	stepping "bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// elsewhere is a scope without state.
var elsewhere = engine.Scope{Account: "210987654321", Region: "eu-central-1"}

// refusals are, by kind, inputs that an engine refuses: whatever their scope has, and where it has what populate makes. A kind whose list
// is nil is refused only for going back in time.
func refusals(s engine.Scope, populated bool) map[reflect.Type][]engine.Input {
	key, none := scaling.VariantTarget("e", "v"), scaling.VariantTarget("none", "v")
	endpoint := engine.EndpointKey{Scope: s, Endpoint: "none"}
	minus, four, huge, second := -1, 4, 1000, time.Duration(-1)
	number, vast := 50.0, math.MaxInt32
	far := time.Unix(1<<40, 0)
	var config hosting.EndpointConfig
	config.Name, config.Variants = "c", []hosting.VariantConfig{{Name: "v", Model: "no such model"}}
	twice := config
	twice.Name, twice.Variants = "twice", []hosting.VariantConfig{{Name: "v", Model: "m"}, {Name: "v", Model: "m"}}
	tags := make([]hosting.Tag, hosting.TagsMax+1)
	many := map[string]string{}
	for i := range tags {
		tags[i].Key = string(rune('A' + i))
		many[tags[i].Key] = ""
	}
	ring := alarm.Rule{Metrics: []metric.DataQuery{{ID: "e1", Expression: "no such thing("}}}
	all := []engine.Input{
		engine.DeleteModel{Scope: s, Name: "none"},
		engine.CreateEndpointConfig{Scope: s, Config: config},
		engine.CreateEndpointConfig{Scope: s, Config: twice},
		engine.DeleteEndpointConfig{Scope: s, Name: "none"},
		engine.CreateEndpoint{Key: endpoint, Config: "none"},
		engine.CreateEndpoint{Key: engine.EndpointKey{Scope: s, Endpoint: "E"}, Config: "none"},
		engine.UpdateEndpoint{Scope: s, Update: hosting.Update{Endpoint: "none", Config: "c"}},
		engine.UpdateEndpoint{Scope: s, Update: hosting.Update{Endpoint: "e", Config: "c"}},
		engine.UpdateEndpoint{Scope: s, Update: hosting.Update{Endpoint: "e", Config: "without"}},
		engine.UpdateEndpointWeightsAndCapacities{Key: endpoint, Changes: []hosting.Change{{Variant: "v", Desired: &four}}},
		engine.UpdateEndpointWeightsAndCapacities{Key: engine.EndpointKey{Scope: s, Endpoint: "e"}, Changes: []hosting.Change{{Variant: "v", Desired: &four}, {Variant: "w"}}},
		engine.UpdateEndpointWeightsAndCapacities{Key: engine.EndpointKey{Scope: s, Endpoint: "e"}, Changes: []hosting.Change{{Variant: "v", Desired: &vast}}},
		engine.DeleteEndpoint{Key: endpoint},
		engine.SetTags{Scope: s, Resource: hosting.ResourceEndpoint, Name: "none"},
		engine.SetTags{Scope: s, Resource: hosting.ResourceEndpoint, Name: "e", Add: tags},
		engine.RegisterScalableTarget{Scope: s, Registration: scaling.Registration{Key: none, Min: &four, Max: &four}},
		engine.RegisterScalableTarget{Scope: s, Registration: scaling.Registration{Key: key, Min: &huge, Max: &four}},
		engine.RegisterScalableTarget{Scope: s, Registration: scaling.Registration{Key: key, Tags: map[string]string{"a": "b"}, Min: &four}},
		engine.DeregisterScalableTarget{Scope: s, Key: none},
		engine.TagScalableTarget{Scope: s, ID: "none", Tags: many},
		engine.UntagScalableTarget{Scope: s, ID: "none", Keys: []string{"k"}},
		engine.PutScalingPolicy{Scope: s, Input: scaling.PolicyInput{Key: none, Name: "tt", Type: tracking.Type{}}},
		engine.PutScalingPolicy{Scope: s, Input: scaling.PolicyInput{Key: key, Name: "tt", Type: tracking.Type{}, Configs: []scaling.Config{&tracking.Config{}}}},
		engine.PutScalingPolicy{Scope: s, Input: scaling.PolicyInput{Key: key, Name: "tt", Type: stepping.Type{}}},
		engine.PutScalingPolicy{Scope: s, Input: scaling.PolicyInput{Key: key, Name: "new", Type: predictive.Type{}, Configs: []scaling.Config{&predictive.Config{}}}},
		engine.DeleteScalingPolicy{Scope: s, Key: key, Name: "none"},
		engine.PutMetricAlarm{Scope: s, Alarm: alarm.Alarm{Name: "math", Rule: ring}},
		engine.PutMetricAlarm{Scope: s, Alarm: alarm.Alarm{Name: "top", Rule: ring}},
		engine.SetAlarmState{Scope: s, Name: "none", State: alarm.InAlarm},
		engine.TagAlarm{Scope: s, Name: "none", Add: map[string]string{"a": "b"}},
		engine.TagAlarm{Scope: s, Name: "by hand", Add: many},
		engine.PutCompositeAlarm{Scope: s, Alarm: alarm.Composite{Name: "top", Rule: "ALARM(none)"}},
		engine.PutCompositeAlarm{Scope: s, Alarm: alarm.Composite{Name: "top", Rule: "no rule"}},
		engine.PutMetricData{Scope: s, Data: []metric.Datum{datum("fine", 1), datum("too large", 0x1p361)}},
		engine.UpdateGroup{Scope: s, Update: scaling.GroupUpdate{Key: none, Min: &four}},
		engine.UpdateGroup{Scope: s, Update: scaling.GroupUpdate{Key: key, Min: &four, Max: &minus}},
		engine.UpdateGroup{Scope: s, Update: scaling.GroupUpdate{Key: key, DefaultWarmup: &second}},
		engine.SetDesiredCapacity{Scope: s, Key: key, Desired: huge},
		engine.SetDesiredCapacity{Scope: s, Key: none, Desired: 1},
		engine.PutGroupPolicy{Scope: s, Input: policy.GroupInput{Key: key, Name: "simple"}},
		engine.PutGroupPolicy{Scope: s, Input: policy.GroupInput{Key: none, Name: "simple"}},
		engine.DeleteGroupPolicy{Scope: s, Key: none, Name: "simple"},
		engine.ExecuteGroupPolicy{Scope: s, Execution: scaling.Execution{Key: key, Policy: "none"}},
		engine.ExecuteGroupPolicy{Scope: s, Execution: scaling.Execution{Key: key, Policy: "steps", Metric: new(float64), Threshold: &number}},
		engine.ExecuteGroupPolicy{Scope: s, Execution: scaling.Execution{Key: key, Policy: "steps"}},
		engine.SetGroupProcesses{Scope: s, Key: none, Suspend: true},
		engine.PutGroupSchedule{Scope: s, Input: scaling.GroupScheduleInput{Key: key, Name: "wave", Recurrence: "never", Desired: &four}},
		engine.PutGroupSchedule{Scope: s, Input: scaling.GroupScheduleInput{Key: none, Name: "wave"}},
		engine.DeleteGroupSchedule{Scope: s, Key: key, Name: "none"},
		engine.PutScheduledAction{Scope: s, Input: scaling.ScheduleInput{Key: key, Name: "wave", Schedule: "never", Range: &scaling.Range{Min: &four}}},
		engine.PutScheduledAction{Scope: s, Input: scaling.ScheduleInput{Key: key, Name: "wave", Schedule: "rate(1 hour)", Zone: "Mars/Olympus", Range: &scaling.Range{Min: &four}}},
		engine.PutScheduledAction{Scope: s, Input: scaling.ScheduleInput{Key: none, Name: "wave", Schedule: "rate(1 hour)", Range: &scaling.Range{Min: &four}}},
		engine.DeleteScheduledAction{Scope: s, Key: key, Name: "none"},
		engine.PutMuteRule{Scope: s, Rule: alarm.MuteRule{Name: "night", Expression: "cron(0 25 * * *)", Duration: time.Hour}},
		engine.PutMuteRule{Scope: s, Rule: alarm.MuteRule{Name: "night", Expression: "cron(0 2 * * *)", Duration: time.Hour, Zone: "Mars/Olympus"}},
		engine.TagAlarm{Scope: s, Name: "none", MuteRule: true, Add: map[string]string{"a": "b"}},
		engine.Observed{Variants: []engine.VariantObservation{{Key: engine.VariantKey{Scope: s, Endpoint: "e", Variant: "v"}, Invocations: 0x1p361}}},
		engine.LoadHistory{Scope: s, Target: key, Policy: "none", Past: scaling.PastLoad{Load: []scaling.HourValue{{Value: math.Inf(1)}}}},
		engine.Reported{},
		engine.Reported{Report: hosting.InstanceReport{State: hosting.FleetReady, Stages: hosting.Stages{Asked: far}}},
		engine.Notified{Scope: s, Alarm: "by hand", Action: alarm.Action{On: 9}},
		engine.Notified{Scope: s, Alarm: "by hand", Updated: far},
		engine.HistoryKept{Scope: s, Through: far},
		engine.InstancesEjected{Key: engine.VariantKey{Scope: s, Endpoint: "e", Variant: "v"}, Ejected: []engine.Ejection{{Times: -1}}},
		engine.WakeRequested{Key: engine.VariantKey{Scope: s, Endpoint: "e", Variant: "v"}, Waiting: -1},
	}
	all = append(all, engine.Configured{})
	if populated { // refused for what is there
		all = append(all,
			engine.CreateModel{Scope: s, Model: hosting.Model{Name: "m"}},
			engine.DeleteAlarms{Scope: s, Names: []string{"by hand", "top"}},
			engine.PutCompositeAlarm{Scope: s, Alarm: alarm.Composite{Name: "by hand", Rule: "TRUE"}},
		)
	}
	byType := map[reflect.Type][]engine.Input{}
	for _, in := range []engine.Input{ // valid inputs are not refused, even if they change nothing
		engine.Tick{}, engine.SetAlarmActions{}, engine.KeepHistory{}, engine.PromQLEvaluated{}, engine.DeleteMuteRule{},
	} {
		byType[reflect.TypeOf(in)] = nil
	}
	for _, in := range all {
		byType[reflect.TypeOf(in)] = append(byType[reflect.TypeOf(in)], in)
	}
	return byType
}

func datum(name string, v float64) metric.Datum {
	d := metric.Datum{ID: metric.NewID("N", name), At: populated, Resolution: metric.StandardResolution, Unit: "None"}
	d.Summary.Add(v, 1)
	return d
}

// populated is when populate is done.
var populated = time.Date(2026, 11, 24, 10, 20, 0, 0, time.UTC)

// populate makes one of everything in a scope.
func populate(t testing.TB, e *engine.Engine, s engine.Scope) {
	t.Helper()
	now := populated.Add(-20 * time.Minute)
	key, one, eight, bound := scaling.VariantTarget("e", "v"), 1, 8, 0.0
	step := func(in engine.Input) engine.Output {
		t.Helper()
		out, err := e.Step(now, in)
		if err != nil {
			t.Fatalf("%T: %v", in, err)
		}
		return out
	}
	steps := []stepping.Adjustment{{Lower: &bound, Adjustment: 1}}
	rule := alarm.Rule{
		Metric: metric.NewID("N", "m"), Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute, Periods: 2,
		Threshold: 1, Comparison: alarm.GreaterThanThreshold,
	}
	variants := []hosting.VariantConfig{{Name: "v", Model: "m", InitialCount: 2, InitialWeight: 1, InstanceType: "ml.m5.large"}}
	other := []hosting.VariantConfig{{Name: "w", Model: "m", InitialCount: 2, InitialWeight: 1, InstanceType: "ml.m5.large"}}
	step(engine.CreateModel{Scope: s, Model: hosting.Model{Name: "m"}})
	step(engine.CreateEndpointConfig{Scope: s, Config: hosting.EndpointConfig{Name: "c", Variants: variants}})
	step(engine.CreateEndpointConfig{Scope: s, Config: hosting.EndpointConfig{Name: "without", Variants: other}})
	for _, l := range step(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: s, Endpoint: "e"}, Config: "c"}).Effects.Levels {
		for _, i := range l.Instances {
			step(engine.Reported{Report: hosting.InstanceReport{ID: i.ID, State: hosting.FleetReady, Address: "192.0.2.1:1"}})
		}
	}
	step(engine.PutGroupPolicy{Scope: s, Input: policy.GroupInput{
		Key: key, Name: "steps", Type: policy.GroupStep, AdjustmentType: stepping.ChangeInCapacity, Steps: steps,
	}})
	step(engine.PutGroupSchedule{Scope: s, Input: scaling.GroupScheduleInput{Key: key, Name: "night", Recurrence: "0 22 * * *", Desired: &one}})
	step(engine.RegisterScalableTarget{Scope: s, Registration: scaling.Registration{Key: key, Min: &one, Max: &eight}})
	step(engine.PutScalingPolicy{Scope: s, Input: scaling.PolicyInput{
		Key: key, Name: "tt", Type: tracking.Type{}, Configs: []scaling.Config{&tracking.Config{
			TargetValue: 70, Predefined: &tracking.PredefinedSpec{Metric: instancecount.InvocationsPerInstance},
		}},
	}})
	step(engine.PutScalingPolicy{Scope: s, Input: scaling.PolicyInput{Key: key, Name: "soon", Type: predictive.Type{}, Configs: []scaling.Config{&predictive.Config{
		Specs: []predictive.Spec{{TargetValue: 70, Pair: &predictive.Metric{Type: instancecount.PairInvocations}}},
	}}}})
	step(engine.PutScheduledAction{Scope: s, Input: scaling.ScheduleInput{Key: key, Name: "wave", Schedule: "rate(7 minutes)", Range: &scaling.Range{Min: &one}}})
	step(engine.PutMetricAlarm{Scope: s, Alarm: alarm.Alarm{Name: "by hand", ActionsEnabled: true, Rule: rule}})
	step(engine.PutCompositeAlarm{Scope: s, Alarm: alarm.Composite{Name: "top", Rule: `ALARM("by hand")`}})
	for now.Before(populated) {
		now = now.Add(30 * time.Second)
		in := engine.PutMetricData{Scope: s, Data: []metric.Datum{datum("m", 7)}}
		in.Data[0].At = now
		step(in)
	}
}

func encoded(t testing.TB, e *engine.Engine) []byte {
	t.Helper()
	text, err := json.Marshal(e.State())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// After a refusal the state is the same, byte for byte, for every kind of input, whether its scope has state or none; and the engine
// goes on as one does that never saw the input.
func TestARefusalLeavesTheStateAsItWas(t *testing.T) {
	e, untouched := engine.New(engine.Config{Seed: 3}), engine.New(engine.Config{Seed: 3})
	populate(t, e, scope)
	populate(t, untouched, scope)
	before := encoded(t, e)
	refuse := func(now time.Time, in engine.Input) error {
		t.Helper()
		_, err := e.Step(now, in)
		if err == nil {
			t.Fatalf("%T is taken: %+v", in, in)
		}
		if after := encoded(t, e); !bytes.Equal(before, after) {
			t.Fatalf("%T (%v) changed the state:\n%s\n%s", in, err, before, after)
		}
		return err
	}
	here, there := refusals(scope, true), refusals(elsewhere, false)
	for _, kind := range engine.Inputs() {
		if err := refuse(populated.Add(-time.Hour), kind); !errors.Is(err, engine.ErrBackwards) {
			t.Errorf("%T, an hour back: %v", kind, err)
		}
		cases, known := here[reflect.TypeOf(kind)]
		if !known {
			t.Errorf("no refusal of %T is tested: add one to refusals, or say that there is none", kind)
		}
		for _, in := range cases {
			refuse(populated.Add(time.Minute), in)
		}
		for _, in := range there[reflect.TypeOf(kind)] {
			refuse(populated.Add(time.Minute), in)
		}
	}
	now := populated
	for range 60 {
		now = now.Add(10 * time.Second)
		for _, x := range []*engine.Engine{e, untouched} {
			if _, err := x.Step(now, engine.PutMetricData{Scope: elsewhere, Data: []metric.Datum{datum("m", 1)}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if a, b := encoded(t, e), encoded(t, untouched); !bytes.Equal(a, b) {
		t.Errorf("after refusals it goes on otherwise:\n%s\n%s", a, b)
	}
}
