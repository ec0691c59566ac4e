package example_test

import (
	"testing"
	"time"

	"bellows.dev/bellows/scaling"
	. "bellows.dev/bellows/scaling/policy/example"
)

// Each row is a queue that 5 messages for each instance share.
func TestPropose(t *testing.T) {
	target := &scaling.Target{Min: 1, Max: 4}
	for _, x := range []struct {
		name    string
		queue   scaling.Readings
		desired int
		want    int
		outcome scaling.Outcome
	}{
		{"no data", nil, 2, 2, scaling.NoData},
		{"twelve messages need three", scaling.Readings{{Value: 12}}, 2, 3, scaling.Acted},
		{"the newest minute counts", scaling.Readings{{Value: 100}, {Value: 12}}, 2, 3, scaling.Acted},
		{"exactly ten", scaling.Readings{{Value: 10}}, 2, 2, scaling.AtDesired},
		{"fewer", scaling.Readings{{Value: 5}}, 2, 1, scaling.Acted},
		{"more than the maximum", scaling.Readings{{Value: 99}}, 4, 20, scaling.AtMax},
	} {
		rule := &Rule{Each: 5}
		p := rule.Propose(scaling.Situation{
			Now: time.Unix(1_767_225_600, 0), Target: target, Policy: &scaling.Policy{Name: "queue", Rule: rule},
			Capacity: scaling.Capacity{Desired: x.desired, Current: x.desired, Scalable: true}, Windows: []scaling.Readings{x.queue},
		})
		if p.Wanted != x.want || p.Outcome != x.outcome {
			t.Errorf("%s: wanted %d, %v; want %d, %v", x.name, p.Wanted, p.Outcome, x.want, x.outcome)
		}
	}
}
