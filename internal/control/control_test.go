package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/internal/log/memory"
	"bellows.dev/bellows/internal/log/sqlite"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/tracking"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	scope   = engine.Scope{Account: "123456789012", Region: "us-east-1"}
	variant = engine.VariantKey{Scope: scope, Endpoint: "e", Variant: "v"}
	key     = scaling.VariantTarget("e", "v")
)

// server is a controller with a fleet whose instances are ready at once and gone at once.
type server struct {
	*Controller
	t      *testing.T
	store  log.Store
	stop   context.CancelFunc
	ended  chan error
	orders chan engine.Effects

	mu     sync.Mutex
	load   float64 // invocations an observation
	given  float64 // invocations observed so far
	seen   func(now time.Time)
	events []engine.Event
}

// logs are the logs in memory of the tests' data directories.
var logs sync.Map

// openStore opens a directory's log: the database that is there, or one in memory.
func openStore(t testing.TB, dir string) log.Store {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, sqlite.FileName)); err != nil {
		s, _ := logs.LoadOrStore(dir, &memory.Store{})
		return s.(*memory.Store)
	}
	s, err := sqlite.Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// onDisk is a directory whose log will be a database.
func onDisk(t *testing.T, dir string) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, sqlite.FileName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func start(t *testing.T, dir string, speed float64) *server {
	t.Helper()
	return startOn(t, dir, speed, nil)
}

// startOn puts something between the controller and its store.
func startOn(t *testing.T, dir string, speed float64, between func(log.Store) log.Store) *server {
	t.Helper()
	return startWith(t, dir, speed, func(o *Options) {
		if between != nil {
			o.Store = between(o.Store)
		}
	})
}

// startWith changes the controller's options.
func startWith(t *testing.T, dir string, speed float64, change func(*Options)) *server {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s := &server{t: t, stop: stop, ended: make(chan error, 2), orders: make(chan engine.Effects, 1000)}
	var err error
	s.store = openStore(t, dir)
	o := Options{
		Store: s.store, Config: engine.Config{Seed: 42}, Speed: speed, Log: slog.New(slog.DiscardHandler),
		Release: func(f engine.Effects) { s.orders <- f }, Observe: s.observe,
		Usage: func(context.Context) []engine.InstanceUsage { return nil },
		OnEvent: func(_ time.Time, e engine.Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, e)
		},
	}
	change(&o)
	if s.Controller, err = New(ctx, o); err != nil {
		t.Fatal(err)
	}
	go func() { s.ended <- s.Run(ctx) }()
	go func() { s.ended <- s.fleet(ctx) }()
	s.orders <- s.Level()
	return s
}

func (s *server) observe() []engine.VariantObservation {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen != nil {
		s.seen(s.Now())
	}
	if s.load == 0 {
		return nil
	}
	s.given += s.load
	return []engine.VariantObservation{{Key: variant, Invocations: s.load, InvocationsPerInstance: s.load, Answered: s.load}}
}

// onObserve has f called at each observation.
func (s *server) onObserve(f func(now time.Time)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = f
}

func (s *server) setLoad(v float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load = v
}

func (s *server) fleet(ctx context.Context) error {
	ready := map[hosting.InstanceID]bool{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case f := <-s.orders:
			for _, l := range f.Levels {
				for _, i := range l.Instances {
					if i.Draining {
						s.Report(ctx, hosting.InstanceReport{ID: i.ID, State: hosting.FleetGone})
					} else if !ready[i.ID] {
						ready[i.ID] = true
						s.Report(ctx, hosting.InstanceReport{ID: i.ID, State: hosting.FleetReady, Address: "127.0.0.1:1"})
					}
				}
			}
		}
	}
}

func (s *server) close() {
	s.t.Helper()
	s.stop()
	for range 2 {
		if err := <-s.ended; err != nil {
			s.t.Error(err)
		}
	}
	if err := s.store.Close(); err != nil {
		s.t.Error(err)
	}
}

func (s *server) do(in engine.Input) {
	s.t.Helper()
	if _, err := s.Step(s.t.Context(), in); err != nil {
		s.t.Fatalf("%T: %v", in, err)
	}
}

func (s *server) until(what string, is func(v *hosting.Variant, status hosting.Status) bool) {
	s.t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		ok := false
		if err := s.View(s.t.Context(), func(_ time.Time, e *engine.Engine) {
			x := e.Region(scope).Hosting.Endpoints["e"]
			ok = x != nil && is(x.Variant("v"), x.Status)
		}); err != nil {
			s.t.Fatal(err)
		}
		if ok {
			return
		}
		select {
		case <-deadline.C:
			s.t.Fatalf("never: %s", what)
		case <-poll.C:
		}
	}
}

func (s *server) deploy() {
	s.t.Helper()
	one, eight := 1, 8
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}})
	s.do(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
		{Name: "v", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	s.do(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "e"}, Config: "c"})
	s.until("in service", func(_ *hosting.Variant, st hosting.Status) bool { return st == hosting.InService })
	s.do(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: key, Min: &one, Max: &eight}})
	s.do(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
		Key: key, Name: "tt", Type: tracking.Type{},
		Configs: []scaling.Config{&tracking.Config{
			TargetValue: 70, Predefined: &tracking.PredefinedSpec{Metric: instancecount.InvocationsPerInstance},
		}},
	}})
}

