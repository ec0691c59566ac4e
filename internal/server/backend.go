package server

import (
	"context"
	"errors"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/internal/log"
)

// backend is the awsapi.Backend of a controller, whose View it has.
type backend struct {
	*control.Controller
	series *seriesLimit
}

// Step takes an input into the engine, within the limit of series.
func (b backend) Step(ctx context.Context, in engine.Input) (engine.Result, error) {
	return b.series.Step(ctx, in)
}

// Events returns recorded events.
func (b backend) Events(ctx context.Context, q log.EventQuery) ([]engine.Recorded, string, error) {
	items, next, err := b.Controller.Events(ctx, q)
	if errors.Is(err, log.ErrToken) {
		return nil, "", &awsapi.ErrToken{Err: err, Token: q.Token}
	}
	return items, next, err
}
