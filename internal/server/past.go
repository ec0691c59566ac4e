package server

import (
	"context"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/internal/explain"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/scaling"
)

// Recorded returns what explanations are made from where no server runs: a store alone. The present is where its journal ends. types are the
// policy types; nil: those of this program.
func Recorded(s log.Store, types scaling.Types) explain.Past { return past{store: s, types: types} }

// past is an explain.Past of a store, and of a controller where a server runs.
type past struct {
	store   log.Store
	types   scaling.Types
	control *control.Controller // nil: the present is where the journal ends
}

// View implements explain.Past.
func (p past) View(ctx context.Context, f func(now time.Time, e *engine.Engine)) error {
	if p.control != nil {
		return p.control.View(ctx, f)
	}
	x, err := control.PastAt(ctx, p.store, p.types, time.Time{})
	if err == nil {
		f(x.Engine.Now(), x.Engine)
	}
	return err
}

// At implements explain.Past.
func (p past) At(ctx context.Context, at time.Time) (explain.PastState, error) {
	x, err := control.PastAt(ctx, p.store, p.types, at)
	return explain.PastState(x), err
}

// Events implements explain.Past.
func (p past) Events(ctx context.Context, q log.EventQuery) ([]engine.Recorded, error) {
	out, _, err := control.RecordedEvents(ctx, p.store, q)
	return out, err
}
