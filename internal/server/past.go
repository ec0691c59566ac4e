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

// Recorded returns what explanations are made from without a controller: a store alone. The present is where its journal ends. types are the
// policy types; nil: those of this program. live asks the server that may run.
func Recorded(s log.Store, types scaling.Types, live func(context.Context) (explain.Live, bool)) explain.Past {
	return past{store: s, types: types, live: live}
}

// past is an explain.Past of a store, and of a controller where a server runs.
type past struct {
	store   log.Store
	types   scaling.Types
	control *control.Controller // nil: the present is where the journal ends
	live    func(context.Context) (explain.Live, bool)
}

// Live implements explain.Past.
func (p past) Live(ctx context.Context) (explain.Live, bool) { return p.live(ctx) }

// liveState returns what explanations say of this server.
func (s *Server) liveState(context.Context) (l explain.Live, ok bool) {
	l.Clock = explain.Clock{Policy: s.control.Now(), Wall: time.Now().UTC(), Speed: s.control.Speed(), Started: s.started}
	if t, is := s.control.Trouble(); is {
		l.Outage = &explain.Outage{Since: t.Since.UTC(), Text: t.String()}
	}
	return l, true
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
