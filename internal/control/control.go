package control

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/store"
)

// Options are what a Controller works with.
type Options struct {
	Store  *store.Store
	Config engine.Config // for a first start; later the journal's own counts, save for its Settings
	Speed  float64       // of the policy clock; 1 is the wall's
	Diary  int64         // bytes on disk of what moments of the past are explained from; default 2 GiB
	Log    *slog.Logger

	// Release is given effects once what led to them is durable: routes first, then levels. It must not block.
	Release func(engine.Effects)

	// Observe returns what gateways measured since it was last called; it is called each second of policy time.
	Observe func() []engine.VariantObservation

	// Usage returns what instances used since it was last called; it is called each minute of policy time.
	Usage func(context.Context) []engine.InstanceUsage

	// OnCommit is called after every commit with how many inputs it had and how long it took. It may be nil; it must not block.
	OnCommit func(inputs int, took time.Duration)

	// OnEvent is called with every event, in order, once it is durable. It may be nil; it must not block.
	OnEvent func(now time.Time, e engine.Event)

	disk disk                                                                 // for tests; nil: Store
	step func(*engine.Engine, time.Time, engine.Input) (engine.Output, error) // for tests; nil: safely
}

// How a controller keeps time and books.
const (
	observeEvery  = time.Second           // policy time
	usageEvery    = time.Minute           // policy time
	pulse         = 20 * time.Millisecond // wall time: observations are no more frequent, however fast the policy clock is
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

	disk     disk
	diaryMax atomic.Int64            // bytes
	refused  atomic.Int64            // inputs that could not be recorded
	trouble  atomic.Pointer[Trouble] // nil while changes are taken
	broken   atomic.Pointer[Trouble] // nil while the engine takes steps

	mu      sync.RWMutex // guards the fields up to the blank line; held from a step until its commit, unless that takes long
	engine  *engine.Engine
	ahead   bool          // the engine has what is not on disk
	onDisk  *life         // what readers get while the engine is ahead; nil: they wait for news
	news    chan struct{} // closed when one of these fields changes
	failure error

	due       time.Time // policy time of the next observation
	used      time.Time // policy time of the last look at what instances use
	recovery  Recovery
	recovered uint64 // the last input that recovery took
	follower  follower
	outage    *outage                     // nil while the disk takes writes
	boot      func(context.Context) error // notes the start; nil once it is noted
	held      held
	own       backoff // of what comes from inside
	calls     backoff // of what callers want
	asides    budget  // of writes to the quarantine

	skipping sync.Mutex
	skipped  map[uint64]error // lines of the journal that the engine panicked at, and which it is taken past
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
	at       time.Time // when it happened, where it waited for the disk; zero: now
	held     bool      // it stays held until it is committed
	answered chan struct{}
	result   engine.Result
	err      error
}

// errStopped answers those who come when the controller has ended.
var errStopped = errors.New("the server is stopping")

// New brings an engine back from the store, or makes one.
func New(ctx context.Context, o Options) (*Controller, error) {
	started := time.Now()
	o.Config.ClockSpeed = o.Speed
	o.Config = o.Config.WithDefaults()
	if o.Diary == 0 {
		o.Diary = diaryMax
	}
	c := &Controller{o: o, inbox: make(chan *order, batchMax), disk: o.disk, news: make(chan struct{})}
	if c.disk == nil {
		c.disk = o.Store
	}
	if c.o.step == nil {
		c.o.step = safely
	}
	c.SetDiary(o.Diary)
	c.follower = follower{c: c, asked: make(chan chan error)}
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
	c.clock = NewClock(base, wall, o.Speed)
	c.due, c.used = base.Add(observeEvery), base
	c.boot = func(ctx context.Context) error { return c.disk.Boot(ctx, base, before) }
	if err := c.start(ctx); ctx.Err() != nil {
		return nil, err
	} else if err != nil {
		c.stall(ctx, err) // as when the disk had become full later
	}
	return c, nil
}

// start notes the start of the server, once.
func (c *Controller) start(ctx context.Context) error {
	if c.boot == nil {
		return nil
	}
	err := c.boot(ctx)
	if err == nil {
		c.boot = nil
	}
	return err
}

// Recovery tells how the controller came back.
func (c *Controller) Recovery() Recovery { return c.recovery }

// Now returns the policy time.
func (c *Controller) Now() time.Time { return c.clock.At(time.Now()) }

// Refused returns how many inputs were refused because they could not be recorded.
func (c *Controller) Refused() int64 { return c.refused.Load() }

// SetDiary changes Options.Diary, from the next snapshot on.
func (c *Controller) SetDiary(bytes int64) { c.diaryMax.Store(bytes) }

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

