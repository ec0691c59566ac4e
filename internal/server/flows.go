package server

import (
	"context"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric/expr"
)

// event passes an event on to the parts that act on it. It must not block: the controller waits for it.
func (s *Server) event(now time.Time, e engine.Event) {
	switch x := e.(type) {
	case engine.AlarmNotifies:
		s.notifier.Wake()
	case engine.PromQLDue:
		s.evaluator.Take(x)
	case engine.ActivityChanged:
		s.own.take(x)
	case engine.HistoryWanted:
		s.predict.Take(x)
	}
	if s.o.OnEvent != nil {
		s.o.OnEvent(now, e)
	}
}

// step takes an input into the engine.
func (s *Server) step(ctx context.Context, in engine.Input) (engine.Result, error) {
	return s.control.Step(ctx, in)
}

// pastMetrics calls f with a scope's metrics, of the history and of memory.
func (s *Server) pastMetrics(ctx context.Context, scope engine.Scope, f func(time.Time, expr.Source)) error {
	return s.history.Metrics(ctx, scope, f)
}

// notified records the outcome of a notification in the engine.
func (s *Server) notified(ctx context.Context, n engine.Notified) {
	if _, err := s.control.Step(ctx, n); err != nil && ctx.Err() == nil {
		s.o.Log.Error("the outcome of a notification could not be recorded", "alarm", n.Alarm, "error", err)
	}
}

// apply carries out effects: routes before levels, so that no invocation is sent to an instance that is about to end.
func (s *Server) apply(f engine.Effects) {
	s.gateway.Apply(f.Routes)
	s.fleet.Apply(fleetLevels(f.Levels, s.machine))
}

// observe returns what the gateway measured since the last call. It counts for the server's own metrics, too.
func (s *Server) observe() []engine.VariantObservation {
	all := s.gateway.Flush()
	s.instruments.observed(all)
	return all
}
