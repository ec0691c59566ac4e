package fleettest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/fleet"
	"bellows.dev/bellows/internal/fleet/fleettest"
)

// toy is the smallest fleet: its copies are servers within the process, and end with it. CONTRIBUTING.md refers to it.
type toy struct {
	fleet.Options
	running atomic.Int64
	work    sync.WaitGroup

	mu     sync.Mutex
	copies map[hosting.CopyID]*toyCopy
}

// toyCopy is one copy, until it is gone.
type toyCopy struct {
	group string
	stop  context.CancelFunc
}

func (f *toy) Apply(levels []fleet.Level) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range levels {
		wanted := map[hosting.CopyID]bool{}
		for _, i := range l.Instances {
			for _, c := range i.Copies {
				wanted[c.ID] = !i.Draining && !c.Draining
				if f.copies[c.ID] == nil && wanted[c.ID] {
					f.start(l.Group, i.ID, c.ID)
				} else if f.copies[c.ID] == nil { // it is gone, and perhaps its report did not arrive
					f.work.Go(func() { f.Report(hosting.NewReport(i.ID, c.ID, hosting.FleetGone)) })
				}
			}
		}
		for id, c := range f.copies {
			if c.group == l.Group && !wanted[id] {
				c.stop()
			}
		}
	}
}

// start runs a copy until it is stopped, and reports both. The lock is held.
func (f *toy) start(group string, instance hosting.InstanceID, id hosting.CopyID) {
	life, stop := context.WithCancel(context.Background())
	f.copies[id] = &toyCopy{group, stop}
	f.work.Go(func() {
		now := time.Now()
		s := httptest.NewServer(http.NotFoundHandler())
		f.running.Add(1)
		ready := hosting.NewReport(instance, id, hosting.FleetReady)
		ready.Address = s.Listener.Addr().String()
		ready.Stages = hosting.Stages{Asked: now, Scheduled: now, Started: now, Healthy: time.Now()}
		f.Report(ready)
		<-life.Done()
		_ = f.Drain(context.Background(), id) // without a deadline it does not fail
		s.Close()
		f.running.Add(-1)
		f.mu.Lock()
		delete(f.copies, id)
		f.mu.Unlock()
		f.Report(hosting.NewReport(instance, id, hosting.FleetGone))
	})
}

func (f *toy) StopAll(context.Context) error {
	f.mu.Lock()
	for _, c := range f.copies {
		c.stop()
	}
	f.mu.Unlock()
	f.work.Wait()
	return nil
}

func (f *toy) Close()                              { _ = f.StopAll(context.Background()) }
func (f *toy) Adopted() []hosting.CopyID           { return nil }
func (f *toy) Ended() []hosting.CopyID             { return nil }
func (f *toy) Reap()                               {}
func (f *toy) Usage(context.Context) []fleet.Usage { return nil }
func (f *toy) SetSettings(fleet.Settings)          {}
func (f *toy) Unlimited() string                   { return "its copies run within the server" }

func TestToy(t *testing.T) {
	fleettest.Run(t, func(*testing.T) fleettest.Harness {
		f := &toy{copies: map[hosting.CopyID]*toyCopy{}}
		return fleettest.Harness{
			Ephemeral: true, Unmetered: true, Running: func() int { return int(f.running.Load()) },
			Open: func(_ *testing.T, report func(hosting.InstanceReport), drain func(context.Context, hosting.CopyID) error) fleet.Fleet {
				f.Options = fleet.Options{Report: report, Drain: drain}
				return f
			},
		}
	})
}
