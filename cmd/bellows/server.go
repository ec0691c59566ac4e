package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/sigv4"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/internal/credentials"
	"bellows.dev/bellows/internal/fleet"
	"bellows.dev/bellows/internal/foretell"
	"bellows.dev/bellows/internal/history"
	"bellows.dev/bellows/internal/invoke"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/internal/machine"
	"bellows.dev/bellows/internal/modeldata"
	"bellows.dev/bellows/internal/notify"
	"bellows.dev/bellows/internal/port"
	"bellows.dev/bellows/internal/prometheus"
	"bellows.dev/bellows/metric/expr"
)

// serverOptions are what a server is made of.
type serverOptions struct {
	dir     string
	listen  string
	speed   float64
	noAuth  bool
	config  config
	log     *slog.Logger
	onEvent func(now time.Time, e engine.Event) // may be nil

	read    func() (config, error) // reads the configuration again; nil where there is no file
	reloads <-chan os.Signal       // that ask for it

	// hurry starts to listen for what asks a second time for a stop, which then waits for nothing; nil where nothing does.
	hurry func() (again <-chan os.Signal, restore func())
}

// server is everything between the port and the disk.
type server struct {
	o       serverOptions
	live    atomic.Pointer[config] // the configuration that counts now
	started time.Time
	keys    []credentials.Key
	created bool // the key was made now

	store   log.Store
	control *control.Controller
	gateway *invoke.Gateway
	relay   *relay
	fleet   fleet.Fleet
	data    *modeldata.Cache
	machine *machine.Machine

	unlimited string // why copies are not held to their memory and CPU; "" where they are

	notifier *notify.Notifier
	foretell *foretell.Foreteller
	auth     *awsapi.Authenticator

	instruments *instruments
	history     *history.History
	prometheus  *prometheus.Handler
	evaluator   *prometheus.Evaluator
	forwarders  []*prometheus.Forwarder
	own         *ownMetrics
	series      *seriesLimit

	listener net.Listener
	port     *port.Server
	life     context.Context //nolint:containedctx // of the reports: until the controller ends
	cancel   context.CancelFunc
}

// newServer opens the data directory, takes the port, and comes back to where an earlier server was. It answers nothing yet.
func newServer(ctx context.Context, o serverOptions) (*server, error) {
	s := &server{o: o, started: time.Now(), instruments: newInstruments()}
	s.live.Store(&s.o.config)
	if err := s.open(ctx); err != nil {
		s.release()
		return nil, err
	}
	return s, nil
}

func (s *server) open(ctx context.Context) (err error) {
	o := s.o
	if s.store, err = openJournal(ctx, o.dir); err != nil {
		return err
	}
	s.keys, s.created, err = credentials.Load(o.dir, func() credentials.Key {
		return credentials.New(o.config.Account, "admin", time.Now().UTC())
	})
	if err != nil {
		return err
	}
	if s.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen); err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	s.auth = s.authenticator()
	s.relay = newRelay(s.step, o.log)
	s.gateway = invoke.New(s.gatewayOptions())
	s.life, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.foretell = foretell.New(foretell.Options{Metrics: s.pastMetrics, Step: s.step, Log: o.log})
	s.notifier = notify.New(notify.Options{Outbox: outbox{s.store}, Client: notify.NewClient(s.webhookAllowed), URL: func(topic string) (string, bool) { return s.conf().webhook(topic) }, Log: o.log, Done: s.notified})
	if s.control, err = control.New(ctx, s.controlOptions()); err != nil {
		return fmt.Errorf("coming back: %w", err)
	}
	if err := s.openModelData(); err != nil {
		return err
	}
	s.machine = machine.New(machine.Options{Types: o.config.types(), Found: machine.Look(), Capacity: o.config.Capacity.capacity()})
	if err := s.openFleet(); err != nil {
		return err
	}
	if err := s.openPrometheus(); err != nil {
		return err
	}
	s.port = s.newPort()
	if err := s.noteAddress(); err != nil {
		o.log.Error("the address cannot be noted for `bellows env`; it is tried again", "error", err)
	}
	return nil
}

// noteAddress writes down where the server listens, for `bellows env`.
func (s *server) noteAddress() error {
	file, text := filepath.Join(s.o.dir, addressFile), s.address()+" "+s.o.config.Region+"\n"
	if now, err := os.ReadFile(file); err == nil && string(now) == text {
		return nil // so that a full disk does not matter
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return fmt.Errorf("noting the address: %w", err)
	}
	return nil
}

