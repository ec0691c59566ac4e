package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/store"
)

// Options are what a Controller works with.
type Options struct {
	Store  *store.Store
	Config engine.Config // for a first start; later the journal's own counts, save LenientSetAlarmState
	Speed  float64       // of the policy clock; 1 is the wall's
	Diary  int64         // bytes on disk of what moments of the past are explained from; default 2 GiB
	Log    *slog.Logger

	// Release is given effects once what led to them is durable: routes first, then levels. It must not block.
	Release func(engine.Effects)

	// Observe returns what gateways measured since it was last called; it is called each second of policy time.
	Observe func() []engine.VariantObservation

	// Usage returns what instances used since it was last called; it is called each minute of policy time.
	Usage func(context.Context) []engine.InstanceUsage

	// OnCommit is told of every commit: how many inputs it had, and how long it took. It may be nil; it must not block.
	OnCommit func(inputs int, took time.Duration)

	// OnEvent is told of every event, in order, once it is durable. It may be nil; it must not block.
	OnEvent func(now time.Time, e engine.Event)
}

// How a controller keeps time and books.
const (
	observeEvery  = time.Second           // policy time
	usageEvery    = time.Minute           // policy time
	pulse         = 20 * time.Millisecond // wall time: the shortest time between two observations
	snapshotEvery = 10 * time.Minute      // wall time
	trimEvery     = time.Hour             // wall time
	keepJournal   = 24 * time.Hour        // policy time
	batchMax      = 256                   // inputs of one transaction
)

// Controller owns an engine.
type Controller struct {
	o     Options
	clock *Clock
	inbox chan *order

	mu      sync.RWMutex // guards engine and failure; held from a step until its commit
	engine  *engine.Engine
	failure error

	observed, used time.Time // policy time of the last ones
	recovery       Recovery
	diary          diary
}

// Recovery is how a controller came back.
type Recovery struct {
	Snapshot  uint64 // sequence number of the snapshot; 0 without one
	Replayed  int    // inputs from the journal after it
	Disagreed int    // of these, how many led to other events than they did once: the version differs
	Took      time.Duration
}

// order is an input on its way through the loop. answered is closed once the fields below it are set.
type order struct {
	in       engine.Input
	answered chan struct{}
	result   engine.Result
	err      error
}

// errStopped answers those who come when the controller has ended.
var errStopped = errors.New("the server is stopping")

// New brings an engine back from the store, or makes one.
func New(ctx context.Context, o Options) (*Controller, error) {
	started := time.Now()
	if o.Diary == 0 {
		o.Diary = diaryMax
	}
	c := &Controller{o: o, inbox: make(chan *order, batchMax)}
	if err := c.recover(ctx, started); err != nil {
		return nil, err
	}
	c.recovery.Took = time.Since(started)
	wall := time.Now()
	base := later(wall, c.engine.Now())
	if ahead := base.Sub(wall); ahead > time.Minute {
		o.Log.Warn("policy time is ahead of the wall clock: an earlier run was faster", "ahead", ahead.Round(time.Second))
	}
	before := c.engine.Now()
	if before.IsZero() {
		before = base
	}
	if err := o.Store.Boot(ctx, base, before); err != nil {
		return nil, err
	}
	c.clock = NewClock(base, wall, o.Speed)
	c.observed, c.used = base, base
	return c, nil
}

// Recovery tells how the controller came back.
func (c *Controller) Recovery() Recovery { return c.recovery }

// Now returns the policy time.
func (c *Controller) Now() time.Time { return c.clock.At(time.Now()) }

// Next returns the sequence number of the journal's next input.
func (c *Controller) Next() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.o.Store.Next()
}

// Speed returns how many seconds of policy time pass in a second.
func (c *Controller) Speed() float64 { return c.clock.Speed() }

// Level says the whole level again: for gateways and fleets that begin.
func (c *Controller) Level() engine.Effects {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.engine.Level()
}

// Step takes an input and returns its result once it is durable. A refusal changes nothing.
func (c *Controller) Step(ctx context.Context, in engine.Input) (engine.Result, error) {
	o := &order{in: in, answered: make(chan struct{})}
	select {
	case c.inbox <- o:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case <-o.answered:
		return o.result, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Report takes a fleet's word about an instance. It waits only where the loop is far behind.
func (c *Controller) Report(ctx context.Context, r hosting.InstanceReport) {
	o := &order{in: engine.Reported{Report: r}, answered: make(chan struct{})}
	select {
	case c.inbox <- o:
	case <-ctx.Done():
	}
}

// Recall corrects what the engine believes of instances, before Run begins.
func (c *Controller) Recall(ctx context.Context, reports []hosting.InstanceReport) error {
	orders := make([]*order, len(reports))
	for i, r := range reports {
		orders[i] = &order{in: engine.Reported{Report: r}, answered: make(chan struct{})}
	}
	return c.batch(ctx, orders)
}

// View calls f with a state that is durable and does not change meanwhile.
func (c *Controller) View(_ context.Context, f func(now time.Time, e *engine.Engine)) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.failure != nil {
		return c.failure
	}
	f(c.now(), c.engine)
	return nil
}

// now is the policy time, never before the engine's: wall clocks may be set back.
func (c *Controller) now() time.Time {
	now := c.Now()
	if now.Before(c.engine.Now()) {
		return c.engine.Now()
	}
	return now
}

// Run takes orders until ctx ends, then writes a snapshot. It fails where a commit fails: what is in memory is then no longer
// what is on disk, and the process has to come back from there.
func (c *Controller) Run(ctx context.Context) error {
	defer c.drain()
	snapshots, trims := time.NewTicker(snapshotEvery), time.NewTicker(trimEvery)
	defer snapshots.Stop()
	defer trims.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return c.snapshot(context.WithoutCancel(ctx))
		case first := <-c.inbox:
			err = c.batch(ctx, c.gather(first))
		case <-timer.C:
			err = c.beat(ctx)
		case <-snapshots.C:
			err = c.snapshot(ctx)
		case <-trims.C:
			err = c.o.Store.Trim(ctx, c.Now())
		}
		if err == nil && c.diary.full() {
			err = c.snapshot(ctx)
		}
		if err != nil {
			c.fail(err)
			return err
		}
		timer.Reset(c.rest())
	}
}

