package engine_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension"
	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/example"
)

// twin is a dimension whose resource IDs are those of another.
type twin struct{ instancecount.Dimension }

func (twin) Name() scaling.Dimension { return "example:variant:DesiredInstanceCount" }

// watching is the example's rule over a metric of its target's dimension.
type watching struct{ queueRule }

type queueRule = example.Rule

func (*watching) Type() scaling.Type       { return watchingType{} }
func (r *watching) Config() scaling.Config { return r }
func (r *watching) Rule() scaling.Rule     { return r }

func (*watching) Windows(k scaling.TargetKey) []scaling.MetricWindow {
	return []scaling.MetricWindow{{
		Metric: metric.NewID("App", k.Dimension.Namespace()), Statistic: metric.Statistic{Kind: metric.Maximum}, Period: time.Minute, Periods: 1,
	}}
}

type watchingType struct{ example.Type }

func (watchingType) Name() string      { return "Watching" }
func (watchingType) New() scaling.Rule { return &watching{} }

func (watchingType) Put(p scaling.Put) (scaling.Rule, error) {
	return &watching{example.Rule{Each: p.Config.(*watching).Each, Due: p.Now.Add(time.Minute)}}, nil
}

// Targets of one resource in two dimensions have windows of their own: repeated by readings instead of metrics, and restored from a snapshot, each
// policy sees its own. A snapshot and readings of versions whose windows were named without the dimension are read as before.
func TestWindowsOfTwoDimensionsOfAResource(t *testing.T) {
	instances := scaling.VariantTarget("e", "v")
	other := scaling.TargetKey{ResourceID: instances.ResourceID, Dimension: twin{}.Name()}
	config := engine.Config{Seed: 1, Policies: append(policy.Types(), watchingType{}), Dimensions: append(dimension.All(), twin{})}
	live, now := engine.New(config), ten
	step := func(in engine.Input) engine.Output {
		t.Helper()
		out, err := live.Step(now, in)
		if err != nil {
			t.Fatalf("%T: %v", in, err)
		}
		return out
	}
	one, nine := 1, 9
	step(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}})
	step(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
		{Name: "v", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	step(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "e"}, Config: "c"})
	for key, queue := range map[scaling.TargetKey]float64{instances: 10, other: 30} {
		step(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: key, Min: &one, Max: &nine}})
		step(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
			Key: key, Name: "queue", Type: watchingType{}, Configs: []scaling.Config{&watching{queueRule{Each: 5}}},
		}})
		datum := metric.Datum{ID: metric.NewID("App", key.Dimension.Namespace()), At: now, Resolution: metric.StandardResolution, Unit: "None"}
		datum.Summary.Add(queue, 1)
		step(engine.PutMetricData{Scope: scope, Data: []metric.Datum{datum}})
	}
	before, err := json.Marshal(live.State())
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(90 * time.Second)
	var readings []engine.Reading
	for _, x := range step(engine.Tick{}).Evaluated {
		r := x.Reading()
		r.Recent = append([]float64(nil), r.Recent...)
		readings = append(readings, r)
	}
	after, err := json.Marshal(live.State())
	if err != nil {
		t.Fatal(err)
	}
	wants := func(what string, e *engine.Engine, want map[scaling.TargetKey]int) {
		t.Helper()
		for key, n := range want {
			d, _, ok := e.Region(scope).Consider(now, key)
			if !ok || len(d.Proposals) != 1 || d.Proposals[0].Wanted != n {
				t.Errorf("%s: %s: %+v, want %d", what, key.Dimension, d.Proposals, n)
			}
		}
	}
	restored := func(text string) *engine.Engine {
		t.Helper()
		var s engine.State
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		s.Config.Policies, s.Config.Dimensions = config.Policies, config.Dimensions
		e, err := engine.FromState(s)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	repeated := func(all []engine.Reading) *engine.Engine {
		t.Helper()
		e := restored(string(before))
		if _, err := e.StepWithReadings(now, engine.Tick{}, all); err != nil {
			t.Fatal(err)
		}
		return e
	}
	both := map[scaling.TargetKey]int{instances: 2, other: 6}
	wants("live", live, both)
	wants("restored", restored(string(after)), both)
	wants("repeated", repeated(readings), both)

	only := map[scaling.TargetKey]int{instances: 2}
	earlier := func(name string) string { return strings.Replace(name, string(instances.Dimension)+" ", "", 1) }
	wants("restored from an earlier snapshot", restored(strings.ReplaceAll(string(after),
		"policy queue of "+string(instances.Dimension)+" ", "policy queue of ")), only)
	for i := range readings {
		readings[i].Alarm = earlier(readings[i].Alarm)
	}
	wants("repeated by earlier readings", repeated(readings), only)
}