// runAddress tries to note the address until it is noted, or ctx ends.
func (s *server) runAddress(ctx context.Context) {
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for s.noteAddress() != nil {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

func (s *server) address() string { return s.listener.Addr().String() }

func (s *server) authenticator() *awsapi.Authenticator {
	a := &awsapi.Authenticator{Now: time.Now, Account: s.o.config.Account, Region: s.o.config.Region}
	if s.o.noAuth {
		return a
	}
	known := map[string]sigv4.Key{}
	for _, k := range s.keys {
		known[k.AccessKeyID] = sigv4.Key{Secret: k.SecretAccessKey, Token: k.SessionToken, Expires: k.Expires, Account: k.Account}
	}
	a.Lookup = func(id string) (sigv4.Key, bool) {
		k, found := known[id]
		return k, found
	}
	return a
}

func (s *server) controlOptions() control.Options {
	seed := uuid.New()
	return control.Options{
		Store: s.store, Speed: s.o.speed, Archive: int64(s.o.config.ExplainMax), Log: s.o.log, Release: s.apply, Observe: s.observe, Usage: s.usage, OnEvent: s.event,
		OnCommit: s.instruments.committed,
		Config: engine.Config{
			Seed:     uint64(seed[0])<<56 | uint64(seed[1])<<48 | uint64(seed[2])<<40 | uint64(seed[3])<<32 | uint64(seed.ID()),
			Settings: s.o.config.engineSettings(),
		},
	}
}

func (s *server) gatewayOptions() invoke.Options {
	c := s.o.config
	return invoke.Options{
		Authenticate: s.authenticate, LogFile: s.logFile, MaxBody: int(c.PayloadMax), Log: s.o.log, Concurrency: func(image string) int { return s.conf().concurrency(image) }, Wake: s.relay.wake, Ejected: s.relay.eject,
		Queue: invoke.Queue{
			Max: c.QueueMax, Bytes: int64(c.QueueBytes), BusyMax: time.Duration(c.QueueTimeout), ZeroMax: time.Duration(c.WakeTimeout),
		},
	}
}

// logFile returns where the log of a copy is.
func (s *server) logFile(id hosting.CopyID) string {
	dir, err := filepath.Abs(s.o.dir)
	if err != nil {
		dir = s.o.dir
	}
	return filepath.Join(dir, "fleet", "logs", string(id)+".log")
}

// event passes on what happened.
func (s *server) event(now time.Time, e engine.Event) {
	switch x := e.(type) {
	case engine.AlarmNotifies:
		s.notifier.Wake()
	case engine.PromQLDue:
		s.evaluator.Take(x)
	case engine.ActivityChanged:
		s.own.take(x)
	case engine.HistoryWanted:
		s.foretell.Take(x)
	}
	if s.o.onEvent != nil {
		s.o.onEvent(now, e)
	}
}

// step takes an input into the engine.
func (s *server) step(ctx context.Context, in engine.Input) (engine.Result, error) {
	return s.control.Step(ctx, in)
}

// pastMetrics are a scope's metrics, as the history and memory have them.
func (s *server) pastMetrics(ctx context.Context, scope engine.Scope, f func(time.Time, expr.Source)) error {
	return s.history.Metrics(ctx, scope, f)
}

// notified tells the engine what came of a notification.
func (s *server) notified(ctx context.Context, n engine.Notified) {
	if _, err := s.control.Step(ctx, n); err != nil && ctx.Err() == nil {
		s.o.log.Error("what came of a notification could not be noted", "alarm", n.Alarm, "error", err)
	}
}

// apply gives effects to the world: routes before levels, so that no invocation goes where an instance is about to end.
func (s *server) apply(f engine.Effects) {
	s.gateway.Apply(f.Routes)
	s.fleet.Apply(fleetLevels(f.Levels, s.machine))
}

// observe takes what the gateway measured, for the engine and for the server's own metrics.
func (s *server) observe() []engine.VariantObservation {
	all := s.gateway.Flush()
	s.instruments.observed(all)
	return all
}

// run serves until ctx ends, which is how a stop is asked for, then stops in order: the port, the controller, the instances. Where keep
// is set, or something else ended the server, instances go on, for the next server to adopt.
func (s *server) run(ctx context.Context, keep bool) error {
	defer s.release()
	s.resume(ctx)
	controlled, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var work sync.WaitGroup
	failures := make(chan error, 2)
	work.Go(func() { failures <- s.control.Run(controlled) })
	work.Go(func() { failures <- s.port.Serve(s.listener) })
	work.Go(func() { s.notifier.Run(s.life) })
	work.Go(func() { s.relay.run(s.life, s.ejectedBefore(s.life)) })
	s.runPrometheus(s.life, &work)
	work.Go(func() { s.foretell.Run(s.life) })
	work.Go(func() { s.runAddress(s.life) })
	work.Go(func() { s.runReloads(s.life, s.o.reloads) })
	var err error
	select {
	case <-ctx.Done():
	case err = <-failures: // the port is gone
		keep = true
		s.o.log.Error("stopping because of a failure; instances go on, for the next server to adopt", "error", err)
	}
	patient, hurry := context.WithCancelCause(context.WithoutCancel(ctx))
	defer hurry(nil)
	if s.o.hurry != nil {
		defer s.listenForHurry(patient, hurry)()
	}
	s.o.log.Info("stopping; a second Ctrl-C or SIGTERM waits for nothing")
	grace, cancel := context.WithTimeout(patient, time.Duration(s.conf().DrainTimeout))
	defer cancel()
	s.gateway.Refuse()
	if cut := s.port.Shutdown(grace); cut != nil {
		err = errors.Join(err, fmt.Errorf("requests in flight were cut off: %w", cmp.Or(context.Cause(grace), cut)))
	}
	err = errors.Join(err, s.gateway.Close()) // without routes nothing waits for a drain
	s.cancel()
	stop()
	if ended := finished(patient, &work); ended {
		close(failures)
		for more := range failures {
			err = errors.Join(err, more)
		}
	}
	err = errors.Join(err, s.endFleet(patient, keep))
	s.o.log.Info("stopped")
	return err
}

// errHurry is why a stop did not wait.
var errHurry = errors.New("stopped at once, as asked a second time")

// listenForHurry calls hurry where a stop is asked for again before patient ends. The caller calls wait when the stop is done.
func (s *server) listenForHurry(patient context.Context, hurry context.CancelCauseFunc) (wait func()) {
	again, restore := s.o.hurry()
	over := make(chan struct{})
	var listening sync.WaitGroup
	listening.Go(func() {
		select {
		case <-again:
			s.o.log.Warn("asked a second time to stop: waiting no longer for requests in flight and instances")
			hurry(errHurry)
		case <-patient.Done():
		case <-over:
		}
		restore() // a third time ends the process, whatever it does
	})
	return func() {
		close(over)
		listening.Wait()
	}
}

// finished waits until all work has ended. Once patient has, it waits a moment only: a handler may still wait for its model.
func finished(patient context.Context, work *sync.WaitGroup) (ended bool) {
	all := make(chan struct{})
	go func() {
		work.Wait()
		close(all)
	}()
	select {
	case <-all:
		return true
	case <-patient.Done():
	}
	select {
	case <-all:
		return true
	case <-time.After(time.Second):
		return false
	}
}

// endFleet ends the instances, unless keep says that they go on. It does not wait for them once patient has ended, and then says which are left.
func (s *server) endFleet(patient context.Context, keep bool) error {
	f := s.fleet
	s.fleet = nil
	if keep {
		f.Close()
		return nil
	}
	ending, done := context.WithTimeout(patient, time.Duration(s.conf().DrainTimeout+s.conf().KillAfter)+10*time.Second)
	defer done()
	return f.StopAll(ending)
}

// resume reports to the engine which copies did not outlive the last server, then applies the whole level.
func (s *server) resume(ctx context.Context) {
	gone, lost, again := s.absent(s.control.Level().Levels)
	if again > 0 {
		s.o.log.InfoContext(ctx, "instances ended with the server when it was asked to stop; starting them again", "instances", again)
	}
	s.control.Recall(ctx, gone)
	s.apply(s.control.Level())
	s.fleet.Reap()
	r := s.control.Recovery()
	s.o.log.InfoContext(ctx, "ready", "address", s.address(), "speed", s.o.speed, "adopted", len(s.fleet.Adopted()), "lost", lost, "replayed", r.Replayed,
		"disagreed", r.Disagreed, "took", time.Since(s.started).Round(time.Millisecond))
}

// release closes what is open.
func (s *server) release() {
	if s.cancel != nil {
		s.cancel() // first: the fleet's reports wait for a controller that may not run
	}
	if s.fleet != nil {
		s.fleet.Close()
	}
	if s.data != nil {
		s.data.Close()
	}
	if s.gateway != nil {
		_ = s.gateway.Close() // it never fails
	}
	if s.listener != nil {
		_ = s.listener.Close() // the port may have closed it
	}
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.o.log.Error("the journal could not be closed", "error", err)
		}
	}
}
