package control

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
)

// recalled is a stopped controller with some settings, and the inputs it received.
func recalled(t *testing.T, dir string, speed float64, c engine.Config) (*Controller, *[]engine.Event, func()) {
	t.Helper()
	s := openStore(t, dir)
	var events []engine.Event
	control, err := New(t.Context(), Options{
		Store: s, Config: c, Speed: speed, Log: slog.New(slog.DiscardHandler), Release: func(engine.Effects) {},
		Observe: func() []engine.VariantObservation { return nil }, Usage: func(context.Context) []engine.InstanceUsage { return nil },
		OnEvent: func(_ time.Time, e engine.Event) { events = append(events, e) },
	})
	if err != nil {
		t.Fatal(err)
	}
	control.Recall(t.Context(), nil)
	return control, &events, func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What the file says now counts, not what it had at the first start; the start-up time-out is wall time at every speed of the clock;
// and the journal replays through all of it.
func TestSettingsOfTheFileCount(t *testing.T) {
	dir := t.TempDir()
	for i, x := range []struct {
		speed   float64
		config  engine.Config
		changes int
	}{
		{60, engine.Config{Seed: 42}, 0},
		{60, engine.Config{Seed: 7}, 0}, // the seed is the first start's
		{1, engine.Config{Settings: engine.Settings{StartupTimeout: 3 * time.Minute, LenientSetAlarmState: true}}, 1},
		{1, engine.Config{Settings: engine.Settings{StartupTimeout: 3 * time.Minute, LenientSetAlarmState: true}}, 0},
		{60, engine.Config{Settings: engine.Settings{StartupTimeout: 8 * time.Minute}}, 1},
	} {
		c, events, end := recalled(t, dir, x.speed, x.config)
		if len(*events) != x.changes {
			t.Errorf("start %d: events %v, want %d", i, *events, x.changes)
		}
		want := x.config.WithDefaults().Settings
		want.ClockSpeed = x.speed
		if got := c.engine.Config(); got.Settings != want || got.Seed != 42 {
			t.Errorf("start %d: %+v, want %+v", i, got, want)
		}
		if _, err := c.engine.Step(c.now(), engine.Tick{}); err != nil {
			t.Error(err)
		}
		end()
	}
	s := openStore(t, dir)
	defer s.Close()
	config, err := StoredConfig(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := Redecide(t.Context(), s, engine.New(config), 0, time.Time{}, func(d Redecision) error {
		if n++; !d.Agrees() || d.Kind != "Configured" {
			t.Errorf("line %d (%s) led to %s, now to %s", d.Seq, d.Kind, d.Then, d.Now)
		}
		return nil
	}); err != nil || n != 2 {
		t.Errorf("%d lines, %v", n, err)
	}
}

// Settings change while a controller runs, and keep the clock's speed.
func TestConfigure(t *testing.T) {
	s := start(t, t.TempDir(), 300)
	s.deploy()
	want := engine.Settings{StartupTimeout: time.Second, InvocationTimeout: time.Second, LenientSetAlarmState: true}
	before := s.Next()
	for range 2 {
		if err := s.Configure(t.Context(), want); err != nil {
			t.Fatal(err)
		}
	}
	want.ClockSpeed = 300
	if err := s.View(t.Context(), func(_ time.Time, e *engine.Engine) {
		if got := e.Config().Settings; got != want {
			t.Errorf("settings %+v, want %+v", got, want)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Configure(t.Context(), engine.Settings{}); err == nil {
		t.Error("settings that nothing could run by are taken")
	}
	if s.Next() == before {
		t.Error("the journal does not have the change")
	}
	s.close()
}
