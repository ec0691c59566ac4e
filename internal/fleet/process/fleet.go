package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/fleet"
	"bellows.dev/bellows/internal/machine"
	"bellows.dev/bellows/internal/modeldata"
)

// Options are what a fleet works with. Unset durations and sizes have defaults.
type Options struct {
	// Dir holds records and logs. Two fleets on one are refused.
	Dir string

	// Command returns what runs an image, or why nothing does.
	Command func(image string) (Program, error)

	// Report takes the fleet's word about an instance. It may block.
	Report func(hosting.InstanceReport)

	// Drain returns once no invocation is in flight at an instance that routes no longer name, or when ctx ends.
	Drain func(ctx context.Context, id hosting.InstanceID) error

	Log *slog.Logger

	// Activity returns how many invocations an instance has in flight and when it last answered one. Nil: only pings count.
	Activity func(hosting.InstanceID) (inFlight int, answered time.Time)

	PingInterval time.Duration // between health checks of an instance that serves; default 5 s
	PingTimeout  time.Duration // of one; default 2 s
	PingFailures int           // missed in a row after which the instance is started again; default 3
	BusyMax      time.Duration // for which invocations in flight, none of them answered, excuse missed pings; default 60 s
	DrainTimeout time.Duration // default 60 s
	KillAfter    time.Duration // between SIGTERM and SIGKILL; default 30 s
	LogMax       int64         // bytes of an instance's log, kept twice; default 10 MB
	LogsKept     int           // instances that are gone whose logs are kept, the latest ones; default 100

	// NoCgroups makes the fleet do without control groups where there are some: it then finds an instance's processes by descent.
	NoCgroups bool

	// Data fetches model data; models that have some are refused without it.
	Data *modeldata.Cache

	// Machine counts what instances take and gives their limits; without it there is no bound.
	Machine *machine.Machine

	// Limits says whether instances are held to their types' memory and CPU; "" is LimitsAuto.
	Limits LimitsMode
}

// Fleet is a process fleet.
type Fleet struct {
	o       Options
	lock    *os.File
	owner   owner
	cgroups *cgroups // nil where there are none
	lineage *lineage // nil where there are control groups
	boot    string

	unlimited string // why instances are not held to their types' memory and CPU; "" where they are

	ctx     context.Context //nolint:containedctx // the keepers' life, which no caller's call bounds
	cancel  context.CancelFunc
	keepers sync.WaitGroup

	settings atomic.Pointer[Settings]

	mu        sync.Mutex
	closed    bool
	instances map[hosting.InstanceID]*instance
	groups    map[hosting.InstanceID]string // of the instances that levels have named
	variants  map[variantKey]*variant       // of the instances
	ports     map[int]bool                  // given to instances
	adopted   []hosting.InstanceID
	ended     []hosting.InstanceID // by the StopAll of an earlier server

	usage meter
}

var _ fleet.Fleet = (*Fleet)(nil)

// New opens a fleet's directory and adopts the instances of an earlier server that still run.
func New(o Options) (*Fleet, error) {
	o = o.withDefaults()
	for _, d := range []string{o.Dir, filepath.Join(o.Dir, "instances"), filepath.Join(o.Dir, "logs")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("making the fleet's directory: %w", err)
		}
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("finding the fleet's directory: %w", err)
	}
	o.Dir = dir
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &Fleet{
		o: o, lock: lock, boot: bootID(), ctx: ctx, cancel: cancel, ports: map[int]bool{}, variants: map[variantKey]*variant{},
		instances: map[hosting.InstanceID]*instance{}, groups: map[hosting.InstanceID]string{},
	}
	f.settings.Store(o.settings())
	err = f.own()
	if err == nil {
		err = f.adopt()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	if f.ended, err = readEnded(dir); err != nil {
		o.Log.Warn("which instances the last stop ended is not known: they count as lost", "error", err)
	}
	return f, nil
}

// own finds what tells the fleet's processes from others.
func (f *Fleet) own() (err error) {
	if f.owner, err = openOwner(f.o.Dir); err != nil {
		return err
	}
	if f.o.NoCgroups {
		err = errors.New("switched off")
	} else {
		f.cgroups, err = openCgroups(f.owner.identity)
	}
	if err := f.openLimits(err); err != nil {
		return err
	}
	if err == nil {
		return nil
	}
	f.o.Log.Info("instances run without control groups: their processes are found by descent", "reason", err)
	if f.lineage, err = newLineage(f.owner); err != nil {
		f.o.Log.Warn("daemons that instances start cannot all be found", "error", err)
		return nil
	}
	f.keepers.Go(func() { f.lineage.run(f.ctx) })
	return nil
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		is    *time.Duration
		value time.Duration
	}{
		{&o.PingInterval, 5 * time.Second}, {&o.PingTimeout, 2 * time.Second}, {&o.DrainTimeout, time.Minute}, {&o.KillAfter, 30 * time.Second},
		{&o.BusyMax, time.Minute},
	} {
		if *d.is == 0 {
			*d.is = d.value
		}
	}
	if o.PingFailures == 0 {
		o.PingFailures = 3
	}
	if o.LogMax == 0 {
		o.LogMax = 10_000_000
	}
	if o.LogsKept == 0 {
		o.LogsKept = 100
	}
	return o
}

