package control

import (
	"context"
	"errors"
	"time"

	"bellows.dev/bellows/internal/log"
)

// commit is a group that is being written.
type commit struct {
	group
	timer *time.Timer // fires when it takes long
	done  chan error
	took  time.Duration // of the append; set before done is sent to
}

// ended is where a commit's end is told; nothing comes where c is nil.
func (c *commit) ended() <-chan error {
	if c == nil {
		return nil
	}
	return c.done
}

// late is where it is told that a commit takes long.
func (c *commit) late() <-chan time.Time {
	if c == nil {
		return nil
	}
	return c.timer.C
}

// launch begins to write the pending group, unless another is being written. One that has nothing to be written is complete.
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
		s := c.span // only this goroutine changes it
		go func() { w.done <- c.write(context.WithoutCancel(ctx), w, s) }()
	}
}

// write commits a group, tells readers, and then writes down what is set aside.
func (c *Controller) write(ctx context.Context, w *commit, s *span) error {
	if n := len(w.batch.Entries); n > 0 {
		began := time.Now()
		err := c.store.Append(ctx, w.batch)
		if w.took = time.Since(began); err != nil {
			return err
		}
		s.advance(w.batch.Entries[n-1].Seq)
	}
	c.setAside(ctx, w.asides)
	return nil
}

// land ends a commit. One that failed takes what was stepped after it along: all of it is answered with the error, and void.
func (c *Controller) land(err error) error {
	w := c.writing
	w.timer.Stop()
	c.writing = nil
	if n := len(w.batch.Entries); n > 0 && c.o.OnCommit != nil {
		c.o.OnCommit(n, w.took)
	}
	if err == nil {
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
	c.keepMeasured(lost)
	answer(lost, why)
	return err
}

// complete releases what a group led to, now that it is durable, and answers.
func (c *Controller) complete(g group) {
	for _, f := range g.effects {
		if !f.Empty() {
			c.o.Release(f)
		}
	}
	for _, e := range g.events {
		c.tell(e.at, e.value)
	}
	answer(g.orders, nil)
}

// flush returns once all that was stepped is durable.
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
			err = c.outwait(ctx)
		}
		if err := c.land(err); err != nil {
			return err
		}
	}
}

// outwait waits for a commit that takes long. Meanwhile readers get the state that is on disk.
func (c *Controller) outwait(ctx context.Context) error {
	began := time.Now()
	c.mu.Lock()
	c.ahead = true
	c.span.linger(&UnwritableError{Trouble{Since: began, Slow: true}})
	c.mu.Unlock()
	rebuilding, stop := context.WithCancel(context.WithoutCancel(ctx))
	joined := make(chan struct{})
	go func() {
		defer close(joined)
		if l, err := c.rebuild(rebuilding, began, nil); err == nil {
			c.publish(l)
		}
	}()
	err := c.sitOut(ctx, c.writing.done)
	stop()
	<-joined
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead, c.onDisk = false, nil
	c.tellReaders()
	return nil
}

// publish lets readers have the state that is on disk.
func (c *Controller) publish(l *life) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onDisk = l
	c.tellReaders()
}

// settle goes on with an engine that was made from what is on disk.
func (c *Controller) settle(l *life) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.span != nil {
		c.span.end(errReplaced)
	}
	c.engine, c.stepped, c.span = l.engine, l.seq, &span{durable: l.seq}
	c.ahead, c.spoiled, c.onDisk, c.failure = false, false, nil, nil
	c.tellReaders()
}

// errReplaced ends a span whose engine was made anew; by then all of its entries are durable, or void for another reason.
var errReplaced = errors.New("the engine was read again from the journal")

// fence notes that another server has taken the log over.
func (c *Controller) fence(err error) {
	if errors.Is(err, log.ErrFenced) {
		c.fenced = err
	}
}
