package predictive

import (
	"math"
	"testing"
	"time"

	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/scaling"
)

// ten is the hour from which tests count minutes.
var ten = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return ten.Add(time.Duration(minutes) * time.Minute) }

// expecting is a rule that expects these capacities from 10:00 on.
func expecting(capacities ...int) *Rule {
	r := &Rule{Settings: &Config{Mode: ForecastAndScale, Specs: []Spec{{TargetValue: 70}}}, Outlook: &Outlook{Need: 1.0 / 60}}
	for i, n := range capacities {
		r.Outlook.Hours = append(r.Outlook.Hours, scaling.ForecastHour{Start: at(60 * i), Load: float64(n) * 70 * 60, Capacity: n})
	}
	return r
}

// A load of 252,000 invocations an hour is 4,200 a minute: 60 instances at 70 each.
func TestCapacityOfALoad(t *testing.T) {
	for _, x := range []struct {
		load, need, target float64
		want               int
	}{
		{252_000, 1.0 / 60, 70, 60},
		{252_001, 1.0 / 60, 70, 61},
		{42_000, 1.0 / 60, 70, 10},
		{0, 1.0 / 60, 70, 0},
		{30_000, 0.02, 50, 12},
		{1e300, 1, 1e-9, math.MaxInt32},
	} {
		if got := (&Outlook{Need: x.need}).capacity(x.load, x.target); got != x.want {
			t.Errorf("load %g at %g needs %d, want %d", x.load, x.target, got, x.want)
		}
	}
}

func TestMaximumThatGoesWithAForecast(t *testing.T) {
	for _, x := range []struct {
		breach         BreachBehavior
		buffer         int
		forecast, most int
		want           int
	}{
		{HonorMaxCapacity, 0, 50, 40, 40},
		{IncreaseMaxCapacity, 10, 50, 40, 55}, // AWS's example
		{IncreaseMaxCapacity, 0, 50, 40, 50},  // AWS: as high as the forecast, and not higher
		{IncreaseMaxCapacity, 10, 38, 40, 42}, // close to the maximum
		{IncreaseMaxCapacity, 10, 30, 40, 40},
		{IncreaseMaxCapacity, 100, 50, 40, 100},
	} {
		c := Config{Breach: x.breach, MaxBuffer: &x.buffer}
		if got := c.maxFor(x.forecast, x.most); got != x.want {
			t.Errorf("%v, buffer %d: forecast %d of %d makes %d, want %d", x.breach, x.buffer, x.forecast, x.most, got, x.want)
		}
	}
}

// From 10:00 on 2, 10, 3 and 1 are expected: who is asked the buffer before an hour gets what that hour needs, if it is more.
func TestTheBufferDecidesWhichHourCounts(t *testing.T) {
	for _, x := range []struct {
		buffer, minute int
		want           int
	}{
		{0, 0, 2}, {0, 59, 2}, {0, 60, 10}, {300, 54, 2}, {300, 55, 10}, {300, 59, 10}, {300, 115, 10}, {300, 119, 10}, {300, 120, 3},
		{3600, 0, 10}, {3600, 60, 10}, {3600, 120, 3}, {3600, 180, 1}, {300, 239, 1}, {300, 240, -1}, {300, -6, -1}, {300, -5, 2},
	} {
		r := expecting(2, 10, 3, 1)
		buffer := time.Duration(x.buffer) * time.Second
		r.Settings.Buffer = &buffer
		h, found := r.hour(at(x.minute))
		if !found {
			h.Capacity = -1
		}
		if h.Capacity != x.want {
			t.Errorf("buffer %d s, %d minutes after 10:00: %d, want %d", x.buffer, x.minute, h.Capacity, x.want)
		}
	}
}

func TestLeadsAreTheBufferBeforeEachHour(t *testing.T) {
	for _, x := range []struct{ buffer, minute, want int }{
		{0, 0, 60}, {0, 59, 60}, {0, 60, 120}, {300, 0, 55}, {300, 54, 55}, {300, 55, 115}, {900, 44, 45}, {3600, 0, 60}, {300, 175, -1},
	} {
		r := expecting(2, 10, 3)
		buffer := time.Duration(x.buffer) * time.Second
		r.Settings.Buffer = &buffer
		got, want := r.nextLead(at(x.minute)), time.Time{}
		if x.want >= 0 {
			want = at(x.want)
		}
		if !got.Equal(want) {
			t.Errorf("buffer %d s, %d minutes after 10:00: %v, want %v", x.buffer, x.minute, got, want)
		}
	}
}

// What is needed of the scaling metric is the median of scaling × capacity ÷ load, by load; hours that lack one do not count.
func TestNeed(t *testing.T) {
	r := &Rule{Settings: &Config{Specs: []Spec{{
		TargetValue: 50, Scaling: &Metric{Type: instancecount.ScalingCPU}, Load: &Metric{Type: instancecount.LoadInvocations},
	}}}}
	past := scaling.PastLoad{
		Load:     []scaling.HourValue{{Ago: 0, Value: 10_000}, {Ago: 1, Value: 20_000}, {Ago: 2, Value: 100}, {Ago: 3, Value: 0}, {Ago: 4, Value: 5_000}, {Ago: 5, Value: 10_000}},
		Scaling:  []scaling.HourValue{{Ago: 0, Value: 40}, {Ago: 1, Value: 80}, {Ago: 2, Value: 90}, {Ago: 3, Value: 5}, {Ago: 5, Value: 44}},
		Capacity: []scaling.HourValue{{Ago: 0, Value: 5}, {Ago: 1, Value: 5}, {Ago: 2, Value: 1}, {Ago: 3, Value: 1}, {Ago: 4, Value: 2}, {Ago: 5, Value: 5}},
	}
	if need, known := r.need(instancecount.Dimension{}, past); !known || need != 0.02 {
		t.Errorf("need %g, known %v; want 0.02", need, known)
	}
	if _, known := r.need(instancecount.Dimension{}, scaling.PastLoad{Load: past.Load, Scaling: past.Scaling}); known {
		t.Error("a need is known without any capacity")
	}
}
