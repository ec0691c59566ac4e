package hosting_test

import (
	"testing"
	"time"

	"bellows.dev/bellows/hosting"
)

// An instance may take its eight minutes on the wall's clock, at whatever speed the policy clock runs, and however often that changes.
func TestStartupTimeoutIsWallTime(t *testing.T) {
	type stretch struct {
		speed float64
		wall  time.Duration
	}
	for name, stretches := range map[string][]stretch{
		"slow":                {{1, 8 * time.Minute}},
		"fast":                {{60, 8 * time.Minute}},
		"slower than a clock": {{0.5, 8 * time.Minute}},
		"faster halfway":      {{1, 4 * time.Minute}, {60, 4 * time.Minute}},
		"slower halfway":      {{60, 4 * time.Minute}, {1, 4 * time.Minute}},
		"changed twice":       {{60, 2 * time.Minute}, {1, 2 * time.Minute}, {300, 4 * time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.StartupTimeout, w.ClockSpeed = 8*time.Minute, stretches[0].speed
			w.must(w.CreateEndpoint(w.now, "e", "c", nil))
			e := w.Endpoints["e"]
			for _, s := range stretches {
				w.SetClockSpeed(w.now, s.speed)
				w.pass(e, time.Duration(float64(s.wall)*s.speed)-time.Millisecond)
				w.status(e, hosting.Creating)
			}
			if specs := w.specs(e); len(specs) == 0 || specs[0].Copies[0].StartupTimeout != 8*time.Minute {
				t.Errorf("the fleet is given %v", specs)
			}
			w.pass(e, time.Duration(len(stretches))*time.Second*300)
			w.status(e, hosting.Failed)
		})
	}
}