// view looks at the engine.
func (s *server) view(f func(e *engine.Engine)) {
	s.t.Helper()
	if err := s.View(s.t.Context(), func(_ time.Time, e *engine.Engine) { f(e) }); err != nil {
		s.t.Fatal(err)
	}
}

// stateOf is what the engine knows, as a text.
func (s *server) stateOf() string {
	s.t.Helper()
	var text []byte
	s.view(func(e *engine.Engine) {
		var err error
		if text, err = json.Marshal(e.State()); err != nil {
			s.t.Error(err)
		}
	})
	return string(text)
}

// Policies act on the scaled clock; a server that comes back knows what the one before knew; every past decision agrees.
func TestScalesComesBackAndAgreesWithItself(t *testing.T) {
	synctest.Test(t, testScalesComesBackAndAgreesWithItself)
}

func testScalesComesBackAndAgreesWithItself(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir, 300)
	s.deploy()
	s.setLoad(100)
	s.until("scaled out", func(v *hosting.Variant, st hosting.Status) bool {
		return v.Desired > 1 && v.Current() == v.Desired && st == hosting.InService
	})
	s.setLoad(0)
	s.until("scaled in", func(v *hosting.Variant, st hosting.Status) bool {
		return v.Desired == 1 && v.Current() == 1 && st == hosting.InService
	})
	s.mu.Lock()
	events := s.events
	s.mu.Unlock()
	for _, e := range events {
		encoded, err := encodeEvents([]engine.Event{e})
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeEvent(encoded[0].kind, encoded[0].text)
		if err != nil || back.String() != e.String() {
			t.Errorf("written and read again: %v, %v; was %v", back, err, e)
		}
	}
	activities, _, err := s.Events(t.Context(), log.EventQuery{Table: log.TableActivity, Scope: engine.ScopeName(scope), Limit: 50, Types: []string{"Scaled"}})
	if err != nil || len(activities) < 2 {
		t.Errorf("%d activities, %v", len(activities), err)
	}
	for _, a := range activities {
		if got := a.Event.(engine.ActivityChanged).Activity.Status; got != scaling.Successful {
			t.Errorf("an activity is %v", got)
		}
	}
	s.close()
	decideAgain(t, dir)
	first := start(t, dir, 1)
	if r := first.Recovery(); r.Snapshot == 0 || r.Replayed != 0 {
		t.Errorf("after a clean stop: %+v", r)
	}
	first.until("in service again", func(v *hosting.Variant, st hosting.Status) bool { return st == hosting.InService && v.Current() == 1 })
	first.close()
}

// inject appends entries to a journal that no server has open, and closes it.
func inject(t *testing.T, st log.Store, entries ...log.Entry) {
	t.Helper()
	at := time.Now().Add(time.Second)
	epoch, err := st.Lead(t.Context(), log.Start{At: at, After: at})
	if err != nil {
		t.Fatal(err)
	}
	end, err := st.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		entries[i].Seq, entries[i].At = end+uint64(i)+1, at
	}
	if err := errors.Join(st.Append(t.Context(), log.Batch{Epoch: epoch, Entries: entries}), st.Close()); err != nil {
		t.Fatal(err)
	}
}

// decideAgain takes a fresh engine through the whole journal.
func decideAgain(t *testing.T, dir string) {
	t.Helper()
	s := openStore(t, dir)
	defer s.Close()
	config, err := StoredConfig(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	n, events := 0, 0
	if err := Redecide(t.Context(), s, engine.New(config), 0, time.Time{}, func(d Redecision) error {
		n++
		events += len(d.Events)
		if !d.Agrees() {
			t.Errorf("line %d (%s) led to %s, now to %s: %v", d.Seq, d.Kind, d.Then, d.Now, d.Events)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if n < 20 || events < 10 {
		t.Errorf("only %d inputs and %d events: nothing is proved", n, events)
	}
}

// A server that loses its last snapshot comes back from the journal alone, to the same state.
func TestComesBackFromTheJournal(t *testing.T) {
	dir := onDisk(t, t.TempDir())
	s := start(t, dir, 1)
	s.deploy()
	want := s.stateOf()
	s.close()
	st := openStore(t, dir)
	config, err := StoredConfig(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	e := engine.New(config)
	if err := Redecide(t.Context(), st, e, 0, time.Time{}, func(Redecision) error { return nil }); err != nil {
		t.Fatal(err)
	}
	// Ticks after the state was read may have moved the time on, nothing else.
	got := e.State()
	var before engine.State
	if err := json.Unmarshal([]byte(want), &before); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(len(got.Regions), got.IDs) != fmt.Sprint(len(before.Regions), before.IDs) {
		t.Errorf("%d regions and id %d, want %d and %d", len(got.Regions), got.IDs, len(before.Regions), before.IDs)
	}
	a, _ := json.Marshal(got.Regions[0].Targets)
	b, _ := json.Marshal(before.Regions[0].Targets)
	if string(a) != string(b) {
		t.Errorf("targets:\n%s\n%s", a, b)
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
}

func TestRefusalsChangeNothingAndAreNotWritten(t *testing.T) {
	s := start(t, t.TempDir(), 1)
	defer s.close()
	before := s.Next()
	if _, err := s.Step(t.Context(), engine.DeleteModel{Scope: scope, Name: "none"}); err == nil {
		t.Error("taken")
	}
	if after := s.Next(); after != before {
		t.Errorf("%d lines were written", after-before)
	}
}
