package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"bellows.dev/bellows/engine"
)

// relay takes what gateways want the engine to know at once: variants to be woken, and instances that are ejected. Only the newest word
// of a kind about a variant counts, so it holds one of each, and those who speak never wait.
type relay struct {
	step func(context.Context, engine.Input) (engine.Result, error)
	log  *slog.Logger

	mu      sync.Mutex // guards the fields below
	waking  map[engine.VariantKey]engine.Input
	ejected map[engine.VariantKey]engine.Input
	news    chan struct{} // holds one signal
}

func newRelay(step func(context.Context, engine.Input) (engine.Result, error), log *slog.Logger) *relay {
	return &relay{
		step: step, log: log, news: make(chan struct{}, 1),
		waking: map[engine.VariantKey]engine.Input{}, ejected: map[engine.VariantKey]engine.Input{},
	}
}

// wake says that requests wait for a variant that is scaled to zero.
func (r *relay) wake(key engine.VariantKey, waiting int) {
	r.mu.Lock()
	r.waking[key] = engine.WakeRequested{Key: key, Waiting: waiting}
	r.mu.Unlock()
	r.signal()
}

// eject says which of a variant's instances are left out.
func (r *relay) eject(key engine.VariantKey, ejected []engine.Ejection) {
	r.mu.Lock()
	r.ejected[key] = engine.InstancesEjected{Key: key, Ejected: ejected}
	r.mu.Unlock()
	r.signal()
}

func (r *relay) signal() {
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// take empties the relay.
func (r *relay) take() []engine.Input {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []engine.Input
	for _, words := range []map[engine.VariantKey]engine.Input{r.waking, r.ejected} {
		for _, in := range words {
			all = append(all, in)
		}
		clear(words)
	}
	return all
}

// run passes words on until ctx ends. An earlier server's ejections are not this one's: first it says that there are none.
func (r *relay) run(ctx context.Context, known []engine.VariantKey) {
	for _, key := range known {
		r.pass(ctx, engine.InstancesEjected{Key: key})
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.news:
		}
		for _, in := range r.take() {
			r.pass(ctx, in)
		}
	}
}

func (r *relay) pass(ctx context.Context, in engine.Input) {
	if _, err := r.step(ctx, in); err != nil && !errors.Is(err, context.Canceled) {
		r.log.Warn("the engine does not take a gateway's word", "error", err)
	}
}

// ejectedBefore lists the variants of which an earlier server left instances out.
func (s *server) ejectedBefore(ctx context.Context) []engine.VariantKey {
	var out []engine.VariantKey
	err := s.control.View(ctx, func(_ time.Time, e *engine.Engine) {
		for _, r := range e.Regions() {
			for name, x := range r.Hosting.Endpoints {
				for _, v := range x.Variants {
					if len(v.Ejections()) > 0 {
						out = append(out, engine.VariantKey{Scope: r.Scope, Endpoint: name, Variant: v.Config.Name})
					}
				}
			}
		}
	})
	if err != nil {
		s.o.log.Warn("ejected instances of an earlier server are not known", "error", err)
	}
	return out
}
