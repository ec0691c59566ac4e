package scenario_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension"
	"bellows.dev/bellows/engine/dimension/example"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/predictive"
	"bellows.dev/bellows/scaling/policy/tracking"
	"bellows.dev/bellows/scenario"
	"bellows.dev/bellows/sim"
)

// whole is a scenario of the example's dimension.
const whole = `# Twenty messages at four for each instance need five instances, which are spread over the endpoint's two variants.
endpoint chat variant=blue,green instances=1 start=60s
run 2m
----
0:00:00 endpoint chat: Creating
0:01:00 endpoint chat: InService

target endpoint/none dimension=example:endpoint:DesiredInstanceCount min=3 max=10
target endpoint/chat dimension=example:endpoint:DesiredInstanceCount min=3 max=10
policy queue on endpoint/chat dimension=example:endpoint:DesiredInstanceCount type=QueueLength each=4
messages
metric App/Queue 20x3
consider endpoint/chat dimension=example:endpoint:DesiredInstanceCount
show chat
deregister endpoint/chat dimension=example:endpoint:DesiredInstanceCount
----
0:02:00 refused: could not find endpoint "none"
0:02:00 activity Pending: Setting desired instance count to 3. Cause: minimum capacity was set to 3
0:02:00 endpoint chat: Updating
0:02:00 activity InProgress: Setting desired instance count to 3.
0:03:00 decision desired 3: queue: no data
0:03:00 endpoint chat: InService
0:03:00 activity Successful: Setting desired instance count to 3.
0:03:00   Successfully set desired instance count to 3. Change successfully fulfilled by example.
0:04:00 decision desired 3 -> 5: queue: wanted 5 = ceil(queue / each), queue 20, each 4
0:04:00 activity Pending: Setting desired instance count to 5. Cause: policy queue asked for a capacity of 5
0:04:00 endpoint chat: Updating
0:04:00 activity InProgress: Setting desired instance count to 5.
0:04:00   Successfully set desired instance count to 5. Waiting for change to be fulfilled by example.
0:05:00 decision desired 5: queue: wanted 5 = ceil(queue / each), queue 20, each 4; desired is 5 already
0:05:00 endpoint chat: InService
0:05:00 activity Successful: Setting desired instance count to 5.
0:05:00   Successfully set desired instance count to 5. Change successfully fulfilled by example.
0:05:00 consider desired 5: queue: wanted 5 = ceil(queue / each), queue 20, each 4; desired is 5 already
0:05:00 endpoint chat: InService, config chat, blue has 3 of 3 ml.m5.large
0:05:00 endpoint chat: InService, config chat, green has 2 of 2 ml.m5.large
`

var withEndpoints = append(dimension.All(), example.Dimension{})

// A dimension that is a folder and a line in a list of dimensions is registered, scaled by policies and explained.
func TestADimensionIsAFolderAndALine(t *testing.T) {
	got, err := scenario.RunWith(whole, scenario.Options{Policies: withExample, Dimensions: withEndpoints})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(whole, got.Text); diff != "" {
		t.Errorf("-expected +happened:\n%s", diff)
	}
	without, err := scenario.RunWith(whole, scenario.Options{Policies: withExample})
	if err == nil || !strings.Contains(err.Error(), "nothing scales endpoint/chat") {
		t.Errorf("without the line: %v\n%s", err, without.Text)
	}
}

// line is an input as a journal has it.
type line struct {
	at   time.Time
	kind engine.Input
	text []byte
}

