package control

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/internal/log/sqlite"
	"bellows.dev/bellows/metric"
)

// faulty is a store whose writes fail, or take long, when a test sets it so.
type faulty struct {
	log.Store
	mu     sync.Mutex
	err    error
	gate   chan struct{} // writes wait until it is closed
	writes int           // that were tried
}

func (f *faulty) set(err error, gate chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.gate = err, gate
}

func (f *faulty) tried() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}

func (f *faulty) fault() error {
	f.mu.Lock()
	f.writes++
	gate := f.gate
	f.mu.Unlock()
	if gate != nil {
		<-gate
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *faulty) Lead(ctx context.Context, x log.Start) (uint64, error) {
	if err := f.fault(); err != nil {
		return 0, err
	}
	return f.Store.Lead(ctx, x)
}

func (f *faulty) Append(ctx context.Context, b log.Batch) error {
	if err := f.fault(); err != nil {
		return err
	}
	return f.Store.Append(ctx, b)
}

func (f *faulty) SaveSnapshot(ctx context.Context, s log.Snapshot, p log.Page, k log.Keep) error {
	if err := f.fault(); err != nil {
		return err
	}
	return f.Store.SaveSnapshot(ctx, s, p, k)
}

func (f *faulty) Probe(ctx context.Context) error {
	if err := f.fault(); err != nil {
		return err
	}
	return f.Store.Probe(ctx)
}

func (f *faulty) Quarantine(ctx context.Context, in log.Entry, why string) (bool, error) {
	if err := f.fault(); err != nil {
		return false, err
	}
	return f.Store.Quarantine(ctx, in, why)
}

var errFull = errors.New("database or disk is full")

func startFaulty(t *testing.T, speed float64) (*server, *faulty) {
	t.Helper()
	f := &faulty{}
	s := startOn(t, t.TempDir(), speed, func(st log.Store) log.Store { f.Store = st; return f })
	return s, f
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for !is() {
		select {
		case <-deadline.C:
			t.Fatalf("never: %s", what)
		case <-poll.C:
		}
	}
}

func (s *server) models() (n int) {
	s.t.Helper()
	if err := s.View(s.t.Context(), func(_ time.Time, e *engine.Engine) {
		if r := e.Region(scope); r != nil {
			n = len(r.Hosting.Models)
		}
	}); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// invocations is the sum of what the metric window has.
func (s *server) invocations() (sum float64) {
	s.t.Helper()
	if err := s.View(s.t.Context(), func(_ time.Time, e *engine.Engine) {
		id := metric.NewID("AWS/SageMaker", "Invocations", metric.Dimension{Name: "EndpointName", Value: "e"}, metric.Dimension{Name: "VariantName", Value: "v"})
		now := e.Now()
		q := metric.Query{From: now.Truncate(time.Minute).Add(-14 * time.Minute), Periods: 15, Period: time.Minute, Statistic: metric.Statistic{Kind: metric.Sum}}
		for _, p := range e.Region(scope).Metrics.Datapoints(id, q, nil) {
			sum += p.Value
		}
	}); err != nil {
		s.t.Fatal(err)
	}
	return sum
}

// agreesWithDisk waits until what readers see is what the journal leads to; a step in between may take them apart for a moment.
func (s *server) agreesWithDisk() {
	s.t.Helper()
	eventually(s.t, "readers see what the journal leads to", func() bool {
		l, err := s.rebuild(s.t.Context(), time.Now(), nil)
		if err != nil {
			s.t.Fatal(err)
		}
		want, err := json.Marshal(l.engine.State())
		if err != nil {
			s.t.Fatal(err)
		}
		return s.stateOf() == string(want)
	})
}

// While nothing can be written, changes are refused and leave no trace, readers see what is on disk, measurements are held; then all
// goes on, and nothing that was measured is missing.
func TestFullDisk(t *testing.T) { synctest.Test(t, testFullDisk) }

func testFullDisk(t *testing.T) {
	s, f := startFaulty(t, 1)
	s.deploy()
	s.setLoad(100)
	eventually(t, "the first observation", func() bool { return s.invocations() > 0 })
	f.set(errFull, nil)
	eventually(t, "trouble", func() bool { _, is := s.Trouble(); return is })
	for range 3 {
		_, err := s.Step(t.Context(), engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "late"}})
		if u := (*UnwritableError)(nil); !errors.As(err, &u) || !errors.Is(err, errFull) || u.Trouble.Slow {
			t.Errorf("a change is answered with %v", err)
		}
	}
	if n := s.models(); n != 1 {
		t.Errorf("%d models after a refusal", n)
	}
	s.agreesWithDisk()
	tried := f.tried()
	eventually(t, "another attempt", func() bool { return f.tried() > tried })
	s.agreesWithDisk()
	f.set(nil, nil)
	eventually(t, "recovery", func() bool { _, is := s.Trouble(); return !is })
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "late"}})
	s.setLoad(0)
	s.mu.Lock()
	want := s.given
	s.mu.Unlock()
	eventually(t, "every measurement", func() bool { return s.invocations() == want })
	s.agreesWithDisk()
	s.close()
}

