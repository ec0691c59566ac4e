package engine_test

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// accepted are inputs of every kind that an engine takes where populate was.
func accepted(e *engine.Engine) []engine.Input {
	s, key, two := scope, scaling.VariantTarget("e", "v"), 2
	variant := engine.VariantKey{Scope: s, Endpoint: "e", Variant: "v"}
	r := e.Region(s)
	target, instance := r.Targets.Targets[key], r.Hosting.Endpoints["e"].Variants[0].Instances[0].ID
	rule := r.Alarms.Metric["by hand"].Rule
	out := 30 * time.Second
	large := datum("m", 0x1p359)
	large.At = populated
	queue := &tracking.CustomizedSpec{Namespace: "N", Name: "m", Statistic: tracking.Average}
	return []engine.Input{
		engine.Tick{},
		engine.Configured{Settings: engine.Settings{StartupTimeout: time.Minute, ClockSpeed: 1, InvocationTimeout: time.Minute}},
		engine.Reported{Report: hosting.InstanceReport{ID: instance, State: hosting.FleetFailed, Reason: "killed"}},
		engine.Observed{
			Variants:  []engine.VariantObservation{{Key: variant, Invocations: 100, InvocationsPerInstance: 50, Answered: 100, Errors5XX: 1}},
			Instances: []engine.InstanceUsage{{ID: instance, CPUPercent: 150, CPUNormalized: 75, MemoryPercent: 10, DiskPercent: 1}},
		},
		engine.CreateModel{Scope: s, Model: hosting.Model{Name: "m2"}},
		engine.DeleteModel{Scope: s, Name: "m2"},
		engine.CreateEndpointConfig{Scope: s, Config: hosting.EndpointConfig{Name: "c2", Variants: []hosting.VariantConfig{
			{Name: "v", Model: "m", InitialCount: 3, InitialWeight: 0.1, InstanceType: "ml.m5.large"},
		}}},
		engine.DeleteEndpointConfig{Scope: s, Name: "without"},
		engine.CreateEndpoint{Key: engine.EndpointKey{Scope: s, Endpoint: "e2"}, Config: "c"},
		engine.UpdateEndpoint{Scope: s, Update: hosting.Update{Endpoint: "e", Config: "c2"}},
		engine.UpdateEndpointWeightsAndCapacities{Key: engine.EndpointKey{Scope: s, Endpoint: "e"}, Changes: []hosting.Change{{Variant: "v", Desired: &two}}},
		engine.SetTags{Scope: s, Resource: hosting.ResourceEndpoint, Name: "e", Add: []hosting.Tag{{Key: "k", Value: "v"}}},
		engine.RegisterScalableTarget{Scope: s, Registration: scaling.Registration{Key: key, Min: &two}},
		engine.TagScalableTarget{Scope: s, ID: target.ID36(), Tags: map[string]string{"k": "v"}},
		engine.UntagScalableTarget{Scope: s, ID: target.ID36(), Keys: []string{"k"}},
		engine.PutScalingPolicy{Scope: s, Input: scaling.PolicyInput{Key: key, Name: "queue", Type: tracking.Type{}, Configs: []scaling.Config{&tracking.Config{
			TargetValue: 1e-108, ScaleOutCooldown: &out, Customized: queue,
		}}}},
		engine.PutMetricData{Scope: s, Data: []metric.Datum{large}},
		engine.PutMetricAlarm{Scope: s, Alarm: alarm.Alarm{Name: "another", ActionsEnabled: true, Rule: rule}},
		engine.SetAlarmState{Scope: s, Name: "another", State: alarm.InAlarm},
		engine.SetAlarmActions{Scope: s, Names: []string{"another"}},
		engine.TagAlarm{Scope: s, Name: "another", Add: map[string]string{"k": "v"}},
		engine.Notified{Scope: s, Alarm: "another"},
		engine.LoadHistory{Scope: s, Target: key, Policy: "soon", Past: scaling.PastLoad{Load: []scaling.HourValue{{Value: 0x1p359}}}},
		engine.PutCompositeAlarm{Scope: s, Alarm: alarm.Composite{Name: "above", Rule: `ALARM("another") OR NOT OK("top")`}},
		engine.PromQLEvaluated{Scope: s, Alarm: "another", Query: "up", At: populated},
		engine.InstancesEjected{Key: variant, Ejected: []engine.Ejection{{ID: hosting.CopyID(instance), Since: populated, Times: 1, Reason: "it fails"}}},
		engine.WakeRequested{Key: variant},
		engine.UpdateGroup{Scope: s, Update: scaling.GroupUpdate{Key: key, Min: &two}},
		engine.SetDesiredCapacity{Scope: s, Key: key, Desired: 4},
		engine.PutGroupPolicy{Scope: s, Input: policy.GroupInput{Key: key, Name: "hold", Type: policy.GroupTracking, TargetTracking: &tracking.Config{
			TargetValue: 1e108, Customized: queue,
		}}},
		engine.ExecuteGroupPolicy{Scope: s, Execution: scaling.Execution{Key: key, Policy: "steps", Metric: new(2.0), Threshold: new(1.0)}},
		engine.SetGroupProcesses{Scope: s, Key: key, Suspend: true},
		engine.PutGroupSchedule{Scope: s, Input: scaling.GroupScheduleInput{Key: key, Name: "noon", Recurrence: "0 12 * * *", Desired: &two}},
		engine.DeleteGroupSchedule{Scope: s, Key: key, Name: "noon"},
		engine.PutScheduledAction{Scope: s, Input: scaling.ScheduleInput{Key: key, Name: "tide", Schedule: "rate(1 minute)", Range: &scaling.Range{Min: &two}}},
		engine.DeleteScheduledAction{Scope: s, Key: key, Name: "tide"},
		engine.PutMuteRule{Scope: s, Rule: alarm.MuteRule{Name: "night", Expression: "cron(0 2 * * *)", Duration: time.Hour, Alarms: []string{"another"}}},
		engine.DeleteMuteRule{Scope: s, Name: "night"},
		engine.KeepHistory{},
		engine.HistoryKept{Scope: s, Through: populated},
		engine.DeleteGroupPolicy{Scope: s, Key: key, Name: "hold"},
		engine.DeleteScalingPolicy{Scope: s, Key: key, Name: "queue"},
		engine.DeleteAlarms{Scope: s, Names: []string{"above"}},
		engine.DeregisterScalableTarget{Scope: s, Key: key},
		engine.DeleteEndpoint{Key: engine.EndpointKey{Scope: s, Endpoint: "e"}},
	}
}

