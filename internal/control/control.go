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

// Options configure a Controller.
type Options struct {
	Store   log.Store
	Config  engine.Config // for the first start; later the journal's is used, except for Settings
	Speed   float64       // of the policy clock, relative to the wall clock
	Archive int64         // bytes on disk for the archive of past steps; default 2 GiB
	Log     *slog.Logger

	// Release receives effects once the inputs that caused them are durable: routes first, then levels. It must not block.
	Release func(engine.Effects)

	// Observe returns what gateways measured since the last call. It is called each second of policy time.
	Observe func() []engine.VariantObservation

	// Usage returns the resource usage of instances since the last call. It is called each minute of policy time, one call at a time. It may
	// take long: steps continue meanwhile.
	Usage func(context.Context) []engine.InstanceUsage

	// OnCommit is called after every commit that succeeded, with its number of inputs and its duration. It may be nil; it must not block.
	OnCommit func(inputs int, took time.Duration)

	// OnEvent is called with every event, in order, once it is durable. It may be nil; it must not block.
	OnEvent func(now time.Time, e engine.Event)

	step func(*engine.Engine, time.Time, engine.Input) (engine.Output, error) // for tests; nil: safely
}

// Intervals and limits.
const (
	observeEvery  = time.Second           // policy time
	usageEvery    = time.Minute           // policy time
	pulse         = 20 * time.Millisecond // wall time: the shortest interval between observations at any clock speed
	snapshotEvery = 10 * time.Minute      // wall time
	trimEvery     = time.Hour             // wall time
	keepJournal   = 24 * time.Hour        // policy time
	batchMax      = 256                   // inputs of one commit
)

// Controller owns an engine.
type Controller struct {
	o     Options
	clock *Clock
	store log.Store
	inbox chan *order

	archiveMax atomic.Int64            // bytes
	refused    atomic.Int64            // inputs that could not be recorded
	trouble    atomic.Pointer[Trouble] // nil while changes are accepted
	broken     atomic.Pointer[Trouble] // nil while steps succeed

	mu       sync.RWMutex // guards the fields up to the blank line; held for steps and reads, never during a write to disk
	engine   *engine.Engine
	stepped  uint64        // sequence number of the engine's last input
	span     *span         // up to which of them the journal is durable
	ahead    bool          // a commit has failed or is slow
	panicked bool          // the engine is in an unknown state
	onDisk   *restored     // the durable state for reads while ahead; nil: reads wait for a change
	changed  chan struct{} // closed when ahead, panicked, onDisk or failure changes
	failure  error

	// turn has an element while a goroutine has the turn: it alone steps the engine, begins and ends commits, and uses the fields up to skipping.
	// Run has the turn except while it waits for an event; then callers of Step and the writers of commits may take it.
	turn      chan struct{}
	queued    atomic.Int64 // orders on their way into the inbox, in it, and from it to the engine
	epoch     uint64
	pending   group         // stepped, not yet being committed
	writing   *commit       // the commit in progress; nil without one
	ended     chan error    // receives the result of the commit in progress, unless its writer lands it
	late      *time.Timer   // fires when it is slow
	torn      error         // why the engine must be restored after a caller stepped it; nil: it need not
	woken     chan struct{} // receives when torn is set, and when a full group is no longer pending
	fenced    error         // why this server must stop: another one has the journal
	due       time.Time     // policy time of the next observation
	usage     usageScans
	recovery  Recovery
	recovered uint64 // sequence number of the last input that recovery replayed
	follower  follower
	outage    *outage                     // nil while the disk accepts writes
	boot      func(context.Context) error // takes over the log; nil afterwards
	buffer    buffer
	internal  backoff // of inputs from the server itself
	callers   backoff // of inputs from callers
	rejected  budget  // limits writes to the quarantine; used by the commit in progress

	skipping sync.Mutex
	skipped  map[uint64]error // journal lines to skip, since the engine panicked at them
}

// Recovery describes how the engine was restored.
type Recovery struct {
	Snapshot  uint64 // sequence number of the snapshot; 0 without one
	Replayed  int    // inputs of the journal after it
	Disagreed int    // of these, how many produced other events than when they were recorded: another version decided them
	Took      time.Duration
}

// order is an input waiting to be stepped and committed. answered is closed once the fields below it are set.
type order struct {
	in       engine.Input
	at       time.Time // when it was measured, if it was buffered during an outage; zero: now
	buffered bool      // it stays in the buffer until it is committed
	answered chan struct{}
	result   engine.Result
	err      error
}

// errStopped is returned to callers after the controller has stopped.
var errStopped = errors.New("the server is stopping")

