package policy_test

import (
	"testing"

	"bellows.dev/bellows/alarm"
	. "bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/step"
)

// twoPolicies is a target with target tracking and step scaling, whose alarms both invoke it each minute and change nothing.
func twoPolicies(tb testing.TB) (*Target, []Signal) {
	_, target := newTarget(tb, 1, 8, track("cpu", 70), stepping("up", step.ChangeInCapacity, adjustment(0, 10, 1), adjustment(10, nil, 2)))
	return target, []Signal{high(target, "cpu", 140, 150, 160), alarmed(target, "up", alarm.GreaterThanThreshold, 50, 55, 56, 57)}
}

func TestDecideDoesNotAllocate(t *testing.T) {
	target, signals := twoPolicies(t)
	votes := []Signal{low(target, "cpu", 1)}
	var d Decision
	seen := Seen{Signals: signals, Alarms: states(votes)}
	Decide(t0, target, steady(8), seen, &d)
	allocations := testing.AllocsPerRun(100, func() {
		Decide(t0, target, steady(8), seen, &d)
		if _, written := target.NotScaled(t0, &d, func() string { return "a" }); written {
			target.LastNotScaled = AlreadyAtMaxCapacity
		}
	})
	if d.Acted || allocations != 0 {
		t.Errorf("%v allocations: %s", allocations, explained(&d))
	}
}

func BenchmarkDecideNoChange(b *testing.B) {
	target, signals := twoPolicies(b)
	var d Decision
	b.ReportAllocs()
	for b.Loop() {
		Decide(t0, target, steady(8), Seen{Signals: signals}, &d)
	}
}

func BenchmarkDecideScaleOut(b *testing.B) {
	target, signals := twoPolicies(b)
	var d Decision
	b.ReportAllocs()
	for b.Loop() {
		Decide(t0, target, steady(2), Seen{Signals: signals}, &d)
	}
}
