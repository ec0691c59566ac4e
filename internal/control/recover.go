package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/log"
)

// configKey is the setting of the log that has the engine's first config.
const configKey = "engine.config"

// restored is an engine restored from the log up to an entry, with the archive pages written from there on; archiver is nil if none are.
type restored struct {
	engine   *engine.Engine
	seq      uint64
	archiver *archiver
	recovery Recovery
	use      atomic.Int32 // owned, lent or kept
}

// recover restores the engine from the newest intact snapshot and the journal after it.
func (c *Controller) recover(ctx context.Context, wall time.Time) error {
	l, err := c.rebuild(ctx, wall, nil)
	if err != nil {
		return err
	}
	c.recovery, c.recovered = l.recovery, l.seq
	c.adopt(l)
	return nil
}

// rebuild restores an engine from the newest intact snapshot and the journal after it. If d is not nil, it begins an archive volume there. Journal
// lines at which the engine panics are skipped from then on.
func (c *Controller) rebuild(ctx context.Context, wall time.Time, d *archiver) (*restored, error) {
	for {
		l, err := c.rebuildOnce(ctx, wall, d)
		bad := (*PanicError)(nil)
		if !errors.As(err, &bad) {
			return l, err
		}
		c.skip(bad.Seq, bad)
		if d != nil {
			*d = archiver{pace: d.pace}
		}
	}
}

func (c *Controller) rebuildOnce(ctx context.Context, wall time.Time, d *archiver) (*restored, error) {
	config, err := c.config(ctx)
	if err != nil {
		return nil, err
	}
	e, seq, err := Load(ctx, c.store, config, time.Time{})
	if err != nil {
		return nil, err
	}
	if shots, err := c.store.Snapshots(ctx); err != nil {
		return nil, err
	} else if len(shots) > 0 && shots[0].Seq > seq {
		c.o.Log.WarnContext(ctx, "the newest snapshot is damaged, and is left out", "snapshot", shots[0].Seq, "used", seq)
	}
	l := &restored{engine: e, seq: seq, archiver: d, recovery: Recovery{Snapshot: seq}}
	began := e.Now()
	if seq == 0 {
		if began, err = c.store.Began(ctx); err != nil {
			return nil, err
		}
		if began.IsZero() {
			began = wall
		}
	}
	if d != nil {
		if err := d.begin(ctx, e, seq, began); err != nil {
			return nil, err
		}
	}
	return l, c.replay(ctx, l)
}

// replay steps a restored engine with the entries after its last one.
func (c *Controller) replay(ctx context.Context, l *restored) error {
	return redecide(ctx, c.store, l.engine, l.seq, time.Time{}, c.skips, func(d Redecision) error {
		l.seq = d.Seq
		l.recovery.Replayed++
		if l.archiver != nil {
			l.archiver.note(&d)
			l.archiver.pace.rest()
		}
		if d.Skipped != nil {
			c.quarantineLine(ctx, d)
			return nil //nolint:nilerr // the line is skipped, those after it are not
		}
		if d.Agrees() {
			return nil
		}
		if l.recovery.Disagreed++; d.Seq > c.recovered {
			c.o.Log.Warn("a past input now leads to other events: another version decided it", "seq", d.Seq, "kind", d.Kind, "at", d.At)
		}
		return nil
	})
}

// quarantineLine records a journal line that was skipped, and why, once. The line itself stays in the journal. If that cannot be written now,
// the next rebuild does it.
func (c *Controller) quarantineLine(ctx context.Context, d Redecision) {
	fresh, err := c.store.Quarantine(ctx, log.Entry{Seq: d.Seq, At: d.At, Kind: d.Kind}, d.Skipped.Error())
	switch {
	case err != nil:
		c.o.Log.ErrorContext(ctx, "a line of the journal is set aside, which cannot be written down", "seq", d.Seq, "kind", d.Kind, "reason", d.Skipped, "error", err)
	case fresh:
		c.refused.Add(1)
		c.o.Log.ErrorContext(ctx, "an input is set aside", "seq", d.Seq, "kind", d.Kind, "error", d.Skipped)
	}
}

func (c *Controller) config(ctx context.Context) (engine.Config, error) {
	text, found, err := c.store.Meta(ctx, configKey)
	if err != nil {
		return engine.Config{}, err
	}
	if !found {
		config := c.o.Config.WithDefaults()
		if text, err = json.Marshal(config); err != nil {
			return config, fmt.Errorf("encoding the engine's settings: %w", err)
		}
		return config, c.store.SetMeta(ctx, configKey, text)
	}
	config, err := decodeConfig(text)
	config.Policies = c.o.Config.Policies
	return config, err
}

func decodeConfig(text []byte) (engine.Config, error) {
	var config engine.Config
	if err := json.Unmarshal(text, &config); err != nil {
		return config, fmt.Errorf("decoding the engine's settings: %w", err)
	}
	return config, nil
}

