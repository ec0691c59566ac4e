package sim_test

import (
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/sim"
)

// A simulated fleet reports the stages of its starts as a server's does, if it is to: the copies have them, and their times are published under
// AWS's names.
func TestSimulatedStartsReportTheirStages(t *testing.T) {
	for _, x := range []struct {
		stages                   bool
		startup, download        time.Duration
		fetched, contained, cold float64 // -1: not published
	}{
		{true, 90 * time.Second, 30 * time.Second, 30, 60, 90},
		{true, 20 * time.Second, 0, -1, 20, 20},
		{true, 20 * time.Second, time.Minute, 20, 0, 20},
		{true, time.Second, time.Second, 1, 0, 1},
		{false, 90 * time.Second, 30 * time.Second, -1, -1, -1},
	} {
		w := sim.NewWorld(engine.Config{Seed: 1}, started)
		w.Stages, w.Startup, w.Download = x.stages, x.startup, x.download
		for _, in := range []engine.Input{
			engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}},
			engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
				{Name: "v", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
			}}},
			engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "e"}, Config: "c"},
		} {
			if _, err := w.Do(in); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Run(2 * time.Minute); err != nil {
			t.Fatal(err)
		}
		c := w.Engine.Region(scope).Hosting.Endpoints["e"].Variants[0].Instances[0].Copies[0]
		if took := c.Stages.Healthy.Sub(c.Stages.Asked); !c.Ready || x.stages && took != x.startup || !x.stages && c.Stages != (hosting.Stages{}) {
			t.Errorf("%+v: the copy has %+v", x, c.Stages)
		}
		for name, want := range map[string]float64{"ModelDownloadTime": x.fetched, "ContainerStartDuration": x.contained, "ColdStartDuration": x.cold} {
			got := -1.0
			id := metric.NewID("/aws/sagemaker/Endpoints", name, metric.Dimension{Name: "EndpointName", Value: "e"}, metric.Dimension{Name: "VariantName", Value: "v"})
			if s := w.Engine.Region(scope).Metrics.Find(id); s != nil {
				s.Range(started.Unix(), started.Add(time.Hour).Unix(), func(b metric.BucketState) { got = b.Summary.Sum })
			}
			if got != want {
				t.Errorf("%+v: %s is %g, want %g", x, name, got, want)
			}
		}
	}
}
