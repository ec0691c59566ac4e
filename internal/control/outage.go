package control

import (
	"context"
	"fmt"
	"slices"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
)

// Handling of a disk that is full, read-only or slow. All are wall time.
const (
	slowAfter = 2 * time.Second // a write that takes longer is slow: changes are refused, reads get the durable state
	probeMin  = time.Second     // before the next trial write; doubles up to probeMax
	probeMax  = 10 * time.Second
)

// Measurements that are buffered while nothing can be committed. Beyond bufferFine they are taken each bufferEvery of policy time, beyond
// bufferMax not at all: gateways keep adding up what they measure.
const (
	bufferFine  = 20_000 // observations of variants and instances
	bufferMax   = 40_000
	bufferEvery = time.Minute
)

// Trouble is why changes are refused.
type Trouble struct {
	Since time.Time // wall time
	Slow  bool      // a write is slow; otherwise one failed
	Err   error     // why it failed; nil if Slow

	Broken bool // the journal can be written, but the engine fails at each step
}

// String returns the trouble as a sentence.
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

// UnwritableError refuses a change that cannot be recorded. The state is unchanged.
type UnwritableError struct{ Trouble Trouble }

// Error implements error.
func (e *UnwritableError) Error() string {
	if e.Trouble.Broken {
		return e.Trouble.String() + " They are tried again up to each minute; invocations go on."
	}
	return e.Trouble.String() + " Changes are refused until it can be written again; invocations go on."
}

// Unwrap returns the error of the disk.
func (e *UnwritableError) Unwrap() error { return e.Trouble.Err }

// Unavailable marks the error as temporary: the same request may succeed later.
func (e *UnwritableError) Unavailable() {}

// outage is a period in which nothing can be committed.
type outage struct {
	probe time.Time // wall time of the next trial write
	wait  time.Duration
}

// buffer has what is stepped after an outage: measurements with their times, and the newest report of each instance.
type buffer struct {
	orders  []*order
	reports map[hosting.InstanceID]int // indexes of orders
	size    int                        // observations in orders
	at      time.Time                  // policy time of the newest measurements
}

// Trouble returns why changes are refused or decisions fail at present; ok is false if neither is the case.
func (c *Controller) Trouble() (t Trouble, ok bool) {
	for _, p := range []*Trouble{c.trouble.Load(), c.broken.Load()} {
		if p != nil {
			return *p, true
		}
	}
	return t, false
}

// refusal is the error that changes get at present; nil if they are accepted.
func (c *Controller) refusal() error {
	if p := c.trouble.Load(); p != nil {
		return &UnwritableError{*p}
	}
	return nil
}

// durably runs a write and waits for it, see waitForWrite if it is slow.
func (c *Controller) durably(ctx context.Context, write func(context.Context) error) error {
	result, ended := begin(ctx, write)
	if ended {
		return <-result
	}
	return c.waitForWrite(ctx, result)
}

// begin starts a write and waits for up to slowAfter: ended is false if it is still in progress then. The caller must wait for the result.
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

// waitForWrite waits for a slow write. Meanwhile changes are refused, and measurements and reports are buffered.
func (c *Controller) waitForWrite(ctx context.Context, done <-chan error) error {
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
			c.queued.Add(-1)
			c.refuse(o)
		case <-measure.C:
			c.bufferMeasurements(ctx)
		}
	}
}

// refuse refuses an order that cannot be committed now. Reports of instances are buffered instead, since fleets do not repeat them.
func (c *Controller) refuse(o *order) {
	if in, ok := o.in.(engine.Reported); ok {
		o.at = c.Now()
		c.bufferReport(o, in.Report.ID)
		return
	}
	o.err = c.refusal()
	close(o.answered)
}

// bufferReport buffers a report in place of an earlier one of the same instance, which it supersedes.
func (c *Controller) bufferReport(o *order, id hosting.InstanceID) {
	if c.buffer.reports == nil {
		c.buffer.reports = map[hosting.InstanceID]int{}
	}
	if at, found := c.buffer.reports[id]; found {
		close(c.buffer.orders[at].answered)
		c.buffer.orders[at] = nil
	}
	c.buffer.reports[id] = len(c.buffer.orders)
	c.buffer.orders = append(c.buffer.orders, o)
}

