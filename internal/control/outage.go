package control

import (
	"context"
	"fmt"
	"slices"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
)

// How a controller lives with a disk that is full, read-only or slow. All are wall time.
const (
	slowAfter = 2 * time.Second // a write that takes longer: callers are refused, readers get the state that is on disk
	probeMin  = time.Second     // between two attempts to write again; doubles up to probeMax
	probeMax  = 10 * time.Second
)

// Measurements that are held while nothing can be committed. Beyond heldFine they are taken each heldEvery of policy time, beyond
// heldMax not at all: gateways go on adding up what they measure.
const (
	heldFine  = 20_000 // observations of variants and instances
	heldMax   = 40_000
	heldEvery = time.Minute
)

// Trouble says why changes are refused.
type Trouble struct {
	Since time.Time // wall time
	Slow  bool      // a write is in progress and takes long; otherwise it failed
	Err   error     // why it failed; nil where Slow

	Broken bool // the journal is well, but the engine fails at each step
}

// String describes the trouble in a sentence.
func (t Trouble) String() string {
	since := t.Since.UTC().Format("2006-01-02 15:04:05 UTC")
	if t.Broken {
		return fmt.Sprintf("Decisions have failed since %s: %s.", since, brief(t.Err))
	}
	if t.Slow {
		return fmt.Sprintf("The journal's disk is slow: a write has been in progress since %s.", since)
	}
	return fmt.Sprintf("The journal cannot be written since %s: %v.", since, t.Err)
}

// UnwritableError refuses a change that cannot be recorded. Nothing was changed.
type UnwritableError struct{ Trouble Trouble }

// Error implements error.
func (e *UnwritableError) Error() string {
	if e.Trouble.Broken {
		return e.Trouble.String() + " They are tried again up to each minute; invocations go on."
	}
	return e.Trouble.String() + " Changes are refused until it can be written again; invocations go on."
}

// Unwrap returns the disk's error.
func (e *UnwritableError) Unwrap() error { return e.Trouble.Err }

// Unavailable marks the error as one that passes: the same request may succeed later.
func (e *UnwritableError) Unavailable() {}

// outage is a time in which nothing can be committed.
type outage struct {
	probe time.Time // wall time of the next attempt
	wait  time.Duration
}

// held is what waits for the disk: what was measured, with its time, and the newest report of each instance.
type held struct {
	orders  []*order
	reports map[hosting.InstanceID]int // places in orders
	size    int                        // observations in orders
	at      time.Time                  // policy time of the newest measurements
}

// Trouble reports why changes are refused, or decisions fail, at present; ok is false where all is well.
func (c *Controller) Trouble() (t Trouble, ok bool) {
	for _, p := range []*Trouble{c.trouble.Load(), c.broken.Load()} {
		if p != nil {
			return *p, true
		}
	}
	return t, false
}

// refusal is the error that a change meets at present, nil where it is taken.
func (c *Controller) refusal() error {
	if p := c.trouble.Load(); p != nil {
		return &UnwritableError{*p}
	}
	return nil
}

// durably runs a write and waits for it. Where it takes long, the loop goes on: see sitOut.
func (c *Controller) durably(ctx context.Context, write func(context.Context) error) error {
	result, ended := begin(ctx, write)
	if ended {
		return <-result
	}
	return c.sitOut(ctx, result)
}

// begin runs a write and waits for a moment: ended is false where it is still in progress then. The write must be waited for.
func begin(ctx context.Context, write func(context.Context) error) (result chan error, ended bool) {
	result = make(chan error, 1)
	go func() { result <- write(context.WithoutCancel(ctx)) }()
	late := time.NewTimer(slowAfter)
	defer late.Stop()
	select {
	case err := <-result:
		result <- err
		return result, true
	case <-late.C:
		return result, false
	}
}

// sitOut waits for a write that takes long. Meanwhile callers are refused, and what comes from inside is held.
func (c *Controller) sitOut(ctx context.Context, done <-chan error) error {
	if c.outage == nil {
		t := &Trouble{Since: time.Now(), Slow: true}
		c.trouble.Store(t)
		c.o.Log.WarnContext(ctx, "the journal's disk is slow: changes are refused until a write has ended")
		defer func() {
			c.trouble.CompareAndSwap(t, nil)
			c.o.Log.InfoContext(ctx, "a slow write to the journal has ended", "took", time.Since(t.Since).Round(time.Millisecond))
		}()
	}
	measure := time.NewTicker(max(c.clock.Wall(observeEvery), pulse))
	defer measure.Stop()
	for {
		select {
		case err := <-done:
			return err
		case o := <-c.inbox:
			c.turnAway(o)
		case <-measure.C:
			c.hold(ctx)
		}
	}
}

// turnAway refuses an order that cannot be committed now. Reports of instances are held instead: nobody would repeat them.
func (c *Controller) turnAway(o *order) {
	if in, ok := o.in.(engine.Reported); ok {
		o.at = c.Now()
		c.holdReport(o, in.Report.ID)
		return
	}
	o.err = c.refusal()
	close(o.answered)
}

// holdReport holds the newest report of an instance: it says all that earlier ones did.
func (c *Controller) holdReport(o *order, id hosting.InstanceID) {
	if c.held.reports == nil {
		c.held.reports = map[hosting.InstanceID]int{}
	}
	if at, found := c.held.reports[id]; found {
		close(c.held.orders[at].answered)
		c.held.orders[at] = nil
	}
	c.held.reports[id] = len(c.held.orders)
	c.held.orders = append(c.held.orders, o)
}