// New restores the engine from the log, or creates a new one.
func New(ctx context.Context, o Options) (*Controller, error) {
	started := time.Now()
	o.Config.ClockSpeed = o.Speed
	o.Config = o.Config.WithDefaults()
	if o.Archive == 0 {
		o.Archive = archiveMax
	}
	c := &Controller{
		o: o, store: o.Store, inbox: make(chan *order, batchMax), changed: make(chan struct{}), turn: make(chan struct{}, 1), ended: make(chan error, 1),
		late: time.NewTimer(slowAfter), woken: make(chan struct{}, 1),
	}
	c.late.Stop()
	c.turn <- struct{}{} // until Run waits for the first time
	if c.o.step == nil {
		c.o.step = safely
	}
	c.SetArchive(o.Archive)
	c.follower = follower{c: c, asked: make(chan chan error), turn: make(chan struct{}, 1), pace: &pace{}}
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
		c.beginOutage(ctx, err) // as if the disk had filled up later
	}
	return c, nil
}

// start takes over the log, once.
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

// Recovery returns how the engine was restored.
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

// PolicyTime returns the policy time of a wall time.
func (c *Controller) PolicyTime(wall time.Time) time.Time { return c.clock.At(wall) }

// Speed returns how many seconds of policy time pass in a second.
func (c *Controller) Speed() float64 { return c.clock.Speed() }

// Level returns the complete level, for gateways and fleets that start. It is for use before Run.
func (c *Controller) Level() engine.Effects {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.engine.Level()
}

// Step applies an input and returns its result once it is durable. A refusal changes nothing and is returned once the state that it rests on
// is durable. It fails with UnwritableError while the journal cannot be written. It returns when ctx ends, however long a write to the disk takes; the
// input may become durable nevertheless. The write has a goroutine of its own, which Run waits for when it ends.
func (c *Controller) Step(ctx context.Context, in engine.Input) (engine.Result, error) {
	if err := c.refusal(); err != nil {
		return nil, err
	}
	o := &order{in: in, answered: make(chan struct{})}
	if w, stepped := c.stepNow(o); w != nil {
		go c.commitAll(w) // it goes on if the caller leaves
	} else if !stepped {
		if err := c.enqueue(ctx, o); err != nil {
			return nil, err
		}
	}
	select {
	case <-o.answered:
		return o.result, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Report applies a fleet's report of an instance. It waits only if the loop is far behind.
func (c *Controller) Report(ctx context.Context, r hosting.InstanceReport) {
	_ = c.enqueue(ctx, &order{in: engine.Reported{Report: r}, answered: make(chan struct{})}) // or the server is stopping
}

// enqueue puts an order into the inbox, for Run to step.
func (c *Controller) enqueue(ctx context.Context, o *order) error {
	c.queued.Add(1)
	select {
	case c.inbox <- o:
		return nil
	case <-ctx.Done():
		c.queued.Add(-1)
		return ctx.Err()
	}
}

// Recall applies the settings and the reports of instances that ended while no server ran. It is for use before Run. If the journal cannot be
// written, they are buffered until it can.
func (c *Controller) Recall(ctx context.Context, reports []hosting.InstanceReport) {
	orders := c.settings()
	for _, r := range reports {
		orders = append(orders, &order{in: engine.Reported{Report: r}, answered: make(chan struct{})})
	}
	if c.outage != nil {
		for _, o := range orders {
			c.refuse(o)
		}
		return
	}
	if err := c.batch(ctx, orders); err != nil {
		c.beginOutage(ctx, err)
	}
}

// settings returns an input if the engine's settings differ from Options.Config.
func (c *Controller) settings() []*order {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if want := c.o.Config.Settings; want != c.engine.Config().Settings {
		return []*order{{in: engine.Configured{Settings: want}, answered: make(chan struct{})}}
	}
	return nil
}

// Configure changes the engine's settings if they differ, except the clock's speed. The change is an input of the journal.
func (c *Controller) Configure(ctx context.Context, s engine.Settings) error {
	s.ClockSpeed = c.clock.Speed()
	same := false
	if err := c.View(ctx, func(_ time.Time, e *engine.Engine) { same = e.Config().Settings == s }); err != nil || same {
		return err
	}
	_, err := c.Step(ctx, engine.Configured{Settings: s})
	return err
}

// now is the policy time, never before the engine's: the wall clock may have been set back.
func (c *Controller) now() time.Time { return later(c.Now(), c.engine.Now()) }

// Run steps and commits inputs until ctx ends, then writes a snapshot. Inputs are stepped while others are being committed. While the log cannot be
// written it refuses changes. It fails with log.ErrFenced once another server has taken over the log.
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
			c.beginOutage(ctx, err)
		}
	}
	for c.fenced == nil {
		c.launch()
		if !c.await(ctx, timer) {
			join()
			return c.end(context.WithoutCancel(ctx))
		}
	}
	return c.fenced
}

