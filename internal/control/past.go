package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/scaling"
)

// Past is the engine as of a past moment.
type Past struct {
	Engine *engine.Engine

	// Differs is the first moment at which replay produced other events than when they were recorded; zero if all agree.
	Differs time.Time

	// From and Until bound a stretch around the moment without any input, which ended when a server was started. Zero if there is none.
	From, Until time.Time
}

// ForgottenError says that a moment cannot be restored, and why.
type ForgottenError struct {
	At    time.Time
	Reach log.Reach
}

// Error says which moments can be restored, and why earlier ones cannot.
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

// PastAt returns the engine as of a moment. It replays the archive, with the alarms' recorded readings, or after the archive's end the journal.
// The zero moment is the journal's end. types are the policy types that the engine has; nil: those of this program. It fails with ForgottenError.
func PastAt(ctx context.Context, s log.Store, types scaling.Types, at time.Time) (p Past, err error) {
	reach, err := s.Reach(ctx)
	if err != nil {
		return p, err
	}
	if at.IsZero() || !at.Before(reach.Until) { // the last page may lack entries of its last instant
		return p, p.fromJournal(ctx, s, types, at, reach)
	}
	if err := p.fromArchive(ctx, s, types, at); err != nil {
		return p, err
	}
	if p.Engine == nil { // the journal may have a day that the archive lacks
		return p, p.fromJournal(ctx, s, types, at, reach)
	}
	return p, p.idle(ctx, s, at)
}

// fromArchive replays the archive; Engine stays nil if the archive does not have the moment.
func (p *Past) fromArchive(ctx context.Context, s log.Store, types scaling.Types, at time.Time) error {
	var r archiveReader
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
				return fmt.Errorf("decoding a state of the archive: %w", err)
			}
			state.Config.Policies = types
			if p.Engine, err = engine.FromState(state); err != nil {
				return fmt.Errorf("reading a state of the archive: %w", err)
			}
		}
		r.page(page)
		for l, ok := r.line(); ok; l, ok = r.line() {
			if l.at.After(at) {
				return errPast
			}
			agrees, err := l.replay(p.Engine)
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
		p.Engine = nil // there is a gap only if a version without an archive ran in between
	}
	return err
}

// fromJournal replays the journal from the newest snapshot before the moment.
func (p *Past) fromJournal(ctx context.Context, s log.Store, types scaling.Types, at time.Time, reach log.Reach) error {
	config, err := StoredConfig(ctx, s)
	if err != nil {
		return err
	}
	config.Policies = types
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

// follows reports whether the journal has the entries after one.
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

// idle looks for a stretch without inputs around the moment.
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