// hold takes what was measured, with its time, to be stepped once it can be committed.
func (c *Controller) hold(ctx context.Context) {
	now, every := c.Now(), observeEvery
	if c.held.size >= heldFine {
		every = heldEvery
	}
	if c.held.size >= heldMax || now.Sub(c.held.at) < every {
		return
	}
	c.held.at = now
	in := c.measure(ctx, now)
	if n := len(in.Variants) + len(in.Instances); n > 0 {
		c.held.size += n
		c.held.orders = append(c.held.orders, &order{in: in, at: now, answered: make(chan struct{})})
	}
}

// stall begins an outage: a write failed. What is in memory goes back to what is on disk.
func (c *Controller) stall(ctx context.Context, err error) {
	now := time.Now()
	if c.outage == nil {
		c.outage = &outage{wait: probeMin}
		c.o.Log.ErrorContext(ctx, "the journal cannot be written: changes are refused, invocations go on", "error", err)
	} else {
		c.outage.wait = min(2*c.outage.wait, probeMax)
	}
	c.outage.probe = now.Add(c.outage.wait)
	since := now
	if t := c.trouble.Load(); t != nil {
		since = t.Since
	}
	c.trouble.Store(&Trouble{Since: since, Err: err})
	c.fence(err)
	c.rollBack(ctx)
}

// rollBack brings the engine back to what is on disk, where it is ahead of it or has panicked. Nothing is being written.
func (c *Controller) rollBack(ctx context.Context) {
	if c.readable() {
		return
	}
	c.mu.RLock()
	l := c.onDisk
	c.mu.RUnlock()
	err := c.durably(ctx, func(ctx context.Context) error {
		if l != nil { // a commit that failed may be durable nevertheless
			if end, err := c.store.End(ctx); err != nil || end == l.seq {
				return err
			}
		}
		var err error
		l, err = c.rebuild(ctx, time.Now(), nil)
		return err
	})
	if err == nil {
		c.settle(l)
		return
	}
	c.o.Log.ErrorContext(ctx, "the engine cannot be read again from the journal", "error", err)
	c.mu.Lock() // the next attempt tries again
	defer c.mu.Unlock()
	c.failure, c.onDisk = fmt.Errorf("the journal can neither be written nor read: %w", err), nil
	c.tellReaders()
}

// mend tries whether the disk takes writes again, and goes on where the outage began.
func (c *Controller) mend(ctx context.Context) {
	if err := c.durably(ctx, c.store.Probe); err != nil {
		c.stall(ctx, err)
		return
	}
	if c.rollBack(ctx); !c.readable() {
		c.outage.probe = time.Now().Add(c.outage.wait)
		return
	}
	for _, resume := range []func(context.Context) error{
		func(ctx context.Context) error { return c.durably(ctx, c.start) },
		c.catchUp,
		func(ctx context.Context) error { return c.batch(ctx, c.settings()) },
	} {
		if err := resume(ctx); err != nil {
			c.stall(ctx, err)
			return
		}
	}
	c.o.Log.InfoContext(ctx, "the journal is written again: changes are taken")
	c.outage = nil
	c.trouble.Store(nil)
}

// catchUp steps through what was held, each at its time.
func (c *Controller) catchUp(ctx context.Context) error {
	for len(c.held.orders) > 0 && !c.own.waits(c.Now()) {
		c.held.sort()
		n := min(len(c.held.orders), batchMax)
		orders := make([]*order, n)
		for i, o := range c.held.orders[:n] {
			orders[i] = &order{in: o.in, at: o.at, held: true, answered: make(chan struct{})}
		}
		n, err := c.part(ctx, orders)
		if err == nil {
			err = c.flush(ctx)
		}
		if err != nil {
			return err
		}
		if c.held.release(n); c.outage == nil && len(c.inbox) > 0 {
			return nil // callers take turns with what a slow disk left behind
		}
	}
	return nil
}

// sort brings what is held into the order of its time, and drops what newer reports replaced.
func (h *held) sort() {
	h.orders = slices.DeleteFunc(h.orders, func(o *order) bool { return o == nil })
	slices.SortStableFunc(h.orders, func(a, b *order) int { return a.at.Compare(b.at) })
	h.place()
}

// place notes where the reports are.
func (h *held) place() {
	h.reports = map[hosting.InstanceID]int{}
	for i, o := range h.orders {
		if o == nil {
			continue
		}
		if in, ok := o.in.(engine.Reported); ok {
			h.reports[in.Report.ID] = i
		}
	}
}

// release drops the oldest of what is held. More may have come meanwhile.
func (h *held) release(n int) {
	for _, o := range h.orders[:n] {
		if o == nil {
			continue
		}
		if in, ok := o.in.(engine.Observed); ok {
			h.size -= len(in.Variants) + len(in.Instances)
		}
	}
	h.orders = slices.Clone(h.orders[n:])
	h.place()
}

// keepMeasured holds what came from inside and could not be committed, for it is not repeated.
func (c *Controller) keepMeasured(orders []*order) {
	for _, o := range orders {
		if o.held {
			continue // it is held until it is committed
		}
		at := o.at
		if at.IsZero() {
			at = c.Now()
		}
		again := &order{in: o.in, at: at, answered: make(chan struct{})}
		switch in := o.in.(type) {
		case engine.Reported:
			c.holdReport(again, in.Report.ID)
		case engine.Observed:
			c.held.size += len(in.Variants) + len(in.Instances)
			c.held.orders = append(c.held.orders, again)
		}
	}
}
