package control

import (
	"context"
	"errors"
	"sync"
	"time"

	"bellows.dev/bellows/engine"
)

// UncommittedError says that a read saw changes whose commit failed, or is slow. The next read gets the durable state.
type UncommittedError struct{ Err error }

// Error implements error.
func (e *UncommittedError) Error() string {
	if u := (*UnwritableError)(nil); errors.As(e.Err, &u) {
		return "What was read is not recorded. " + u.Trouble.String() + " Try again."
	}
	return "What was read is not recorded: " + e.Err.Error()
}

// Unwrap returns why.
func (e *UncommittedError) Unwrap() error { return e.Err }

// Unavailable marks the error as temporary: the same request may succeed at once.
func (e *UncommittedError) Unavailable() {}

// View calls f once with the engine and returns when the state that f saw is durable. Steps do not wait for that. If that state cannot be
// committed, or its commit is slow, View fails with UncommittedError, and the result of f must not be used. While nothing can be committed, f
// gets the durable state. f must not keep the engine and must be quick: steps wait for it.
func (c *Controller) View(ctx context.Context, f func(now time.Time, e *engine.Engine)) error {
	for {
		x, err := c.look(f)
		if err != nil {
			return err
		}
		if x.span != nil {
			return x.span.wait(ctx, x.seq)
		}
		if x.changed == nil {
			return nil
		}
		select {
		case <-x.changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// view is the result of look: f saw the state after an entry of a span; or there was no state to read, until changed is closed; or, with neither,
// f saw a durable state.
type view struct {
	span    *span
	seq     uint64
	changed <-chan struct{}
}

// look calls f if there is a state that may be read.
func (c *Controller) look(f func(now time.Time, e *engine.Engine)) (view, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.failure != nil {
		return view{}, c.failure
	}
	if !c.ahead && !c.panicked {
		f(later(c.Now(), c.engine.Now()), c.engine)
		return view{span: c.span, seq: c.stepped}, nil
	}
	if c.onDisk == nil {
		return view{changed: c.changed}, nil
	}
	f(later(c.Now(), c.onDisk.engine.Now()), c.onDisk.engine)
	return view{}, nil
}

// wakeReaders wakes reads that wait for a state. The lock is held.
func (c *Controller) wakeReaders() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// span is a part of the journal without a failed commit, within which a sequence number identifies one entry.
type span struct {
	mu      sync.Mutex
	durable uint64        // sequence number of the last durable entry
	delay   error         // why the entries after it are not expected to become durable soon; nil: they are
	over    bool          // they never will
	changed chan struct{} // closed when one of these changes; nil without waiting readers
}

// reached returns the last durable entry.
func (s *span) reached() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.durable
}

// advance notes that entries are durable.
func (s *span) advance(seq uint64) {
	s.change(func() { s.durable, s.delay = seq, nil })
}

// linger notes that a commit is slow.
func (s *span) linger(why error) {
	s.change(func() { s.delay = why })
}

// end ends the span: entries that are not durable by now are void.
func (s *span) end(why error) {
	s.change(func() {
		if !s.over {
			s.delay, s.over = why, true
		}
	})
}

func (s *span) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// wait returns once an entry is durable. It fails with UncommittedError if it is void or its commit is slow.
func (s *span) wait(ctx context.Context, seq uint64) error {
	for {
		s.mu.Lock()
		if s.durable >= seq {
			s.mu.Unlock()
			return nil
		}
		if s.delay != nil {
			err := &UncommittedError{s.delay}
			s.mu.Unlock()
			return err
		}
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