// again is the engine that a state leads to, written down and read.
func again(t testing.TB, state []byte) *engine.Engine {
	t.Helper()
	var s engine.State
	if err := json.Unmarshal(state, &s); err != nil {
		t.Fatal(err)
	}
	return restored(t, s)
}

// line is an input as a journal has it, and what it led to.
type line struct {
	at         time.Time
	kind       reflect.Type
	body       []byte
	eventsJSON []byte
}

// take steps an engine through an input and, where that is taken, writes down both and the events.
func take(t testing.TB, e *engine.Engine, at time.Time, in engine.Input) (x line, taken bool) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		return x, false // a controller refuses it before the step
	}
	out, err := e.Step(at, in)
	if err != nil {
		return x, false
	}
	eventsJSON, err := json.Marshal(out.Events)
	if err != nil {
		t.Fatalf("%s leads to what cannot be written: %v", body, err)
	}
	return line{at, reflect.TypeOf(in), body, eventsJSON}, true
}

// replayed holds an engine that reads the lines to the one that wrote them.
func replayed(t *testing.T, state []byte, lines []line, want *engine.Engine) {
	t.Helper()
	e := again(t, state)
	for _, x := range lines {
		in := reflect.New(x.kind)
		if err := json.Unmarshal(x.body, in.Interface()); err != nil {
			t.Fatalf("%s cannot be read: %v", x.body, err)
		}
		y, taken := take(t, e, x.at, in.Elem().Interface().(engine.Input))
		if !taken || !bytes.Equal(x.eventsJSON, y.eventsJSON) || !bytes.Equal(x.body, y.body) {
			t.Fatalf("%s is taken: %v; it led to\n%s\nand leads to\n%s", x.body, taken, x.eventsJSON, y.eventsJSON)
		}
	}
	after := encoded(t, want)
	if got := encoded(t, e); !bytes.Equal(got, after) {
		t.Fatalf("the replay leads to\n%s\nwant\n%s", got, after)
	}
	if got := encoded(t, again(t, after)); !bytes.Equal(got, after) {
		t.Fatalf("the state reads as\n%s\nwant\n%s", got, after)
	}
}

// passing are ticks after an input: alarms are evaluated, capacities decided, actions run.
var passing = []time.Duration{10 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 16 * time.Minute}

// run steps inputs in an engine filled by populate, advances time, and replays everything.
func run(t *testing.T, state []byte, inputs ...engine.Input) (taken []bool) {
	t.Helper()
	e := again(t, state)
	var lines []line
	for i, in := range inputs {
		x, ok := take(t, e, populated.Add(time.Duration(i)*time.Second), in)
		if ok {
			lines = append(lines, x)
		}
		taken = append(taken, ok)
	}
	now := populated.Add(time.Duration(len(inputs)) * time.Second)
	for _, d := range passing {
		if x, ok := take(t, e, now.Add(d), engine.Tick{}); ok {
			lines = append(lines, x)
		}
	}
	replayed(t, state, lines, e)
	return taken
}

