package console

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/history"
	"bellows.dev/bellows/internal/machine"
	"bellows.dev/bellows/sim"
)

// inScope is where everything below is.
var inScope = engine.Scope{Account: "123456789012", Region: "us-east-1"}

// An ejected instance is on the page, for people and for machines, with the reason; its variant is degraded, and comes first.
func TestEjectionsAreOnThePage(t *testing.T) {
	w := sim.NewWorld(engine.Config{Seed: 7}, time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC))
	do := func(in engine.Input) {
		t.Helper()
		if _, err := w.Do(in); err != nil {
			t.Fatal(err)
		}
	}
	do(engine.CreateModel{Scope: inScope, Model: hosting.Model{Name: "m"}})
	do(engine.CreateEndpointConfig{Scope: inScope, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
		{Name: "v", Model: "m", InitialCount: 3, InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	for _, name := range []string{"a-quiet", "moody"} {
		do(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: inScope, Endpoint: name}, Config: "c"})
	}
	if err := w.Run(3 * time.Minute); err != nil {
		t.Fatal(err)
	}
	x, err := w.Engine.Region(inScope).Hosting.Endpoint("moody")
	if err != nil {
		t.Fatal(err)
	}
	bad := x.Variants[0].Instances[1].Copies[0].ID
	shown := func() (st status, coded, html string) {
		t.Helper()
		st = status{Status: "ok"}
		st.look(w.Engine, sees{all: true})
		text, err := json.Marshal(st)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := writePage(&b, &st); err != nil {
			t.Fatal(err)
		}
		return st, string(text), b.String()
	}
	if st, coded, html := shown(); st.Status != "ok" || strings.Contains(coded+html, "not routed to") {
		t.Errorf("before: %s\n%s", coded, html)
	}
	key := engine.VariantKey{Scope: inScope, Endpoint: "moody", Variant: "v"}
	do(engine.InstancesEjected{Key: key, Ejected: []engine.Ejection{{ID: bad, Since: w.Now, Times: 1, Reason: "5 failures in a row, the last: it answered <500>"}}})
	text := string(bad) + " is not routed to for a while: 5 failures in a row, the last: it answered "
	st, coded, html := shown()
	if st.Status != "degraded" || len(st.Endpoints) != 2 || st.Endpoints[0].Endpoint != "moody" || st.Endpoints[0].Health != "degraded" ||
		st.Endpoints[0].Trouble != text+"<500>" || st.Endpoints[1].Trouble != "" {
		t.Errorf("%+v", st)
	}
	if !strings.Contains(coded, `"health":"degraded"`) || !strings.Contains(coded, `"trouble":"`+text) {
		t.Errorf("the JSON is %s", coded)
	}
	if !strings.Contains(html, `<td class="degraded">degraded<td>InService`) || !strings.Contains(html, "<td>"+text+"&lt;500&gt;</tr>") ||
		strings.Index(html, "<td>moody") > strings.Index(html, "<td>a-quiet") {
		t.Errorf("the page is %s", html)
	}
	do(engine.InstancesEjected{Key: key})
	if st, coded, html := shown(); st.Status != "ok" || strings.Contains(coded+html, "not routed to") {
		t.Errorf("afterwards: %s\n%s", coded, html)
	}
}

// Samples that wait for the disk are counted on the page, for people and for machines.
func TestWaitingSamplesAreOnThePage(t *testing.T) {
	st := status{Status: "ok", History: newKept(history.Status{Held: 7, Failure: "no room"})}
	text, err := json.Marshal(st)
	if err != nil || !strings.Contains(string(text), `"waiting_samples":7`) {
		t.Errorf("%s, %v", text, err)
	}
	var html strings.Builder
	if err := writePage(&html, &st); err != nil || !strings.Contains(html.String(), "no room. 7 samples wait to be written.") {
		t.Errorf("%s, %v", html.String(), err)
	}
}

// Data found missing or damaged is on the page, for people and for machines.
func TestDamageIsOnThePage(t *testing.T) {
	st := status{Status: "ok", Damage: []string{"history/60s/<01X> is missing"}}
	text, err := json.Marshal(st)
	if err != nil || !strings.Contains(string(text), `"damage":["history/60s/`) {
		t.Errorf("%s, %v", text, err)
	}
	var html strings.Builder
	if err := writePage(&html, &st); err != nil || !strings.Contains(html.String(), "<h2>Missing or damaged data</h2><ul><li>history/60s/&lt;01X&gt; is missing</ul>") {
		t.Errorf("%s, %v", html.String(), err)
	}
}

// What a variant's instances would cost is shown as an estimate, in the page and in its JSON; nothing where the price is not known.
func TestCostsAreShownAsEstimates(t *testing.T) {
	m := machine.New(machine.Options{Types: map[string]machine.Size{"ml.a": {VCPUs: 1, Price: 0.5}, "ml.b": {VCPUs: 1}}})
	st := status{Endpoints: []row{{Endpoint: "priced", Type: "ml.a", Current: 3, Desired: 5}, {Endpoint: "unpriced", Type: "ml.b", Current: 2}}}
	st.lookAtPrices(m)
	text, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), "estimated_usd_per_hour") != 1 || !strings.Contains(string(text), `"estimated_usd_per_hour":1.5`) {
		t.Errorf("the JSON is %s", text)
	}
	var b strings.Builder
	if err := writePage(&b, &st); err != nil {
		t.Fatal(err)
	}
	if html := b.String(); !strings.Contains(html, ">USD/hour, estimated<") || strings.Count(html, ">1.50<") != 1 {
		t.Errorf("the page is %s", html)
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
	st.look(w.Engine, sees{all: true})
	var html strings.Builder
	if err := writePage(&html, &st); err != nil {
		t.Fatal(err)
	}
	if got := st.Endpoints[0].Starting; got != "1 scheduled, 1 started" || !strings.Contains(html.String(), `<td class="n">0 <small>(1 scheduled, 1 started)</small><td class="n">2`) {
		t.Errorf("starting: %q\n%s", got, html.String())
	}
}
