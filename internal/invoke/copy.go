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

// modelCopy is one copy, a model server, that routes name or named, for as long as it has invocations in flight.
type modelCopy struct {
	id         hosting.CopyID
	generation hosting.Generation       // of its fleet
	lane       *lane                    // of its variant
	upstream   atomic.Pointer[upstream] // replaced when the copy is available at another address

	inFlight atomic.Int64
	retired  atomic.Bool  // routes no longer name it
	failures atomic.Int32 // in a row, up to now
	answered atomic.Int64 // when it last answered an invocation: nanoseconds since 1970

	ejected  atomic.Int64 // 0, or until when: nanoseconds since 1970
	pause    atomic.Int64 // nanoseconds from one trial of an ejected copy to the next
	ejection ejection     // guarded by the lane's mu

	waiters atomic.Int32
	mu      sync.Mutex
	changed chan struct{} // closed at the next change; nil while none waits
}

// Ends of an attempt to acquire a copy.
const (
	acquired acquisition = iota + 1
	retired              // routes no longer name it
	full                 // it works on as many invocations as it may
)

type acquisition int

// acquire counts an invocation as in flight, unless the copy is retired or has as many as limit allows; 0 is no limit. The
// order, count and then check, is what Drain relies on.
func (m *modelCopy) acquire(limit int64) acquisition {
	n := m.inFlight.Add(1)
	if m.retired.Load() {
		m.release()
		return retired
	}
	if limit > 0 && n > limit {
		m.release()
		return full
	}
	return acquired
}

func (m *modelCopy) release() {
	if m.inFlight.Add(-1) == 0 && m.waiters.Load() > 0 {
		m.wake()
	}
	if m.lane.queue.waiting.Load() > 0 {
		m.lane.queue.next(m)
	}
}

// answeredAt notes that the copy answered. The time is updated at intervals only, since all cores write
// it.
func (m *modelCopy) answeredAt(now time.Time) {
	const often = int64(20 * time.Millisecond)
	if t := now.UnixNano(); t-m.answered.Load() > often {
		m.answered.Store(t)
	}
}

// Activity returns how many invocations an instance has in flight, and when it last answered one; the zero time where it has not.
// Health checks use it: a model server that is busy may not answer pings in time.
func (g *Gateway) Activity(id hosting.CopyID) (inFlight int, answered time.Time) {
	g.mu.Lock()
	i := g.copies[id]
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
func (m *modelCopy) retire() {
	m.retired.Store(true)
	m.upstream.Load().close()
	if m.waiters.Load() > 0 {
		m.wake()
	}
}

// serve makes the copy available at an address, and reports whether it was not available there before.
func (m *modelCopy) serve(address string) (changed bool) {
	old := m.upstream.Load()
	if changed = old == nil || old.address != address || m.retired.Load(); changed {
		m.upstream.Store(newUpstream(address))
		if old != nil {
			old.close()
		}
	}
	m.retired.Store(false)
	return changed
}

func (m *modelCopy) drained() bool { return m.retired.Load() && m.inFlight.Load() == 0 }

func (m *modelCopy) wake() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.changed != nil {
		close(m.changed)
		m.changed = nil
	}
}

// wait returns when the copy is drained. It registers before it checks, so no change between the two is missed.
func (m *modelCopy) wait(ctx context.Context) error {
	m.waiters.Add(1)
	defer m.waiters.Add(-1)
	for {
		m.mu.Lock()
		if m.changed == nil {
			m.changed = make(chan struct{})
		}
		changed := m.changed
		m.mu.Unlock()
		if m.drained() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("draining instance %s with %s in flight: %w", m.id, plural.Of(int(m.inFlight.Load()), "invocation"), ctx.Err())
		}
	}
}

// Drain returns when no invocation is in flight at a copy that routes no longer name; while routes name it, Drain waits for that
// too. A copy that the gateway does not know is drained. It fails with ctx's error.
func (g *Gateway) Drain(ctx context.Context, id hosting.CopyID) error {
	g.mu.Lock()
	i := g.copies[id]
	g.mu.Unlock()
	if i == nil {
		return nil
	}
	return i.wait(ctx)
}
