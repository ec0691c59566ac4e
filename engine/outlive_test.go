package engine_test

import (
	"slices"
	"testing"

	"bellows.dev/bellows/engine"
)

// decisions are the texts of a step's decisions.
func decisions(out []engine.Event) (texts []string) {
	for _, e := range out {
		if d, ok := e.(engine.Decided); ok {
			texts = append(texts, d.String())
		}
	}
	return texts
}

// What a step told stays as it was told, whatever later steps decide in the memory that they use again.
func TestDecisionsOutliveTheirStep(t *testing.T) {
	const targets = 150 // more than one piece of memory holds
	f := newFleet(t, targets)
	for range 4 {
		f.minute(t, 300)
		f.evaluate(t)
	}
	type told struct {
		events []engine.Event
		texts  []string
	}
	var all []told
	for i := range 30 { // high first, then low, so that other alarms call, and vote
		load := 300 + float64(i)
		if i > 8 {
			load = 10 + float64(i)
		}
		f.minute(t, load)
		out := f.evaluate(t)
		all = append(all, told{out.Events, decisions(out.Events)})
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
		t.Errorf("two minutes told the same, so the test sees nothing: %s", first)
	}
}

// A decision that changes nothing costs the memory of what is told of it, and nothing else.
func TestDecidingCostsWhatItTells(t *testing.T) {
	const targets = 200
	f := newFleet(t, targets)
	for range 20 {
		f.minute(t, 300)
		f.evaluate(t)
	}
	minutes := testing.AllocsPerRun(3, func() {
		f.minute(t, 300)
		if n := len(f.evaluate(t).Events); n != targets {
			t.Fatalf("%d events", n)
		}
	})
	quiet := newFleet(t, targets)
	for range 20 {
		quiet.minute(t, 66)
		quiet.evaluate(t)
	}
	without := testing.AllocsPerRun(3, func() {
		quiet.minute(t, 66)
		quiet.evaluate(t)
	})
	if t.Logf("%.0f allocations, %.0f where nothing is decided", minutes, without); minutes-without > 1.2*targets+100 {
		t.Errorf("%.0f allocations for %d decisions", minutes-without, targets)
	}
}