// bufferMeasurements takes measurements, to be stepped with their time once they can be committed.
func (c *Controller) bufferMeasurements(ctx context.Context) {
	now, every := c.Now(), observeEvery
	if c.buffer.size >= bufferFine {
		every = bufferEvery
	}
	if c.buffer.size >= bufferMax || now.Sub(c.buffer.at) < every {
		return
	}
	c.buffer.at = now
	in := c.measure(ctx, now)
	if n := len(in.Variants) + len(in.Instances); n > 0 {
		c.buffer.size += n
		c.buffer.orders = append(c.buffer.orders, &order{in: in, at: now, answered: make(chan struct{})})
	}
}

// beginOutage begins an outage after a write failed, or goes on with one, and rolls the engine back to the durable state.
func (c *Controller) beginOutage(ctx context.Context, err error) {
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

// rollBack restores the engine if it is ahead of the log or has panicked: it takes the follower's, or reads the log. No commit is in progress.
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
		if l = c.follower.take(ctx); l != nil {
			return nil
		}
		var err error
		l, err = c.rebuild(ctx, time.Now(), nil)
		return err
	})
	if err == nil {
		c.adopt(l)
		return
	}
	c.o.Log.ErrorContext(ctx, "the engine cannot be restored from the journal", "error", err)
	c.mu.Lock() // the next attempt tries again
	defer c.mu.Unlock()
	c.failure = fmt.Errorf("the journal can neither be written nor read: %w", err)
	c.returnOnDisk()
	c.wakeReaders()
}

// tryToResume ends the outage if a trial write succeeds.
func (c *Controller) tryToResume(ctx context.Context) {
	if err := c.durably(ctx, c.store.Probe); err != nil {
		c.beginOutage(ctx, err)
		return
	}
	if c.rollBack(ctx); !c.readable() {
		c.outage.probe = time.Now().Add(c.outage.wait)
		return
	}
	for _, resume := range []func(context.Context) error{
		func(ctx context.Context) error { return c.durably(ctx, c.start) },
		c.stepBuffered,
		func(ctx context.Context) error { return c.batch(ctx, c.settings()) },
	} {
		if err := resume(ctx); err != nil {
			c.beginOutage(ctx, err)
			return
		}
	}
	c.o.Log.InfoContext(ctx, "the journal is written again: changes are taken")
	c.outage = nil
	c.trouble.Store(nil)
}

// stepBuffered steps what was buffered during an outage, each input at its time.
func (c *Controller) stepBuffered(ctx context.Context) error {
	for len(c.buffer.orders) > 0 && !c.internal.waits(c.Now()) {
		c.buffer.sort()
		n := min(len(c.buffer.orders), batchMax)
		orders := make([]*order, n)
		for i, o := range c.buffer.orders[:n] {
			orders[i] = &order{in: o.in, at: o.at, buffered: true, answered: make(chan struct{})}
		}
		n, err := c.part(ctx, orders)
		if err == nil {
			err = c.flush(ctx)
		}
		if err != nil {
			return err
		}
		if c.buffer.release(n); c.outage == nil && len(c.inbox) > 0 {
			return nil // callers take turns with the buffer
		}
	}
	return nil
}

// sort sorts the buffer by time and drops reports that newer ones replaced.
func (h *buffer) sort() {
	h.orders = slices.DeleteFunc(h.orders, func(o *order) bool { return o == nil })
	slices.SortStableFunc(h.orders, func(a, b *order) int { return a.at.Compare(b.at) })
	h.place()
}

// place notes the indexes of the reports.
func (h *buffer) place() {
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

// release drops the first n orders. More may have been appended meanwhile.
func (h *buffer) release(n int) {
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

// bufferAgain holds what came from inside and could not be committed, for it is not repeated.
func (c *Controller) bufferAgain(orders []*order) {
	for _, o := range orders {
		if o.buffered {
			continue // it stays in the buffer until it is committed
		}
		at := o.at
		if at.IsZero() {
			at = c.Now()
		}
		again := &order{in: o.in, at: at, answered: make(chan struct{})}
		switch in := o.in.(type) {
		case engine.Reported:
			c.bufferReport(again, in.Report.ID)
		case engine.Observed:
			c.buffer.size += len(in.Variants) + len(in.Instances)
			c.buffer.orders = append(c.buffer.orders, again)
		}
	}
}
