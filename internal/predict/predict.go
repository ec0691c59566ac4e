// Package predict loads the metric history for predictive scaling policies: it takes the engine's requests (engine.HistoryWanted), reads
// the metrics of the last two weeks, and steps them into the engine (engine.LoadHistory), which makes the forecast. So a forecast is a
// decision like all others: the journal has the inputs of it.
//
//	f := predict.New(predict.Options{…})
//	go f.Run(ctx)
//	f.Take(wanted)    // from the controller's OnEvent
package predict

import (
	"context"
	"log/slog"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/queue"
	"bellows.dev/bellows/metric/expr"
	"bellows.dev/bellows/scaling"
)

// Options configures a Supplier.
type Options struct {
	// Metrics calls f with a scope's metrics; twice, where memory alone does not reach back far enough.
	Metrics func(ctx context.Context, scope engine.Scope, f func(now time.Time, s expr.Source)) error

	// Step takes an input into the engine.
	Step func(ctx context.Context, in engine.Input) (engine.Result, error)

	Log *slog.Logger
}

// waitingMax bounds the policies that wait for their history. The engine asks again for one that was refused, an hour later.
const waitingMax = 10_000

// Supplier loads the metric history that policies request, one after another.
type Supplier struct {
	o       Options
	waiting *queue.Queue[policyKey, engine.HistoryWanted]
}

// policyKey is a policy of a scope.
type policyKey struct {
	engine.Scope
	target scaling.TargetKey
	policy string
}

// New returns a Supplier, which is started by Run.
func New(o Options) *Supplier {
	f := &Supplier{o: o}
	f.waiting = queue.New(queue.Options[policyKey, engine.HistoryWanted]{
		Max: waitingMax, Work: func(ctx context.Context, _ policyKey, w engine.HistoryWanted) { f.work(ctx, w) },
	})
	return f
}

// Take queues the request of a policy; it replaces an earlier one of the policy that still waits. It never blocks.
func (f *Supplier) Take(w engine.HistoryWanted) {
	if f.waiting.Put(policyKey{w.Scope, w.Target, w.Policy}, w) == queue.Refused {
		f.o.Log.Warn("too many policies wait for their history", "policy", w.Policy, "target", w.Target.ResourceID)
	}
}

// Run answers until ctx ends.
func (f *Supplier) Run(ctx context.Context) { f.waiting.Run(ctx) }

func (f *Supplier) work(ctx context.Context, w engine.HistoryWanted) {
	if err := f.answer(ctx, w); err != nil && ctx.Err() == nil {
		f.o.Log.Error("a policy's history could not be read; it is asked for again in an hour",
			"policy", w.Policy, "target", w.Target.ResourceID, "error", err)
	}
}

// readMax is how long reading and evaluating a policy's metrics may take. What takes longer is given up, and the policy says so.
const readMax = 20 * time.Second

func (f *Supplier) answer(ctx context.Context, w engine.HistoryWanted) error {
	limited, cancel := context.WithTimeout(ctx, readMax)
	defer cancel()
	r := engine.NewHistoryReader(w)
	if err := f.o.Metrics(limited, w.Scope, func(_ time.Time, s expr.Source) {
		r.Read(s, func() bool { return limited.Err() == nil })
	}); err != nil {
		return err
	}
	in := r.History() // nothing is locked while the expressions are computed
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if in.Past.Unread != "" {
		f.o.Log.Warn("a predictive scaling policy's metrics cannot be evaluated", "policy", w.Policy, "target", w.Target.ResourceID, "reason", in.Past.Unread)
	}
	_, err := f.o.Step(ctx, in)
	return err
}
