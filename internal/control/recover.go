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

// configKey names the setting that holds the engine's config: other settings would give other decisions.
const configKey = "engine.config"

// life is an engine as the store has it after an input, with the diary that goes on from there; diary is nil where none is kept.
type life struct {
	engine   *engine.Engine
	seq      uint64
	diary    *diary
	recovery Recovery
}

// recover makes the engine from the newest good snapshot and the journal after it.
func (c *Controller) recover(ctx context.Context, wall time.Time) error {
	l, err := c.rebuild(ctx, wall, nil)
	if err != nil {
		return err
	}
	c.recovery, c.recovered = l.recovery, l.seq
	c.settle(l)
	return nil
}

// rebuild makes an engine from the newest good snapshot and the journal after it, and begins a diary there where one is wanted. Of the
// controller it changes only which lines of the journal are passed over: those at which the engine panics.
func (c *Controller) rebuild(ctx context.Context, wall time.Time, d *diary) (*life, error) {
	for {
		l, err := c.rebuildOnce(ctx, wall, d)
		bad := (*PanicError)(nil)
		if !errors.As(err, &bad) {
			return l, err
		}
		c.skip(bad.Seq, bad)
		if d != nil {
			*d = diary{}
		}
	}
}

func (c *Controller) rebuildOnce(ctx context.Context, wall time.Time, d *diary) (*life, error) {
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
	l := &life{engine: e, seq: seq, diary: d, recovery: Recovery{Snapshot: seq}}
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

// replay takes an engine through what the journal has after the last input that it knows.
func (c *Controller) replay(ctx context.Context, l *life) error {
	return retake(ctx, c.store, l.engine, l.seq, time.Time{}, c.skips, func(d Redecision) error {
		l.seq = d.Seq
		l.recovery.Replayed++
		if l.diary != nil {
			l.diary.note(&d)
		}
		if d.Aside != nil {
			c.quarantine(ctx, d)
			return nil //nolint:nilerr // the line is set aside: those after it count
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

// quarantine writes down a line of the journal that was set aside, and why; once: the line itself stays where it is. Where that cannot be
// written now, the next rebuild writes it.
func (c *Controller) quarantine(ctx context.Context, d Redecision) {
	fresh, err := c.store.Quarantine(ctx, log.Entry{Seq: d.Seq, At: d.At, Kind: d.Kind}, d.Aside.Error())
	switch {
	case err != nil:
		c.o.Log.ErrorContext(ctx, "a line of the journal is set aside, which cannot be written down", "seq", d.Seq, "kind", d.Kind, "reason", d.Aside, "error", err)
	case fresh:
		c.refused.Add(1)
		c.o.Log.ErrorContext(ctx, "an input is set aside", "seq", d.Seq, "kind", d.Kind, "error", d.Aside)
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
	return decodeConfig(text)
}

func decodeConfig(text []byte) (engine.Config, error) {
	var config engine.Config
	if err := json.Unmarshal(text, &config); err != nil {
		return config, fmt.Errorf("decoding the engine's settings: %w", err)
	}
	return config, nil
}

// StoredConfig returns the engine's settings that a journal was written with.
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

// Load returns an engine as the newest good snapshot not after a moment left it, and the snapshot's sequence number; a new one
// and 0 where there is none. The zero moment means the newest.
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

// Redecision is a past input, decided again.
type Redecision struct {
	Seq    uint64
	At     time.Time
	Kind   string
	Events []engine.Event // as decided now
	Then   string         // trace of the events as decided then
	Now    string         // trace of Events

	// Aside is why the line cannot be read, or is refused now: it led to nothing, and what follows goes on without it.
	Aside error

	in   engine.Input
	text []byte // of the input
	out  engine.Output
	said []event
}

// Agrees reports whether the input led to the same events.
func (d Redecision) Agrees() bool { return d.Then == d.Now }

// setAside is a line of the journal that cannot be taken. It never agrees with what it was once. To the diary it is a tick.
func setAside(line log.Entry, r record, why error) Redecision {
	return Redecision{Seq: line.Seq, At: line.At, Kind: line.Kind, Then: r.Trace, Now: "set aside", Aside: why, in: engine.Tick{}}
}

// errPast ends a replay that has come to its moment.
var errPast = errors.New("past the moment")

// Redecide takes an engine through the journal after a sequence number, up to a moment (the zero one: to its end), and tells each what
// every input leads to. It fails with PanicError where the engine panics; nothing is known of the engine then.
func Redecide(ctx context.Context, s log.Store, e *engine.Engine, after uint64, until time.Time, each func(Redecision) error) error {
	return retake(ctx, s, e, after, until, func(uint64) error { return nil }, each)
}

// retake is Redecide without the lines that skips has a reason for.
func retake(ctx context.Context, s log.Store, e *engine.Engine, after uint64, until time.Time, skips func(seq uint64) error, each func(Redecision) error) error {
	err := s.Read(ctx, after, func(line log.Entry) error {
		if !until.IsZero() && line.At.After(until) {
			return errPast
		}
		in, r, err := decodeInput(line)
		if err == nil {
			err = skips(line.Seq)
		}
		if err != nil {
			return each(setAside(line, r, err))
		}
		out, err := safely(e, line.At, in)
		if bad := (*PanicError)(nil); errors.As(err, &bad) {
			bad.Seq = line.Seq
			return bad
		}
		if err != nil {
			return each(setAside(line, r, fmt.Errorf("line %d of the journal (%s) is refused now: %w", line.Seq, line.Kind, err)))
		}
		said, err := encodePast(out.Events)
		if err != nil {
			return err
		}
		return each(Redecision{
			Seq: line.Seq, At: line.At, Kind: line.Kind, Events: out.Events, Then: r.Trace, Now: trace(said), in: in, text: r.Input, out: out, said: said,
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

// Item is one thing that happened.
type Item struct {
	At    time.Time
	Event engine.Event
	After string // the token of a query that goes on behind it
}

// History returns what happened, and a token to go on with. It fails with log.ErrToken.
func (c *Controller) History(ctx context.Context, q log.HistoryQuery) ([]Item, string, error) {
	rows, next, err := c.store.Query(ctx, q)
	if err != nil {
		return nil, "", err
	}
	out := make([]Item, 0, len(rows))
	for _, r := range rows {
		e, err := DecodeEvent(r.Kind, r.Data)
		if err != nil {
			return nil, "", err
		}
		out = append(out, Item{r.At, e, r.After})
	}
	return out, next, nil
}