// await waits, without the turn, for an event and handles it. It returns false if ctx has ended.
func (c *Controller) await(ctx context.Context, timer *time.Timer) bool {
	inbox := c.waiting()
	<-c.turn
	var err error
	select {
	case <-ctx.Done():
		c.turn <- struct{}{}
		return false
	case <-timer.C: // only a tick resets it: inputs, however many, do not delay it
		c.turn <- struct{}{}
		c.mend(ctx)
		err = c.tick(ctx)
		timer.Reset(c.rest())
	case first := <-inbox:
		c.turn <- struct{}{}
		c.mend(ctx)
		err = c.admitAll(ctx, first)
	case err = <-c.ended:
		c.turn <- struct{}{}
		err = c.land(err)
	case <-c.late.C:
		c.turn <- struct{}{}
		if c.writing.slow() {
			err = c.land(c.waitForCommit(ctx))
		}
	case <-c.woken:
		c.turn <- struct{}{}
	}
	if err != nil {
		c.beginOutage(ctx, err)
	}
	if c.mend(ctx); c.outage == nil {
		if err := c.stepBuffered(ctx); err != nil {
			c.beginOutage(ctx, err)
		}
	}
	return true
}

// end commits what is pending and writes a snapshot.
func (c *Controller) end(ctx context.Context) error {
	if err := c.flush(ctx); err != nil {
		c.beginOutage(ctx, err)
	}
	if c.outage != nil {
		c.tryToResume(ctx)
	}
	if c.fenced != nil {
		return c.fenced
	}
	if c.outage != nil {
		c.o.Log.WarnContext(ctx, "stopping without a snapshot: the journal cannot be written")
		return nil
	}
	c.follower.pace.off = true // no steps are beside it
	return c.follower.work(ctx, c.follower.snapshot)
}

// waiting is the channel of orders; nil while the pending group is full.
func (c *Controller) waiting() <-chan *order {
	if len(c.pending.orders) >= batchMax {
		return nil
	}
	return c.inbox
}

// admitAll steps an order and the others that wait, up to a full group.
func (c *Controller) admitAll(ctx context.Context, first *order) error {
	all := []*order{first}
	defer func() { c.queued.Add(-int64(len(all))) }()
	if c.outage != nil {
		c.refuse(first)
		return nil
	}
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

// rest is the time until the next observation. Observations are due each second of policy time, counted from the start: a late one does not
// delay those after it.
func (c *Controller) rest() time.Duration {
	return max(c.clock.Wall(c.due.Sub(c.Now())), 0)
}

// next sets when the observation after the present one is due.
func (c *Controller) next(now time.Time) {
	every := max(observeEvery, time.Duration(float64(pulse)*c.clock.Speed()))
	c.due = c.due.Add(every * (1 + max(now.Sub(c.due), 0)/every))
}

// measure returns what gateways and fleets measured.
func (c *Controller) measure(ctx context.Context, now time.Time) engine.Observed {
	return engine.Observed{Variants: c.o.Observe(), Instances: c.usage.take(ctx, now, c.o.Usage)}
}

// tick steps the engine with the measurements or, if there are none and something is due, with the time alone.
func (c *Controller) tick(ctx context.Context) error {
	now := c.Now()
	c.next(now)
	if c.outage != nil {
		if c.bufferMeasurements(ctx); !time.Now().Before(c.outage.probe) {
			c.tryToResume(ctx)
		}
		return nil
	}
	if c.internal.waits(now) {
		return nil // gateways keep adding up
	}
	seen := c.measure(ctx, now)
	wake := c.engine.Wake() // only a goroutine with the turn steps it
	switch {
	case len(seen.Variants) > 0 || len(seen.Instances) > 0:
		return c.take(ctx, []*order{{in: seen, at: now, answered: make(chan struct{})}})
	case !wake.IsZero() && !now.Before(wake), c.callers.wait > 0: // a successful step ends the callers' back-off
		return c.take(ctx, []*order{{in: engine.Tick{}, answered: make(chan struct{})}})
	default:
		return nil
	}
}

// drain refuses the inputs that were not stepped before Run ended.
func (c *Controller) drain() {
	c.mu.Lock()
	c.failure = errStopped
	c.returnOnDisk()
	c.span.end(errStopped)
	c.wakeReaders()
	c.mu.Unlock()
	for {
		select {
		case o := <-c.inbox:
			c.queued.Add(-1)
			o.err = errStopped
			close(o.answered)
		default:
			return
		}
	}
}