// StoredConfig returns the engine's first config from the log. Policies is nil, as it is not stored.
func StoredConfig(ctx context.Context, s log.Store) (engine.Config, error) {
	text, found, err := s.Meta(ctx, configKey)
	if err != nil {
		return engine.Config{}, err
	}
	if !found {
		return engine.Config{}, errors.New("the journal has no settings: no server has used it yet")
	}
	return decodeConfig(text)
}

// Load returns an engine from the newest intact snapshot that is not later than a moment, and the snapshot's sequence number; a new engine and 0
// if there is none. The zero moment means the newest. The policy types of config are those of the engine.
func Load(ctx context.Context, s log.Store, config engine.Config, notAfter time.Time) (*engine.Engine, uint64, error) {
	shots, err := s.Snapshots(ctx)
	if err != nil {
		return nil, 0, err
	}
	var damaged error
	for _, shot := range shots {
		if !notAfter.IsZero() && shot.At.After(notAfter) {
			continue
		}
		data, err := s.Snapshot(ctx, shot.Seq)
		if errors.Is(err, log.ErrDamaged) {
			damaged = errors.Join(damaged, err)
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		var state engine.State
		if err := json.Unmarshal(data, &state); err != nil {
			return nil, 0, fmt.Errorf("decoding snapshot %d: %w", shot.Seq, err)
		}
		state.Config.Policies = config.Policies
		e, err := engine.FromState(state)
		if err != nil {
			return nil, 0, fmt.Errorf("reading snapshot %d: %w", shot.Seq, err)
		}
		return e, shot.Seq, nil
	}
	if damaged != nil {
		return nil, 0, fmt.Errorf("no snapshot can be read. Restore the data directory from a backup: %w", damaged)
	}
	return engine.New(config), 0, nil
}

// Redecision is the result of a past input that was stepped again.
type Redecision struct {
	Seq    uint64
	At     time.Time
	Kind   string
	Events []engine.Event // of this step
	Then   string         // trace of the events when it was recorded
	Now    string         // trace of Events

	// Skipped is why the line cannot be read or is refused now: it has no effect, and replay continues after it.
	Skipped error

	in      engine.Input
	text    []byte // of the input
	out     engine.Output
	encoded []event
}

// Agrees reports whether the input produced the same events.
func (d Redecision) Agrees() bool { return d.Then == d.Now }

// skippedLine is a journal line that cannot be replayed. It never agrees. The archive records it as a tick.
func skippedLine(line log.Entry, r record, why error) Redecision {
	return Redecision{Seq: line.Seq, At: line.At, Kind: line.Kind, Then: r.Trace, Now: "set aside", Skipped: why, in: engine.Tick{}}
}

// errPast ends a replay that has reached its moment.
var errPast = errors.New("past the moment")

// Redecide steps an engine with the entries after a sequence number, up to a moment (zero: to the journal's end), and calls each with every
// result. It fails with PanicError if the engine panics; its state is unknown then.
func Redecide(ctx context.Context, s log.Store, e *engine.Engine, after uint64, until time.Time, each func(Redecision) error) error {
	return redecide(ctx, s, e, after, until, func(uint64) error { return nil }, each)
}

// redecide is Redecide without the lines that skips returns an error for.
func redecide(ctx context.Context, s log.Store, e *engine.Engine, after uint64, until time.Time, skips func(seq uint64) error, each func(Redecision) error) error {
	err := s.Read(ctx, after, func(line log.Entry) error {
		if !until.IsZero() && line.At.After(until) {
			return errPast
		}
		in, r, err := decodeInput(line)
		if err == nil {
			err = skips(line.Seq)
		}
		if err != nil {
			return each(skippedLine(line, r, err))
		}
		out, err := safely(e, line.At, in)
		if bad := (*PanicError)(nil); errors.As(err, &bad) {
			bad.Seq = line.Seq
			return bad
		}
		if err != nil {
			return each(skippedLine(line, r, fmt.Errorf("line %d of the journal (%s) is refused now: %w", line.Seq, line.Kind, err)))
		}
		encoded, err := encodePast(out.Events)
		if err != nil {
			return err
		}
		return each(Redecision{
			Seq: line.Seq, At: line.At, Kind: line.Kind, Events: out.Events, Then: r.Trace, Now: trace(encoded), in: in, text: r.Input, out: out, encoded: encoded,
		})
	})
	if errors.Is(err, errPast) {
		return nil
	}
	return err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Events returns recorded events, and a token to continue with. It fails with log.ErrToken.
func (c *Controller) Events(ctx context.Context, q log.EventQuery) ([]engine.Recorded, string, error) {
	return RecordedEvents(ctx, c.store, q)
}

// RecordedEvents returns recorded events of a log, and a token to continue with. It fails with log.ErrToken.
func RecordedEvents(ctx context.Context, s log.Events, q log.EventQuery) ([]engine.Recorded, string, error) {
	rows, next, err := s.Query(ctx, q)
	if err != nil {
		return nil, "", err
	}
	out := make([]engine.Recorded, 0, len(rows))
	for _, r := range rows {
		e, err := DecodeEvent(r.Kind, r.Data)
		if err != nil {
			return nil, "", err
		}
		out = append(out, engine.Recorded{At: r.At, Event: e, After: r.After})
	}
	return out, next, nil
}
