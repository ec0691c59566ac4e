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

// History asks the store in its own words.
func (b backend) History(ctx context.Context, q awsapi.HistoryQuery) ([]awsapi.HistoryItem, string, error) {
	items, next, err := b.Controller.History(ctx, log.HistoryQuery{
		Table: q.Table, Scope: control.Scope(q.Scope), Key: q.Key, Types: q.Types, IDs: q.IDs, From: q.From, To: q.To, Oldest: q.Oldest, Limit: q.Limit, Token: q.Token,
	})
	if errors.Is(err, log.ErrToken) {
		return nil, "", &awsapi.ErrToken{Err: err, Token: q.Token}
	}
	out := make([]awsapi.HistoryItem, len(items))
	for i, x := range items {
		out[i] = awsapi.HistoryItem{At: x.At, Event: x.Event, After: x.After}
	}
	return out, next, err
}
