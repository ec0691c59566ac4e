package control

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/log"
)

// recording is a log that notes which models are durable, and whose appends fail or wait where a test wants it.
type recording struct {
	log.Store

	mu      sync.Mutex
	before  func(b log.Batch) error // nil: nothing comes before an append
	models  map[string]bool
	appends int
}

func (r *recording) Append(ctx context.Context, b log.Batch) error {
	r.mu.Lock()
	before := r.before
	r.appends++
	r.mu.Unlock()
	if before != nil {
		if err := before(b); err != nil {
			return err
		}
	}
	if err := r.Store.Append(ctx, b); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range b.Entries {
		in, _, err := decodeInput(e)
		if x, ok := in.(engine.CreateModel); ok && err == nil {
			r.models[x.Model.Name] = true
		}
	}
	return nil
}

func (r *recording) set(before func(b log.Batch) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.before = before
}

func (r *recording) has(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.models[name]
}

func (r *recording) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.appends
}

func startRecording(t *testing.T) (*server, *recording) {
	t.Helper()
	r := &recording{models: map[string]bool{}}
	return startOn(t, t.TempDir(), 1, func(st log.Store) log.Store { r.Store = st; return r }), r
}

// names are the models that there are.
func names(e *engine.Engine) (out []string) {
	if r := e.Region(scope); r != nil {
		for name := range r.Hosting.Models {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (s *server) create(name string) <-chan error {
	answer := make(chan error, 1)
	go func() {
		_, err := s.Step(context.WithoutCancel(s.t.Context()), engine.CreateModel{Scope: scope, Model: hosting.Model{Name: name}})
		answer <- err
	}()
	return answer
}

// has reports whether the engine's memory has a model, durable or not.
func (s *server) has(name string) bool {
	s.Controller.mu.RLock()
	defer s.Controller.mu.RUnlock()
	return slices.Contains(names(s.engine), name)
}

// reading is a View in progress: what it saw, and how it ends.
type reading struct {
	seen  []string
	saw   chan struct{}
	ended chan error
}

func (s *server) read() *reading {
	x := &reading{saw: make(chan struct{}), ended: make(chan error, 1)}
	go func() {
		x.ended <- s.View(context.WithoutCancel(s.t.Context()), func(_ time.Time, e *engine.Engine) {
			x.seen = names(e)
			close(x.saw)
		})
	}()
	return x
}

// While a commit is in progress steps go on, to be committed together, and a read sees memory at once; steps, refusals and reads are answered
// once what they rest on is durable.
func TestACommitHoldsUpNeitherStepsNorReads(t *testing.T) {
	s, r := startRecording(t)
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "before"}})
	gate, began := make(chan struct{}), make(chan struct{}, 1)
	r.set(func(log.Batch) error {
		select {
		case began <- struct{}{}:
		default:
		}
		<-gate
		return nil
	})
	answers := []<-chan error{s.create("first")}
	<-began
	for i := range 50 {
		name := fmt.Sprint("later", i)
		answers = append(answers, s.create(name))
		eventually(t, "a step beside a commit", func() bool { return s.has(name) })
	}
	again := s.create("later7")
	x := s.read()
	<-x.saw
	if len(x.seen) != 52 {
		t.Errorf("a read beside a commit sees %d models", len(x.seen))
	}
	for _, c := range append(answers, again, x.ended) {
		select {
		case err := <-c:
			t.Errorf("an answer before the commit: %v", err)
		default:
		}
	}
	before := r.count()
	r.set(nil)
	close(gate)
	for _, c := range append(answers, x.ended) {
		if err := <-c; err != nil {
			t.Error(err)
		}
	}
	if err := <-again; err == nil {
		t.Error("a model is made twice")
	}
	if n := r.count() - before; n > 2 {
		t.Errorf("50 steps took %d commits", n)
	}
	s.agreesWithDisk()
	s.close()
}

// When a commit fails, what was stepped after it is void, too, and a read that saw any of it fails; the next one gets what is on disk.
func TestAFailedCommitTakesAlongWhatWasSteppedAfterIt(t *testing.T) {
	synctest.Test(t, testAFailedCommitTakesAlongWhatWasSteppedAfterIt)
}

