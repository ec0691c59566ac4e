package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"bellows.dev/bellows/internal/log"
)

// follower is a second engine that replays the journal as it is committed. Snapshots and the archive are made from it, so that no step waits
// while 100,000 targets are encoded, and the controller continues with its engine after a commit that failed. See
// docs/decisions/0019-snapshots-beside-steps.md.
type follower struct {
	c        *Controller
	pace     *pace     // of its work beside steps
	restored *restored // nil until it is restored from the log, and after the controller kept it
	saved    uint64    // sequence number of the newest snapshot
	asked    chan chan error

	turn      chan struct{} // has an element while something is done with restored
	wanted    atomic.Bool   // by the controller
	interrupt atomic.Pointer[context.CancelFunc]
}

// Snapshot writes a snapshot while steps continue, and returns once it is durable. Run must be running.
func (c *Controller) Snapshot(ctx context.Context) error {
	reply := make(chan error, 1)
	select {
	case c.follower.asked <- reply:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-reply:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// followEvery is how often the follower replays new entries. Wall time.
const followEvery = 2 * time.Second

// run follows the journal until ctx ends. What fails is tried again.
func (f *follower) run(ctx context.Context) {
	follows, snapshots, trims := time.NewTicker(followEvery), time.NewTicker(snapshotEvery), time.NewTicker(trimEvery)
	defer follows.Stop()
	defer snapshots.Stop()
	defer trims.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-follows.C:
			err = f.work(ctx, func(ctx context.Context) error {
				if err := f.follow(ctx); err != nil || !f.restored.archiver.full() || f.c.refusal() != nil {
					return err
				}
				return f.snapshot(ctx)
			})
		case reply := <-f.asked:
			err = f.work(ctx, f.snapshot)
			reply <- err
		case <-snapshots.C:
			if f.c.refusal() == nil {
				err = f.work(ctx, f.snapshot)
			}
		case <-trims.C:
			if f.c.refusal() == nil {
				err = f.c.store.Trim(ctx, f.c.Now())
			}
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, errLent) {
			f.c.o.Log.WarnContext(ctx, "a snapshot could not be made; it is tried again", slog.Any("error", err))
		}
	}
}

// errLent says that the controller has taken the engine.
var errLent = errors.New("the engine that snapshots are made from is in use after a commit that failed or is slow")

// Whose a restored engine is, once the follower had it.
const (
	owned = iota
	lent  // to the controller, which reads it
	kept  // by the controller, which steps it
)

// work does something with the follower's engine. It is interrupted when the controller takes the engine.
func (f *follower) work(ctx context.Context, do func(context.Context) error) error {
	f.turn <- struct{}{}
	defer func() { <-f.turn }()
	if l := f.restored; l != nil {
		switch l.use.Load() {
		case lent:
			return errLent
		case kept:
			f.restored = nil
		}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	f.interrupt.Store(&stop)
	if f.wanted.Load() {
		stop()
	}
	err := do(ctx)
	if err != nil && f.wanted.Load() {
		return errLent
	}
	return err
}

// takeAfter is how long take waits for the follower to be interrupted: it may be in a write to a slow disk. Wall time.
const takeAfter = 100 * time.Millisecond

// take lends the follower's engine to the controller, which sets its use, at the journal's end; nil if it cannot be had now.
func (f *follower) take(ctx context.Context) *restored {
	f.wanted.Store(true)
	defer f.wanted.Store(false)
	if stop := f.interrupt.Load(); stop != nil {
		(*stop)()
	}
	late := time.NewTimer(takeAfter)
	defer late.Stop()
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-late.C:
		return nil
	}
	if f.restored == nil || f.restored.use.Load() != owned {
		return nil
	}
	f.pace.off = true // readers wait
	defer func() { f.pace.off = false }()
	if f.follow(ctx) != nil {
		return nil // it is restored from the log instead, where the error is found again
	}
	f.restored.use.Store(lent)
	return f.restored
}

// follow replays the journal up to its end. If that fails, the engine is restored at the next attempt.
func (f *follower) follow(ctx context.Context) error {
	if f.restored == nil {
		d := archiver{pace: f.pace}
		l, err := f.c.rebuild(ctx, time.Now(), &d)
		if err != nil {
			return fmt.Errorf("reading the engine that follows the journal: %w", err)
		}
		f.restored, f.saved = l, l.recovery.Snapshot
		return nil
	}
	err := f.c.replay(ctx, f.restored)
	if err != nil && ctx.Err() == nil {
		f.restored = nil
		err = fmt.Errorf("following the journal: %w", err)
	}
	return err
}

// snapshot replays the journal up to its end and saves the state.
func (f *follower) snapshot(ctx context.Context) error {
	if err := f.follow(ctx); err != nil {
		return err
	}
	l := f.restored
	if l.seq == f.saved {
		return nil // no entry since
	}
	now := l.engine.Now()
	shot := log.Snapshot{Seq: l.seq, At: now, State: func(w io.Writer) error { return writeState(ctx, w, l.engine, true, f.pace) }}
	keep := log.Keep{Journal: now.Add(-keepJournal), Archive: now.Add(-keepArchive), ArchiveMax: f.c.archiveMax.Load()}
	if err := f.c.store.SaveSnapshot(ctx, shot, l.archiver.page, keep); err != nil {
		return err
	}
	f.saved = l.seq
	if now.Sub(l.archiver.volume) >= volumeLong {
		return l.archiver.begin(ctx, l.engine, shot.Seq, now)
	}
	l.archiver.turn(shot.Seq, now)
	return nil
}
