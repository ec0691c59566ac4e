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

// PanicError refuses an input at which the engine panicked. Nothing was changed: the engine was restored from the log.
type PanicError struct {
	Kind  string // of the input
	Seq   uint64 // of the journal line; 0 if the journal does not have it
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

// safely steps an engine. It fails with PanicError if that panics; the engine's state is unknown then.
func safely(e *engine.Engine, at time.Time, in engine.Input) (out engine.Output, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = engine.Output{}, &PanicError{Kind: nameOf(in), Value: p, Stack: debug.Stack()}
		}
	}()
	return e.Step(at, in)
}

// rejectedInput is an input that is not journaled, and why.
type rejectedInput struct {
	at   time.Time
	in   engine.Input
	body []byte // nil if it cannot be encoded
	why  error
}

// How many rejected inputs are recorded. Wall time.
const (
	quarantineBurst = 20
	quarantineEvery = time.Second // one more
)

// budget limits how often something is done.
type budget struct {
	spent int
	since time.Time // wall time

	leftOut int // refused since one was granted
}

// take uses one; ok is false if none is left.
func (b *budget) take(now time.Time) (ok bool) {
	if n := int(now.Sub(b.since) / quarantineEvery); n > 0 {
		b.spent, b.since = max(0, b.spent-n), now
	}
	if b.spent >= quarantineBurst {
		return false
	}
	b.spent++
	return true
}

// quarantineInputs counts rejected inputs and records them in the quarantine, with the reason. If there are too many at once, the rest is only
// counted, so that large numbers of bad inputs cost little.
func (c *Controller) quarantineInputs(ctx context.Context, all []rejectedInput) {
	for _, x := range all {
		c.refused.Add(1)
		if !c.rejected.take(time.Now()) {
			c.rejected.leftOut++
			continue
		}
		if c.rejected.leftOut > 0 {
			c.o.Log.ErrorContext(ctx, "more inputs were set aside, and only counted", "count", c.rejected.leftOut)
			c.rejected.leftOut = 0
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

// skip has a journal line skipped from now on.
func (c *Controller) skip(seq uint64, why error) {
	c.skipping.Lock()
	defer c.skipping.Unlock()
	if c.skipped == nil {
		c.skipped = map[uint64]error{}
	}
	c.skipped[seq] = why
}

// skips returns why a journal line is skipped; nil if it is not.
func (c *Controller) skips(seq uint64) error {
	c.skipping.Lock()
	defer c.skipping.Unlock()
	return c.skipped[seq]
}
