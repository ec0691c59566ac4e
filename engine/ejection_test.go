package engine_test

import (
	"fmt"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/sim"
)

// Each change of an ejection that a gateway reports is one event, which names the instance and the reason.
func TestEjectionsAreEvents(t *testing.T) {
	w := sim.NewWorld(engine.Config{Seed: 7}, time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC))
	key := engine.VariantKey{Scope: engine.Scope{Account: "123456789012", Region: "us-east-1"}, Endpoint: "iris", Variant: "blue"}
	for _, in := range []engine.Input{
		engine.CreateModel{Scope: key.Scope, Model: hosting.Model{Name: "m"}},
		engine.CreateEndpointConfig{Scope: key.Scope, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
			{Name: "blue", Model: "m", InitialCount: 3, InitialWeight: 1, InstanceType: "ml.m5.large"},
		}}},
		engine.CreateEndpoint{Key: engine.EndpointKey{Scope: key.Scope, Endpoint: key.Endpoint}, Config: "c"},
	} {
		if _, err := w.Do(in); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Run(3 * time.Minute); err != nil {
		t.Fatal(err)
	}
	r := w.Engine.Region(key.Scope)
	x, err := r.Hosting.Endpoint(key.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	v := x.Variant(key.Variant)
	first, second := v.Instances[0].Copies[0].ID, v.Instances[1].Copies[0].ID
	var events []string
	w.OnEvent = func(_ time.Time, e engine.Event) {
		if e, is := e.(engine.EjectionChanged); is {
			events = append(events, e.String())
		}
	}
	for _, c := range []struct {
		ejected []engine.Ejection
		events  []string
		health  engine.Health
		why     string
	}{
		{nil, nil, engine.Healthy, ""},
		{
			[]engine.Ejection{{ID: first, Reason: "it answered 500"}}, []string{fmt.Sprintf("%s of iris/blue is not routed to for a while: it answered 500", first)},
			engine.Degraded, fmt.Sprintf("%s is not routed to for a while: it answered 500", first),
		},
		{
			[]engine.Ejection{{ID: first, Reason: "it answered 500"}, {ID: second, Reason: "it did not answer in time"}, {ID: "i-gone", Reason: "nobody knows it"}},
			[]string{fmt.Sprintf("%s of iris/blue is not routed to for a while: it did not answer in time", second)},
			engine.Degraded, fmt.Sprintf("%s is not routed to for a while: it answered 500; %s is not routed to for a while: it did not answer in time", first, second),
		},
		{
			[]engine.Ejection{{ID: second, Reason: "it did not answer in time"}}, []string{fmt.Sprintf("%s of iris/blue is routed to again", first)},
			engine.Degraded, fmt.Sprintf("%s is not routed to for a while: it did not answer in time", second),
		},
		{nil, []string{fmt.Sprintf("%s of iris/blue is routed to again", second)}, engine.Healthy, ""},
	} {
		events = nil
		if _, err := w.Do(engine.InstancesEjected{Key: key, Ejected: c.ejected}); err != nil {
			t.Fatal(err)
		}
		health, why := r.Health(w.Now, x, v)
		if fmt.Sprint(events) != fmt.Sprint(c.events) || health != c.health || why != c.why {
			t.Errorf("%v: events %q, %v %q; want %q, %v %q", c.ejected, events, health, why, c.events, c.health, c.why)
		}
	}
	if _, err := w.Do(engine.InstancesEjected{Key: key, Ejected: []engine.Ejection{{ID: first, Reason: "it answered 500"}}}); err != nil {
		t.Fatal(err)
	}
	x.Status, x.FailureReason = hosting.Failed, "it cannot start"
	if health, why := r.Health(w.Now, x, v); health != engine.Failing || why != fmt.Sprintf("it cannot start; %s is not routed to for a while: it answered 500", first) {
		t.Errorf("beside a worse trouble: %v %q", health, why)
	}
}
