package control

import (
	"context"
	"errors"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/log"
)

// group is a number of orders that are committed together, with what their steps produced.
type group struct {
	orders   []*order
	batch    log.Batch
	rejected []rejectedInput
	effects  []engine.Effects
	events   []dated
}

// empty reports whether a group has nothing to write: all of its orders were refused.
func (g *group) empty() bool { return len(g.batch.Entries) == 0 && len(g.rejected) == 0 }

// dated is an event and when it happened.
type dated struct {
	at time.Time
	event
}

// batch steps orders and returns once they are durable and answered.
func (c *Controller) batch(ctx context.Context, orders []*order) error {
	if err := c.take(ctx, orders); err != nil {
		return err
	}
	return c.flush(ctx)
}

// take steps orders into the pending group. If the engine panics at one, those before it are committed and those after it are stepped by a
// restored engine, unless it has panicked too often: see backoff.
func (c *Controller) take(ctx context.Context, orders []*order) error {
	for {
		if orders = c.admit(orders); len(orders) == 0 {
			return nil
		}
		n, err := c.part(ctx, orders)
		if err != nil {
			return err
		}
		orders = orders[n:]
	}
}

// part is take up to and including the first order at which the engine panics. It returns how many orders it took. If it fails, all orders are
// answered.
func (c *Controller) part(ctx context.Context, orders []*order) (int, error) {
	n, broken := c.step(orders)
	c.noteOutcome(orders[:n], broken)
	if broken == nil {
		return n, nil
	}
	err := c.repair(ctx, broken)
	if err == nil {
		return n, nil
	}
	rest := orders[n:]
	c.bufferAgain(rest)
	answer(rest, &UnwritableError{Trouble{Since: time.Now(), Err: err}})
	return len(orders), err
}

// repair commits what is pending and restores the engine after a step has broken it.
func (c *Controller) repair(ctx context.Context, broken error) error {
	if err := c.flush(ctx); err != nil {
		return err
	}
	if c.rollBack(ctx); !c.readable() {
		return broken
	}
	return nil
}

// mend restores the engine if a caller's step has broken it.
func (c *Controller) mend(ctx context.Context) {
	broken := c.torn
	if broken == nil {
		return
	}
	c.torn = nil
	if c.outage != nil {
		return // its end restores the engine
	}
	if err := c.repair(ctx, broken); err != nil {
		c.beginOutage(ctx, err)
	}
}

// readable reports whether the engine may be read and stepped.
func (c *Controller) readable() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return !c.ahead && !c.panicked
}

// step steps the engine with orders. It returns how many, and why the engine must be restored, if so: it panicked at the last one, or produced
// an event that cannot be encoded.
func (c *Controller) step(orders []*order) (n int, broken error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for _, o := range orders {
		n++
		c.pending.orders = append(c.pending.orders, o)
		at := now
		if !o.at.IsZero() {
			at = later(o.at, c.engine.Now())
		}
		body, err := encodeInput(o.in)
		if err != nil {
			o.err = err
			c.pending.rejected = append(c.pending.rejected, rejectedInput{at, o.in, nil, err})
			continue
		}
		out, err := c.o.step(c.engine, at, o.in)
		if bad := (*PanicError)(nil); errors.As(err, &bad) {
			return n, c.notePanic(o, rejectedInput{at, o.in, body, err})
		}
		if err != nil {
			o.err = err
			continue
		}
		encoded, err := encodeEvents(out.Events)
		if err != nil { // the engine's state has changed already
			return n, c.notePanic(o, rejectedInput{at, o.in, body, &UnrecordableError{nameOf(o.in), err}})
		}
		now = later(now, at)
		o.result = out.Result
		c.stepped++
		c.pending.add(journalEntry(c.stepped, at, o.in, body, encoded), out.Effects, encoded)
	}
	return n, nil
}

// add adds a step to a group.
func (g *group) add(e log.Entry, effects engine.Effects, events []event) {
	g.batch.Entries, g.effects = append(g.batch.Entries, e), append(g.effects, effects)
	for _, x := range events {
		g.events = append(g.events, dated{e.At, x})
		if n, ok := x.value.(engine.AlarmNotifies); ok {
			g.batch.Outbox = append(g.batch.Outbox, log.Message{Topic: n.Action.ARN, Kind: x.kind, Data: x.text})
		} else if h, ok := history(e.At, x); ok {
			g.batch.Events = append(g.batch.Events, h)
		}
	}
}

// notePanic rejects an order that left the engine in an unknown state. The lock is held.
func (c *Controller) notePanic(o *order, x rejectedInput) error {
	c.panicked = true
	o.result, o.err = nil, x.why
	c.pending.rejected = append(c.pending.rejected, x)
	return x.why
}

// answer returns the results to the callers, or failure, if it is not nil, to all of them.
func answer(orders []*order, failure error) {
	for _, o := range orders {
		if failure != nil {
			o.result, o.err = nil, failure
		}
		close(o.answered)
	}
}

// emit logs an event and passes it to OnEvent.
func (c *Controller) emit(now time.Time, e engine.Event) {
	c.o.Log.Log(context.Background(), levelOf(e), "event", "kind", nameOf(e), "what", e.String())
	if c.o.OnEvent != nil {
		c.o.OnEvent(now, e)
	}
}
