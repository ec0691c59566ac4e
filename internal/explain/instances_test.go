package explain

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
)

// While an instance starts, the moment has the stages that its fleet reported, and the text how long each took.
func TestStagesOfAStart(t *testing.T) {
	m := newMemory(t)
	three := 3
	m.must(engine.UpdateEndpointWeightsAndCapacities{
		Key: engine.EndpointKey{Scope: scope, Endpoint: "iris"}, Changes: []hosting.Change{{Variant: "blue", Desired: &three}},
	})
	v := m.Engine.Region(scope).Hosting.Endpoints["iris"].Variant("blue")
	i := v.Instances[len(v.Instances)-1]
	at := time.Date(2026, 11, 27, 9, 30, 0, 0, time.UTC)
	m.must(engine.Reported{Report: hosting.InstanceReport{ID: i.ID, State: hosting.FleetStarting, Stages: hosting.Stages{
		Asked: at, Scheduled: at.Add(2 * time.Second), DataReady: at.Add(90 * time.Second), Started: at.Add(90*time.Second + 20*time.Millisecond),
	}}})
	got := m.ask(asked)
	want := "\n  " + string(i.ID) + " starts: asked for at 09:30:00 wall time, scheduled after 2s, model data ready after 1m28s, started after 20ms\n"
	if text := text(t, got); strings.Count(text, want) != 1 {
		t.Errorf("%q is not in\n%s", want, text)
	}
	m.must(engine.Reported{Report: hosting.InstanceReport{ID: i.ID, State: hosting.FleetStarting, Reason: "/ping answered 503: not healthy"}})
	want = strings.TrimSuffix(want, "\n") + "; not healthy yet: /ping answered 503: not healthy\n"
	got = m.ask(asked)
	if text := text(t, got); strings.Count(text, want) != 1 || strings.Contains(text, "degraded") {
		t.Errorf("%q is not in\n%s", want, text)
	}
	coded, err := json.Marshal(got.Moment.Instances)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"id":"` + string(i.ID) + `","state":"Pending","generation":1`, `"data_ready":"2026-11-27T09:31:30Z"`, `"state":"InService"`, `"unhealthy":"/ping answered 503: not healthy"`} {
		if !strings.Contains(string(coded), want) {
			t.Errorf("%s is missing in %s", want, coded)
		}
	}
	m.run(3 * time.Minute)
	if text := text(t, m.ask(asked)); strings.Contains(text, " starts: ") {
		t.Errorf("once it serves it still starts:\n%s", text)
	}
}

// A simulated run that is to report stages has them in its explanations.
func TestStagesOfASimulatedStart(t *testing.T) {
	m, three := newMemory(t), 3
	m.Stages, m.Startup, m.Download = true, 90*time.Second, 30*time.Second
	m.must(engine.UpdateEndpointWeightsAndCapacities{
		Key: engine.EndpointKey{Scope: scope, Endpoint: "iris"}, Changes: []hosting.Change{{Variant: "blue", Desired: &three}},
	})
	begun := m.Now.Format("15:04:05")
	for _, x := range []struct {
		wait time.Duration
		want string
	}{
		{10 * time.Second, " starts: asked for at " + begun + " wall time, scheduled\n"},
		{25 * time.Second, " starts: asked for at " + begun + " wall time, scheduled, model data ready after 30s, started\n"},
		{time.Minute, ""},
	} {
		m.run(x.wait)
		got := text(t, m.ask(asked))
		if n := strings.Count(got, " starts: "); x.want != "" && strings.Count(got, x.want) != 2 || x.want == "" && n != 0 {
			t.Errorf("after %v more: %d starts, want %q\n%s", x.wait, n, x.want, got)
		}
	}
}
