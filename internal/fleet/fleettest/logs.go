package fleettest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/fleet"
)

// logged returns the lines of the log of i-1, and checks that positions and times do not fall.
func (w *watcher) logged(r fleet.LogRange) (out []fleet.Line) {
	w.t.Helper()
	last := fleet.Line{}
	for l, err := range w.ReadLog(w.t.Context(), "i-1", r) {
		if err != nil {
			w.t.Fatal(err)
		}
		if l.At < last.Next || l.Next <= l.At || l.Time.Before(last.Time) || len(l.Text) == 0 {
			w.t.Errorf("a line at %d to %d, %v, follows %d, %v", l.At, l.Next, l.Time, last.Next, last.Time)
		}
		l.Text = slices.Clone(l.Text)
		last = l
		out = append(out, l)
	}
	return out
}

func (w *watcher) logs() []fleet.Log {
	w.t.Helper()
	all, err := w.Logs("123456789012", "us-east-1")
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// logs: what copies write can be read while they run and when they are gone, and says their owner and when it arrived.
func logs(t *testing.T, h Harness) {
	began := time.Now().Truncate(time.Millisecond)
	w := h.open(t)
	w.Apply(level(h.spec("i-1"), h.spec("i-2")))
	w.state("i-1", hosting.FleetReady)
	w.state("i-2", hosting.FleetReady)
	all := w.logs()
	if len(all) != 2 || all[0].Copy != "i-1" || all[1].Copy != "i-2" {
		t.Fatalf("the logs are %+v", all)
	}
	if l := all[0]; l.Account != "123456789012" || l.Region != "us-east-1" || l.Endpoint != "e" || l.Variant != "v" || l.Created.Before(began) {
		t.Errorf("the log is of %+v", l.LogOwner)
	}
	lines := w.logged(fleet.LogRange{})
	if len(lines) == 0 || !strings.Contains(string(lines[0].Text), h.Says) {
		t.Fatalf("the lines are %+v", lines)
	}
	first := lines[0]
	if first.Time.Before(began) || first.Time.After(time.Now()) || !first.Time.Equal(all[0].First) || all[0].Bytes == 0 {
		t.Errorf("the first line is of %v, the log says %v; it has %d bytes", first.Time, all[0].First, all[0].Bytes)
	}
	for name, r := range map[string]fleet.LogRange{
		"later times": {Since: all[0].Last.Add(time.Millisecond)}, "earlier times": {Until: first.Time}, "what follows": {From: lines[len(lines)-1].Next},
	} {
		if got := w.logged(r); len(got) != 0 {
			t.Errorf("%s have %+v", name, got)
		}
	}
	if got := w.logged(fleet.LogRange{From: first.At, Since: first.Time, Until: first.Time.Add(time.Millisecond)}); len(got) == 0 || got[0].At != first.At {
		t.Errorf("the range of the first line has %+v", got)
	}
	if other, err := w.Logs("123456789012", "eu-west-1"); err != nil || len(other) != 0 {
		t.Errorf("another region has %v (%v)", other, err)
	}
	for _, err := range w.ReadLog(t.Context(), "i-3", fleet.LogRange{}) {
		if !errors.Is(err, fleet.ErrNoLog) {
			t.Errorf("a log that is not there: %v", err)
		}
	}
	w.Apply(level(h.spec("i-2")))
	w.state("i-1", hosting.FleetGone)
	if got := w.logged(fleet.LogRange{}); len(got) < len(lines) || got[0].At != first.At || !got[0].Time.Equal(first.Time) {
		t.Errorf("when it is gone the lines are %+v, they were %+v", got, lines)
	}
	if all := w.logs(); len(all) != 2 {
		t.Errorf("when one is gone the logs are %+v", all)
	}
	w.end()
}
