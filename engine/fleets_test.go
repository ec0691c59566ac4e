package engine_test

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// changed is an engine that goes on where a world's engine is, after a change of its state as it is written down.
func changed(t *testing.T, w *world, change func(*hosting.Registry)) *engine.Engine {
	t.Helper()
	text, err := json.Marshal(w.engine.State())
	if err != nil {
		t.Fatal(err)
	}
	var s engine.State
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	change(s.Regions[0].Hosting)
	e, err := engine.FromState(s)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// The routes and levels of an endpoint that is updated name both generations. Traffic is with the old one, or shared by weight.
func TestRoutesAndLevelsNameGenerations(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.do(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "next", Variants: []hosting.VariantConfig{
		{Name: "v", Model: "m", InitialCount: 3, InitialWeight: 1, InstanceType: "ml.m5.large", Routing: hosting.RoutingLeastOutstanding},
	}}})
	w.do(engine.UpdateEndpoint{Scope: scope, Update: hosting.Update{Endpoint: "e", Config: "next"}})
	d := w.engine.Region(scope).Hosting.Endpoints["e"].Deployment
	first := d.Variants[0].Instances[0].ID
	w.do(engine.Reported{Report: hosting.InstanceReport{ID: first, State: hosting.FleetReady, Address: "192.0.2.9:1"}})

	level := w.engine.Level()
	if l := level.Levels; len(l) != 2 || l[0].Generation != 1 || len(l[0].Instances) != 2 || l[1].Generation != 2 || len(l[1].Instances) != 3 || l[0].Key != l[1].Key {
		t.Fatalf("levels %+v", l)
	}
	if f := level.Routes[0].Variants[0].Fleets; len(f) != 1 || f[0].Generation != 1 || f[0].Weight != 1 || len(f[0].Copies) != 2 {
		t.Errorf("all at once: %+v", f)
	}
	e := changed(t, w, func(r *hosting.Registry) { r.Endpoints["e"].Deployment.Share = 0.25 })
	f := e.Level().Routes[0].Variants[0].Fleets
	if len(f) != 2 || f[0].Weight != 0.75 || f[1].Generation != 2 || f[1].Weight != 0.25 || f[1].Strategy != engine.RouteLeastOutstanding {
		t.Fatalf("a quarter: %+v", f)
	}
	if c := f[1].Copies; len(c) != 1 || c[0] != (engine.CopyRoute{ID: hosting.CopyID(first), Instance: first, Address: "192.0.2.9:1"}) {
		t.Errorf("the new fleet's copies: %+v", c)
	}

	for _, v := range d.Variants {
		for _, i := range v.Instances {
			w.do(engine.Reported{Report: hosting.InstanceReport{ID: i.ID, State: hosting.FleetReady, Address: "192.0.2.9:1"}})
		}
	}
	route := w.engine.Level().Routes[0].Variants[0]
	if f := route.Fleets; len(f) != 1 || f[0].Generation != 2 || len(f[0].Copies) != 3 {
		t.Errorf("after the update: %+v", f)
	}
}

// While two fleets share a variant's invocations, the load is the reading times the instances of both, as gateways and fleets measure them:
// invocations per instance, concurrency and utilization.
func TestLoadOfSharedFleetsIsReadingTimesCapacity(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		old, next := rapid.IntRange(1, 5).Draw(rt, "old"), rapid.IntRange(2, 6).Draw(rt, "new")
		w, one, many := newWorld(t, 1, old), 1, 60
		key := scaling.VariantTarget("e", "v")
		w.do(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: key, Min: &one, Max: &many}})
		for name, spec := range map[string]tracking.Config{
			"invocations": {TargetValue: 10, Predefined: &tracking.PredefinedSpec{Metric: instancecount.InvocationsPerInstance}},
			"usage": {TargetValue: 10, Customized: &tracking.CustomizedSpec{
				Namespace: "/aws/sagemaker/Endpoints", Name: "CPUUtilization", Statistic: tracking.Average,
				Dimensions: instancecount.Dimension{}.MetricDimensions(key.ResourceID),
			}},
		} {
			w.do(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{Key: key, Name: name, Type: tracking.Type{}, Configs: []scaling.Config{&spec}}})
		}
		w.do(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "next", Variants: []hosting.VariantConfig{
			{Name: "v", Model: "m", InitialCount: next, InitialWeight: 1, InstanceType: "ml.m5.large", StartupTimeout: time.Hour},
		}}})
		w.do(engine.UpdateEndpoint{Scope: scope, Update: hosting.Update{Endpoint: "e", Config: "next"}})
		fresh := w.engine.Region(scope).Hosting.Endpoints["e"].Deployment.Variants[0]
		for _, i := range fresh.Instances[:rapid.IntRange(0, next-1).Draw(rt, "ready")] { // with all of them the deployment would be complete
			w.do(engine.Reported{Report: hosting.InstanceReport{ID: i.ID, State: hosting.FleetReady, Address: "192.0.2.9:1"}})
		}
		share := rapid.SampledFrom([]float64{0, 0.05, 0.5, 0.9}).Draw(rt, "share")
		e := changed(t, w, func(r *hosting.Registry) { r.Endpoints["e"].Deployment.Share = share })
		var routed []hosting.InstanceID // as a gateway has them
		for _, f := range e.Level().Routes[0].Variants[0].Fleets {
			for _, c := range f.Copies {
				routed = append(routed, c.Instance)
			}
		}
		const load = 600.0 // invocations a minute, and percent of a core
		now := w.now
		for range 6 * 6 {
			now = now.Add(10 * time.Second)
			in := engine.Observed{Variants: []engine.VariantObservation{{
				Key: engine.VariantKey{Scope: scope, Endpoint: "e", Variant: "v"}, Invocations: load / 6, InvocationsPerInstance: load / 6 / float64(len(routed)), Answered: load / 6,
			}}}
			for _, x := range e.Region(scope).Hosting.Endpoints["e"].All() {
				for _, i := range x.Instances {
					if u := (engine.InstanceUsage{ID: i.ID, CPUPercent: load / float64(len(routed))}); slices.Contains(routed, i.ID) {
						in.Instances = append(in.Instances, u)
					} else if i.State == hosting.InstanceInService {
						in.Instances = append(in.Instances, engine.InstanceUsage{ID: i.ID}) // it has no part of the load
					}
				}
			}
			if _, err := e.Step(now, in); err != nil {
				rt.Fatal(err)
			}
		}
		d, target, _ := e.Region(scope).Consider(now, key)
		if c := e.Region(scope).Capacity(target); c.Current != len(routed) {
			rt.Fatalf("%d serve, and gateways route to %d", c.Current, len(routed))
		}
		seen := 0
		for _, p := range d.Proposals {
			if p.Formula == scaling.FormulaTracking && p.Served > 0 {
				if got := p.Metric * float64(p.Served); math.Abs(got-load) > 1e-6 {
					rt.Fatalf("policy %s: %g x %d are a load of %g, want %g", p.Policy, p.Metric, p.Served, got, load)
				}
				seen++
			}
		}
		if seen < 2 {
			rt.Fatalf("%d policies read a load: %+v", seen, d.Proposals)
		}
	})
}

