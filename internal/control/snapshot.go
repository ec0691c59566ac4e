package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/log"
)

// follower is a second engine that replays the journal as it is committed. Snapshots and the archive are made from it, so that no step waits
// while 100,000 targets are encoded. See docs/decisions/0019-snapshots-beside-steps.md.
type follower struct {
	c        *Controller
	restored *restored // nil until it is restored from the log
	saved    uint64    // sequence number of the newest snapshot
	asked    chan chan error
	pace     *pace // of its work beside steps
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
			if err = f.follow(ctx); err == nil && f.restored.archiver.full() && f.c.refusal() == nil {
				err = f.snapshot(ctx)
			}
		case reply := <-f.asked:
			err = f.snapshot(ctx)
			reply <- err
		case <-snapshots.C:
			if f.c.refusal() == nil {
				err = f.snapshot(ctx)
			}
		case <-trims.C:
			if f.c.refusal() == nil {
				err = f.c.store.Trim(ctx, f.c.Now())
			}
		}
		if err != nil && ctx.Err() == nil {
			f.c.o.Log.WarnContext(ctx, "a snapshot could not be made; it is tried again", slog.Any("error", err))
		}
	}
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

// Import saves the state of an engine as the one a controller starts with. The log must be empty.
func Import(ctx context.Context, s log.Store, e *engine.Engine) error {
	end, err := s.End(ctx)
	if err != nil {
		return err
	}
	if end > 0 {
		return fmt.Errorf("importing a state: the journal has %d entries", end)
	}
	shot := log.Snapshot{Seq: 1, At: e.Now(), State: func(w io.Writer) error { return writeState(ctx, w, e, true, nil) }}
	return s.SaveSnapshot(ctx, shot, log.Page{First: 2, Last: 1, At: e.Now(), Until: e.Now()}, log.Keep{ArchiveMax: archiveMax})
}

// writeState encodes an engine's state as json.Marshal would, in pieces: see there.
func writeState(ctx context.Context, w io.Writer, e *engine.Engine, metrics bool, p *pace) error {
	head, regions := e.Parts(metrics)
	text, err := json.Marshal(head)
	if err != nil {
		return fmt.Errorf("encoding a state: %w", err)
	}
	front, found := bytes.CutSuffix(text, []byte(`null}`)) // of Regions, the last member
	if !found {
		return errors.New("encoding a state: its regions are not its last member")
	}
	if _, err := w.Write(front); err != nil {
		return err
	}
	s := newPieces(w, p)
	s.list("[", "]", func(next func()) {
		for r := range regions {
			if s.err == nil {
				s.err = ctx.Err()
			}
			if s.err != nil {
				return
			}
			next()
			s.value(reflect.ValueOf(r))
		}
	})
	if s.text("}"); s.err != nil {
		return fmt.Errorf("encoding a state: %w", s.err)
	}
	return nil
}
