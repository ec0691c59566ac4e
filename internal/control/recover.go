package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/store"
)

// configKey names the setting that holds the engine's config: other settings would give other decisions.
const configKey = "engine.config"

// life is an engine as the store has it, with the diary that goes on from there.
type life struct {
	engine   *engine.Engine
	diary    diary
	recovery Recovery
}

// recover makes the engine from the newest good snapshot and the journal after it.
func (c *Controller) recover(ctx context.Context, wall time.Time) error {
	l, err := c.rebuild(ctx, wall)
	if err != nil {
		return err
	}
	c.engine, c.diary, c.recovery = l.engine, l.diary, l.recovery
	return nil
}

// rebuild makes an engine from the newest good snapshot and the journal after it. It changes nothing of the controller.
func (c *Controller) rebuild(ctx context.Context, wall time.Time) (*life, error) {
	config, err := c.config(ctx)
	if err != nil {
		return nil, err
	}
	e, seq, err := Load(ctx, c.o.Store, config, time.Time{})
	if err != nil {
		return nil, err
	}
	l := &life{engine: e, recovery: Recovery{Snapshot: seq}}
	began := e.Now()
	if seq == 0 {
		if began, err = c.o.Store.Began(ctx); err != nil {
			return nil, err
		}
		if began.IsZero() {
			began = wall
		}
	}
	if err := l.diary.begin(e, seq, began); err != nil {
		return nil, err
	}
	return l, Redecide(ctx, c.o.Store, e, seq, time.Time{}, func(d Redecision) error {
		l.recovery.Replayed++
		l.diary.note(d.Seq, d.At, d.in, d.text, d.out, d.said)
		if !d.Agrees() {
			l.recovery.Disagreed++
			c.o.Log.Warn("a past input now leads to other events: another version decided it", "seq", d.Seq, "kind", d.Kind, "at", d.At)
		}
		return nil
	})
}

func (c *Controller) config(ctx context.Context) (engine.Config, error) {
	text, found, err := c.o.Store.Meta(ctx, configKey)
	if err != nil {
		return engine.Config{}, err
	}
	if !found {
		config := c.o.Config.WithDefaults()
		if text, err = json.Marshal(config); err != nil {
			return config, fmt.Errorf("encoding the engine's settings: %w", err)
		}
		return config, c.o.Store.SetMeta(ctx, configKey, text)
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
func StoredConfig(ctx context.Context, s *store.Store) (engine.Config, error) {
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
func Load(ctx context.Context, s *store.Store, config engine.Config, notAfter time.Time) (*engine.Engine, uint64, error) {
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
		if errors.Is(err, store.ErrDamaged) {
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
		return engine.FromState(state), shot.Seq, nil
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

	in   engine.Input
	text []byte // of the input
	out  engine.Output
	said []event
}

// Agrees reports whether the input led to the same events.
func (d Redecision) Agrees() bool { return d.Then == d.Now }

// errPast ends a replay that has come to its moment.
var errPast = errors.New("past the moment")

// Redecide takes an engine through the journal after a sequence number, up to a moment (the zero one: to its end), and tells each what
// every input leads to.
func Redecide(ctx context.Context, s *store.Store, e *engine.Engine, after uint64, until time.Time, each func(Redecision) error) error {
	err := s.Replay(ctx, after, func(line store.Input) error {
		if !until.IsZero() && line.At.After(until) {
			return errPast
		}
		in, r, err := decodeInput(line)
		if err != nil {
			return err
		}
		out, err := e.Step(line.At, in)
		if err != nil {
			return fmt.Errorf("line %d of the journal (%s) is refused now: %w", line.Seq, line.Kind, err)
		}
		said, err := encodeEvents(out.Events)
		if err != nil {
			return err
		}
		return each(Redecision{line.Seq, line.At, line.Kind, out.Events, r.Trace, trace(said), in, r.Input, out, said})
	})
	if errors.Is(err, errPast) {
		return nil
	}
	return err
}

// snapshot writes down what the engine knows.
func (c *Controller) snapshot(ctx context.Context) error {
	if c.outage != nil {
		return nil
	}
	c.mu.RLock()
	data, err := json.Marshal(c.engine.State())
	next, now := c.o.Store.Next(), c.engine.Now()
	c.mu.RUnlock()
	if err != nil {
		return fmt.Errorf("encoding a snapshot: %w", err)
	}
	if next == 1 {
		return nil // nothing has happened yet
	}
	shot := store.Snapshot{Seq: next - 1, At: now, Data: data}
	keep := store.Keep{Journal: now.Add(-keepJournal), Diary: now.Add(-keepDiary), DiaryMax: c.diaryMax.Load()}
	if err := c.durably(ctx, func(ctx context.Context) error { return c.disk.SaveSnapshot(ctx, shot, c.diary.page, keep) }); err != nil {
		return err
	}
	if now.Sub(c.diary.volume) >= volumeLong {
		return c.diary.begin(c.engine, shot.Seq, now)
	}
	c.diary.turn(shot.Seq, now)
	return nil
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
}

// History returns what happened, and a token to go on with. It fails with store.ErrToken.
func (c *Controller) History(ctx context.Context, q store.HistoryQuery) ([]Item, string, error) {
	rows, next, err := c.o.Store.Query(ctx, q)
	if err != nil {
		return nil, "", err
	}
	out := make([]Item, 0, len(rows))
	for _, r := range rows {
		e, err := DecodeEvent(r)
		if err != nil {
			return nil, "", err
		}
		out = append(out, Item{r.At, e})
	}
	return out, next, nil
}