// Step takes an input and returns its result once it is durable. A refusal changes nothing. It fails with UnwritableError while the
// journal cannot be written.
func (c *Controller) Step(ctx context.Context, in engine.Input) (engine.Result, error) {
	if err := c.refusal(); err != nil {
		return nil, err
	}
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

// Report takes a fleet's report of an instance. It waits only where the loop is far behind.
func (c *Controller) Report(ctx context.Context, r hosting.InstanceReport) {
	o := &order{in: engine.Reported{Report: r}, answered: make(chan struct{})}
	select {
	case c.inbox <- o:
	case <-ctx.Done():
	}
}

// Recall applies the settings and corrects what the engine believes of instances, before Run begins. Where the journal cannot be written
// that waits until it can.
func (c *Controller) Recall(ctx context.Context, reports []hosting.InstanceReport) {
	orders := c.settings()
	for _, r := range reports {
		orders = append(orders, &order{in: engine.Reported{Report: r}, answered: make(chan struct{})})
	}
	if c.outage != nil {
		for _, o := range orders {
			c.turnAway(o)
		}
		return
	}
	if err := c.batch(ctx, orders); err != nil {
		c.stall(ctx, err)
	}
}

// settings returns an order where the engine's settings are not those that the controller was made with.
func (c *Controller) settings() []*order {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if want := c.o.Config.Settings; want != c.engine.Config().Settings {
		return []*order{{in: engine.Configured{Settings: want}, answered: make(chan struct{})}}
	}
	return nil
}

// Configure changes the engine's settings where they differ; the clock's speed stays. The journal has them from then on.
func (c *Controller) Configure(ctx context.Context, s engine.Settings) error {
	s.ClockSpeed = c.clock.Speed()
	same := false
	if err := c.View(ctx, func(_ time.Time, e *engine.Engine) { same = e.Config().Settings == s }); err != nil || same {
		return err
	}
	_, err := c.Step(ctx, engine.Configured{Settings: s})
	return err
}

// View calls f with a state that is durable and does not change meanwhile. While a commit takes long, that is the state before it.
func (c *Controller) View(ctx context.Context, f func(now time.Time, e *engine.Engine)) error {
	for {
		seen, news, err := c.look(f)
		if seen || err != nil {
			return err
		}
		select {
		case <-news:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look calls f where there is a durable state; where there is none, news is closed once there may be.
func (c *Controller) look(f func(now time.Time, e *engine.Engine)) (seen bool, news <-chan struct{}, err error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e := c.engine
	if c.ahead {
		if c.onDisk == nil {
			return false, c.news, c.failure
		}
		e = c.onDisk.engine
	}
	if c.failure != nil {
		return false, nil, c.failure
	}
	f(later(c.Now(), e.Now()), e)
	return true, nil, nil
}

// now is the policy time, never before the engine's: wall clocks may be set back.
func (c *Controller) now() time.Time { return later(c.Now(), c.engine.Now()) }

// Run takes orders until ctx ends, then writes a snapshot. Where the store cannot be written it refuses changes until it can.
func (c *Controller) Run(ctx context.Context) error {
	defer c.drain()
	following, stop := context.WithCancel(ctx)
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		c.follower.run(following)
	}()
	join := func() {
		stop()
		<-followed
	}
	defer join()
	timer := time.NewTimer(c.rest())
	defer timer.Stop()
	if c.outage == nil {
		if err := c.batch(ctx, c.settings()); err != nil {
			c.stall(ctx, err)
		}
	}
	for {
		var err error
		select {
		case <-ctx.Done():
			join()
			return c.end(context.WithoutCancel(ctx))
		case <-timer.C: // only what it is there for sets it again: orders, however many, do not put it off
			err = c.tick(ctx)
			timer.Reset(c.rest())
		case first := <-c.inbox:
			err = c.take(ctx, first)
		}
		if err == nil && c.outage == nil {
			err = c.catchUp(ctx)
		}
		if err != nil {
			c.stall(ctx, err)
		}
	}
}

// end writes what is still to be written.
func (c *Controller) end(ctx context.Context) error {
	if c.outage != nil {
		c.mend(ctx)
	}
	if c.outage != nil {
		c.o.Log.WarnContext(ctx, "stopping without a snapshot: the journal cannot be written")
		return nil
	}
	return c.follower.snapshot(ctx)
}

// take commits an order, and what else waits, as one.
func (c *Controller) take(ctx context.Context, first *order) error {
	if c.outage != nil {
		c.turnAway(first)
		return nil
	}
	return c.batch(ctx, c.gather(first))
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

// rest is how long it is until the next observation. Observations are due each second of policy time, counted from the start: one that
// is late does not put off those that follow.
func (c *Controller) rest() time.Duration {
	return max(c.clock.Wall(c.due.Sub(c.Now())), 0)
}

// next plans the observation after one that is made now.
func (c *Controller) next(now time.Time) {
	every := max(observeEvery, time.Duration(float64(pulse)*c.clock.Speed()))
	c.due = c.due.Add(every * (1 + max(now.Sub(c.due), 0)/every))
}

// measure takes what gateways and fleets measured.
func (c *Controller) measure(ctx context.Context, now time.Time) engine.Observed {
	seen := engine.Observed{Variants: c.o.Observe()}
	if now.Sub(c.used) >= usageEvery {
		c.used = now
		seen.Instances = c.o.Usage(ctx)
	}
	return seen
}

// tick steps the engine with what was measured or, where nothing was and something is due, with the time alone.
func (c *Controller) tick(ctx context.Context) error {
	now := c.Now()
	c.next(now)
	if c.outage != nil {
		if c.hold(ctx); !time.Now().Before(c.outage.probe) {
			c.mend(ctx)
		}
		return nil
	}
	if c.own.waits(now) {
		return nil // gateways go on adding up
	}
	seen := c.measure(ctx, now)
	c.mu.RLock()
	wake := c.engine.Wake()
	c.mu.RUnlock()
	switch {
	case len(seen.Variants) > 0 || len(seen.Instances) > 0:
		return c.batch(ctx, []*order{{in: seen, at: now, answered: make(chan struct{})}})
	case !wake.IsZero() && !now.Before(wake), c.calls.wait > 0: // a step that succeeds ends the callers' back-off
		return c.batch(ctx, []*order{{in: engine.Tick{}, answered: make(chan struct{})}})
	default:
		return nil
	}
}

// drain refuses the orders that nobody will take any more.
func (c *Controller) drain() {
	c.mu.Lock()
	c.failure, c.onDisk = errStopped, nil
	c.tellReaders()
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
