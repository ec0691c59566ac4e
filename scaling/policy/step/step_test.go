package step

import (
	"math"
	"testing"
)

// AWS: step scaling policies, user guide: step adjustments at a threshold of 50; bounds belong to the side away from it.
var guideSteps = []Adjustment{
	adjustment(0, 10, 0), adjustment(10, 20, 10), adjustment(20, nil, 30), adjustment(-10, 0, 0), adjustment(-20, -10, -10), adjustment(nil, -20, -30),
}

// adjustment makes a step; nil bounds are open.
func adjustment(lower, upper any, n int) Adjustment {
	bound := func(v any) *float64 {
		if v == nil {
			return nil
		}
		f := float64(v.(int))
		return &f
	}
	return Adjustment{Lower: bound(lower), Upper: bound(upper), Adjustment: n}
}

func TestWhichStep(t *testing.T) {
	tests := []struct {
		high   bool
		metric float64
		want   int
	}{
		{true, 50, 0}, {true, 59.9, 0}, {true, 60, 10}, {true, 69.9, 10}, {true, 70, 30}, {true, 1000, 30},
		{true, 49.9, 0}, {true, 40, 0}, {true, 39.9, -10}, {true, 30, -10}, {true, 29.9, -30},
		{false, 50, 0}, {false, 40.1, 0}, {false, 40, -10}, {false, 30.1, -10}, {false, 30, -30}, {false, -1000, -30},
		{false, 60, 0}, {false, 60.1, 10}, {false, 70, 10}, {false, 70.1, 30},
	}
	c := &Config{AdjustmentType: PercentChangeInCapacity, Steps: guideSteps}
	for _, tt := range tests {
		if got, found := c.step(tt.metric-50, tt.high); !found || got.Adjustment != tt.want {
			t.Errorf("high %v, metric %v: got %+v, %v; want %d %%", tt.high, tt.metric, got, found, tt.want)
		}
	}
	for high, breach := range map[bool]float64{true: math.Inf(1), false: math.Inf(-1)} { // a metric less a threshold that overflows
		if got, found := c.step(breach, high); !found || got.Adjustment*got.Adjustment != 900 {
			t.Errorf("high %v, a breach of %v: got %+v, %v; want the outermost step", high, breach, got, found)
		}
	}
	one := &Config{Steps: []Adjustment{adjustment(0, nil, 1)}}
	if _, found := one.step(-0.1, true); found {
		t.Error("a breach below every interval found a step")
	}
	if _, found := one.step(0, false); found {
		t.Error("at a low alarm the lower bound belongs to the interval")
	}
}

// AWS: AdjustmentType, PercentChangeInCapacity, rounding; MinAdjustmentMagnitude.
func TestPercent(t *testing.T) {
	tests := []struct{ base, percent, least, want int }{
		{10, 10, 0, 1}, {11, 30, 0, 3}, {14, -10, 0, -1}, {13, -30, 0, -3}, {3, 10, 0, 1}, {3, -10, 0, -1}, {7, 25, 0, 1}, {7, -25, 0, -1},
		{4, 25, 2, 2}, {4, -25, 2, -2}, {40, 25, 2, 10},
		{127, 10, 0, 12}, {67, 1, 0, 1}, {58, -1, 0, -1}, {667, -1, 0, -6}, // 12.7, 0.67, -0.58, -6.67
		{10, 200, 0, 20}, {5, 0, 3, 0}, {0, 50, 0, 0}, {0, 50, 2, 2},
	}
	for _, tt := range tests {
		c := &Config{AdjustmentType: PercentChangeInCapacity}
		if tt.least > 0 {
			c.MinMagnitude = &tt.least
		}
		if got, _ := c.percent(tt.base, tt.percent); got != tt.want {
			t.Errorf("%d %+d %%, at least %d: got %+d, want %+d", tt.base, tt.percent, tt.least, got, tt.want)
		}
	}
}

func TestAdjust(t *testing.T) {
	tests := []struct {
		kind              AdjustmentType
		current, by, want int
		raw               float64
	}{
		{ChangeInCapacity, 3, 2, 5, 5},
		{ChangeInCapacity, 3, -2, 1, 1},
		{ChangeInCapacity, 1, -3, 0, 0},
		{ExactCapacity, 3, 7, 7, 7},
		{PercentChangeInCapacity, 11, 30, 14, 14.3},
		{PercentChangeInCapacity, 3, -200, 0, -3},
	}
	for _, tt := range tests {
		c := &Config{AdjustmentType: tt.kind}
		raw, want, _ := c.Adjust(tt.current, tt.by)
		if want != tt.want || math.Abs(raw-tt.raw) > 1e-9 {
			t.Errorf("%s %d by %d: got %v, %d; want %v, %d", tt.kind, tt.current, tt.by, raw, want, tt.raw, tt.want)
		}
	}
}