// endpointWorld returns a world whose inputs are recorded, with an endpoint of two variants whose instances a target of the example's dimension
// scales by a predefined metric of it.
func endpointWorld(t *testing.T) (world *sim.World, journal *[]line, events *[]string) {
	t.Helper()
	journal, events = &[]line{}, &[]string{}
	world = sim.NewWorld(engine.Config{Seed: 1, Dimensions: withEndpoints}, time.Unix(1_767_225_600, 0).UTC())
	world.OnInput = func(now time.Time, in engine.Input) {
		text, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		*journal = append(*journal, line{now, in, text})
	}
	world.OnEvent = func(_ time.Time, e engine.Event) { *events = append(*events, e.String()) }
	must := func(in engine.Input) {
		t.Helper()
		if _, err := world.Do(in); err != nil {
			t.Fatalf("%T: %v", in, err)
		}
	}
	scope := engine.Scope{Account: "123456789012", Region: "us-east-1"}
	key, two, ten := scaling.TargetKey{ResourceID: "endpoint/e", Dimension: example.Dimension{}.Name()}, 2, 10
	must(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}})
	config := hosting.EndpointConfig{Name: "c"}
	for _, name := range []string{"blue", "green"} {
		config.Variants = append(config.Variants, hosting.VariantConfig{
			Name: name, Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large",
		})
	}
	must(engine.CreateEndpointConfig{Scope: scope, Config: config})
	must(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "e"}, Config: "c"})
	if err := world.Run(3 * time.Minute); err != nil {
		t.Fatal(err)
	}
	must(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: key, Min: &two, Max: &ten}})
	must(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
		Key: key, Name: "queue", Type: tracking.Type{}, Configs: []scaling.Config{&tracking.Config{
			TargetValue: 4, Predefined: &tracking.PredefinedSpec{Metric: "ExampleEndpointQueue"},
		}},
	}})
	id := metric.NewID("App", "Queue", metric.Dimension{Name: "EndpointName", Value: "e"})
	for range 6 {
		datum := metric.Datum{ID: id, At: world.Now, Resolution: metric.StandardResolution, Unit: "None"}
		datum.Summary.Add(10, 1)
		must(engine.PutMetricData{Scope: scope, Data: []metric.Datum{datum}})
		if err := world.Run(time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	return world, journal, events
}

// forecastWorld is endpointWorld with two days of messages: 20 a minute, 4 on each of 5 instances, which were busy for 40 %.
func forecastWorld(t *testing.T, dimensions dimension.List) (world *sim.World, events *[]string, put func(name string, s predictive.Spec) error) {
	t.Helper()
	events = &[]string{}
	world = sim.NewWorld(engine.Config{Seed: 1, Dimensions: dimensions}, time.Unix(1_767_225_600, 0).UTC())
	world.OnEvent = func(_ time.Time, e engine.Event) { *events = append(*events, e.String()) }
	for minute := range 48 * 60 {
		for name, v := range map[string]float64{"Messages": 20, "PerInstance": 4, "Busy": 40} {
			var s metric.Summary
			s.Add(v, 1)
			world.Remember(metric.NewID("App", name, metric.Dimension{Name: "EndpointName", Value: "e"}),
				world.Now.Add(-time.Duration(minute+1)*time.Minute), s)
		}
	}
	must := func(in engine.Input) {
		t.Helper()
		if _, err := world.Do(in); err != nil {
			t.Fatalf("%T: %v", in, err)
		}
	}
	scope := engine.Scope{Account: "123456789012", Region: "us-east-1"}
	key, one, thirty := scaling.TargetKey{ResourceID: "endpoint/e", Dimension: example.Dimension{}.Name()}, 1, 30
	must(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}})
	must(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
		{Name: "blue", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	must(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "e"}, Config: "c"})
	if err := world.Run(3 * time.Minute); err != nil {
		t.Fatal(err)
	}
	must(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: key, Min: &one, Max: &thirty}})
	return world, events, func(name string, s predictive.Spec) error {
		_, err := world.Do(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
			Key: key, Name: name, Type: predictive.Type{}, Configs: []scaling.Config{&predictive.Config{
				Mode: predictive.ForecastAndScale, Specs: []predictive.Spec{s},
			}},
		}})
		return err
	}
}

// Predictive scaling works on any dimension that has metrics for forecasts (scaling.Forecastable): on its pairs, and on customized metrics with the
// capacity that it provides.
func TestADimensionHasForecasts(t *testing.T) {
	busy := []metric.DataQuery{{ID: "busy", Stat: &metric.MetricStat{
		Metric:    metric.NewID("App", "Busy", metric.Dimension{Name: "EndpointName", Value: "e"}),
		Statistic: metric.Statistic{Kind: metric.Average},
	}}}
	for _, x := range []struct {
		name string
		spec predictive.Spec
		want string
	}{
		// 20 messages a minute at 2 on each instance
		{"pair", predictive.Spec{TargetValue: 2, Pair: &predictive.Metric{Type: "ExampleEndpointMessages"}}, "10"},
		// 40 % on 5 instances are 10 % on 20
		{"metrics", predictive.Spec{TargetValue: 10, Load: &predictive.Metric{Type: "ExampleEndpointTotalMessages"}, CustomScaling: busy}, "20"},
	} {
		t.Run(x.name, func(t *testing.T) {
			world, events, put := forecastWorld(t, withEndpoints)
			if err := put("ahead", x.spec); err != nil {
				t.Fatal(err)
			}
			if err := world.Run(5 * time.Minute); err != nil {
				t.Fatal(err)
			}
			all := strings.Join(*events, "\n")
			for _, want := range []string{
				"policy ahead of endpoint/e expects to need " + x.want + " to " + x.want + " from 48 hours of history",
				"activity endpoint/e Successful: Setting desired instance count to " + x.want + ".",
			} {
				if !strings.Contains(all, want) {
					t.Errorf("%q is not among\n%s", want, all)
				}
			}
		})
	}
}