func testAFailedCommitTakesAlongWhatWasSteppedAfterIt(t *testing.T) {
	s, r := startRecording(t)
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "before"}})
	gate, began := make(chan struct{}), make(chan struct{}, 1)
	r.set(func(log.Batch) error {
		select {
		case began <- struct{}{}:
		default:
		}
		<-gate
		return errFull
	})
	first := s.create("first")
	<-began
	later := s.create("later")
	eventually(t, "a step beside a commit", func() bool { return s.has("later") })
	again := s.create("later") // refused by memory, which does not count either
	x := s.read()
	<-x.saw
	close(gate)
	for _, c := range []<-chan error{first, later, again} {
		if u := (*UnwritableError)(nil); !errors.As(<-c, &u) {
			t.Error("a step after the commit that failed is answered otherwise")
		}
	}
	if u := (*UncommittedError)(nil); !errors.As(<-x.ended, &u) || !errors.Is(u, errFull) {
		t.Errorf("a read that saw %v ends with %v", x.seen, u)
	}
	if n := s.models(); n != 1 {
		t.Errorf("the next read sees %d models", n)
	}
	s.agreesWithDisk()
	r.set(nil)
	eventually(t, "recovery", func() bool { _, is := s.Trouble(); return !is })
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "later"}})
	s.agreesWithDisk()
	s.close()
}

// Inputs of a commit that failed are not counted as committed.
func TestOnlyDurableInputsAreCounted(t *testing.T) { synctest.Test(t, testOnlyDurableInputsAreCounted) }

func testOnlyDurableInputsAreCounted(t *testing.T) {
	var counted atomic.Uint64
	f := &faulty{}
	s := startWith(t, t.TempDir(), 1, func(o *Options) {
		f.Store = o.Store
		o.Store, o.OnCommit = f, func(inputs int, _ time.Duration) { counted.Add(uint64(inputs)) }
	})
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "first"}})
	f.set(errFull, nil)
	if u := (*UnwritableError)(nil); !errors.As(<-s.create("second"), &u) {
		t.Error("a change is not refused while the disk is full")
	}
	f.set(nil, nil)
	eventually(t, "recovery", func() bool { _, is := s.Trouble(); return !is })
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "second"}})
	if end, err := f.End(t.Context()); err != nil || counted.Load() != end {
		t.Errorf("%d inputs are counted, the journal has %d: %v", counted.Load(), end, err)
	}
	s.close()
}

// A read that waits for a slow commit is asked to retry; the next one gets the durable state.
func TestAReadDoesNotWaitForASlowDisk(t *testing.T) {
	synctest.Test(t, testAReadDoesNotWaitForASlowDisk)
}

func testAReadDoesNotWaitForASlowDisk(t *testing.T) {
	s, r := startRecording(t)
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "before"}})
	gate := make(chan struct{})
	r.set(func(log.Batch) error { <-gate; return nil })
	first := s.create("first")
	eventually(t, "the step", func() bool { return s.has("first") })
	x := s.read()
	if u := (*UncommittedError)(nil); !errors.As(<-x.ended, &u) {
		t.Errorf("it ends with %v", u)
	}
	y := s.read()
	if err := <-y.ended; err != nil || len(y.seen) != 1 {
		t.Errorf("the next read sees %v, %v", y.seen, err)
	}
	r.set(nil)
	close(gate)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if n := s.models(); n != 2 {
		t.Errorf("%d models in the end", n)
	}
	s.close()
}

// Whatever fails when: an answer, to a change or to a read, speaks of what is durable at that moment, and of nothing else.
func TestNothingIsAnsweredBeforeItIsDurable(t *testing.T) {
	synctest.Test(t, testNothingIsAnsweredBeforeItIsDurable)
}

