package explain

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
)

// The first minutes of an endpoint's life are divided by the time that it has been in service, not by the whole window.
func TestTheLoadOfTheFirstMinutes(t *testing.T) {
	m := newMemory(t)
	m.SetLoad(engine.VariantKey{Scope: scope, Endpoint: "iris", Variant: "blue"}, 60)
	m.run(time.Minute)
	x, err := m.Engine.Region(scope).Hosting.Endpoint("iris")
	if err != nil {
		t.Fatal(err)
	}
	traffic := m.Engine.Region(scope).Traffic(m.Now, "iris", "blue")
	if served := m.Now.Sub(x.Served); traffic.Over != served || served >= 5*time.Minute {
		t.Errorf("the traffic is that of %v; the endpoint has served for %v", traffic.Over, served)
	}
	if got, want := m.ask(asked).Moment.PerMinute, traffic.Invocations/m.Now.Sub(x.Served).Minutes(); math.Abs(got-want) > 1e-9 || got <= traffic.Invocations/5 {
		t.Errorf("%v invocations a minute, want %v", got, want)
	}
	m.run(10 * time.Minute)
	if got := m.Engine.Region(scope).Traffic(m.Now, "iris", "blue").PerMinute(); got < 58 || got > 61 {
		t.Errorf("%v invocations a minute, want 60", got)
	}
	if got := (engine.Traffic{Invocations: 3}).PerMinute(); got != 0 {
		t.Errorf("in no time %v invocations a minute", got)
	}
}

// A policy that is a minute old has fewer datapoints than its alarms need, which is shown.
func TestAYoungPolicyTellsWhatItsAlarmsNeed(t *testing.T) {
	m := newMemory(t)
	m.notebook()
	m.run(90 * time.Second)
	got := text(t, m.ask(asked))
	if !strings.Contains(got, "AlarmLow in OK, 3 of the 15 datapoints that the alarm needs: 13.4389 not < 9\n") {
		t.Errorf("a policy that is a minute old is explained as\n%s", got)
	}
	m.run(20 * time.Minute)
	if got := text(t, m.ask(asked)); strings.Contains(got, "that the alarm needs") {
		t.Errorf("with enough datapoints:\n%s", got)
	}
}

func TestTheFutureIsRefused(t *testing.T) {
	m := newMemory(t)
	q := asked
	q.At = m.Now.Add(time.Second)
	var future *FutureError
	if _, err := Explain(t.Context(), m, q); !errors.As(err, &future) || !strings.Contains(err.Error(), "UTC is in the future: the latest moment that can be explained is 2026-11-24 10:03:00 UTC") {
		t.Errorf("the future is explained, or refused with %v", err)
	}
	q.Variant = ""
	if _, err := Explain(t.Context(), m, q); !errors.As(err, &future) {
		t.Errorf("without a variant: %v", err)
	}
	for _, at := range []time.Time{m.Now, m.Now.Add(-time.Minute)} {
		q.At = at
		if _, err := Explain(t.Context(), m, q); err != nil {
			t.Errorf("%v is refused: %v", at, err)
		}
	}
	q.At, q.Clock = m.Now.Add(time.Minute), m.Now.Add(time.Hour) // nothing has happened since
	if x, err := Explain(t.Context(), m, q); err != nil || x.Moment.Source != "present" {
		t.Errorf("a moment since the last thing that happened: %v, %v", x.Moment.Source, err)
	}
}
