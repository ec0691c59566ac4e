package control

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/zone"
	"bellows.dev/bellows/scaling"
)

// A scheduled action comes out of the journal as it went in, its time zone with it.
func TestScheduledActionsSurviveTheJournal(t *testing.T) {
	data, err := zone.Data("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	least := 2
	at := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	in := engine.PutScheduledAction{Scope: engine.Scope{Account: "123456789012", Region: "us-east-1"}, Input: scaling.ScheduleInput{
		Key: scaling.VariantTarget("e", "v"), Name: "n", Schedule: "cron(0 9 L * ? *)", Zone: "Europe/Paris", ZoneData: data, Start: at, End: at.Add(time.Hour),
		Range: &scaling.Range{Min: &least},
	}}
	line, err := encodeLine(in)
	if err != nil {
		t.Fatal(err)
	}
	back, _, err := decodeInput(line)
	if d := cmp.Diff(engine.Input(in), back); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
	if len(line.Data) > 8_000 {
		t.Errorf("a line of %d bytes", len(line.Data))
	}
}
