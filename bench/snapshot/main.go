// Command snapshot measures whether a snapshot delays steps: a controller with its journal on disk has many scalable targets, each with a
// policy and two alarms, and takes steps at a steady rate, first without a snapshot, then while one is made, as a server does it. How long
// steps take by themselves depends on the disk; what counts is by how much the longest one exceeds that.
//
//	cd bench && go run ./snapshot [--json] [--targets N]
//
// The tick that evaluates all alarms takes its time whether there is a snapshot or not (see bench/decision): no step is measured beside it.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"

	"bellows.dev/bellows/bench/figure"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/enginetest"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/internal/log/sqlite"
)

const (
	promised = 20  // ms
	builders = 250 // regions that are made at once
	chunk    = 1000
	rounds   = 3   // observations of each variant before steps are measured
	watched  = 100 // targets that are observed each second
)

func main() {
	asJSON := flag.Bool("json", false, "print JSON")
	targets := flag.Int("targets", 100_000, "scalable targets")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	all, err := measure(ctx, *targets)
	stop()
	if err == nil {
		err = figure.Report(os.Stdout, all, *asJSON)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/snapshot:", err)
		os.Exit(1)
	}
}

// server is a controller that runs, with a fleet that does nothing.
type server struct {
	*control.Controller
	targets int

	mu      sync.Mutex
	started []hosting.InstanceID // not yet ready
}

// measure runs a controller on a temporary folder.
func measure(ctx context.Context, targets int) (all []figure.Figure, err error) {
	dir, err := os.MkdirTemp("", "bellows-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	st, err := sqlite.Open(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	s := &server{targets: targets}
	s.Controller, err = control.New(ctx, control.Options{
		Store: st, Config: engine.Config{Seed: 1}, Speed: 1, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Release: s.release, Observe: func() []engine.VariantObservation { return observations(0, min(targets, watched), enginetest.Rest) },
		Usage: func(context.Context) []engine.InstanceUsage { return nil },
	})
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(running) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ended)
	}()
	if err := s.build(ctx); err != nil {
		return nil, err
	}
	return s.compare(ctx)
}

func (s *server) release(f engine.Effects) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, level := range f.Levels {
		for _, i := range level.Instances {
			s.started = append(s.started, i.ID) // some more than once: a level has all instances of its variant
		}
	}
}

// build makes the targets and lets their instances be ready and their variants be observed.
func (s *server) build(ctx context.Context) error {
	if err := s.all(ctx, enginetest.Regions(s.targets, 1, 2)); err != nil {
		return err
	}
	s.mu.Lock()
	slices.Sort(s.started)
	started := slices.Compact(s.started)
	s.mu.Unlock()
	ready := func(yield func(iter.Seq[engine.Input]) bool) {
		for ids := range slices.Chunk(started, chunk) {
			if !yield(func(yield func(engine.Input) bool) {
				for _, id := range ids {
					if !yield(enginetest.Ready(id)) {
						return
					}
				}
			}) {
				return
			}
		}
	}
	if err := s.all(ctx, ready); err != nil {
		return err
	}
	for range rounds {
		for first := 0; first < s.targets; first += chunk {
			if _, err := s.Step(ctx, engine.Observed{Variants: observations(first, min(first+chunk, s.targets), 0)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// all takes sequences of inputs side by side.
func (s *server) all(ctx context.Context, sequences iter.Seq[iter.Seq[engine.Input]]) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(builders)
	for inputs := range sequences {
		g.Go(func() error {
			for in := range inputs {
				if _, err := s.Step(ctx, in); err != nil {
					return fmt.Errorf("%T: %w", in, err)
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// observations are what gateways measure of some targets, each of which had so many invocations. Without any, no alarm has data.
func observations(first, end int, invocations float64) []engine.VariantObservation {
	out := make([]engine.VariantObservation, 0, end-first)
	for n := first; n < end; n++ {
		o := engine.VariantObservation{Key: enginetest.Variant(n), Invocations: invocations, InvocationsPerInstance: invocations, Answered: invocations}
		if invocations > 0 {
			o.ModelLatency.StatisticSet.Add(5000, invocations)
		}
		o.Concurrency.StatisticSet.Add(1, 1)
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b engine.VariantObservation) int {
		return cmp.Or(cmp.Compare(a.Key.Region, b.Key.Region), cmp.Compare(a.Key.Endpoint, b.Key.Endpoint))
	})
	return out
}
