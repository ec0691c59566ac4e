package invoke

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"bellows.dev/bellows/hosting"
)

// instance is one model server that routes name or named, for as long as it has invocations in flight.
type instance struct {
	id       hosting.InstanceID
	counter  *counter                 // of its variant
	upstream atomic.Pointer[upstream] // replaced when the instance comes back at another address

	inFlight atomic.Int64
	retired  atomic.Bool // routes no longer name it

	waiters atomic.Int32
	mu      sync.Mutex
	changed chan struct{} // closed at the next change; nil while nobody waits
}

// acquire counts an invocation as in flight, unless the instance is retired. The order, count then look, is what Drain builds on.
func (i *instance) acquire() bool {
	i.inFlight.Add(1)
	if i.retired.Load() {
		i.release()
		return false
	}
	return true
}

func (i *instance) release() {
	if i.inFlight.Add(-1) == 0 && i.waiters.Load() > 0 {
		i.wake()
	}
}

// retire keeps new invocations away. Connections in use are closed when they are given back.
func (i *instance) retire() {
	i.retired.Store(true)
	i.upstream.Load().close()
	if i.waiters.Load() > 0 {
		i.wake()
	}
}

// serve makes the instance available at an address.
func (i *instance) serve(address string) {
	old := i.upstream.Load()
	if old == nil || old.address != address || i.retired.Load() {
		i.upstream.Store(newUpstream(address))
		if old != nil {
			old.close()
		}
	}
	i.retired.Store(false)
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
			return fmt.Errorf("draining instance %s with %d invocations in flight: %w", i.id, i.inFlight.Load(), ctx.Err())
		}
	}
}

// Drain returns when no invocation is in flight at an instance that routes no longer name; while they do, it waits for that
// too. An instance that the gateway does not know is drained. It fails with ctx's error.
func (g *Gateway) Drain(ctx context.Context, id hosting.InstanceID) error {
	g.mu.Lock()
	i := g.instances[id]
	g.mu.Unlock()
	if i == nil {
		return nil
	}
	return i.wait(ctx)
}
