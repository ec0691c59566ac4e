package invoke

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/plural"
)

// instance is one copy, a model server, that routes name or named, for as long as it has invocations in flight.
type instance struct {
	id         hosting.CopyID
	generation hosting.Generation       // of its fleet
	lane       *lane                    // of its variant
	upstream   atomic.Pointer[upstream] // replaced when the instance comes back at another address

	inFlight atomic.Int64
	retired  atomic.Bool  // routes no longer name it
	failures atomic.Int32 // in a row, up to now
	answered atomic.Int64 // when it last answered an invocation: nanoseconds since 1970

	ejected  atomic.Int64 // 0, or until when: nanoseconds since 1970
	pause    atomic.Int64 // nanoseconds from one trial of an ejected instance to the next
	ejection ejection     // guarded by the lane's mu

	waiters atomic.Int32
	mu      sync.Mutex
	changed chan struct{} // closed at the next change; nil while nobody waits
}

// Ends of an attempt to acquire an instance.
const (
	acquired acquisition = iota + 1
	retired              // routes no longer name it
	full                 // it works on as many invocations as it may
)

type acquisition int

// acquire counts an invocation as in flight, unless the instance is retired or has as many as limit allows; 0 is no limit. The
// order, count then look, is what Drain builds on.
func (i *instance) acquire(limit int64) acquisition {
	n := i.inFlight.Add(1)
	if i.retired.Load() {
		i.release()
		return retired
	}
	if limit > 0 && n > limit {
		i.release()
		return full
	}
	return acquired
}

func (i *instance) release() {
	if i.inFlight.Add(-1) == 0 && i.waiters.Load() > 0 {
		i.wake()
	}
	if i.lane.queue.waiting.Load() > 0 {
		i.lane.queue.next(i)
	}
}

// answeredAt notes that the instance answered. Moments are noted once in a while only, since each instance's are written by all
// cores.
func (i *instance) answeredAt(now time.Time) {
	const often = int64(20 * time.Millisecond)
	if t := now.UnixNano(); t-i.answered.Load() > often {
		i.answered.Store(t)
	}
}

// Activity returns how many invocations an instance has in flight, and when it last answered one; the zero time where it has not.
// It is for those who watch over instances: a model server that works may be too busy for their questions.
func (g *Gateway) Activity(id hosting.CopyID) (inFlight int, answered time.Time) {
	g.mu.Lock()
	i := g.instances[id]
	g.mu.Unlock()
	if i == nil {
		return 0, time.Time{}
	}
	if t := i.answered.Load(); t != 0 {
		answered = time.Unix(0, t)
	}
	return int(i.inFlight.Load()), answered
}

// retire keeps new invocations away. Connections in use are closed when they are given back.
func (i *instance) retire() {
	i.retired.Store(true)
	i.upstream.Load().close()
	if i.waiters.Load() > 0 {
		i.wake()
	}
}

// serve makes the instance available at an address, and reports whether it was not available there before.
func (i *instance) serve(address string) (anew bool) {
	old := i.upstream.Load()
	if anew = old == nil || old.address != address || i.retired.Load(); anew {
		i.upstream.Store(newUpstream(address))
		if old != nil {
			old.close()
		}
	}
	i.retired.Store(false)
	return anew
}

func (i *instance) drained() bool { return i.retired.Load() && i.inFlight.Load() == 0 }

func (i *instance) wake() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.changed != nil {
		close(i.changed)
		i.changed = nil
	}
}

// wait returns when the instance is drained. It makes itself known before it looks, so no change between the two is missed.
func (i *instance) wait(ctx context.Context) error {
	i.waiters.Add(1)
	defer i.waiters.Add(-1)
	for {
		i.mu.Lock()
		if i.changed == nil {
			i.changed = make(chan struct{})
		}
		changed := i.changed
		i.mu.Unlock()
		if i.drained() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("draining instance %s with %s in flight: %w", i.id, plural.Of(int(i.inFlight.Load()), "invocation"), ctx.Err())
		}
	}
}

// Drain returns when no invocation is in flight at an instance that routes no longer name; while they do, it waits for that
// too. An instance that the gateway does not know is drained. It fails with ctx's error.
func (g *Gateway) Drain(ctx context.Context, id hosting.CopyID) error {
	g.mu.Lock()
	i := g.instances[id]
	g.mu.Unlock()
	if i == nil {
		return nil
	}
	return i.wait(ctx)
}
