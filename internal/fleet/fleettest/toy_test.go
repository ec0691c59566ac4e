package fleettest_test

import (
	"context"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
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
	logs   []fleet.Log // each of one line, toySays
}

const toySays = "it listens"

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
					f.start(l.Group, i, c.ID)
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
func (f *toy) start(group string, i hosting.InstanceSpec, id hosting.CopyID) {
	instance, began := i.ID, time.Now()
	f.logs = append(f.logs, fleet.Log{
		Copy: id, First: began, Last: began, Bytes: int64(len(toySays)),
		LogOwner: fleet.LogOwner{Account: i.Account, Region: i.Region, Endpoint: i.Endpoint, Variant: i.Variant, Created: began},
	})
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

func (f *toy) Logs(account, region string) ([]fleet.Log, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []fleet.Log
	for _, l := range f.logs {
		if l.Account == account && l.Region == region {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b fleet.Log) int { return strings.Compare(string(a.Copy), string(b.Copy)) })
	return out, nil
}

func (f *toy) ReadLog(_ context.Context, id hosting.CopyID, r fleet.LogRange) iter.Seq2[fleet.Line, error] {
	return func(yield func(fleet.Line, error) bool) {
		f.mu.Lock()
		i := slices.IndexFunc(f.logs, func(l fleet.Log) bool { return l.Copy == id })
		f.mu.Unlock()
		switch {
		case i < 0:
			yield(fleet.Line{}, fleet.ErrNoLog)
		case r.From == 0 && !f.logs[i].First.Before(r.Since) && (r.Until.IsZero() || f.logs[i].First.Before(r.Until)):
			yield(fleet.Line{Next: int64(len(toySays)), Time: f.logs[i].First, Text: []byte(toySays)}, nil)
		}
	}
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
			Ephemeral: true, Unmetered: true, Says: toySays, Running: func() int { return int(f.running.Load()) },
			Open: func(_ *testing.T, report func(hosting.InstanceReport), drain func(context.Context, hosting.CopyID) error) fleet.Fleet {
				f.Options = fleet.Options{Report: report, Drain: drain}
				return f
			},
		}
	})
}
