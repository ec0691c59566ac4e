package control

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	_ "modernc.org/sqlite"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/log/sqlite"
)

// spoiled wraps an engine whose steps can be made to fail.
type spoiled struct {
	mu    sync.Mutex
	spoil func(at time.Time, in engine.Input) (engine.Output, error) // nil: the engine steps
}

func (s *spoiled) set(spoil func(at time.Time, in engine.Input) (engine.Output, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spoil = spoil
}

func (s *spoiled) step(e *engine.Engine, at time.Time, in engine.Input) (engine.Output, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spoil != nil {
		return s.spoil(at, in)
	}
	return safely(e, at, in)
}

func startSpoiled(t *testing.T, speed float64) (*server, *spoiled) {
	t.Helper()
	x := &spoiled{}
	return startWith(t, t.TempDir(), speed, func(o *Options) { o.step = x.step }), x
}

// An engine that panics in each step is not rebuilt each second: internal inputs wait for 1, 2, 4... seconds of policy time, up to a minute,
// callers are refused meanwhile, the page shows it, and work resumes by itself once steps succeed.
func TestAStateThatPanicsIsBackedOff(t *testing.T) { synctest.Test(t, testAStateThatPanicsIsBackedOff) }

func testAStateThatPanicsIsBackedOff(t *testing.T) {
	const speed = 20
	s, x := startSpoiled(t, speed)
	defer s.close()
	s.deploy()
	s.setLoad(100)
	eventually(t, "the first observation", func() bool { return s.invocations() > 0 })
	var mu sync.Mutex
	var own []time.Time
	calls := 0
	panics := func(at time.Time, in engine.Input) (engine.Output, error) {
		mu.Lock()
		defer mu.Unlock()
		if fromServer(in) {
			own = append(own, at)
		} else {
			calls++
		}
		return engine.Output{}, &PanicError{Kind: nameOf(in), Value: "spoiled", Stack: []byte("goroutine 1")}
	}
	x.set(panics)
	tried := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(own)
	}
	eventually(t, "attempts", func() bool { return tried() >= 6 })
	mu.Lock()
	for i, want := 1, backoffMin; i < len(own); i, want = i+1, min(2*want, backoffMax) {
		if waited := own[i].Sub(own[i-1]); waited < want {
			t.Errorf("attempt %d comes after %v, want at least %v", i, waited, want)
		}
	}
	mu.Unlock()
	if why, is := s.Trouble(); !is || !why.Broken {
		t.Errorf("the trouble is %v, %v", why, is)
	}
	refused := (*UnwritableError)(nil)
	for range 50 {
		_, err := s.Step(t.Context(), engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "late"}})
		if err == nil {
			t.Fatal("a change is taken")
		}
		errors.As(err, &refused)
	}
	if refused == nil || !refused.Trouble.Broken {
		t.Errorf("callers are refused with %v", refused)
	}
	mu.Lock()
	if calls > 10 {
		t.Errorf("%d of 50 calls were stepped", calls)
	}
	mu.Unlock()
	x.set(nil)
	eventually(t, "an end of it", func() bool { _, is := s.Trouble(); return !is })
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "late"}})
	s.agreesWithDisk()
}

func TestBackoff(t *testing.T) {
	now := time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)
	var b backoff
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		b.failed(now, errFull)
		if b.wait != want*time.Second || !b.waits(now.Add(b.wait-1)) || b.waits(now.Add(b.wait)) {
			t.Errorf("failure %d: it waits %v, want %v s", i+1, b.wait, int(want))
		}
		now = now.Add(b.wait)
	}
}

// An input that leads to an event that cannot be encoded is refused like one that cannot be encoded itself: it leaves no trace in the state.
func TestAnEventThatCannotBeEncodedIsARefusal(t *testing.T) {
	s, x := startSpoiled(t, 1)
	defer s.close()
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}})
	before := s.Refused()
	x.set(func(_ time.Time, in engine.Input) (engine.Output, error) {
		if !fromServer(in) {
			return engine.Output{Events: []engine.Event{engine.AlarmActed{Scope: scope, Acted: alarm.Acted{MutedUntil: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}}}}, nil
		}
		return engine.Output{}, nil
	})
	_, err := s.Step(t.Context(), engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "late"}})
	if bad := (*UnrecordableError)(nil); !errors.As(err, &bad) || bad.Kind != "CreateModel" {
		t.Errorf("the input is answered with %v", err)
	}
	x.set(nil)
	if n := s.Refused() - before; n != 1 || s.models() != 1 {
		t.Errorf("%d inputs are set aside, and there are %d models", n, s.models())
	}
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "after"}})
	s.agreesWithDisk()
}

// What is set aside is written down without the lock, so readers do not wait for it.
func TestReadersDoNotWaitForTheQuarantine(t *testing.T) {
	s, f := startFaulty(t, 1)
	defer s.close()
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}})
	gate := make(chan struct{})
	f.set(nil, gate)
	tried := f.tried()
	answer := make(chan error, 1)
	go func() {
		_, err := s.Step(t.Context(), engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "not \xff UTF-8"}})
		answer <- err
	}()
	eventually(t, "a write to the quarantine", func() bool { return f.tried() > tried })
	reading, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	if err := s.View(reading, func(time.Time, *engine.Engine) {}); err != nil {
		t.Errorf("a reader gets %v", err)
	}
	select {
	case err := <-answer:
		t.Errorf("the input is answered with %v before it is written down", err)
	default:
	}
	f.set(nil, nil)
	close(gate)
	if bad := (*UnrecordableError)(nil); !errors.As(<-answer, &bad) {
		t.Error("the input is not refused")
	}
}

// Of bad inputs that come in masses, all are counted and refused, and few are written down.
func TestTheQuarantineIsRateLimited(t *testing.T) {
	dir := onDisk(t, t.TempDir())
	s := start(t, dir, 1)
	began := time.Now()
	const many = 500
	for i := range many {
		_, err := s.Step(t.Context(), engine.CreateModel{Scope: scope, Model: hosting.Model{Name: fmt.Sprintf("not \xff UTF-8 %d", i)}})
		if bad := (*UnrecordableError)(nil); !errors.As(err, &bad) {
			t.Fatal(err)
		}
	}
	took := time.Since(began)
	if n := s.Refused(); n != many {
		t.Errorf("%d inputs are counted", n)
	}
	s.close()
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var kept int
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM quarantine`).Scan(&kept); err != nil {
		t.Fatal(err)
	}
	if most := quarantineBurst + int(took/quarantineEvery) + 1; kept == 0 || kept > most {
		t.Errorf("%d inputs are written down within %v, want at most %d", kept, took, most)
	}
}
