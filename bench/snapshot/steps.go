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
	every     = 10 * time.Millisecond // between two steps
	alone     = 5 * time.Second       // of steps before the first snapshot
	snapshots = 5
	aside     = 200 * time.Millisecond
	quantile  = 0.99
)

// compare lets steps go on beside a snapshot, then for as long without one, several times.
func (s *server) compare(ctx context.Context) ([]figure.Figure, error) {
	l := &load{server: s}
	warm, cancel := context.WithTimeout(ctx, alone)
	_, err := l.run(warm)
	cancel()
	if err != nil {
		return nil, err
	}
	var beside, without phase
	for range snapshots {
		took, err := l.besideSnapshot(ctx, &beside)
		if err != nil {
			return nil, err
		}
		quiet, cancel := context.WithTimeout(ctx, took)
		err = without.add(func() ([]time.Duration, error) { return l.run(quiet) })
		cancel()
		if err != nil {
			return nil, err
		}
	}
	if len(without.steps) == 0 || len(beside.steps) == 0 {
		return nil, fmt.Errorf("%d steps without a snapshot and %d beside one: too few to measure", len(without.steps), len(beside.steps))
	}
	slices.Sort(without.steps)
	slices.Sort(beside.steps)
	usual := at(without.steps, 0.5)
	longest := figure.AtMost("  the longest exceeds that median by", ms(at(beside.steps, 1)-usual), "ms", promised)
	return slices.Concat(
		[]figure.Figure{{Name: fmt.Sprintf("a snapshot of %d targets, mean of %d", s.targets, snapshots), Value: beside.took.Seconds() / snapshots, Unit: "s"}},
		without.figures("without a snapshot", usual),
		[]figure.Figure{{Name: "  the longest exceeds that median by", Value: ms(at(without.steps, 1) - usual), Unit: "ms"}},
		beside.figures("beside a snapshot", usual),
		[]figure.Figure{longest},
	), nil
}

// besideSnapshot sends steps while a snapshot is made, and returns how long that took.
func (l *load) besideSnapshot(ctx context.Context, p *phase) (took time.Duration, err error) {
	if err := l.awaitTick(ctx); err != nil {
		return 0, err
	}
	making, made := context.WithCancel(ctx)
	snapshot := make(chan error, 1)
	err = p.add(func() ([]time.Duration, error) {
		go func() {
			defer made()
			begun := time.Now()
			err := l.Snapshot(ctx)
			took = time.Since(begun)
			snapshot <- err
		}()
		return l.run(making)
	})
	return took, errors.Join(err, <-snapshot)
}

// phase is the steps of several stretches of time, and what the machine did meanwhile.
type phase struct {
	steps []time.Duration
	took  time.Duration
	own   time.Duration // CPU time of this process
	all   time.Duration // CPU time of all processes
	waits time.Duration // that threads of this process were ready to run and had no processor, summed
}

// add adds a stretch.
func (p *phase) add(run func() ([]time.Duration, error)) error {
	begun, own, all, waits := time.Now(), figure.CPUTime(), machineTime(), waitTime()
	steps, err := run()
	p.steps, p.took = append(p.steps, steps...), p.took+time.Since(begun)
	p.own, p.all, p.waits = p.own+figure.CPUTime()-own, p.all+machineTime()-all, p.waits+waitTime()-waits
	return err
}

// figures are what both phases show. A machine on which others use the processors delays steps with and without a snapshot.
func (p *phase) figures(name string, usual time.Duration) []figure.Figure {
	share := func(d time.Duration) float64 { return d.Seconds() / p.took.Seconds() }
	return []figure.Figure{
		{Name: fmt.Sprintf("%d steps %s: median", len(p.steps), name), Value: ms(at(p.steps, 0.5)), Unit: "ms"},
		{Name: "  processors used by this process", Value: share(p.own), Unit: ""},
		{Name: "  processors used by others", Value: max(share(p.all-p.own), 0), Unit: ""},
		{Name: "  threads of this process that waited for a processor", Value: share(p.waits), Unit: ""},
		{Name: "  99 of 100 exceed the median without by at most", Value: ms(at(p.steps, quantile) - usual), Unit: "ms"},
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

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

// run sends steps until ctx ends, and returns how long each took from the moment at which it was due.
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
	return took, bad
}

// next is the next step: another target gets another maximum.
func (l *load) next() engine.Input {
	l.sent++
	v := enginetest.Variant(l.sent * 7919 % l.targets) // a prime: all regions have their turns
	most := 2 + l.sent%5
	return engine.RegisterScalableTarget{Scope: v.Scope, Registration: scaling.Registration{Key: scaling.VariantTarget(v.Endpoint, v.Variant), Max: &most}}
}

// awaitTick waits until the tick that evaluates all alarms is over: it is long, and a snapshot that is made beside it has few steps beside it.
func (l *load) awaitTick(ctx context.Context) error {
	for {
		paused, err := l.pause(ctx, func() {})
		if err != nil || paused {
			return err
		}
		time.Sleep(every)
	}
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
