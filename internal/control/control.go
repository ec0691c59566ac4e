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
	"bellows.dev/bellows/internal/log"
)

// Options are what a Controller works with.
type Options struct {
	Store   log.Store
	Config  engine.Config // for a first start; later the journal's own counts, save for its Settings
	Speed   float64       // of the policy clock; 1 is the wall's
	Archive int64         // bytes on disk of what moments of the past are explained from; default 2 GiB
	Log     *slog.Logger

	// Release is given effects once what led to them is durable: routes first, then levels. It must not block.
	Release func(engine.Effects)

	// Observe returns what gateways measured since it was last called; it is called each second of policy time.
	Observe func() []engine.VariantObservation

	// Usage returns what instances used since it was last called; it is called each minute of policy time, one call at a time. It may
	// take long: steps go on meanwhile.
	Usage func(context.Context) []engine.InstanceUsage

	// OnCommit is called after every commit with how many inputs it had and how long it took. It may be nil; it must not block.
	OnCommit func(inputs int, took time.Duration)

	// OnEvent is called with every event, in order, once it is durable. It may be nil; it must not block.
	OnEvent func(now time.Time, e engine.Event)

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
	store log.Store
	inbox chan *order

	archiveMax atomic.Int64            // bytes
	refused    atomic.Int64            // inputs that could not be recorded
	trouble    atomic.Pointer[Trouble] // nil while changes are taken
	broken     atomic.Pointer[Trouble] // nil while the engine takes steps

	mu      sync.RWMutex // guards the fields up to the blank line; held for steps and reads, never while something is written
	engine  *engine.Engine
	stepped uint64        // the last entry that the engine has taken
	span    *span         // how far these entries are durable
	ahead   bool          // what the engine has cannot be committed, or that takes long
	spoiled bool          // the engine has panicked
	onDisk  *life         // what readers get while the engine is ahead; nil: they wait for news
	news    chan struct{} // closed when one of ahead, spoiled, onDisk and failure changes
	failure error

	epoch     uint64
	pending   group     // stepped, and committed next
	writing   *commit   // in progress; nil while there is none
	fenced    error     // why this server must end
	due       time.Time // policy time of the next observation
	usage     usageScans
	recovery  Recovery
	recovered uint64 // the last entry that recovery took
	follower  follower
	outage    *outage                     // nil while the disk takes writes
	boot      func(context.Context) error // takes the log over; nil once that is done
	held      held
	own       backoff // of what comes from inside
	calls     backoff // of what callers want
	asides    budget  // of writes to the quarantine; of the commit in progress

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
	if o.Archive == 0 {
		o.Archive = archiveMax
	}
	c := &Controller{o: o, store: o.Store, inbox: make(chan *order, batchMax), news: make(chan struct{})}
	if c.o.step == nil {
		c.o.step = safely
	}
	c.SetArchive(o.Archive)
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
	c.due, c.usage.last = base.Add(observeEvery), base
	c.boot = func(ctx context.Context) (err error) {
		c.epoch, err = c.store.Lead(ctx, log.Start{At: base, After: before})
		return err
	}
	if err := c.start(ctx); ctx.Err() != nil {
		return nil, err
	} else if err != nil {
		c.stall(ctx, err) // as when the disk had become full later
	}
	return c, nil
}

// start takes the log over, once.
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

// SetArchive changes Options.Archive, from the next snapshot on.
func (c *Controller) SetArchive(bytes int64) { c.archiveMax.Store(bytes) }

// Next returns the sequence number of the entry after the last durable one.
func (c *Controller) Next() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.span.reached() + 1
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

// now is the policy time, never before the engine's: wall clocks may be set back.
func (c *Controller) now() time.Time { return later(c.Now(), c.engine.Now()) }

// Run takes orders until ctx ends, then writes a snapshot. While a group of inputs is committed it steps the next one. Where the store cannot
// be written it refuses changes until it can. It fails with log.ErrFenced once another server has taken the log over.
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
		c.usage.join()
	}
	defer join()
	timer := time.NewTimer(c.rest())
	defer timer.Stop()
	if c.outage == nil {
		if err := c.batch(ctx, c.settings()); err != nil {
			c.stall(ctx, err)
		}
	}
	for c.fenced == nil {
		c.launch(ctx)
		var err error
		select {
		case <-ctx.Done():
			join()
			return c.end(context.WithoutCancel(ctx))
		case <-timer.C: // only what it is there for sets it again: orders, however many, do not put it off
			err = c.tick(ctx)
			timer.Reset(c.rest())
		case first := <-c.waiting():
			err = c.admitAll(ctx, first)
		case err = <-c.writing.ended():
			err = c.land(err)
		case <-c.writing.late():
			err = c.land(c.outwait(ctx))
		}
		if err == nil && c.outage == nil {
			err = c.catchUp(ctx)
		}
		if err != nil {
			c.stall(ctx, err)
		}
	}
	return c.fenced
}

// end writes what is still to be written.
func (c *Controller) end(ctx context.Context) error {
	if err := c.flush(ctx); err != nil {
		c.stall(ctx, err)
	}
	if c.outage != nil {
		c.mend(ctx)
	}
	if c.fenced != nil {
		return c.fenced
	}
	if c.outage != nil {
		c.o.Log.WarnContext(ctx, "stopping without a snapshot: the journal cannot be written")
		return nil
	}
	return c.follower.snapshot(ctx)
}

// waiting is where orders come from; nil while as many as one commit takes are stepped already.
func (c *Controller) waiting() <-chan *order {
	if len(c.pending.orders) >= batchMax {
		return nil
	}
	return c.inbox
}

// admitAll steps an order, and what else waits.
func (c *Controller) admitAll(ctx context.Context, first *order) error {
	if c.outage != nil {
		c.turnAway(first)
		return nil
	}
	all := []*order{first}
	for len(all)+len(c.pending.orders) < batchMax {
		select {
		case o := <-c.inbox:
			all = append(all, o)
		default:
			return c.take(ctx, all)
		}
	}
	return c.take(ctx, all)
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
	return engine.Observed{Variants: c.o.Observe(), Instances: c.usage.take(ctx, now, c.o.Usage)}
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
	wake := c.engine.Wake() // nobody else steps it
	switch {
	case len(seen.Variants) > 0 || len(seen.Instances) > 0:
		return c.take(ctx, []*order{{in: seen, at: now, answered: make(chan struct{})}})
	case !wake.IsZero() && !now.Before(wake), c.calls.wait > 0: // a step that succeeds ends the callers' back-off
		return c.take(ctx, []*order{{in: engine.Tick{}, answered: make(chan struct{})}})
	default:
		return nil
	}
}

// drain refuses the orders that nobody will take any more.
func (c *Controller) drain() {
	c.mu.Lock()
	c.failure, c.onDisk = errStopped, nil
	c.span.end(errStopped)
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