// withoutForecasts is the example's dimension without metrics for forecasts.
type withoutForecasts struct{ dimension.Dimension }

// A dimension that provides no metrics for forecasts refuses predictive scaling policies, and one that does refuses the metrics of others.
func TestADimensionWithoutForecastsRefusesThem(t *testing.T) {
	pair := predictive.Spec{TargetValue: 2, Pair: &predictive.Metric{Type: "ExampleEndpointMessages"}}
	_, _, put := forecastWorld(t, dimension.List{withoutForecasts{example.Dimension{}}})
	const refusal = "Predictive scaling is not supported for scalable dimension example:endpoint:DesiredInstanceCount"
	if err := put("ahead", pair); err == nil || err.Error() != refusal {
		t.Errorf("got %v, want %s", err, refusal)
	}
	_, _, put = forecastWorld(t, withEndpoints)
	pair.Pair = &predictive.Metric{Type: "SageMakerVariantInvocations"}
	const only = "Scalable dimension example:endpoint:DesiredInstanceCount only supports the following predefined metric pairs: ExampleEndpointMessages"
	if err := put("ahead", pair); err == nil || err.Error() != only {
		t.Errorf("got %v, want %s", err, only)
	}
}

// Requests, snapshots and journals have targets of any dimension: an engine that is restored, and one that repeats the journal, decide as the
// first one did.
func TestADimensionSurvivesSnapshotAndJournal(t *testing.T) {
	world, journal, events := endpointWorld(t)
	scaled := false
	for _, e := range *events {
		scaled = scaled || strings.Contains(e, "activity endpoint/e Successful: Setting desired instance count to 5.")
	}
	if !scaled { // 10 of a target of 4 at 2 instances: ceil(2 * 10 / 4) = 5
		t.Errorf("no activity of endpoint/e in:\n%s", strings.Join(*events, "\n"))
	}
	text, err := json.Marshal(world.Engine.State())
	if err != nil {
		t.Fatal(err)
	}
	var state engine.State
	if err := json.Unmarshal(text, &state); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.FromState(state); err == nil || !strings.Contains(err.Error(), "example:endpoint") {
		t.Errorf("restored without the dimension: %v", err)
	}
	state = engine.State{}
	if err := json.Unmarshal(text, &state); err != nil {
		t.Fatal(err)
	}
	state.Config.Dimensions = withEndpoints
	restored, err := engine.FromState(state)
	if err != nil {
		t.Fatal(err)
	}
	repeated := engine.New(engine.Config{Seed: 1, Dimensions: withEndpoints})
	var again []string
	for _, l := range *journal {
		in := decoded(t, l)
		out, err := repeated.Step(l.at, in)
		if err != nil {
			t.Fatalf("%s: %v", l.text, err)
		}
		for _, e := range out.Events {
			again = append(again, e.String())
		}
	}
	if diff := cmp.Diff(*events, again); diff != "" {
		t.Errorf("-happened +repeated:\n%s", diff)
	}
	at := world.Now.Add(70 * time.Second)
	want := stepped(t, world.Engine, at)
	if !strings.Contains(want, "decision") || stepped(t, restored, at) != want || stepped(t, repeated, at) != want {
		t.Errorf("the restored engine or the one that repeated the journal does not decide as the first:\n%s", want)
	}
}

// decoded reads an input as a journal does.
func decoded(t *testing.T, l line) engine.Input {
	t.Helper()
	in := reflect.New(reflect.TypeOf(l.kind))
	if err := json.Unmarshal(l.text, in.Interface()); err != nil {
		t.Fatalf("%s: %v", l.text, err)
	}
	return in.Elem().Interface().(engine.Input)
}

// stepped returns the events of a Tick.
func stepped(t *testing.T, e *engine.Engine, at time.Time) string {
	t.Helper()
	out, err := e.Step(at, engine.Tick{})
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, x := range out.Events {
		all.WriteString(x.String() + "\n")
	}
	return all.String()
}
