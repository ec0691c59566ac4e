package explain

import (
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/scaling"
)

// AWS's description of a scheduled action's activity has no full stop; what follows it in a story is a sentence of its own all the same.
func TestAnActivityReadsAsSentences(t *testing.T) {
	start := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	minimum, schedule := 2, scaling.Cause{Kind: scaling.CauseSchedule}
	for _, c := range []struct {
		activity scaling.Activity
		want     string
	}{
		{scaling.Activity{Status: scaling.Successful, Cause: schedule, SetMin: &minimum, Start: start, End: start.Add(time.Second)},
			"Successful: Setting min capacity to 2. After 1s."},
		{scaling.Activity{Status: scaling.Failed, Cause: schedule, SetMin: &minimum, Start: start, End: start, Reason: "It is too many."},
			"Failed: Setting min capacity to 2. After 0s. It is too many."},
		{scaling.Activity{Status: scaling.Failed, NotScaled: scaling.NotScaledReason{Code: scaling.AlreadyAtMinCapacity, Capacity: 1}, Start: start},
			"Not scaled: AlreadyAtMinCapacity"},
		{scaling.Activity{Status: scaling.InProgress, Cause: schedule, SetMin: &minimum, Start: start}, "InProgress: Setting min capacity to 2"},
	} {
		if got := activity(engine.ActivityChanged{Activity: c.activity}); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