// settled is the engine that populate leads to, and its state.
func settled(t testing.TB) (state []byte, e *engine.Engine) {
	e = engine.New(engine.Config{Seed: 3})
	populate(t, e, scope)
	for _, l := range e.Level().Levels { // so that the endpoint is at rest
		for _, i := range l.Instances {
			report := hosting.InstanceReport{ID: i.ID, State: hosting.FleetReady, Address: "192.0.2.1:1"}
			if i.Draining {
				report.State = hosting.FleetGone
			}
			if _, err := e.Step(populated, engine.Reported{Report: report}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return encoded(t, e), e
}

// Inputs of every kind, one after the other, are written, read and decided again as they were.
func TestEveryInputReplays(t *testing.T) {
	state, e := settled(t)
	inputs := accepted(e)
	missing := map[reflect.Type]bool{}
	for _, in := range engine.Inputs() {
		missing[reflect.TypeOf(in)] = true
	}
	runs := [][]engine.Input{inputs}
	for i := range inputs { // an endpoint that is changed by one is not changed by the next
		runs = append(runs, []engine.Input{inputs[i]})
	}
	for _, inputs := range runs {
		for i, ok := range run(t, state, inputs...) {
			if ok {
				delete(missing, reflect.TypeOf(inputs[i]))
			}
		}
	}
	for kind := range missing {
		t.Errorf("no %s is taken", kind.Name())
	}
}

// extremes are numbers that clients may send where JSON has a number.
var extremes = []float64{-1, 0, 1e-108, 1e-300, 0x1p359, 0x1p360, 0x1p361, math.MaxFloat64, math.MaxInt64, math.MinInt64, 1e6}

// FuzzReplay takes an input of any kind, as JSON, into an engine with one of everything. No input makes it panic, or leads to what cannot
// be written; a second engine that reads what was written comes to the same state, byte for byte.
func FuzzReplay(f *testing.F) {
	state, e := settled(f)
	kinds := map[string]reflect.Type{}
	for _, in := range engine.Inputs() {
		kinds[reflect.TypeOf(in).Name()] = reflect.TypeOf(in)
	}
	add := func(in engine.Input) {
		if body, err := json.Marshal(in); err == nil {
			f.Add(reflect.TypeOf(in).Name(), body, "", 0)
		}
	}
	for _, in := range accepted(e) {
		add(in)
		body, err := json.Marshal(in)
		if err != nil {
			f.Fatal(err)
		}
		n := numbers(body)
		for place := range n {
			f.Add(reflect.TypeOf(in).Name(), body, "", 1+place*len(extremes)+place%len(extremes))
		}
	}
	for _, all := range refusals(scope, true) {
		for _, in := range all {
			add(in)
		}
	}
	tracking := []byte(`{"Scope":{"Account":"123456789012","Region":"us-east-1"},"Input":{"Key":{"Namespace":"sagemaker"}}}`)
	f.Add("PutScalingPolicy", tracking, "PutMetricData", 0)
	f.Fuzz(func(t *testing.T, kind string, body []byte, second string, edit int) {
		var inputs []engine.Input
		for _, name := range []string{kind, second} {
			if k, found := kinds[name]; found {
				in := reflect.New(k)
				if err := json.Unmarshal(edited(body, edit), in.Interface()); err != nil {
					return
				}
				inputs = append(inputs, in.Elem().Interface().(engine.Input))
			}
		}
		run(t, state, inputs...)
	})
}

// numbers counts the numbers of a JSON text.
func numbers(body []byte) (n int) {
	d := json.NewDecoder(bytes.NewReader(body))
	for {
		token, err := d.Token()
		if err != nil {
			return n
		}
		if _, is := token.(float64); is {
			n++
		}
	}
}

// edited is a JSON text, one of whose numbers is replaced by an extreme one: which by which is what edit says; 0 is none.
func edited(body []byte, edit int) []byte {
	if edit <= 0 {
		return body
	}
	place, by := (edit-1)/len(extremes), extremes[(edit-1)%len(extremes)]
	d := json.NewDecoder(bytes.NewReader(body))
	for n := 0; ; {
		token, err := d.Token()
		if err != nil {
			return body
		}
		old, is := token.(float64)
		if !is {
			continue
		}
		if n++; n <= place {
			continue
		}
		end := d.InputOffset()
		was, err := json.Marshal(old)
		if err != nil {
			return body
		}
		begin := end - int64(len(was))
		if begin < 0 || !bytes.Equal(body[begin:end], was) {
			return body
		}
		text, err := json.Marshal(by)
		if err != nil {
			return body
		}
		return append(append(bytes.Clone(body[:begin]), text...), body[end:]...)
	}
}