func (f *Fleet) instance(s hosting.InstanceSpec) *instance {
	i := &instance{fleet: f, spec: s, variant: f.variant(s), stop: make(chan struct{})}
	f.instances[s.ID] = i
	return i
}

// keep starts an instance's keeper.
func (f *Fleet) keep(i *instance) {
	f.keepers.Go(func() {
		if gone := i.keep(f.ctx); !gone {
			return
		}
		f.mu.Lock()
		delete(f.instances, i.spec.ID)
		delete(f.groups, i.spec.ID)
		f.leaveVariant(i.spec)
		f.mu.Unlock()
		f.o.Report(hosting.InstanceReport{ID: i.spec.ID, State: hosting.FleetGone})
	})
}

// Apply implements fleet.Fleet.
func (f *Fleet) Apply(levels []fleet.Level) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	for _, l := range levels {
		f.apply(l)
	}
}

func (f *Fleet) apply(l fleet.Level) {
	named := map[hosting.InstanceID]bool{}
	for _, s := range l.Instances {
		named[s.ID] = true
		i := f.instances[s.ID]
		switch {
		case i == nil && s.Draining: // gone already, and perhaps nobody heard
			id := s.ID
			f.keepers.Go(func() { f.o.Report(hosting.InstanceReport{ID: id, State: hosting.FleetGone}) })
		case i == nil:
			f.groups[s.ID] = l.Group
			f.keep(f.instance(s))
		default:
			f.groups[s.ID] = l.Group
			if s.Draining {
				i.end()
			}
		}
	}
	for id, group := range f.groups {
		if i := f.instances[id]; group == l.Group && !named[id] && i != nil {
			i.end()
		}
	}
}

// Adopted implements fleet.Fleet.
func (f *Fleet) Adopted() []hosting.InstanceID { return slices.Clone(f.adopted) }

// Ended implements fleet.Fleet.
func (f *Fleet) Ended() []hosting.InstanceID { return slices.Clone(f.ended) }

// Reap implements fleet.Fleet.
func (f *Fleet) Reap() {
	if err := removeEnded(f.o.Dir); err != nil {
		f.o.Log.Warn("the note of the instances that the last stop ended could not be removed", "error", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range f.adopted {
		if _, named := f.groups[id]; !named && f.instances[id] != nil {
			f.o.Log.Warn("stopping an instance that nothing wants any more", "instance", string(id))
			f.instances[id].end()
		}
	}
}

// Close implements fleet.Fleet.
func (f *Fleet) Close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.cancel()
	f.keepers.Wait()
	if f.cgroups != nil {
		if err := f.cgroups.close(); err != nil {
			f.o.Log.Warn("the fleet's control group is left behind", "error", err)
		}
	}
	if err := f.lock.Close(); err != nil {
		f.o.Log.Warn("the fleet's lock could not be closed", "error", err)
	}
}

// StopAll implements fleet.Fleet.
func (f *Fleet) StopAll(ctx context.Context) error {
	defer f.Close()
	f.mu.Lock()
	f.closed = true
	if err := writeEnded(f.o.Dir, slices.Sorted(maps.Keys(f.instances))); err != nil {
		f.o.Log.Warn("the instances that this stop ends could not be noted: the next server will call them lost", "error", err)
	}
	for _, i := range f.instances {
		i.end()
	}
	f.mu.Unlock()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		f.mu.Lock()
		left := slices.Sorted(maps.Keys(f.instances))
		f.mu.Unlock()
		if len(left) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return &fleet.LeftError{Instances: left, Err: context.Cause(ctx)}
		case <-poll.C:
		}
	}
}

// newCgroup makes an instance's control group; the zero value where there are none.
func (f *Fleet) newCgroup(id hosting.InstanceID) cgroup {
	if f.cgroups == nil {
		return cgroup{}
	}
	g, err := f.cgroups.create(id)
	if err != nil {
		f.o.Log.Warn("an instance runs without a control group", "instance", string(id), "error", err)
		return cgroup{}
	}
	return g
}

// forget removes what an instance has on disk, save for its log. The record goes last: until then a crash leaves all to be found.
func (f *Fleet) forget(id hosting.InstanceID) {
	err := errors.Join(os.RemoveAll(f.models(id)), removeRecord(f.o.Dir, id), f.pruneLogs())
	if err != nil {
		f.o.Log.Warn("an instance's files could not be removed", "instance", string(id), "error", err)
	}
}

// models is where an earlier version unpacked the model data of an instance, which may still run.
func (f *Fleet) models(id hosting.InstanceID) string {
	return filepath.Join(f.o.Dir, "models", string(id))
}

// LogFile returns the path of an instance's log.
func (f *Fleet) LogFile(id hosting.InstanceID) string {
	return filepath.Join(f.o.Dir, "logs", string(id)+".log")
}
