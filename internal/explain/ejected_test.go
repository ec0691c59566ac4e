package explain

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
)

// What a gateway says of an instance that fails stands in the moment and in the story, with the reason; a moment before or after has none
// of it.
func TestStoryOfAnEjection(t *testing.T) {
	m := newMemory(t)
	two := 2
	m.must(engine.UpdateEndpointWeightsAndCapacities{
		Key: engine.EndpointKey{Scope: scope, Endpoint: "iris"}, Changes: []hosting.Change{{Variant: "blue", Desired: &two}},
	})
	m.run(2 * time.Minute)
	key := engine.VariantKey{Scope: scope, Endpoint: "iris", Variant: "blue"}
	x, err := m.Engine.Region(scope).Hosting.Endpoint("iris")
	if err != nil {
		t.Fatal(err)
	}
	bad := x.Variant("blue").Instances[1].Copies[0].ID
	before := m.Now
	m.run(time.Second)
	eject := func(reason string) {
		t.Helper()
		m.must(engine.InstancesEjected{Key: key, Ejected: []engine.Ejection{{ID: bad, Since: m.Now, Times: 1, Reason: reason}}})
	}
	eject("5 failures in a row, the last: it answered 500")
	ejected := m.Now
	q := asked
	q.Since = time.Minute
	expected := string(bad) + " is not routed to for a while: 5 failures in a row, the last: it answered 500"
	got := m.ask(q)
	if diff := cmp.Diff([]string{expected}, got.Moment.Ejected); diff != "" || got.Moment.Health != "degraded" || got.Moment.Trouble != expected {
		t.Errorf("%s, %q: ejected (-want +got):\n%s", got.Moment.Health, got.Moment.Trouble, diff)
	}
	for _, want := range []string{
		stamp(ejected) + "  instance   " + string(bad) + " of iris/blue is not routed to for a while: 5 failures in a row, the last: it answered 500\n",
		"2 of 2 wanted instances serve", "\n  degraded: " + expected + "\n",
	} {
		if text := text(t, got); strings.Count(text, want) != 1 {
			t.Errorf("%q is there %d times, want once:\n%s", want, strings.Count(text, want), text)
		}
	}
	coded, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"ejected":["` + expected + `"]`, `"kind":"instance"`, `"Reason":"5 failures in a row, the last: it answered 500"`} {
		if !strings.Contains(string(coded), want) {
			t.Errorf("%s is missing in %s", want, coded)
		}
	}
	m.run(10 * time.Second)
	eject("a trial request failed too: it answered 500")
	m.run(10 * time.Second)
	m.must(engine.InstancesEjected{Key: key})
	m.run(time.Second)
	now := text(t, m.ask(q))
	if !strings.Contains(now, "instance   "+string(bad)+" of iris/blue is not routed to for a while: a trial request failed too: it answered 500\n") ||
		!strings.Contains(now, "instance   "+string(bad)+" of iris/blue is routed to again\n") || strings.Contains(now, "degraded") {
		t.Errorf("afterwards the story is\n%s", now)
	}
	q.Since = 0
	for at, want := range map[time.Time]bool{before: false, ejected.Add(time.Second): true} {
		q.At = at
		if got := m.ask(q).Moment; (len(got.Ejected) > 0) != want || (got.Health == "degraded") != want {
			t.Errorf("at %v: %s, %v", at, got.Health, got.Ejected)
		}
	}
}
