package tracking

import (
	"testing"

	"bellows.dev/bellows/scaling"
)

// AWS: recorded: 50 → 45, 70 → 63, 80 → 72, 1.0 → 0.9.
func TestLowThreshold(t *testing.T) {
	for target, want := range map[float64]float64{50: 45, 70: 63, 80: 72, 1: 0.9, 10: 9, 90: 81, 0.7: 0.63} {
		if got := lowThreshold(target); got != want {
			t.Errorf("target %v: low threshold %v, want %v", target, got, want)
		}
	}
}

// Noise of binary fractions does not count: 3 × 0.1 / 0.3 is one, not a little more.
func TestNoiseOfFractions(t *testing.T) {
	for _, tt := range []struct {
		current        int
		metric, target float64
		want           int
	}{{3, 0.1, 0.3, 1}, {10, 0.7, 0.1, 70}, {7, 1.1, 1.1, 7}, {1000000, 1.1, 0.1, 11000000}, {3, 1.0001, 1, 4}} {
		if got := scaling.Ceil(load{Reading: tt.metric, Served: tt.current}.value() / tt.target); got != tt.want {
			t.Errorf("ceil(%d × %v / %v): got %d, want %d", tt.current, tt.metric, tt.target, got, tt.want)
		}
	}
}
