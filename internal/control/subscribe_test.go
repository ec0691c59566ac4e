package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/log"
)

// committed notes when each entry was committed.
type committed struct {
	log.Store
	mu sync.Mutex
	at map[uint64]time.Time
}

func (c *committed) Append(ctx context.Context, b log.Batch) error {
	err := c.Store.Append(ctx, b)
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range b.Entries {
		c.at[e.Seq] = now
	}
	return err
}

// Under a thousand calls a second on a database, subscribers that start from a sequence number see each entry once, in order, and soon after its
// commit; subscribers that do not read delay neither them nor calls.
func TestSubscribersSeeEventsSoon(t *testing.T) {
	const calls, soon = 1000, 50 * time.Millisecond
	c := &committed{at: map[uint64]time.Time{}}
	s := startOn(t, onDisk(t, t.TempDir()), 1, func(st log.Store) log.Store { c.Store = st; return c })
	first := s.Next()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	var fast, slow sync.WaitGroup
	stuck := make(chan struct{})
	for range 4 {
		slow.Go(func() {
			_ = s.store.Subscribe(ctx, 0, func(log.Entry) error { <-stuck; return ctx.Err() })
		})
	}
	type seen struct {
		seq uint64
		at  time.Time
	}
	var got [2][]seen
	for i := range got {
		fast.Go(func() {
			err := s.store.Subscribe(ctx, first-1, func(e log.Entry) error {
				got[i] = append(got[i], seen{e.Seq, time.Now()})
				if e.Seq >= first+calls-1 {
					return errPast
				}
				return nil
			})
			if !errors.Is(err, errPast) {
				t.Errorf("a subscription ends with %v", err)
			}
		})
	}
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	var work sync.WaitGroup
	for n := range calls {
		<-pace.C
		work.Go(func() { s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: fmt.Sprintf("m%d", n)}}) })
	}
	work.Wait()
	fast.Wait() // both have everything while the others still hold their first entry
	close(stuck)
	stop()
	slow.Wait()
	s.close()
	for i, all := range got {
		var late []time.Duration
		for n, x := range all {
			if x.seq != first+uint64(n) {
				t.Fatalf("subscriber %d: entry %d is %d", i, n, x.seq)
			}
			late = append(late, x.at.Sub(c.at[x.seq]))
		}
		if len(late) < calls {
			t.Fatalf("subscriber %d has %d entries", i, len(late))
		}
		slices.Sort(late)
		if x := late[len(late)*95/100]; x > soon { // the slowest belong to whatever else the machine does
			t.Errorf("subscriber %d: 95 of 100 entries come %v after their commit", i, x)
		}
	}
}
