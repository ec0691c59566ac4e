package queue

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff is how long the pauses between tries are: First, then twice as long each time, up to Last.
type Backoff struct {
	First, Last time.Duration

	// Spread makes each pause a random one, from half of it to one and a half, so that clients that failed together do not return together.
	Spread bool
}

// Retry calls try until it is done, and returns its error then, or ctx.Err() where ctx ended during a pause. try gets the number of the call,
// from 1 on. It returns whether it has to be called again, and the least pause before that, 0 for the backoff's own.
func (b Backoff) Retry(ctx context.Context, try func(n int) (again bool, least time.Duration, err error)) error {
	pause := b.First
	for n := 1; ; n++ {
		again, least, err := try(n)
		if !again {
			return err
		}
		wait := pause
		if b.Spread && pause > 0 {
			wait = pause/2 + rand.N(pause)
		}
		timer := time.NewTimer(max(wait, least))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		pause = min(2*pause, b.Last)
	}
}
