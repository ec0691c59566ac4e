package control

import (
	"time"

	"bellows.dev/bellows/engine"
)

// How long nothing is stepped after panics in a row. Policy time.
const (
	backoffMin = time.Second // doubles up to backoffMax
	backoffMax = time.Minute
)

// backoff puts off steps while the engine panics at each: it is made anew after each panic, which of a large state takes long.
type backoff struct {
	wait    time.Duration // 0: the last step succeeded
	until   time.Time     // policy time
	trouble *Trouble      // since when, and the newest reason
	warned  bool          // a step has failed since one succeeded
}

// waits reports whether no step is due at a moment.
func (b *backoff) waits(now time.Time) bool { return b.wait > 0 && now.Before(b.until) }

// failed notes a step that failed, and puts off the next one.
func (b *backoff) failed(now time.Time, why error) {
	b.wait = min(max(2*b.wait, backoffMin), backoffMax)
	b.until = now.Add(b.wait)
	since := time.Now()
	if b.trouble != nil {
		since = b.trouble.Since
	}
	b.trouble = &Trouble{Since: since, Broken: true, Err: why}
}

// inside reports whether an input comes from the server itself.
func inside(in engine.Input) bool {
	switch in.(type) {
	case engine.Observed, engine.Tick, engine.Reported:
		return true
	default:
		return false
	}
}

// learn notes how the engine took orders, the last of which may have broken it. Callers are put off from the second failure in a row on, or
// from the first while what comes from inside fails, too: a single bad input puts off nobody.
func (c *Controller) learn(orders []*order, broken error) {
	for i, o := range orders {
		own := inside(o.in)
		switch {
		case broken != nil && i == len(orders)-1:
			if own {
				c.own.failed(c.Now(), broken)
			} else if c.calls.warned || c.own.wait > 0 {
				c.calls.failed(c.Now(), broken)
			}
			c.calls.warned = true
		case o.err == nil:
			if own {
				c.own = backoff{}
			}
			c.calls = backoff{}
		}
	}
	t := c.own.trouble
	if t == nil {
		t = c.calls.trouble
	}
	c.broken.Store(t)
}

// admit returns the orders that may be stepped now. The others are turned away, or held.
func (c *Controller) admit(orders []*order) []*order {
	now := c.Now()
	own, calls := c.own.waits(now), c.calls.waits(now)
	if !own && !calls {
		return orders
	}
	var out []*order
	for _, o := range orders {
		_, report := o.in.(engine.Reported)
		switch {
		case own && report && !o.held:
			c.turnAway(o)
		case calls && !inside(o.in):
			o.err = &UnwritableError{*c.calls.trouble}
			close(o.answered)
		default:
			out = append(out, o)
		}
	}
	return out
}
