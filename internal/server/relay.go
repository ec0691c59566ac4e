package server

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/queue"
)

// relay passes on what gateways report to the engine outside the measurements of each second: variants at zero that requests wait for, and instances
// that are ejected. Only the newest report of a kind about a variant counts, and a gateway never waits.
type relay struct {
	step    func(context.Context, engine.Input) (engine.Result, error)
	log     *slog.Logger
	reports *queue.Queue[reportKey, engine.Input]
}

// reportKey is the variant that a report is about, and its kind.
type reportKey struct {
	engine.VariantKey
	kind string
}

func newRelay(step func(context.Context, engine.Input) (engine.Result, error), log *slog.Logger) *relay {
	r := &relay{step: step, log: log}
	r.reports = queue.New(queue.Options[reportKey, engine.Input]{Work: func(ctx context.Context, _ reportKey, in engine.Input) { r.pass(ctx, in) }})
	return r
}

// wake reports that requests wait for a variant that is scaled to zero.
func (r *relay) wake(key engine.VariantKey, waiting int) {
	r.reports.Put(reportKey{key, "wake"}, engine.WakeRequested{Key: key, Waiting: waiting})
}

// eject reports which of a variant's instances are ejected; none ends an earlier report.
func (r *relay) eject(key engine.VariantKey, ejected []engine.Ejection) {
	r.reports.Put(reportKey{key, "eject"}, engine.InstancesEjected{Key: key, Ejected: ejected})
}

// run passes reports on until ctx ends. First it ends the ejections of known: an earlier server's gateway made them.
func (r *relay) run(ctx context.Context, known []engine.VariantKey) {
	for _, key := range known {
		r.pass(ctx, engine.InstancesEjected{Key: key})
	}
	r.reports.Run(ctx)
}

func (r *relay) pass(ctx context.Context, in engine.Input) {
	if _, err := r.step(ctx, in); err != nil && !errors.Is(err, context.Canceled) {
		r.log.Warn("the engine does not take a gateway's report", "error", err)
	}
}

// ejectedBefore returns the variants of which the last server's gateway had ejected instances.
func (s *Server) ejectedBefore(ctx context.Context) (out []engine.VariantKey) {
	if err := s.control.View(ctx, func(_ time.Time, e *engine.Engine) { out = ejected(e) }); err != nil {
		s.o.Log.Warn("instances that the last server ejected are not known", "error", err)
	}
	return out
}

// ejected returns the variants that have ejected instances, those of an update in progress too, sorted by account, region and name.
func ejected(e *engine.Engine) (out []engine.VariantKey) {
	for _, r := range e.Regions() {
		for _, name := range slices.Sorted(maps.Keys(r.Hosting.Endpoints)) {
			var variants []string
			for _, v := range r.Hosting.Endpoints[name].All() {
				if len(v.Ejections()) > 0 {
					variants = append(variants, v.Config.Name)
				}
			}
			slices.Sort(variants)
			for _, variant := range slices.Compact(variants) {
				out = append(out, engine.VariantKey{Scope: r.Scope, Endpoint: name, Variant: variant})
			}
		}
	}
	return out
}
