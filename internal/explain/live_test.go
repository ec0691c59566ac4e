package explain

import (
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
)

// While the journal cannot be written, the explanation says so, since when, and of which moment the state is that it shows. Moments that are recorded
// are explained as ever.
func TestAnOutageIsExplained(t *testing.T) {
	m := newMemory(t)
	recorded := m.Now
	m.live = &Live{
		Clock:  Clock{Policy: m.Now, Wall: m.Now, Speed: 1, Started: started},
		Outage: &Outage{Since: m.Now, Text: "The journal cannot be written since 2026-11-24 10:03:00 UTC: no space left on device."},
	}
	const says = "\n  warning: The journal cannot be written since 2026-11-24 10:03:00 UTC: no space left on device. What is shown is the last state that was recorded, of 2026-11-24 10:03:00.\n"
	x := m.ask(asked)
	if got := text(t, x); !strings.Contains(got, says) || strings.Contains(got, "policy time") {
		t.Errorf("an outage is explained as\n%s", got)
	}
	if o := x.Moment.Outage; o == nil || !o.State.Equal(recorded) || !o.Since.Equal(recorded) {
		t.Errorf("the outage is %+v", o)
	}
	q := asked
	q.At = m.Now.Add(-time.Minute)
	if got := text(t, m.ask(q)); strings.Contains(got, "journal") {
		t.Errorf("a moment that is recorded is explained as\n%s", got)
	}
	q.At, q.Clock = m.Now.Add(time.Minute), m.Now.Add(time.Hour)
	if got := text(t, m.ask(q)); !strings.Contains(got, says) {
		t.Errorf("a moment after the last state is explained as\n%s", got)
	}
	m.live.Outage = nil
	if got := text(t, m.ask(asked)); strings.Contains(got, "journal") {
		t.Errorf("after the outage:\n%s", got)
	}
}

// Where policy time is not the wall clock's, an explanation relates the two, and starts have both times.
func TestTimesOfBothClocks(t *testing.T) {
	m := newMemory(t)
	two := 2
	m.must(engine.UpdateEndpointWeightsAndCapacities{
		Key: engine.EndpointKey{Scope: scope, Endpoint: "iris"}, Changes: []hosting.Change{{Variant: "blue", Desired: &two}},
	})
	v := m.Engine.Region(scope).Hosting.Endpoints["iris"].Variant("blue")
	id := v.Instances[len(v.Instances)-1].ID
	wall := time.Date(2026, 11, 28, 9, 30, 0, 0, time.UTC)
	m.must(engine.Reported{Report: hosting.InstanceReport{ID: id, State: hosting.FleetStarting, Stages: hosting.Stages{
		Asked: wall.Add(-2 * time.Second), Scheduled: wall.Add(-time.Second),
	}}})
	m.live = &Live{Clock: Clock{Policy: m.Now, Wall: wall, Speed: 20, Started: wall.Add(-3 * time.Second)}}
	x := m.ask(asked)
	for _, want := range []string{
		"\n  note: policy time runs 20 times as fast as the wall clock: 2026-11-24 10:03:00 here is 2026-11-28 09:30:00 in logs, which have wall time\n",
		" starts: asked for at 2026-11-24 10:02:20, 09:29:58 wall time, scheduled after 1s wall time\n",
	} {
		if got := text(t, x); !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if c := x.Moment.Clock; c == nil || c.Speed != 20 || !c.Policy.Equal(m.Now) || !c.Wall.Equal(wall) {
		t.Errorf("the clocks are %+v", c)
	}
	q := asked
	q.At = m.Now.Add(-40 * time.Second)
	if got := text(t, m.ask(q)); !strings.Contains(got, "2026-11-24 10:02:20 here is 2026-11-28 09:29:58 in logs") {
		t.Errorf("a past moment is explained as\n%s", got)
	}
	q.At = m.Now.Add(-2 * time.Minute) // before the server's start
	if got := text(t, m.ask(q)); strings.Contains(got, "in logs") {
		t.Errorf("a moment of an earlier server is explained as\n%s", got)
	}
	m.live.Clock.Speed = 1
	if got := text(t, m.ask(asked)); !strings.Contains(got, "note: policy time is not the wall clock's: 2026-11-24 10:03:00 here is 2026-11-28 09:30:00 in logs") {
		t.Errorf("clocks that differ by days are explained as\n%s", got)
	}
}