// A server that is killed while the disk is full starts as it would have gone on: it reads, refuses changes, holds what it learns of
// instances, and recovers by itself.
func TestStartOnAFullDisk(t *testing.T) { synctest.Test(t, testStartOnAFullDisk) }

func testStartOnAFullDisk(t *testing.T) {
	dir := onDisk(t, t.TempDir())
	s := start(t, dir, 1)
	s.deploy()
	id := s.anInstance()
	s.close()
	time.Sleep(time.Second) // of the bubble's time: a start is identified by its moment
	f := &faulty{err: errFull}
	s = startWith(t, dir, 1, func(o *Options) {
		f.Store = o.Store
		o.Store, o.Config.StartupTimeout = f, 3*time.Minute // a setting that differs from the journal's
	})
	if why, is := s.Trouble(); !is || why.Slow || !errors.Is(why.Err, errFull) {
		t.Errorf("the trouble is %v, %v", why, is)
	}
	if n := s.models(); n != 1 {
		t.Errorf("%d models", n)
	}
	_, err := s.Step(t.Context(), engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "late"}})
	if u := (*UnwritableError)(nil); !errors.As(err, &u) {
		t.Errorf("a change is answered with %v", err)
	}
	tried := f.tried()
	eventually(t, "attempts", func() bool { // the fleet, too, reports the instance once
		s.Report(t.Context(), hosting.InstanceReport{ID: id, State: hosting.FleetReady, Address: "127.0.0.1:7"})
		return f.tried() > tried+1
	})
	s.agreesWithDisk()
	f.set(nil, nil)
	eventually(t, "recovery", func() bool { _, is := s.Trouble(); return !is })
	s.until("the report that was held", func(v *hosting.Variant, _ hosting.Status) bool {
		return v.Instances[0].Copies[0].Address == "127.0.0.1:7"
	})
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "late"}})
	s.view(func(e *engine.Engine) {
		if got := e.Config().StartupTimeout; got != 3*time.Minute {
			t.Errorf("the settings are not applied: %v", got)
		}
	})
	s.agreesWithDisk()
	s.close()
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows := 0
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM boot`).Scan(&rows); err != nil || rows != 2 {
		t.Errorf("%d starts are recorded, want 2; %v", rows, err)
	}
}

// What is known of instances at the start is held, too.
func TestRecallOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir, 1)
	s.deploy()
	id := s.anInstance()
	s.close()
	for _, boot := range []bool{true, false} { // what finds the disk full
		st := openStore(t, dir)
		f := &faulty{Store: st}
		if boot {
			f.err = errFull
		}
		c, err := New(t.Context(), Options{Store: f, Speed: 1, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		f.set(errFull, nil)
		c.Recall(t.Context(), []hosting.InstanceReport{{ID: id, State: hosting.FleetFailed, Reason: "gone"}})
		if _, is := c.Trouble(); !is || len(c.buffer.orders) != 1 {
			t.Errorf("the trouble is %v; %d reports are held", is, len(c.buffer.orders))
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A change whose commit fails is refused and not in memory, also where it is the commit that finds out.
func TestFailedCommitIsRolledBack(t *testing.T) { synctest.Test(t, testFailedCommitIsRolledBack) }

func testFailedCommitIsRolledBack(t *testing.T) {
	s, f := startFaulty(t, 1)
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}})
	f.set(errFull, nil)
	_, err := s.Step(t.Context(), engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "late"}})
	if u := (*UnwritableError)(nil); !errors.As(err, &u) {
		t.Errorf("the change is answered with %v", err)
	}
	if n := s.models(); n != 1 {
		t.Errorf("%d models after a refusal", n)
	}
	s.agreesWithDisk()
	f.set(nil, nil)
	eventually(t, "recovery", func() bool { _, is := s.Trouble(); return !is })
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "late"}})
	s.agreesWithDisk()
	s.close()
}

// While a commit is in progress, readers get the state before it, and other changes are refused at once; reports of instances are held.
func TestSlowDisk(t *testing.T) { synctest.Test(t, testSlowDisk) }

func testSlowDisk(t *testing.T) {
	for _, failure := range []error{nil, errFull} {
		s, f := startFaulty(t, 1)
		s.deploy()
		gate := make(chan struct{})
		f.set(nil, gate)
		answer := make(chan error, 1)
		go func() {
			_, err := s.Step(t.Context(), engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "slow"}})
			answer <- err
		}()
		eventually(t, "slowness", func() bool { x, is := s.Trouble(); return is && x.Slow })
		reading, stop := context.WithTimeout(t.Context(), 20*time.Second)
		seen := 0
		if err := s.View(reading, func(_ time.Time, e *engine.Engine) { seen = len(e.Region(scope).Hosting.Models) }); err != nil || seen != 1 {
			t.Errorf("a reader gets %d models, %v", seen, err)
		}
		stop()
		_, err := s.Step(t.Context(), engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "other"}})
		if u := (*UnwritableError)(nil); !errors.As(err, &u) || !u.Trouble.Slow {
			t.Errorf("a change meanwhile is answered with %v", err)
		}
		s.Report(t.Context(), hosting.InstanceReport{ID: s.anInstance(), State: hosting.FleetReady, Address: "127.0.0.1:2"})
		f.set(failure, nil)
		close(gate)
		if err := <-answer; (err == nil) != (failure == nil) {
			t.Errorf("the slow change is answered with %v", err)
		}
		f.set(nil, nil)
		eventually(t, "recovery", func() bool { _, is := s.Trouble(); return !is })
		want := 2
		if failure != nil {
			want = 1
		}
		if n := s.models(); n != want {
			t.Errorf("%d models, want %d", n, want)
		}
		s.until("the report that was held", func(v *hosting.Variant, _ hosting.Status) bool {
			return v.Instances[0].Copies[0].Address == "127.0.0.1:2"
		})
		s.agreesWithDisk()
		s.close()
	}
}

func (s *server) anInstance() (id hosting.InstanceID) {
	s.t.Helper()
	if err := s.View(s.t.Context(), func(_ time.Time, e *engine.Engine) {
		id = e.Region(scope).Hosting.Endpoints["e"].Variant("v").Instances[0].ID
	}); err != nil {
		s.t.Fatal(err)
	}
	return id
}

// What is held does not grow without bound: beyond a limit gateways add up.
func TestHeldIsBounded(t *testing.T) {
	now := time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)
	wide := make([]engine.VariantObservation, 1000)
	c := &Controller{o: Options{
		Observe: func() []engine.VariantObservation { return wide }, Usage: func(context.Context) []engine.InstanceUsage { return nil },
	}}
	for range 10_000 {
		now = now.Add(time.Second)
		c.clock = NewClock(now, time.Now(), 1)
		c.bufferMeasurements(t.Context())
	}
	if c.buffer.size != bufferMax {
		t.Errorf("%d observations are held, want %d", c.buffer.size, bufferMax)
	}
	for range 100 {
		c.refuse(&order{in: engine.Reported{Report: hosting.InstanceReport{ID: "i"}}, answered: make(chan struct{})})
	}
	if n := len(c.buffer.orders); n > bufferMax/len(wide)+100 || c.buffer.orders[n-1] == nil || c.buffer.orders[n-2] != nil {
		t.Errorf("%d orders are held; the newest report alone should be", n)
	}
	c.buffer.sort()
	if n := len(c.buffer.orders); n != bufferMax/len(wide)+1 {
		t.Errorf("%d orders are held", n)
	}
}

// The same on a real file system that is full, then has room again.
func TestFullFileSystem(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("a file system of its own cannot be mounted here (%v): the faulty disk of TestFullDisk has to do", err)
	}
	defer func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	}()
	s := start(t, onDisk(t, dir), 1)
	s.deploy()
	fill := filepath.Join(dir, "fill")
	full := func() {
		f, err := os.OpenFile(fill, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return // not even an inode is left
		}
		defer f.Close()
		for block := make([]byte, 4096); err == nil; {
			_, err = f.Write(block)
		}
	}
	eventually(t, "trouble", func() bool {
		full()
		_, _ = s.Step(t.Context(), engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m" + time.Now().Format("150405.000000000")}})
		_, is := s.Trouble()
		return is
	})
	s.agreesWithDisk()
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	eventually(t, "recovery", func() bool { _, is := s.Trouble(); return !is })
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "after"}})
	s.agreesWithDisk()
	s.close()
}