// gather takes what else waits, so that one transaction serves all.
func (c *Controller) gather(first *order) []*order {
	all := []*order{first}
	for len(all) < batchMax {
		select {
		case o := <-c.inbox:
			all = append(all, o)
		default:
			return all
		}
	}
	return all
}

// rest is how long the loop may sleep without orders.
func (c *Controller) rest() time.Duration {
	wait := c.clock.Wall(c.observed.Add(observeEvery).Sub(c.Now()))
	return max(wait, pulse)
}

// beat brings what was measured, or lets time pass where nothing was and something is due.
func (c *Controller) beat(ctx context.Context) error {
	now := c.Now()
	c.observed = now
	seen := engine.Observed{Variants: c.o.Observe()}
	if now.Sub(c.used) >= usageEvery {
		c.used = now
		seen.Instances = c.o.Usage(ctx)
	}
	c.mu.RLock()
	wake := c.engine.Wake()
	c.mu.RUnlock()
	switch {
	case len(seen.Variants) > 0 || len(seen.Instances) > 0:
		return c.batch(ctx, []*order{{in: seen, answered: make(chan struct{})}})
	case !wake.IsZero() && !now.Before(wake):
		return c.batch(ctx, []*order{{in: engine.Tick{}, answered: make(chan struct{})}})
	default:
		return nil
	}
}

// batch steps through orders, commits them as one, then releases effects and answers.
func (c *Controller) batch(ctx context.Context, orders []*order) error {
	ctx = context.WithoutCancel(ctx)
	var (
		inputs   []store.Input
		happened []store.History
		effects  []engine.Effects
		events   []event
	)
	c.mu.Lock()
	now := c.now()
	seq := c.o.Store.Next()
	for _, o := range orders {
		out, err := c.engine.Step(now, o.in)
		if err != nil {
			o.err = err
			continue
		}
		o.result = out.Result
		said, err := encodeEvents(out.Events)
		if err != nil {
			c.mu.Unlock()
			return err
		}
		line, text, err := encodeInput(seq+uint64(len(inputs)), now, o.in, said)
		if err != nil {
			c.mu.Unlock()
			return err
		}
		c.diary.note(line.Seq, now, o.in, text, out, said)
		inputs, events, effects = append(inputs, line), append(events, said...), append(effects, out.Effects)
	}
	for _, e := range events {
		if h, ok := history(now, e); ok {
			happened = append(happened, h)
		}
	}
	var err error
	if len(inputs) > 0 {
		err = c.commit(ctx, inputs, happened)
	}
	c.mu.Unlock()
	if err != nil {
		answer(orders, err)
		return err
	}
	for _, f := range effects {
		if !f.Empty() {
			c.o.Release(f)
		}
	}
	for _, e := range events {
		c.tell(now, e.value)
	}
	answer(orders, nil)
	return nil
}

func (c *Controller) commit(ctx context.Context, inputs []store.Input, happened []store.History) error {
	started := time.Now()
	err := c.o.Store.Commit(ctx, inputs, happened)
	if c.o.OnCommit != nil {
		c.o.OnCommit(len(inputs), time.Since(started))
	}
	return err
}

// answer lets the callers go; err is why none of their orders counts.
func answer(orders []*order, err error) {
	for _, o := range orders {
		if err != nil {
			o.result, o.err = nil, fmt.Errorf("the journal cannot be written: %w", err)
		}
		close(o.answered)
	}
}

// tell logs an event and passes it on.
func (c *Controller) tell(now time.Time, e engine.Event) {
	level := slog.LevelInfo
	switch e.(type) {
	case engine.Decided, engine.PromQLDue, engine.HistoryWanted: // they come each minute
		level = slog.LevelDebug
	}
	c.o.Log.Log(context.Background(), level, "event", "kind", nameOf(e), "what", e.String())
	if c.o.OnEvent != nil {
		c.o.OnEvent(now, e)
	}
}

func (c *Controller) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failure = fmt.Errorf("the journal cannot be written: %w", err)
}

// drain refuses the orders that nobody will take any more.
func (c *Controller) drain() {
	c.mu.Lock()
	if c.failure == nil {
		c.failure = errStopped
	}
	c.mu.Unlock()
	for {
		select {
		case o := <-c.inbox:
			o.err = errStopped
			close(o.answered)
		default:
			return
		}
	}
}
