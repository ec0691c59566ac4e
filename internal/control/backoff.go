package control

import (
	"time"

	"bellows.dev/bellows/engine"
)

// How long nothing is stepped after successive panics. Policy time.
const (
	backoffMin = time.Second // doubles up to backoffMax
	backoffMax = time.Minute
)

// backoff delays steps while the engine panics at each: to restore a large state after each panic takes long.
type backoff struct {
	wait    time.Duration // 0: the last step succeeded
	until   time.Time     // policy time
	trouble *Trouble      // since when, and the newest reason
	warned  bool          // a step has failed since one succeeded
}

// waits reports whether steps are delayed at a moment.
func (b *backoff) waits(now time.Time) bool { return b.wait > 0 && now.Before(b.until) }

// failed notes a step that failed, and delays the next one.
func (b *backoff) failed(now time.Time, why error) {
	b.wait = min(max(2*b.wait, backoffMin), backoffMax)
	b.until = now.Add(b.wait)
	since := time.Now()
	if b.trouble != nil {
		since = b.trouble.Since
	}
	b.trouble = &Trouble{Since: since, Broken: true, Err: why}
}

// fromServer reports whether an input comes from the server itself.
func fromServer(in engine.Input) bool {
	switch in.(type) {
	case engine.Observed, engine.Tick, engine.Reported:
		return true
	default:
		return false
	}
}

// noteOutcome updates the back-offs after orders were stepped, the last of which may have made the engine panic. Callers are delayed from the
// second successive failure on, or from the first while inputs of the server fail as well: a single bad input delays no other caller.
func (c *Controller) noteOutcome(orders []*order, broken error) {
	for i, o := range orders {
		own := fromServer(o.in)
		switch {
		case broken != nil && i == len(orders)-1:
			if own {
				c.internal.failed(c.Now(), broken)
			} else if c.callers.warned || c.internal.wait > 0 {
				c.callers.failed(c.Now(), broken)
			}
			c.callers.warned = true
		case o.err == nil:
			if own {
				c.internal = backoff{}
			}
			c.callers = backoff{}
		}
	}
	t := c.internal.trouble
	if t == nil {
		t = c.callers.trouble
	}
	c.broken.Store(t)
}

// admit returns the orders that may be stepped now. The others are refused or buffered.
func (c *Controller) admit(orders []*order) []*order {
	now := c.Now()
	own, calls := c.internal.waits(now), c.callers.waits(now)
	if !own && !calls {
		return orders
	}
	var out []*order
	for _, o := range orders {
		_, report := o.in.(engine.Reported)
		switch {
		case own && report && !o.buffered:
			c.refuse(o)
		case calls && !fromServer(o.in):
			o.err = &UnwritableError{*c.callers.trouble}
			close(o.answered)
		default:
			out = append(out, o)
		}
	}
	return out
}
