package control

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/log"
)

// PanicError refuses an input at which the engine panicked. Nothing was changed: the engine was made anew from the log.
type PanicError struct {
	Kind  string // of the input
	Seq   uint64 // of the journal's line; 0 where the journal does not have it
	Value any    // of the panic
	Stack []byte
}

// Error implements error.
func (e *PanicError) Error() string {
	if e.Seq > 0 {
		return fmt.Sprintf("the engine panicked at line %d of the journal (%s): %v\n%s", e.Seq, e.Kind, e.Value, e.Stack)
	}
	return fmt.Sprintf("the engine panicked at a %s: %v\n%s", e.Kind, e.Value, e.Stack)
}

// brief is an error without a stack.
func brief(err error) string {
	if p := (*PanicError)(nil); errors.As(err, &p) {
		return fmt.Sprintf("the engine panicked at a %s: %v", p.Kind, p.Value)
	}
	return err.Error()
}

// safely steps an engine. It fails with PanicError where that panics; nothing is known of the engine then.
func safely(e *engine.Engine, at time.Time, in engine.Input) (out engine.Output, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = engine.Output{}, &PanicError{Kind: nameOf(in), Value: p, Stack: debug.Stack()}
		}
	}()
	return e.Step(at, in)
}

// asideInput is an input that the journal does not get, and why.
type asideInput struct {
	at   time.Time
	in   engine.Input
	body []byte // nil where it cannot be encoded
	why  error
}

// How many inputs that are set aside are written down. Wall time.
const (
	asideBurst = 20
	asideEvery = time.Second // one more
)

// budget bounds how often something is done.
type budget struct {
	spent int
	since time.Time // wall time

	leftOut int // refused since one was granted
}

// take takes one; ok is false where none is left.
func (b *budget) take(now time.Time) (ok bool) {
	if n := int(now.Sub(b.since) / asideEvery); n > 0 {
		b.spent, b.since = max(0, b.spent-n), now
	}
	if b.spent >= asideBurst {
		return false
	}
	b.spent++
	return true
}

// setAside counts inputs that the journal does not get, and writes them down, with why. The lock is not held: readers do not wait. Where
// too many come at once, the rest is counted only, so that bad input, however much, costs little.
func (c *Controller) setAside(ctx context.Context, all []asideInput) {
	for _, x := range all {
		c.refused.Add(1)
		if !c.asides.take(time.Now()) {
			c.asides.leftOut++
			continue
		}
		if c.asides.leftOut > 0 {
			c.o.Log.ErrorContext(ctx, "more inputs were set aside, and only counted", "count", c.asides.leftOut)
			c.asides.leftOut = 0
		}
		body := x.body
		if body == nil {
			body = printed(x.in)
		}
		c.o.Log.ErrorContext(ctx, "an input is set aside", "kind", nameOf(x.in), "error", x.why)
		if err := c.durably(ctx, func(ctx context.Context) error {
			_, err := c.store.Quarantine(ctx, log.Entry{At: x.at, Kind: nameOf(x.in), Data: body}, x.why.Error())
			return err
		}); err != nil {
			c.o.Log.ErrorContext(ctx, "what is set aside cannot be written down", "error", err)
		}
	}
}

// skip has a line of the journal passed over from now on.
func (c *Controller) skip(seq uint64, why error) {
	c.skipping.Lock()
	defer c.skipping.Unlock()
	if c.skipped == nil {
		c.skipped = map[uint64]error{}
	}
	c.skipped[seq] = why
}

// skips returns why a line of the journal is passed over; nil where it is not.
func (c *Controller) skips(seq uint64) error {
	c.skipping.Lock()
	defer c.skipping.Unlock()
	return c.skipped[seq]
}
