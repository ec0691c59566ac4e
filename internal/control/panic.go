package control

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"bellows.dev/bellows/engine"
)

// PanicError refuses an input at which the engine panicked. Nothing was changed: the engine was made anew from the store.
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

// safely steps an engine. It fails with PanicError where that panics; nothing is known of the engine then.
func safely(e *engine.Engine, at time.Time, in engine.Input) (out engine.Output, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = engine.Output{}, &PanicError{Kind: nameOf(in), Value: p, Stack: debug.Stack()}
		}
	}()
	return e.Step(at, in)
}

// setAside writes down an input that the journal does not get, and why.
func (c *Controller) setAside(at time.Time, in engine.Input, data []byte, why error) {
	if err := c.quarantine(context.Background(), 0, at, nameOf(in), data, why); err != nil {
		c.o.Log.Error("what is set aside cannot be written down", "error", err)
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
