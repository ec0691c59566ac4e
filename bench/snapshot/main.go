// Command snapshot measures whether a snapshot delays steps: a controller with its journal on disk has many scalable targets, each with a
// policy and two alarms, and takes steps at a steady rate, beside a snapshot and then for as long without one, five times. How long steps take
// by themselves depends on the disk and on what else the machine does, which is printed; what counts is by how much the longest one beside a
// snapshot exceeds the median of the others.
//
//	go run ./bench/snapshot [--json] [--targets N]
//
// The tick that evaluates all alarms takes its time whether there is a snapshot or not (see bench/decision): no step is measured beside it.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"bellows.dev/bellows/bench/figure"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/enginetest"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/internal/log/sqlite"
)

const (
	promised = 20  // ms
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
	began := time.Now()
	if err := build(ctx, st, targets); err != nil {
		return nil, err
	}
	s := &server{targets: targets}
	s.Controller, err = control.New(ctx, control.Options{
		Store: st, Config: engine.Config{Seed: 1}, Speed: 1, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Release: func(engine.Effects) {}, Observe: func() []engine.VariantObservation { return observations(0, min(targets, watched), enginetest.Rest) },
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
	if err := s.Snapshot(ctx); err != nil { // returns once the engine that follows has all of it, too
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "bench/snapshot: %d targets were made in %v\n", targets, time.Since(began).Round(time.Second))
	return s.compare(ctx)
}

// build makes the targets, lets their instances be ready and their variants be observed, and saves that as the state that a server begins with.
func build(ctx context.Context, st log.Store, targets int) error {
	e, now := engine.New(engine.Config{Seed: 1}), time.Now().UTC()
	var started []hosting.InstanceID
	step := func(in engine.Input) error {
		out, err := e.Step(now, in)
		if err != nil {
			return fmt.Errorf("%T: %w", in, err)
		}
		if _, ok := in.(engine.CreateEndpoint); ok {
			for _, level := range out.Effects.Levels {
				for _, i := range level.Instances {
					started = append(started, i.ID)
				}
			}
		}
		return nil
	}
	for inputs := range enginetest.Regions(targets, 1, 2) {
		for in := range inputs {
			if err := step(in); err != nil {
				return err
			}
		}
	}
	for _, id := range started {
		if err := step(enginetest.Ready(id)); err != nil {
			return err
		}
	}
	for range rounds {
		now = now.Add(time.Second)
		if err := step(engine.Observed{Variants: observations(0, targets, 0)}); err != nil {
			return err
		}
	}
	return control.Import(ctx, st, e)
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
