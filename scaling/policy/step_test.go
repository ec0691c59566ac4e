package policy_test

import (
	"testing"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/scaling/policy/step"
)

// AWS: step scaling policies, user guide: step adjustments at a threshold of 50; bounds belong to the side away from it.
var guideSteps = []step.Adjustment{
	adjustment(0, 10, 0), adjustment(10, 20, 10), adjustment(20, nil, 30), adjustment(-10, 0, 0), adjustment(-20, -10, -10), adjustment(nil, -20, -30),
}

// AWS: the guide's walk: 10 instances, metric 60 → 11; 70 → 14; 40 → 13; 30 → 10.
func TestStepWalk(t *testing.T) {
	in := stepping("p", step.PercentChangeInCapacity, guideSteps...)
	in.Step.Cooldown = seconds(0)
	_, target := newTarget(t, 1, 20, in)
	n := 10
	for i, tt := range []struct {
		comparison alarm.Comparison
		metric     float64
		want       int
	}{{alarm.GreaterThanThreshold, 60, 11}, {alarm.GreaterThanThreshold, 70, 14}, {alarm.LessThanThreshold, 40, 13}, {alarm.LessThanThreshold, 30, 10}} {
		d := decide(i*60, target, steady(n), alarmed(target, "p", tt.comparison, 50, tt.metric))
		if d.Want != tt.want {
			t.Fatalf("metric %v at %d: got %d, want %d: %s", tt.metric, n, d.Want, tt.want, explained(&d))
		}
		carryOut(t, target, d, i*60, i*60+30)
		n = d.Want
	}
}

func TestAggregation(t *testing.T) {
	for aggregation, want := range map[step.Aggregation]float64{0: 60, step.AggregateAverage: 60, step.AggregateMinimum: 50, step.AggregateMaximum: 70} {
		in := stepping("p", step.ChangeInCapacity, adjustment(0, nil, 1))
		in.Step.Aggregation = aggregation
		_, target := newTarget(t, 1, 9, in)
		d := decide(0, target, steady(1), alarmed(target, "p", alarm.GreaterThanOrEqualToThreshold, 50, 70, 50, 60))
		if got := d.Proposals[0].Metric; got != want {
			t.Errorf("%s: metric %v, want %v", aggregation, got, want)
		}
	}
}
