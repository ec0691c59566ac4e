package control

import (
	"context"
	"errors"
	"sync"
	"time"

	"bellows.dev/bellows/engine"
)

// UncommittedError says that a read saw what then could not be committed, or is not committed yet after a while. The next read gets what is on
// disk.
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

// Unavailable marks the error as one that passes: the same request may succeed at once.
func (e *UncommittedError) Unavailable() {}

// View calls f with the engine as it stands, once, and returns when what f saw is durable. Steps do not wait for that. Where what f saw cannot
// be committed, or that takes long, it fails with UncommittedError: what f gathered is void. While nothing can be committed, f gets the state
// that is on disk. f must not keep the engine, and must not take long: steps wait for it.
func (c *Controller) View(ctx context.Context, f func(now time.Time, e *engine.Engine)) error {
	for {
		x, err := c.look(f)
		if err != nil {
			return err
		}
		if x.span != nil {
			return x.span.wait(ctx, x.seq)
		}
		if x.news == nil {
			return nil
		}
		select {
		case <-x.news:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// looked is what came of a look at the engine: it was at an entry of a span; or there was no engine to look at until there is news; or, without
// either, it was durable.
type looked struct {
	span *span
	seq  uint64
	news <-chan struct{}
}

// look calls f where there is an engine that may be read.
func (c *Controller) look(f func(now time.Time, e *engine.Engine)) (looked, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.failure != nil {
		return looked{}, c.failure
	}
	if !c.ahead && !c.spoiled {
		f(later(c.Now(), c.engine.Now()), c.engine)
		return looked{span: c.span, seq: c.stepped}, nil
	}
	if c.onDisk == nil {
		return looked{news: c.news}, nil
	}
	f(later(c.Now(), c.onDisk.engine.Now()), c.onDisk.engine)
	return looked{}, nil
}

// tellReaders wakes those that wait for an engine that may be read. The lock is held.
func (c *Controller) tellReaders() {
	close(c.news)
	c.news = make(chan struct{})
}

// span is a stretch of the journal without a failed commit: within it a sequence number means one entry, ever.
type span struct {
	mu      sync.Mutex
	durable uint64        // the last entry that is
	doubt   error         // why the entries after it may not become so for a while; nil: they are about to
	over    bool          // they will not
	news    chan struct{} // closed when one of these changes; nil where nobody waits
}

// reached returns the last durable entry.
func (s *span) reached() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.durable
}

// advance notes that entries are durable.
func (s *span) advance(seq uint64) {
	s.change(func() { s.durable, s.doubt = seq, nil })
}

// linger notes that a commit takes long, for what is known of it.
func (s *span) linger(why error) {
	s.change(func() { s.doubt = why })
}

// end ends the span: entries that are not durable are void.
func (s *span) end(why error) {
	s.change(func() {
		if !s.over {
			s.doubt, s.over = why, true
		}
	})
}

func (s *span) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	if s.news != nil {
		close(s.news)
		s.news = nil
	}
}

// wait returns once an entry is durable. It fails with UncommittedError where it will not be, or that takes long.
func (s *span) wait(ctx context.Context, seq uint64) error {
	for {
		s.mu.Lock()
		if s.durable >= seq {
			s.mu.Unlock()
			return nil
		}
		if s.doubt != nil {
			err := &UncommittedError{s.doubt}
			s.mu.Unlock()
			return err
		}
		if s.news == nil {
			s.news = make(chan struct{})
		}
		news := s.news
		s.mu.Unlock()
		select {
		case <-news:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
