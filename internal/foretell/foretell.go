// Package foretell brings predictive scaling policies their history: it takes what the engine asks for (engine.HistoryWanted), reads
// the metrics of the last two weeks, and steps them into the engine (engine.LoadHistory), which makes the forecast. So forecasts are
// decisions like all others: the journal has what they rest on.
//
//	f := foretell.New(foretell.Options{…})
//	go f.Run(ctx)
//	f.Take(wanted)    // from the controller's OnEvent
package foretell

import (
	"context"
	"log/slog"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric/expr"
)

// Options are what a Foreteller works with.
type Options struct {
	// Metrics calls f with a scope's metrics; twice, where memory alone turns out not to reach back far enough.
	Metrics func(ctx context.Context, scope engine.Scope, f func(now time.Time, s expr.Source)) error

	// Step takes an input into the engine.
	Step func(ctx context.Context, in engine.Input) (engine.Result, error)

	Log *slog.Logger
}

// waitingMax bounds the policies that wait for their history. One that finds no room asks again an hour later.
const waitingMax = 10_000

// Foreteller answers policies that want their history, one after another.
type Foreteller struct {
	o       Options
	waiting chan engine.HistoryWanted
}

// New returns a foreteller; Run makes it work.
func New(o Options) *Foreteller {
	return &Foreteller{o: o, waiting: make(chan engine.HistoryWanted, waitingMax)}
}

// Take puts a policy into the queue. It does not block.
func (f *Foreteller) Take(w engine.HistoryWanted) {
	select {
	case f.waiting <- w:
	default:
		f.o.Log.Warn("too many policies wait for their history", "policy", w.Policy, "target", w.Target.ResourceID)
	}
}

// Run answers until ctx ends.
func (f *Foreteller) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case w := <-f.waiting:
			if err := f.answer(ctx, w); err != nil && ctx.Err() == nil {
				f.o.Log.Error("a policy's history could not be read; it is asked for again in an hour",
					"policy", w.Policy, "target", w.Target.ResourceID, "error", err)
			}
		}
	}
}

func (f *Foreteller) answer(ctx context.Context, w engine.HistoryWanted) error {
	var in engine.LoadHistory
	if err := f.o.Metrics(ctx, w.Scope, func(_ time.Time, s expr.Source) { in = engine.ReadHistory(w, s) }); err != nil {
		return err
	}
	_, err := f.o.Step(ctx, in)
	return err
}
