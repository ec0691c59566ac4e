package server

import (
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/machine"
	"bellows.dev/bellows/sim"
)

// A fleet gets a group for each generation, and instances the resources of their types.
func TestLevelsForFleets(t *testing.T) {
	key := engine.VariantKey{Scope: engine.Scope{Account: "123456789012", Region: "us-east-1"}, Endpoint: "e", Variant: "v"}
	one := []hosting.InstanceSpec{{ID: "i-1", InstanceType: "ml.g5.xlarge"}}
	two := []hosting.InstanceSpec{{ID: "i-2", InstanceType: "ml.unknown"}}
	got := fleetLevels([]engine.FleetLevel{{Key: key, Generation: 1, Instances: one}, {Key: key, Generation: 2, Instances: two}},
		machine.New(machine.Options{Types: machine.Table()}))
	if len(got) != 2 || got[0].Group != "123456789012/us-east-1/e/v/1" || got[1].Group != "123456789012/us-east-1/e/v/2" {
		t.Fatalf("%+v", got)
	}
	if r := got[0].Instances[0].Resources; r != (hosting.Resources{VCPUs: 4, Memory: 16 << 30, GPUs: 1}) {
		t.Errorf("ml.g5.xlarge has %+v", r)
	}
	if r := got[1].Instances[0].Resources; r != (hosting.Resources{}) {
		t.Errorf("an unknown type has %+v", r)
	}
}

// The page and its JSON say how far the copies are that start.
func TestStartsAreOnThePage(t *testing.T) {
	w := sim.NewWorld(engine.Config{Seed: 7}, time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC))
	for _, in := range []engine.Input{
		engine.CreateModel{Scope: inScope, Model: hosting.Model{Name: "m"}},
		engine.CreateEndpointConfig{Scope: inScope, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
			{Name: "v", Model: "m", InitialCount: 2, InitialWeight: 1, InstanceType: "ml.m5.large"},
		}}},
		engine.CreateEndpoint{Key: engine.EndpointKey{Scope: inScope, Endpoint: "new"}, Config: "c"},
	} {
		if _, err := w.Do(in); err != nil {
			t.Fatal(err)
		}
	}
	for n, i := range w.Engine.Region(inScope).Hosting.Endpoints["new"].Variants[0].Instances {
		s := hosting.Stages{Asked: w.Now, Scheduled: w.Now}
		if n == 1 {
			s.Started = w.Now
		}
		if _, err := w.Do(engine.Reported{Report: hosting.InstanceReport{ID: i.ID, State: hosting.FleetStarting, Stages: s}}); err != nil {
			t.Fatal(err)
		}
	}
	st := status{Status: "ok"}
	st.look(w.Engine)
	var html strings.Builder
	if err := writePage(&html, &st); err != nil {
		t.Fatal(err)
	}
	if got := st.Endpoints[0].Starting; got != "1 scheduled, 1 started" || !strings.Contains(html.String(), `<td class="n">0 <small>(1 scheduled, 1 started)</small><td class="n">2`) {
		t.Errorf("starting: %q\n%s", got, html.String())
	}
}
