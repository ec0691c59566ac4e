package explain

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
)

// A creation and an update that cannot succeed are explained as soon as an instance has failed.
func TestFailuresAreExplainedAtOnce(t *testing.T) {
	m := newMemory(t)
	m.Broken = true
	other := Query{Scope: scope, Endpoint: "iris", Variant: "green", Since: time.Hour}
	m.must(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "d", Variants: []hosting.VariantConfig{
		{Name: "green", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	m.must(engine.UpdateEndpoint{Scope: scope, Update: hosting.Update{Endpoint: "iris", Config: "d"}})
	m.must(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "rose"}, Config: "c"})
	m.run(100 * time.Second)
	health := map[string]string{"Creating": "failing", "Updating": "degraded"}
	for name, q := range map[string]Query{"Updating": other, "Creating": {Scope: scope, Endpoint: "rose", Variant: "blue", Since: time.Hour}} {
		x, err := Explain(t.Context(), m, q)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := x.Render(&b); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			q.Endpoint + "/" + q.Variant + " at 2026-11-24 10:04:40 UTC: " + name + ", 0 of 1 wanted instance serves",
			"\n  " + health[name] + ": The primary container for production variant " + q.Variant + " has not passed the ping health check yet. " +
				"Last failure: It exited with code 3.\n",
			" failed while the endpoint is " + name + ": It exited with code 3.\n",
		} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: %q is not told, but\n%s", name, want, b.String())
			}
		}
	}
}
