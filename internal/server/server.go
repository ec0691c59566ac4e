package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/audit"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/certs"
	"bellows.dev/bellows/internal/config"
	"bellows.dev/bellows/internal/console"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/internal/credentials"
	"bellows.dev/bellows/internal/explain"
	"bellows.dev/bellows/internal/fleet"
	"bellows.dev/bellows/internal/history"
	"bellows.dev/bellows/internal/invoke"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/internal/machine"
	"bellows.dev/bellows/internal/modeldata"
	"bellows.dev/bellows/internal/notify"
	"bellows.dev/bellows/internal/port"
	"bellows.dev/bellows/internal/predict"
	"bellows.dev/bellows/internal/prometheus"
	"bellows.dev/bellows/scaling"
)

// Options are what a server is made of. Dir, Listen, Speed, Config and Log are required.
type Options struct {
	Dir    string  // the data directory; it is made on first use
	Listen string  // address and port; port 0 takes a free one
	Speed  float64 // seconds of policy time that pass in a second
	NoAuth bool    // requests need no signature
	Config config.Config
	Log    *slog.Logger

	// Policies are the policy types that there are. Nil: those of this program.
	Policies scaling.Types

	OnEvent func(now time.Time, e engine.Event) // is called with each event, in order; it must not block; may be nil

	// Read reads the configuration again, at each signal from Reloads; nil where there is no file.
	Read    func() (config.Config, error)
	Reloads <-chan os.Signal

	// Hurry subscribes to a second request to stop, while the server is stopping: after it, nothing is waited for. restore ends the
	// subscription. nil: there is no such request.
	Hurry func() (again <-chan os.Signal, restore func())
}

// Server is one server: everything between the port and the disk.
type Server struct {
	o       Options
	live    atomic.Pointer[config.Config] // the current configuration: Options.Config, or what was read since
	started time.Time
	keys    *credentials.Ring
	created bool // the key was made by this start

	store   log.Store
	damage  []string // found in the journal when it was opened
	control *control.Controller
	gateway *invoke.Gateway
	relay   *relay
	fleet   fleet.Fleet
	logs    atomic.Pointer[fleet.Fleet] // the fleet, whose logs can be read also while the server stops
	data    *modeldata.Cache
	machine *machine.Machine

	unlimited string // why copies are not held to their memory and CPU; "" where they are

	notifier *notify.Notifier
	predict  *predict.Supplier
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
	life     context.Context //nolint:containedctx // of the background workers and of reports: it ends before the controller does
	cancel   context.CancelFunc

	console  *console.Console
	audit    *audit.Log
	certs    certs.Source    // nil without TLS
	quitting context.Context //nolint:containedctx // ends when the server begins to stop: endless responses end with it
	quit     context.CancelFunc
}

// New opens the data directory, listens, and recovers the state of the last server. Requests wait until Run. Where New fails, it has closed
// what it had opened.
func New(ctx context.Context, o Options) (*Server, error) {
	clock := &policyClock{}
	o.Log = slog.New(policyTimes{o.Log.Handler(), clock})
	s := &Server{o: o, started: time.Now(), instruments: newInstruments()}
	s.live.Store(&s.o.Config)
	if err := s.open(ctx); err != nil {
		if s.created { // the key has not been announced; the journal is still locked
			err = errors.Join(err, credentials.Discard(o.Dir))
		}
		s.release()
		return nil, err
	}
	at := s.control.PolicyTime
	clock.at.Store(&at)
	s.warnOfAccount(s.conf())
	return s, nil
}

// open opens the parts, each after those that it needs. The caller releases what is open where it fails.
func (s *Server) open(ctx context.Context) (err error) {
	o := s.o
	if s.store, s.damage, err = openJournal(ctx, o.Dir, o.Log); err != nil {
		return err
	}
	keys, created, err := credentials.Load(o.Dir, func() credentials.Key {
		return credentials.New(o.Config.Account, "admin", time.Now().UTC())
	})
	if s.created = created; err != nil {
		return err
	}
	s.keys = credentials.NewRing(o.Dir, keys, time.Now())
	if s.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", o.Listen); err != nil {
		return fmt.Errorf("listening: %w (--listen sets another address or port)", err)
	}
	if err := s.openCerts(); err != nil {
		return err
	}
	s.auth = s.authenticator()
	s.relay = newRelay(s.step, o.Log)
	s.gateway = invoke.New(s.gatewayOptions())
	s.life, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.quitting, s.quit = context.WithCancel(s.life)
	s.predict = predict.New(predict.Options{Metrics: s.pastMetrics, Step: s.step, Log: o.Log})
	s.notifier = notify.New(s.notifierOptions())
	if s.control, err = control.New(ctx, s.controlOptions()); err != nil {
		return fmt.Errorf("recovering the state: %w", err)
	}
	if err := s.openModelData(); err != nil {
		return err
	}
	if err := s.openAudit(); err != nil {
		return err
	}
	s.machine = machine.New(machine.Options{Types: o.Config.Types(), Found: machine.Look(), Capacity: o.Config.Capacity.Machine()})
	if err := s.openFleet(); err != nil {
		return err
	}
	if err := s.openHistory(); err != nil {
		return err
	}
	s.series = &seriesLimit{most: o.Config.SeriesMax, view: s.control.View, step: s.control.Step}
	s.own = &ownMetrics{control: s.control, log: o.Log}
	if err := s.openPrometheus(); err != nil {
		return err
	}
	s.port = s.newPort()
	if err := s.noteAddress(); err != nil {
		o.Log.Error("the address cannot be noted for `bellows env`; it is tried again", "error", err)
	}
	return nil
}

// Address returns the address and port that the server listens on.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Key returns the access key of the server's administrator; created is true where this start made it.
func (s *Server) Key() (key credentials.Key, created bool) {
	return credentials.Administrator(s.keys.Keys(), time.Now()), s.created
}

// View calls f with the engine's state. f must not keep what it is given.
func (s *Server) View(ctx context.Context, f func(now time.Time, e *engine.Engine)) error {
	return s.control.View(ctx, f)
}

// Past returns what explanations are made from.
func (s *Server) Past() explain.Past { return past{s.store, s.o.Policies, s.control, s.liveState} }

// conf returns the current configuration.
func (s *Server) conf() *config.Config { return s.live.Load() }

// release closes what is open.
func (s *Server) release() {
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
			s.o.Log.Error("the journal could not be closed", "error", err)
		}
	}
}
