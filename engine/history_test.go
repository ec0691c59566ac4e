package engine_test

import (
	"encoding/json"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// What the window hands over to the history waits there, through a snapshot too, until the history has it.
func TestHistoryIsHandedOverOnceItIsOver(t *testing.T) {
	scope := engine.Scope{Account: "123456789012", Region: "us-east-1"}
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	e := engine.New(engine.Config{})
	step := func(in engine.Input) {
		t.Helper()
		if _, err := e.Step(now, in); err != nil {
			t.Fatal(err)
		}
	}
	datum := metric.Datum{ID: metric.NewID("N", "m"), At: now, Resolution: time.Minute, Unit: "None"}
	datum.Summary.Add(1, 1)
	step(engine.KeepHistory{})
	step(engine.PutMetricData{Scope: scope, Data: []metric.Datum{datum}})
	now = now.Add(4 * time.Hour)
	step(engine.Tick{})
	text, err := json.Marshal(e.State())
	if err != nil {
		t.Fatal(err)
	}
	var state engine.State
	if err := json.Unmarshal(text, &state); err != nil {
		t.Fatal(err)
	}
	e = restored(t, state)
	w := e.Region(scope).Metrics
	if p := w.Pending(); !e.KeepsHistory() || len(p) != 1 || p[0].Summary.Sum != 1 {
		t.Fatalf("four hours later %+v", p)
	}
	step(engine.HistoryKept{Scope: scope, Through: w.Sealed()})
	if p := w.Pending(); len(p) != 0 {
		t.Errorf("kept, and still %+v", p)
	}
}
