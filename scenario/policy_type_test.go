package scenario_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/example"
	"bellows.dev/bellows/scenario"
	"bellows.dev/bellows/sim"
)

// queue is a scenario of the example's policy type.
const queue = `# Twelve messages at five for each instance need three instances; the policy looks once a minute.
endpoint chat variant=blue instances=1 start=60s
run 2m
----
0:00:00 endpoint chat: Creating
0:01:00 endpoint chat: InService

target chat/blue min=1 max=10
policy empty on chat/blue type=QueueLength each=0
policy queue on chat/blue type=QueueLength each=5
metric App/Queue 12x3
consider chat/blue
----
0:02:00 refused: Each must be greater than 0
0:03:00 decision desired 1: queue: no data
0:04:00 decision desired 1 -> 3: queue: wanted 3 = ceil(queue / each), queue 12, each 5
0:04:00 activity Pending: Setting desired instance count to 3. Cause: policy queue asked for a capacity of 3
0:04:00 endpoint chat: Updating
0:04:00 activity InProgress: Setting desired instance count to 3.
0:05:00 decision desired 3: queue: wanted 3 = ceil(queue / each), queue 12, each 5; desired is 3 already
0:05:00 endpoint chat: InService
0:05:00 activity Successful: Setting desired instance count to 3.
0:05:00 consider desired 3: queue: wanted 3 = ceil(queue / each), queue 12, each 5; desired is 3 already
`

var withExample = append(policy.Types(), example.Type{})

// A policy type that is a folder and a line in a list of types decides, is explained and scales, in a scenario as anywhere.
func TestAPolicyTypeIsAFolderAndALine(t *testing.T) {
	got, err := scenario.RunWith(queue, scenario.Options{Policies: withExample})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(queue, got.Text); diff != "" {
		t.Errorf("-expected +happened:\n%s", diff)
	}
	if _, err := scenario.Run(queue); err == nil || !strings.Contains(err.Error(), "policy type QueueLength") {
		t.Errorf("without the line: %v", err)
	}
}

// Requests, snapshots and journals have a policy of any type: an engine that is restored decides as the one that was not.
func TestAPolicyTypeSurvivesSnapshotAndJournal(t *testing.T) {
	world := sim.NewWorld(engine.Config{Seed: 1, Policies: withExample}, time.Unix(1_767_225_600, 0).UTC())
	must := func(in engine.Input) {
		t.Helper()
		if _, err := world.Do(in); err != nil {
			t.Fatalf("%T: %v", in, err)
		}
	}
	scope := engine.Scope{Account: "123456789012", Region: "us-east-1"}
	key, one, ten := scaling.VariantTarget("e", "v"), 1, 10
	must(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}})
	must(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
		{Name: "v", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	must(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "e"}, Config: "c"})
	if err := world.Run(3 * time.Minute); err != nil {
		t.Fatal(err)
	}
	must(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: key, Min: &one, Max: &ten}})
	in := engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
		Key: key, Name: "queue", Type: example.Type{}, Configs: []scaling.Config{&example.Rule{Each: 5}},
	}}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var line engine.PutScalingPolicy
	if err := json.Unmarshal(text, &line); err != nil {
		t.Fatal(err)
	}
	must(line)
	datum := metric.Datum{ID: metric.NewID("App", "Queue"), At: world.Now, Resolution: metric.StandardResolution, Unit: "None"}
	datum.Summary.Add(12, 1)
	must(engine.PutMetricData{Scope: scope, Data: []metric.Datum{datum}})
	if text, err = json.Marshal(world.Engine.State()); err != nil {
		t.Fatal(err)
	}
	var state engine.State
	if err := json.Unmarshal(text, &state); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.FromState(state); err == nil || !strings.Contains(err.Error(), "QueueLength") {
		t.Errorf("restored without the type: %v", err)
	}
	if err := json.Unmarshal(text, &state); err != nil {
		t.Fatal(err)
	}
	state.Config.Policies = withExample
	restored, err := engine.FromState(state)
	if err != nil {
		t.Fatal(err)
	}
	at := world.Now.Add(2 * time.Minute)
	want, err := world.Engine.Step(at, engine.Tick{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := restored.Step(at, engine.Tick{})
	if err != nil {
		t.Fatal(err)
	}
	acted := false
	for i := range want.Events {
		if i >= len(got.Events) || got.Events[i].String() != want.Events[i].String() {
			t.Errorf("event %d differs from %s", i, want.Events[i])
		}
		d, is := want.Events[i].(engine.Decided)
		acted = acted || is && d.Decision.Acted && d.Decision.Want == 3
	}
	if !acted {
		t.Errorf("no decision for 3 instances in %v", want.Events)
	}
}

// The examples in CONTRIBUTING.md are the code of the packages named example.
func TestTheExamplesOfContributingAreCode(t *testing.T) {
	doc, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	rest := string(doc)
	for _, file := range []string{"scaling/policy/example/example.go", "engine/dimension/example/example.go"} {
		code, err := os.ReadFile("../" + file)
		if err != nil {
			t.Fatal(err)
		}
		_, after, found := strings.Cut(rest, "```go\n")
		shown, after, closed := strings.Cut(after, "```\n")
		rest = after
		if !found || !closed || strings.Count(shown, "\n") < 15 || !strings.Contains(string(code), shown) {
			t.Errorf("CONTRIBUTING.md shows other code than %s has:\n%s", file, shown)
		}
	}
}
