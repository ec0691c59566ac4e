package control

import (
	"context"
	"errors"
	"time"

	"bellows.dev/bellows/internal/log"
)

// commit is a group that is being committed.
type commit struct {
	group
	span  *span
	began time.Time
	took  time.Duration // by the append
}

// slow reports whether a commit, if there is one, has been in progress for long.
func (c *commit) slow() bool { return c != nil && time.Since(c.began) >= slowAfter }

// stepNow steps an order in its caller's goroutine, which spares two changes of goroutines, unless earlier orders wait, or another goroutine
// has the turn; stepped is false then. It returns the commit that has to be written; nil if another one is in progress, after which the order is
// committed. It waits for nothing.
func (c *Controller) stepNow(o *order) (w *commit, stepped bool) {
	select {
	case c.turn <- struct{}{}:
	default:
		return nil, false
	}
	defer func() { <-c.turn }()
	if c.outage != nil || c.torn != nil || c.queued.Load() != 0 || len(c.pending.orders) >= batchMax {
		return nil, false
	}
	orders := c.admit([]*order{o})
	if len(orders) == 0 {
		return nil, true
	}
	_, broken := c.step(orders)
	if c.noteOutcome(orders, broken); broken != nil {
		c.torn = broken
		c.wakeRun() // it restores the engine
		return nil, true
	}
	return c.nextCommit(), true
}

// wakeRun makes Run go on if it waits for an event. It does not block.
func (c *Controller) wakeRun() {
	select {
	case c.woken <- struct{}{}:
	default: // it is being woken
	}
}

// nextCommit begins to commit the pending group and returns the commit, which must be written; nil if another one is in progress or there is nothing to
// write. A group with nothing to write is completed at once.
func (c *Controller) nextCommit() *commit {
	for c.writing == nil && len(c.pending.orders) > 0 {
		g := c.pending
		c.pending = group{}
		if len(g.orders) >= batchMax {
			c.wakeRun() // it takes no orders from the inbox while the group is full
		}
		if g.empty() {
			c.complete(g)
			continue
		}
		g.batch.Epoch = c.epoch
		c.writing = &commit{group: g, span: c.span, began: time.Now()}
		c.late.Reset(slowAfter)
		return c.writing
	}
	return nil
}

// launch commits the pending group in a goroutine of its own, unless another commit is in progress.
func (c *Controller) launch() {
	if w := c.nextCommit(); w != nil {
		go c.commitAll(w)
	}
}

// commitAll writes a commit, and what is stepped meanwhile.
func (c *Controller) commitAll(w *commit) {
	for w != nil {
		w = c.finish(w)
	}
}

// finish writes a commit and lands it, and returns the next one, which must be written. If the commit failed, or another goroutine
// has the turn, Run lands it.
func (c *Controller) finish(w *commit) *commit {
	err := c.write(context.Background(), w)
	if err == nil {
		select {
		case c.turn <- struct{}{}:
			defer func() { <-c.turn }()
			_ = c.land(nil) // it does not fail then
			return c.nextCommit()
		default:
		}
	}
	c.ended <- err
	return nil
}

// write commits a group, lets reads return, and then records rejected inputs in the quarantine.
func (c *Controller) write(ctx context.Context, w *commit) error {
	if n := len(w.batch.Entries); n > 0 {
		err := c.store.Append(ctx, w.batch)
		if w.took = time.Since(w.began); err != nil {
			return err
		}
		w.span.advance(w.batch.Entries[n-1].Seq)
	}
	c.quarantineInputs(ctx, w.rejected)
	return nil
}

// land ends a commit. If it failed, everything stepped after it is void, too: all of it is answered with the error, and measurements are buffered.
func (c *Controller) land(err error) error {
	w := c.writing
	c.late.Stop()
	c.writing = nil
	if err == nil {
		if n := len(w.batch.Entries); n > 0 && c.o.OnCommit != nil {
			c.o.OnCommit(n, w.took)
		}
		c.complete(w.group)
		return nil
	}
	lost := append(w.orders, c.pending.orders...)
	c.pending = group{}
	why := &UnwritableError{Trouble{Since: time.Now(), Err: err}}
	c.mu.Lock()
	c.ahead = true
	c.span.end(why)
	c.mu.Unlock()
	c.bufferAgain(lost)
	answer(lost, why)
	return err
}

// complete releases the effects and events of a durable group and answers its callers.
func (c *Controller) complete(g group) {
	for _, f := range g.effects {
		if !f.Empty() {
			c.o.Release(f)
		}
	}
	for _, e := range g.events {
		c.emit(e.at, e.value)
	}
	answer(g.orders, nil)
}

// flush returns once everything that was stepped is durable.
func (c *Controller) flush(ctx context.Context) error {
	for {
		c.launch()
		if c.writing == nil {
			return nil
		}
		var err error
		select {
		case err = <-c.ended:
		case <-c.late.C:
			err = c.waitForCommit(ctx)
		}
		if err := c.land(err); err != nil {
			return err
		}
	}
}

// waitForCommit waits for a slow commit. Meanwhile reads get the durable state, which is restored from the log.
func (c *Controller) waitForCommit(ctx context.Context) error {
	began := time.Now()
	c.mu.Lock()
	c.ahead = true
	c.span.linger(&UnwritableError{Trouble{Since: began, Slow: true}})
	c.mu.Unlock()
	rebuilding, stop := context.WithCancel(context.WithoutCancel(ctx))
	joined := make(chan struct{})
	go func() {
		defer close(joined)
		l, err := c.follower.take(rebuilding), error(nil)
		if l == nil {
			l, err = c.rebuild(rebuilding, began, nil)
		}
		if err == nil {
			c.serveRestored(l)
		}
	}()
	err := c.waitForWrite(ctx, c.ended)
	stop()
	<-joined
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.returnOnDisk()
	c.ahead = false
	c.wakeReaders()
	return nil
}

// returnOnDisk ends reads of the durable state. The lock is held.
func (c *Controller) returnOnDisk() {
	if c.onDisk != nil {
		c.onDisk.use.Store(owned)
		c.onDisk = nil
	}
}

// serveRestored lets reads have the durable state.
func (c *Controller) serveRestored(l *restored) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onDisk = l
	c.wakeReaders()
}

// adopt replaces the engine by one that was restored from the log.
func (c *Controller) adopt(l *restored) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.span != nil {
		c.span.end(errReplaced)
	}
	l.use.Store(kept)
	if c.onDisk != l {
		c.returnOnDisk()
	}
	c.engine, c.stepped, c.span = l.engine, l.seq, &span{durable: l.seq}
	c.ahead, c.panicked, c.onDisk, c.failure = false, false, nil, nil
	c.wakeReaders()
}

// errReplaced ends the span of an engine that was replaced. Its entries are durable by then, or void for another reason.
var errReplaced = errors.New("the engine was restored from the journal")

// fence notes that another server has taken over the log.
func (c *Controller) fence(err error) {
	if errors.Is(err, log.ErrFenced) {
		c.fenced = err
	}
}
