package control

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/log"
)

// countingRestores is a store that counts how often an engine is restored from it.
type countingRestores struct {
	log.Store
	restores atomic.Int64
}

func (r *countingRestores) Snapshots(ctx context.Context) ([]log.Snapshot, error) {
	r.restores.Add(1)
	return r.Store.Snapshots(ctx)
}

func startCounting(t *testing.T) (*server, *faulty, *countingRestores) {
	t.Helper()
	f, r := &faulty{}, &countingRestores{}
	s := startOn(t, t.TempDir(), 1, func(st log.Store) log.Store { r.Store, f.Store = st, r; return f })
	s.deploy()
	return s, f, r
}

// fail lets a commit fail, and returns once readers have the durable state.
func (s *server) fail(f *faulty, name string) {
	s.t.Helper()
	before := s.models()
	f.set(errFull, nil)
	if u := (*UnwritableError)(nil); !errors.As(<-s.create(name), &u) {
		s.t.Error("a change is not refused while the disk is full")
	}
	if n := s.models(); n != before {
		s.t.Errorf("%d models after a commit that failed, want %d", n, before)
	}
}

func (s *server) mend(f *faulty) {
	s.t.Helper()
	f.set(nil, nil)
	eventually(s.t, "recovery", func() bool { _, is := s.Trouble(); return !is })
}

// After a commit that failed the server continues with the follower's engine, so that reads do not wait until one is restored from the log; the next
// snapshot is made from a new one.
func TestAFailedCommitContinuesWithTheFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f, r := startCounting(t)
		for i := range 5 {
			if err := s.Snapshot(t.Context()); err != nil { // the follower has an engine now
				t.Fatal(err)
			}
			s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: fmt.Sprintf("after the snapshot %d", i)}})
			restores := r.restores.Load()
			s.fail(f, fmt.Sprintf("lost %d", i))
			if n := r.restores.Load() - restores; n != 0 {
				t.Errorf("an engine was restored from the log %d times", n)
			}
			s.agreesWithDisk()
			s.mend(f)
			s.agreesWithDisk()
		}
		s.fail(f, "lost") // the follower may have no engine now
		s.agreesWithDisk()
		s.mend(f)
		s.close()
	})
}

// While a commit is slow, reads have the follower's engine, snapshots are refused, and both go on afterwards.
func TestReadsBorrowTheFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, fails := range []bool{false, true} {
			s, f, r := startCounting(t)
			if err := s.Snapshot(t.Context()); err != nil {
				t.Fatal(err)
			}
			gate := make(chan struct{})
			var err error
			if fails {
				err = errFull
			}
			f.set(err, gate)
			restores := r.restores.Load()
			slow := s.create("slow")
			eventually(t, "trouble", func() bool { _, is := s.Trouble(); return is })
			if n := s.models(); n != 1 {
				t.Errorf("%d models while a commit is slow", n)
			}
			if err := s.Snapshot(t.Context()); !errors.Is(err, errLent) {
				t.Errorf("a snapshot is made from an engine that is read: %v", err)
			}
			close(gate)
			if err := <-slow; (err != nil) != fails {
				t.Errorf("the slow commit ends with %v", err)
			}
			s.models()
			if n := r.restores.Load() - restores; n != 0 {
				t.Errorf("an engine was restored from the log %d times", n)
			}
			s.mend(f)
			s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "later"}})
			if err := s.Snapshot(t.Context()); err != nil {
				t.Error(err)
			}
			s.agreesWithDisk()
			s.close()
		}
	})
}

// Commits fail at random, beside snapshots: whatever the server continues with is the durable state, and so is each snapshot.
func TestCommitsFailAtRandom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f, _ := startCounting(t)
		random := rand.New(rand.NewPCG(5, 2))
		s.setLoad(10)
		for i := range 60 {
			switch random.IntN(4) {
			case 0:
				s.fail(f, fmt.Sprintf("lost %d", i))
				s.agreesWithDisk()
				s.mend(f)
			case 1:
				if err := s.Snapshot(t.Context()); err != nil {
					t.Fatal(err)
				}
				s.agreesWithDisk()
			case 2:
				made, fails := make(chan error, 1), random.IntN(2) == 0
				go func() { made <- s.Snapshot(context.WithoutCancel(t.Context())) }()
				if fails {
					s.fail(f, fmt.Sprintf("lost beside a snapshot %d", i))
				}
				s.mend(f)
				<-made // it may have failed
				s.agreesWithDisk()
			default:
				s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: fmt.Sprintf("m%d", i)}})
			}
		}
		s.setLoad(0)
		s.agreesWithDisk()
		s.close()
	})
}
