package engine_test

import (
	"slices"
	"testing"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/enginetest"
)

// newFixture returns targets with a minimum of one instance and a maximum of two.
func newFixture(t *testing.T, targets int) *enginetest.Fixture {
	t.Helper()
	c, err := enginetest.New(targets, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// minute lets a minute of a load pass, and returns what the tick that evaluates its alarms says.
func minute(t *testing.T, c *enginetest.Fixture, load float64) engine.Output {
	t.Helper()
	if err := c.Minute(load); err != nil {
		t.Fatal(err)
	}
	out, err := c.Evaluate()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// decisions are the texts of a step's decisions.
func decisions(out []engine.Event) (texts []string) {
	for _, e := range out {
		if d, ok := e.(engine.Decided); ok {
			texts = append(texts, d.String())
		}
	}
	return texts
}

// Events of a step do not change when later steps reuse memory.
func TestDecisionsOutliveTheirStep(t *testing.T) {
	const targets = 150 // more than one piece of memory holds
	c := newFixture(t, targets)
	for range 4 {
		minute(t, c, enginetest.Rush)
	}
	type step struct {
		events []engine.Event
		texts  []string
	}
	var all []step
	for i := range 30 { // high first, then low, so that other alarms call, and vote
		load := enginetest.Rush + float64(i)
		if i > 8 {
			load = 10 + float64(i)
		}
		out := minute(t, c, load)
		all = append(all, step{out.Events, decisions(out.Events)})
	}
	kinds := map[int]bool{}
	for i, x := range all {
		if kinds[len(x.texts)] = true; !slices.Equal(x.texts, decisions(x.events)) {
			t.Fatalf("minute %d: its decisions have changed since", i)
		}
	}
	if !kinds[targets] {
		t.Errorf("no minute had %d decisions", targets)
	}
	first, last := all[0].texts[0], all[8].texts[0]
	if first == last {
		t.Errorf("two minutes step the same, so the test sees nothing: %s", first)
	}
}

// A decision without effect allocates only its event.
func TestDecidingCostsWhatItTells(t *testing.T) {
	const targets = 200
	allocations := func(load float64, events int) float64 {
		c := newFixture(t, targets)
		if err := c.WarmUp(load); err != nil {
			t.Fatal(err)
		}
		return testing.AllocsPerRun(3, func() {
			if n := len(minute(t, c, load).Events); n != events {
				t.Fatalf("%d events", n)
			}
		})
	}
	deciding, without := allocations(enginetest.Rush, targets), allocations(enginetest.Rest, 0)
	if t.Logf("%.0f allocations, %.0f where nothing is decided", deciding, without); deciding-without > 1.2*targets+100 {
		t.Errorf("%.0f allocations for %d decisions", deciding-without, targets)
	}
}
