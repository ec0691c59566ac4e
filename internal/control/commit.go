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
	timer *time.Timer // fires when it is slow
	done  chan error
	took  time.Duration // by the append; set before done is sent to
}

// ended receives the commit's result; nil without a commit.
func (c *commit) ended() <-chan error {
	if c == nil {
		return nil
	}
	return c.done
}

// late receives when the commit is slow; nil without a commit.
func (c *commit) late() <-chan time.Time {
	if c == nil {
		return nil
	}
	return c.timer.C
}

// launch starts to commit the pending group, unless another commit is in progress. A group with nothing to write is completed at once.
func (c *Controller) launch(ctx context.Context) {
	for c.writing == nil && len(c.pending.orders) > 0 {
		g := c.pending
		c.pending = group{}
		if g.empty() {
			c.complete(g)
			continue
		}
		g.batch.Epoch = c.epoch
		w := &commit{group: g, timer: time.NewTimer(slowAfter), done: make(chan error, 1)}
		c.writing = w
		s := c.span // this goroutine alone replaces it
		go func() { w.done <- c.write(context.WithoutCancel(ctx), w, s) }()
	}
}

// write commits a group, lets reads return, and then records rejected inputs in the quarantine.
func (c *Controller) write(ctx context.Context, w *commit, s *span) error {
	if n := len(w.batch.Entries); n > 0 {
		began := time.Now()
		err := c.store.Append(ctx, w.batch)
		if w.took = time.Since(began); err != nil {
			return err
		}
		s.advance(w.batch.Entries[n-1].Seq)
	}
	c.quarantineInputs(ctx, w.rejected)
	return nil
}

// land ends a commit. If it failed, everything stepped after it is void, too: all of it is answered with the error, and measurements are buffered.
func (c *Controller) land(err error) error {
	w := c.writing
	w.timer.Stop()
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
		c.launch(ctx)
		if c.writing == nil {
			return nil
		}
		var err error
		select {
		case err = <-c.writing.done:
		case <-c.writing.timer.C:
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
	err := c.waitForWrite(ctx, c.writing.done)
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