// A fleet whose last instance is gone has an empty level once, so that nothing of it is left to run.
func TestAFleetThatIsGoneHasAnEmptyLevel(t *testing.T) {
	w := newWorld(t, 1, 1)
	old := w.variant().Instances[0].ID
	w.do(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "next", Variants: []hosting.VariantConfig{
		{Name: "v", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	w.do(engine.UpdateEndpoint{Scope: scope, Update: hosting.Update{Endpoint: "e", Config: "next"}})
	next := w.engine.Region(scope).Hosting.Endpoints["e"].Deployment.Variants[0].Instances[0].ID
	w.do(engine.Reported{Report: hosting.InstanceReport{ID: next, State: hosting.FleetReady, Address: "192.0.2.9:1"}})
	out, err := w.engine.Step(w.now, engine.Reported{Report: hosting.InstanceReport{ID: old, State: hosting.FleetGone}})
	if err != nil {
		t.Fatal(err)
	}
	if l := out.Effects.Levels; len(l) != 2 || l[0].Generation != 1 || len(l[0].Instances) != 0 || l[1].Generation != 2 || len(l[1].Instances) != 1 {
		t.Errorf("levels %+v", l)
	}
	if l := w.engine.Level().Levels; len(l) != 1 || l[0].Generation != 2 {
		t.Errorf("afterwards: %+v", l)
	}
}

// What the start of a copy took is published under AWS's names, once; a fleet that reports no stages publishes nothing.
func TestStartTimesArePublished(t *testing.T) {
	w, two := newWorld(t, 1, 1), 2
	w.do(engine.UpdateEndpointWeightsAndCapacities{
		Key: engine.EndpointKey{Scope: scope, Endpoint: "e"}, Changes: []hosting.Change{{Variant: "v", Desired: &two}},
	})
	id := w.variant().Instances[1].ID
	find := func(name string) (n int, sum float64) {
		s := w.engine.Region(scope).Metrics.Find(metric.NewID("/aws/sagemaker/Endpoints", name,
			metric.Dimension{Name: "EndpointName", Value: "e"}, metric.Dimension{Name: "VariantName", Value: "v"}))
		if s == nil {
			return 0, 0
		}
		s.Range(ten.Add(-2*time.Hour).Unix(), ten.Add(2*time.Hour).Unix(), func(b metric.BucketState) {
			n, sum = n+int(b.Summary.Count), sum+b.Summary.Sum
		})
		return n, sum
	}
	names := []string{"ModelDownloadTime", "ContainerStartDuration", "ColdStartDuration"}
	for _, name := range names {
		if n, _ := find(name); n != 0 {
			t.Errorf("%s has %d samples before any stage was reported", name, n)
		}
	}
	at := func(s float64) time.Time { return ten.Add(time.Duration(s * float64(time.Second))) }
	s := hosting.Stages{Asked: at(0), Scheduled: at(1), DataReady: at(21), Started: at(22)}
	w.do(engine.Reported{Report: hosting.InstanceReport{ID: id, State: hosting.FleetStarting, Stages: s}})
	s.Healthy = at(30.5)
	for range 2 {
		w.do(engine.Reported{Report: hosting.InstanceReport{ID: id, State: hosting.FleetReady, Address: "127.0.0.1:1", Stages: s}})
	}
	for i, want := range []float64{20, 8.5, 30.5} {
		if n, sum := find(names[i]); n != 1 || sum != want {
			t.Errorf("%s: %d samples, %v s, want one of %v s", names[i], n, sum, want)
		}
	}
}
