package control

import (
	"context"
	"errors"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/store"
)

// stepped is what orders led to.
type stepped struct {
	taken    int   // orders that were looked at
	broken   error // why the engine is to be made anew: it panicked at the last order taken, or gave an event that cannot be encoded
	aside    []asideInput
	inputs   []store.Input
	happened []store.History
	effects  []engine.Effects
	events   []dated
}

// dated is an event and when it happened.
type dated struct {
	at time.Time
	event
}

// batch steps through orders, commits them as one, then releases effects and answers. Where the engine panics at one, those before it are
// committed, and those after it stepped by an engine that is made anew, unless it has panicked too often: see backoff.
func (c *Controller) batch(ctx context.Context, orders []*order) error {
	ctx = context.WithoutCancel(ctx)
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

// part is batch up to the first order at which the engine panics, that order included. It returns how many orders it took.
func (c *Controller) part(ctx context.Context, orders []*order) (int, error) {
	c.mu.Lock()
	var err error
	done := c.step(orders)
	if len(done.inputs) > 0 {
		err = c.commit(ctx, done.inputs, done.happened)
	}
	if err != nil || done.broken != nil {
		c.ahead = true // nobody reads what is not on disk
	}
	c.mu.Unlock()
	if err != nil {
		c.keepMeasured(orders)
		answer(orders, &UnwritableError{Trouble{Since: time.Now(), Err: err}})
		return len(orders), err
	}
	for _, f := range done.effects {
		if !f.Empty() {
			c.o.Release(f)
		}
	}
	for _, e := range done.events {
		c.tell(e.at, e.value)
	}
	c.setAside(ctx, done.aside)
	answer(orders[:done.taken], nil)
	c.learn(orders[:done.taken], done.broken)
	if done.broken == nil {
		return done.taken, nil
	}
	if c.rollBack(ctx); c.ahead {
		rest := orders[done.taken:]
		c.keepMeasured(rest)
		answer(rest, &UnwritableError{Trouble{Since: time.Now(), Err: done.broken}})
		return len(orders), done.broken
	}
	return done.taken, nil
}

// step takes the engine through orders. The lock is held.
func (c *Controller) step(orders []*order) (done stepped) {
	now := c.now()
	seq := c.o.Store.Next()
	for _, o := range orders {
		done.taken++
		at := now
		if !o.at.IsZero() {
			at = later(o.at, c.engine.Now())
		}
		body, err := encodeInput(o.in)
		if err != nil {
			o.err = err
			done.aside = append(done.aside, asideInput{at, o.in, nil, err})
			continue
		}
		out, err := c.o.step(c.engine, at, o.in)
		if bad := (*PanicError)(nil); errors.As(err, &bad) {
			return done.breakOff(asideInput{at, o.in, body, err}, o)
		}
		if err != nil {
			o.err = err
			continue
		}
		said, err := encodeEvents(out.Events)
		if err != nil { // the engine has taken the input already
			return done.breakOff(asideInput{at, o.in, body, &UnrecordableError{nameOf(o.in), err}}, o)
		}
		now = later(now, at)
		o.result = out.Result
		line := journalLine(seq+uint64(len(done.inputs)), at, o.in, body, said)
		done.inputs, done.effects = append(done.inputs, line), append(done.effects, out.Effects)
		for _, e := range said {
			done.events = append(done.events, dated{at, e})
			if h, ok := history(at, e); ok {
				done.happened = append(done.happened, h)
			}
		}
	}
	return done
}

// breakOff ends a batch at an order after which nothing is known of the engine.
func (s stepped) breakOff(x asideInput, o *order) stepped {
	o.result, o.err = nil, x.why
	s.broken, s.aside = x.why, append(s.aside, x)
	return s
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
