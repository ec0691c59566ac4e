package process

import (
	"errors"
	"fmt"
	"time"

	"bellows.dev/bellows/hosting"
)

// health decides from pings, and from answers to invocations, whether a copy that serves is alive.
type health struct {
	misses int       // in a row
	good   time.Time // of the last answered ping
}

// unhealthyAfter is how long a copy that starts may be unhealthy before the reason is reported, and how long it takes to the next reason: most
// model servers do not listen at first.
const unhealthyAfter = 5 * time.Second

// starting decides which reasons for a copy's not being healthy yet are reported.
type starting struct {
	notice time.Duration // since the start: none is reported before
	last   string        // the latest that was reported
}

// noted reports whether a reason is to be reported, so long after the start.
func (s *starting) noted(since time.Duration, why string) bool {
	if since < s.notice || why == s.last {
		return false
	}
	s.notice, s.last = since+unhealthyAfter, why
	return true
}

// errUnhealthy is an answer to a ping other than 200: the model server itself says that it cannot serve.
var errUnhealthy = errors.New("not healthy")

// answered notes a ping that was answered with 200.
func (h *health) answered(now time.Time) { h.misses, h.good = 0, now }

// missed notes a ping that failed, and returns why the copy is to be started again; "" where it is not. A model server that works
// on invocations may be too busy for pings: while it answers them within the model's time-out it is alive, even if pings fail. An
// answer to a ping other than 200 always counts.
func (h *health) missed(f *Fleet, id hosting.CopyID, now time.Time, err error) (reason string) {
	if !errors.Is(err, errUnhealthy) && f.o.Activity != nil {
		inFlight, answered := f.o.Activity(id)
		if now.Sub(answered) < f.o.PingInterval+f.o.PingTimeout {
			h.misses = 0 // an answer to an invocation counts as one to the ping
			return ""
		}
		life := h.good
		if answered.After(life) {
			life = answered
		}
		if inFlight > 0 && now.Sub(life) < f.o.BusyMax {
			return ""
		}
	}
	if h.misses++; h.misses < f.o.PingFailures {
		return ""
	}
	return fmt.Sprintf("It missed %d health checks in a row: %v", h.misses, err)
}
