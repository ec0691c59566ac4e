package scaling

import (
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
)

func seconds(n int) *time.Duration {
	d := time.Duration(n) * time.Second
	return &d
}

// The warm-up is the policy's, else the group's, else its default cooldown.
func TestWarmupDefaults(t *testing.T) {
	g, p := &Group{}, &Policy{}
	for _, want := range []int{300, 40, 30, 20} {
		switch want {
		case 40:
			g.DefaultCooldown = seconds(40)
		case 30:
			g.DefaultWarmup = seconds(30)
		case 20:
			p.Warmup = seconds(20)
		}
		if got := g.warmup(p); got != time.Duration(want)*time.Second {
			t.Errorf("%v, want %d s", got, want)
		}
	}
}

// The codes of comparisons are those of journals: they stay, whatever alarm.Comparison's numbers are.
func TestComparisonCodes(t *testing.T) {
	for c, code := range map[alarm.Comparison]ComparisonCode{
		0: 0, alarm.GreaterThanThreshold: 1, alarm.GreaterThanOrEqualToThreshold: 2, alarm.LessThanThreshold: 3, alarm.LessThanOrEqualToThreshold: 4,
	} {
		if got := comparisonCode(c); got != code || got.Comparison() != c {
			t.Errorf("%v has the code %d, which stands for %v", c, got, got.Comparison())
		}
	}
}
