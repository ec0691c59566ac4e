package process

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/fleet"
)

// A busy instance is not a dead one: answers to invocations count as life, and invocations in flight excuse silence for a model's
// time-out, but no longer, and never an answer other than 200.
func TestHealth(t *testing.T) {
	silent, unwell := errors.New("/ping did not answer within 2s"), fmt.Errorf("/ping answered 503: %w", errUnhealthy)
	for _, x := range []struct {
		name     string
		err      error
		inFlight int
		answered time.Duration // before each ping; 0: never
		dies     int           // at which missed ping, one each 5 s; 0: not within 100
	}{
		{"idle and silent", silent, 0, 0, 3},
		{"answers invocations", silent, 1, time.Second, 0},
		{"answered just before", silent, 0, time.Second, 0},
		{"works on one that takes long", silent, 1, 0, 14}, // 60 s are over with the 12th, which counts with two more
		{"says that it is unwell", unwell, 5, time.Second, 3},
	} {
		now := time.Unix(1_800_000_000, 0)
		f := &Fleet{o: Options{Options: fleet.Options{Activity: func(hosting.CopyID) (int, time.Time) {
			if x.answered == 0 {
				return x.inFlight, time.Time{}
			}
			return x.inFlight, now.Add(-x.answered)
		}}}.withDefaults()}
		var h health
		h.answered(now)
		died := 0
		for n := 1; n <= 100 && died == 0; n++ {
			now = now.Add(5 * time.Second)
			if h.missed(f, "i-1", now, x.err) != "" {
				died = n
			}
		}
		if died != x.dies {
			t.Errorf("%s: dies at the missed ping %d, want %d", x.name, died, x.dies)
		}
	}
}

// What a copy that starts answers is reported once it has had time to listen, and then if it changes, at most every five seconds.
func TestReasonsOfAStartAreReportedSometimes(t *testing.T) {
	s := starting{notice: 2 * time.Second}
	for _, x := range []struct {
		at   time.Duration
		why  string
		want bool
	}{
		{time.Second, "refused", false}, {2 * time.Second, "refused", true}, {60 * time.Second, "refused", false}, {61 * time.Second, "503", true},
		{62 * time.Second, "500", false}, {66 * time.Second, "500", true},
	} {
		if got := s.noted(x.at, x.why); got != x.want {
			t.Errorf("%s after %v: %v", x.why, x.at, got)
		}
	}
}

func TestPingsAloneCountWithoutAGateway(t *testing.T) {
	f := &Fleet{o: Options{Options: fleet.Options{PingFailures: 2}}.withDefaults()}
	var h health
	h.answered(time.Unix(0, 0))
	if h.missed(f, "i-1", time.Unix(5, 0), errors.New("silence")) != "" || h.missed(f, "i-1", time.Unix(10, 0), errors.New("silence")) == "" {
		t.Error("the second miss in a row counts")
	}
}
