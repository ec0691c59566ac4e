package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/store"
)

// ErrForgotten says that the journal does not go back to a moment.
var ErrForgotten = errors.New("the journal does not go back so far")

// errPast ends a replay that has come to its moment.
var errPast = errors.New("past the moment")

// EngineAt returns the engine as it stood at a moment, decided again from the newest snapshot before it; the zero moment is the
// journal's end. It fails with ErrForgotten.
func EngineAt(ctx context.Context, s *store.Store, at time.Time) (*engine.Engine, error) {
	config, err := StoredConfig(ctx, s)
	if err != nil {
		return nil, err
	}
	e, seq, err := Load(ctx, s, config, at)
	if err != nil {
		return nil, err
	}
	begins, err := s.Begins(ctx)
	if err != nil {
		return nil, err
	}
	if begins > seq+1 {
		return nil, ErrForgotten
	}
	err = s.Replay(ctx, seq, func(line store.Input) error {
		if !at.IsZero() && line.At.After(at) {
			return errPast
		}
		in, _, err := decodeInput(line)
		if err != nil {
			return err
		}
		if _, err := e.Step(line.At, in); err != nil {
			return fmt.Errorf("line %d of the journal (%s) is refused now: %w", line.Seq, line.Kind, err)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errPast) {
		return nil, err
	}
	return e, nil
}