func testNothingIsAnsweredBeforeItIsDurable(t *testing.T) {
	s, r := startRecording(t)
	random := rand.New(rand.NewPCG(3, 1))
	r.set(func(log.Batch) error { // one caller at a time
		if random.IntN(25) == 0 {
			return errFull
		}
		return nil
	})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var work sync.WaitGroup
	var mu sync.Mutex
	made, lost, seen := 0, 0, 0
	for w := range 8 {
		work.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				name := fmt.Sprintf("m%d-%d", w, n)
				_, err := s.Step(ctx, engine.CreateModel{Scope: scope, Model: hosting.Model{Name: name}})
				switch u := (*UnwritableError)(nil); {
				case err == nil && !r.has(name):
					t.Errorf("%s is answered and not durable", name)
				case err != nil && !errors.As(err, &u) && ctx.Err() == nil:
					t.Error(err)
				}
				mu.Lock()
				if err == nil {
					made++
				} else {
					lost++
				}
				mu.Unlock()
				time.Sleep(time.Millisecond) // of the bubble's time, which stands still while anybody is busy
				if err != nil {
					eventually(t, "recovery", func() bool { _, is := s.Trouble(); return !is || ctx.Err() != nil })
				}
			}
		})
		work.Go(func() {
			for ctx.Err() == nil {
				var found []string
				err := s.View(ctx, func(_ time.Time, e *engine.Engine) { found = names(e) })
				time.Sleep(time.Millisecond)
				if u := (*UncommittedError)(nil); errors.As(err, &u) || ctx.Err() != nil {
					continue
				}
				if err != nil {
					t.Error(err)
				}
				for _, name := range found {
					if !r.has(name) {
						t.Errorf("a read saw %s, which is not durable", name)
					}
				}
				mu.Lock()
				seen++
				mu.Unlock()
			}
		})
	}
	eventually(t, "enough of everything", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return made > 300 && lost > 8 && seen > 300
	})
	stop()
	work.Wait()
	r.set(nil)
	eventually(t, "recovery", func() bool { _, is := s.Trouble(); return !is })
	s.agreesWithDisk()
	s.close()
}

// A server whose log another one has taken over ends, and answers nothing that it could not record.
func TestAFencedServerEnds(t *testing.T) {
	s, r := startRecording(t)
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "before"}})
	if _, err := r.Lead(t.Context(), log.Start{At: s.Now(), After: s.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := <-s.create("after"); !errors.Is(err, log.ErrFenced) {
		t.Errorf("a change is answered with %v", err)
	}
	if err := <-s.ended; !errors.Is(err, log.ErrFenced) {
		t.Errorf("the server ends with %v", err)
	}
	if r.has("after") {
		t.Error("the change is in the journal")
	}
	s.stop()
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
	if err := s.View(t.Context(), func(time.Time, *engine.Engine) {}); err == nil {
		t.Error("it is still read")
	}
}

// To look at what instances use may take long: observations and steps go on, and what was found comes with a later one.
func TestNothingWaitsForAUsageScan(t *testing.T) { synctest.Test(t, testNothingWaitsForAUsageScan) }

func testNothingWaitsForAUsageScan(t *testing.T) {
	scanning, found := make(chan struct{}, 1), make(chan struct{})
	s := startWith(t, t.TempDir(), 60, func(o *Options) {
		o.Usage = func(ctx context.Context) []engine.InstanceUsage {
			select {
			case scanning <- struct{}{}:
			default:
			}
			select {
			case <-found:
			case <-ctx.Done():
			}
			return []engine.InstanceUsage{{ID: "i-1"}}
		}
	})
	s.setLoad(1)
	<-scanning
	seen := make(chan time.Time, 1000)
	s.onObserve(func(now time.Time) {
		select {
		case seen <- now:
		default:
		}
	})
	for range 100 {
		<-seen
	}
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}})
	close(found)
	eventually(t, "what was found", func() bool {
		there := false
		if err := s.store.Read(t.Context(), 0, func(e log.Entry) error {
			in, _, err := decodeInput(e)
			x, ok := in.(engine.Observed)
			there = there || ok && len(x.Instances) == 1 && len(x.Variants) == 1
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return there
	})
	s.close()
}
