package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/log"
)

// Past is the engine as it stood at a moment.
type Past struct {
	Engine *engine.Engine

	// Differs is the first moment on the way there at which this version decides otherwise than the one that ran then; zero where all
	// agrees.
	Differs time.Time

	// Idle from From until Until, when a server was started: nothing happened at the moment, and maybe none ran. Zero where one did.
	From, Until time.Time
}

// ForgottenError says that a moment is not known, and why.
type ForgottenError struct {
	At    time.Time
	Reach log.Reach
}

// Error says from when on moments are known, and why not before.
func (e *ForgottenError) Error() string {
	const layout = "2006-01-02 15:04:05 UTC"
	const earlier = "an earlier version, which keeps a day at most, ran"
	from, why := e.Reach.From, ""
	switch r := e.Reach; {
	case from.IsZero():
		return fmt.Sprintf("%s is not known: no server has kept anything here yet", e.At.UTC().Format(layout))
	case !e.At.Before(from):
		return fmt.Sprintf("%s is not known: %s then", e.At.UTC().Format(layout), earlier)
	case r.Whole:
		why = "when the first server was started here"
	case r.Full:
		why = "what was before is dropped to stay within explain_max"
	case r.Aged:
		why = "two weeks are kept"
	default:
		why = earlier + " before"
	}
	return fmt.Sprintf("%s is not known: what is kept begins at %s, %s", e.At.UTC().Format(layout), from.UTC().Format(layout), why)
}

// PastAt returns the engine as it stood at a moment: its steps are taken again, from the diary with the readings of the alarms, and
// past the diary's end from the journal. The zero moment is the journal's end. It fails with ForgottenError.
func PastAt(ctx context.Context, s log.Store, at time.Time) (p Past, err error) {
	reach, err := s.Reach(ctx)
	if err != nil {
		return p, err
	}
	if at.IsZero() || !at.Before(reach.Until) { // more may have happened at the end's instant than is on a page
		return p, p.replay(ctx, s, at, reach)
	}
	if err := p.relive(ctx, s, at); err != nil {
		return p, err
	}
	if p.Engine == nil { // a day of what the diary does not have may be in the journal still
		return p, p.replay(ctx, s, at, reach)
	}
	return p, p.idle(ctx, s, at)
}

// relive takes the steps of the diary again; Engine stays nil where the diary does not have the moment.
func (p *Past) relive(ctx context.Context, s log.Store, at time.Time) error {
	var r diaryReader
	var until time.Time
	err := s.Pages(ctx, at, func(page log.Page) error {
		until = page.Until
		if page.State != nil {
			text, err := page.State.Unpack()
			if err != nil {
				return err
			}
			var state engine.State
			if err := json.Unmarshal(text, &state); err != nil {
				return fmt.Errorf("decoding a state of the diary: %w", err)
			}
			if p.Engine, err = engine.FromState(state); err != nil {
				return fmt.Errorf("reading a state of the diary: %w", err)
			}
		}
		r.page(page)
		for l, ok := r.line(); ok; l, ok = r.line() {
			if l.at.After(at) {
				return errPast
			}
			agrees, err := l.relive(p.Engine)
			if err != nil {
				return err
			}
			p.agrees(l.at, agrees)
		}
		return r.err
	})
	if errors.Is(err, errPast) {
		return nil
	}
	if at.After(until) {
		p.Engine = nil // pages begin where those before end, save where a version that writes none ran in between
	}
	return err
}

// replay takes the steps of the journal again, from the newest snapshot before the moment.
func (p *Past) replay(ctx context.Context, s log.Store, at time.Time, reach log.Reach) error {
	config, err := StoredConfig(ctx, s)
	if err != nil {
		return err
	}
	e, seq, err := Load(ctx, s, config, at)
	if err != nil {
		return err
	}
	if whole, err := follows(ctx, s, seq); err != nil || !whole {
		return errors.Join(err, &ForgottenError{at, reach})
	}
	p.Engine = e
	err = Redecide(ctx, s, e, seq, at, func(d Redecision) error {
		p.agrees(d.At, d.Agrees())
		return nil
	})
	if err != nil {
		return err
	}
	if began := e.Now(); began.IsZero() && !at.IsZero() { // before the first input
		if first, err := s.Began(ctx); err != nil || at.Before(first) {
			return errors.Join(err, &ForgottenError{at, log.Reach{From: first, Whole: true}})
		}
	}
	return p.idle(ctx, s, at)
}

// follows reports whether the journal has what came after an input.
func follows(ctx context.Context, s log.Store, seq uint64) (bool, error) {
	begins, err := s.Begins(ctx)
	if err != nil || begins > 0 {
		return begins <= seq+1, err
	}
	shots, err := s.Snapshots(ctx)
	return len(shots) == 0 || shots[0].Seq <= seq, err
}

func (p *Past) agrees(at time.Time, yes bool) {
	if !yes && p.Differs.IsZero() {
		p.Differs = at
	}
}

// idle finds out whether a server ran.
func (p *Past) idle(ctx context.Context, s log.Store, at time.Time) error {
	if at.IsZero() {
		return nil
	}
	from, until, ok, err := s.Outage(ctx, at)
	if ok {
		p.From, p.Until = from, until
	}
	return err
}
