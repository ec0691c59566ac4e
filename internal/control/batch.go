package control

import (
	"context"
	"errors"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/log"
)

// group is what is stepped, and committed together.
type group struct {
	orders  []*order
	batch   log.Batch
	asides  []asideInput
	effects []engine.Effects
	events  []dated
}

// empty reports whether a group leaves nothing to be written: all of its orders were refused.
func (g *group) empty() bool { return len(g.batch.Entries) == 0 && len(g.asides) == 0 }

// dated is an event and when it happened.
type dated struct {
	at time.Time
	event
}

// batch takes orders and returns once they are durable and answered.
func (c *Controller) batch(ctx context.Context, orders []*order) error {
	if err := c.take(ctx, orders); err != nil {
		return err
	}
	return c.flush(ctx)
}

// take steps orders, to be committed next. Where the engine panics at one, those before it are committed, and those after it stepped by an
// engine that is made anew, unless it has panicked too often: see backoff.
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

// part is take up to the first order at which the engine panics, that order included. It returns how many orders it took. Where it fails, all
// orders are answered.
func (c *Controller) part(ctx context.Context, orders []*order) (int, error) {
	n, broken := c.step(orders)
	c.learn(orders[:n], broken)
	if broken == nil {
		return n, nil
	}
	err := c.flush(ctx)
	if err == nil {
		if c.rollBack(ctx); c.readable() {
			return n, nil
		}
		err = broken
	}
	rest := orders[n:]
	c.keepMeasured(rest)
	answer(rest, &UnwritableError{Trouble{Since: time.Now(), Err: err}})
	return len(orders), err
}

// readable reports whether the engine may be read and stepped.
func (c *Controller) readable() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return !c.ahead && !c.spoiled
}

// step takes the engine through orders. It returns how many it took, and why the engine is to be made anew: it panicked at the last one, or gave
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
			c.pending.asides = append(c.pending.asides, asideInput{at, o.in, nil, err})
			continue
		}
		out, err := c.o.step(c.engine, at, o.in)
		if bad := (*PanicError)(nil); errors.As(err, &bad) {
			return n, c.spoil(o, asideInput{at, o.in, body, err})
		}
		if err != nil {
			o.err = err
			continue
		}
		said, err := encodeEvents(out.Events)
		if err != nil { // the engine has taken the input already
			return n, c.spoil(o, asideInput{at, o.in, body, &UnrecordableError{nameOf(o.in), err}})
		}
		now = later(now, at)
		o.result = out.Result
		c.stepped++
		c.pending.add(journalEntry(c.stepped, at, o.in, body, said), out.Effects, said)
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
			g.batch.History = append(g.batch.History, h)
		}
	}
}

// spoil notes that nothing is known of the engine after an order. The lock is held.
func (c *Controller) spoil(o *order, x asideInput) error {
	c.spoiled = true
	o.result, o.err = nil, x.why
	c.pending.asides = append(c.pending.asides, x)
	return x.why
}

// answer lets the callers go; failure is why none of their orders counts.
func answer(orders []*order, failure error) {
	for _, o := range orders {
		if failure != nil {
			o.result, o.err = nil, failure
		}
		close(o.answered)
	}
}

// tell logs an event and passes it on.
func (c *Controller) tell(now time.Time, e engine.Event) {
	c.o.Log.Log(context.Background(), levelOf(e), "event", "kind", nameOf(e), "what", e.String())
	if c.o.OnEvent != nil {
		c.o.OnEvent(now, e)
	}
}
