package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"bellows.dev/bellows/bench/figure"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/enginetest"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/scaling"
)

const (
	every    = 10 * time.Millisecond // between two steps
	alone    = 20 * time.Second      // of steps without a snapshot
	aside    = 200 * time.Millisecond
	quantile = 0.99
)

// compare lets steps go on without a snapshot, then beside one.
func (s *server) compare(ctx context.Context) ([]figure.Figure, error) {
	l := &load{server: s}
	quiet, cancel := context.WithTimeout(ctx, alone)
	without, err := l.run(quiet)
	cancel()
	if err != nil {
		return nil, err
	}
	making, made := context.WithCancel(ctx)
	var took time.Duration
	snapshot := make(chan error, 1)
	go func() {
		defer made()
		begun := time.Now()
		err := s.Snapshot(ctx)
		took = time.Since(begun)
		snapshot <- err
	}()
	beside, err := l.run(making)
	if err != nil {
		return nil, err
	}
	if err := <-snapshot; err != nil {
		return nil, err
	}
	if len(without) == 0 || len(beside) == 0 {
		return nil, fmt.Errorf("%d steps without a snapshot and %d beside one: too few to measure", len(without), len(beside))
	}
	usual := at(without, 0.5)
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	return []figure.Figure{
		{Name: fmt.Sprintf("a snapshot of %d targets, %d steps beside it", s.targets, len(beside)), Value: took.Seconds(), Unit: "s"},
		{Name: "a step without a snapshot, median", Value: ms(usual), Unit: "ms"},
		{Name: "  99 of 100 exceed it by at most", Value: ms(at(without, quantile) - usual), Unit: "ms"},
		{Name: "  the longest exceeds it by", Value: ms(at(without, 1) - usual), Unit: "ms"},
		{Name: "a step beside a snapshot: 99 of 100 exceed that median by at most", Value: ms(at(beside, quantile) - usual), Unit: "ms"},
		figure.AtMost("  the longest exceeds it by", ms(at(beside, 1)-usual), "ms", promised),
	}, nil
}

// at is a quantile of sorted durations.
func at(sorted []time.Duration, q float64) time.Duration {
	return sorted[int(q*float64(len(sorted)-1))]
}

// load sends steps at a steady rate, whatever becomes of those before.
type load struct {
	*server
	sent int
	tick time.Time // policy time of the next tick that matters, as it was last looked up
}

// run sends steps until ctx ends, and returns how long each took from the moment at which it was due, the shortest first.
func (l *load) run(ctx context.Context) ([]time.Duration, error) {
	var (
		mu   sync.Mutex
		took []time.Duration
		bad  error
		all  sync.WaitGroup
	)
	answered := context.WithoutCancel(ctx) // whatever was sent is waited for
	timer := time.NewTimer(0)
	defer timer.Stop()
	for due := time.Now(); ctx.Err() == nil; due = due.Add(every) {
		paused, err := l.pause(answered, all.Wait)
		if err != nil {
			return nil, err
		}
		if paused {
			due = time.Now()
		}
		timer.Reset(time.Until(due))
		<-timer.C
		in := l.next()
		all.Go(func() {
			_, err := l.Step(answered, in)
			d := time.Since(due)
			mu.Lock()
			defer mu.Unlock()
			if took = append(took, d); err != nil {
				bad = err
			}
		})
	}
	all.Wait()
	slices.Sort(took)
	return took, bad
}

// next is the next step: another target gets another maximum.
func (l *load) next() engine.Input {
	l.sent++
	v := enginetest.Variant(l.sent * 7919 % l.targets) // a prime: all regions have their turns
	most := 2 + l.sent%5
	return engine.RegisterScalableTarget{Scope: v.Scope, Registration: scaling.Registration{Key: scaling.VariantTarget(v.Endpoint, v.Variant), Max: &most}}
}

// pause waits where the tick that evaluates all alarms is near, until it is over. What was sent before is waited for.
func (l *load) pause(ctx context.Context, sent func()) (paused bool, err error) {
	for l.tick.Sub(l.Now()) < aside {
		if !l.tick.IsZero() {
			if !paused {
				sent()
			}
			paused = true
			time.Sleep(every)
		}
		err := l.View(ctx, func(_ time.Time, e *engine.Engine) { l.tick = e.Wake() })
		if u := (*control.UncommittedError)(nil); err != nil && !errors.As(err, &u) { // a moment is one, recorded or not
			return paused, err
		}
	}
	return paused, nil
}
