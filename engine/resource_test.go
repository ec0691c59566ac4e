package engine_test

import (
	"slices"
	"testing"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/scaling"
)

// What a target keeps of its resource is not used after an update has replaced the variant, or a deletion removed it.
func TestTargetsDoNotKeepResourcesThatAreGone(t *testing.T) {
	w := newWorld(t, 1, 2)
	one, nine := 1, 9
	key := scaling.VariantTarget("e", "v")
	register := func() *scaling.Target {
		w.do(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: key, Min: &one, Max: &nine}})
		return w.engine.Region(scope).Targets.Targets[key]
	}
	desired := func(t *scaling.Target) int { return w.engine.Region(scope).Capacity(t).Desired }
	first := register()
	if first.Resource() == nil || desired(first) != 2 {
		t.Fatalf("after the registration: %v, %d", first.Resource(), desired(first))
	}
	kept := first.Resource()
	w.do(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "next", Variants: []hosting.VariantConfig{
		{Name: "v", Model: "m", InitialCount: 3, InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	w.do(engine.UpdateEndpoint{Scope: scope, Update: hosting.Update{Endpoint: "e", Config: "next"}})
	if !kept.Exists() || desired(first) != 2 {
		t.Errorf("while the new fleet starts: %d instances, want those in use", desired(first))
	}
	x := w.engine.Region(scope).Hosting.Endpoints["e"]
	for _, i := range x.Deployment.Variants[0].Instances {
		w.do(engine.Reported{Report: hosting.InstanceReport{ID: i.ID, State: hosting.FleetReady, Address: "192.0.2.9:1"}})
	}
	if kept.Exists() || first.Resource() == nil || desired(first) != 3 {
		t.Errorf("after the new fleet took over: the old one exists %v; %d instances, want 3", kept.Exists(), desired(first))
	}
	for n := 0; x.Status != hosting.InService && n < 9; n++ {
		gone(w, x)
	}
	kept = first.Resource()
	w.do(engine.DeleteEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "e"}})
	for n := 0; w.engine.Region(scope).Hosting.Endpoints["e"] != nil && n < 9; n++ {
		gone(w, x)
	}
	if kept.Exists() {
		t.Error("the resource of a deleted endpoint exists")
	}
	w.do(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "e"}, Config: "next"})
	if first.Resource() != nil {
		t.Error("the target of the deleted endpoint keeps a resource of it")
	}
	if second := register(); second.Resource() == nil || desired(second) != 3 {
		t.Errorf("of the endpoint that was created again: %v", desired(second))
	}
}

// gone reports every draining instance of an endpoint as gone.
func gone(w *world, x *hosting.Endpoint) {
	for _, v := range x.All() {
		for _, i := range slices.Clone(v.Instances) {
			if i.State == hosting.InstanceDraining {
				w.do(engine.Reported{Report: hosting.InstanceReport{ID: i.ID, State: hosting.FleetGone}})
			}
		}
	}
}
