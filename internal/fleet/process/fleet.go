package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/fleet"
)

// Options are what a process fleet works with: what every fleet does, and its own.
type Options struct {
	fleet.Options

	LogsKept int // copies that are gone whose logs are kept, the latest ones, each of at most twice LogMax; default 100

	// NoCgroups makes the fleet do without control groups where there are some: it then finds a copy's processes by descent.
	NoCgroups bool
}

// Kind is the process fleet as a server may use it.
func Kind() fleet.Kind {
	return fleet.Kind{Name: "process", Open: func(o fleet.Options) (fleet.Fleet, error) {
		f, err := New(Options{Options: o})
		if err != nil {
			return nil, err // and not an interface that holds a nil fleet
		}
		return f, nil
	}}
}

// Fleet is a process fleet.
type Fleet struct {
	o       Options
	lock    *os.File
	owner   owner
	cgroups *cgroups // nil where there are none
	lineage *lineage // nil where there are control groups
	boot    string

	unlimited string // why copies are not held to their memory and CPU; "" where they are

	ctx    context.Context //nolint:containedctx // the keepers' life, which no caller's call bounds
	cancel context.CancelFunc
	work   sync.WaitGroup // of keepers, and of reports

	settings atomic.Pointer[fleet.Settings]

	mu       sync.Mutex
	closed   bool
	keepers  map[hosting.CopyID]*keeper
	groups   map[hosting.CopyID]string // of the copies that levels have named
	variants map[variantKey]*variant   // of the copies
	ports    map[int]bool              // given to copies
	adopted  []hosting.CopyID
	ended    []hosting.CopyID // by the StopAll of an earlier server

	usage meter

	logs  sync.Mutex                // guards the files of logs, but for what processes write
	times map[hosting.CopyID]*times // of the logs that were used
}

var _ fleet.Fleet = (*Fleet)(nil)

// New opens a fleet's directory and adopts the copies of an earlier server that still run.
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
		keepers: map[hosting.CopyID]*keeper{}, groups: map[hosting.CopyID]string{},
	}
	f.settings.Store(&o.Settings)
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

// own determines how the fleet's processes are recognised: by identity, control groups or descent.
func (f *Fleet) own() (err error) {
	if f.owner, err = openOwner(f.o.Dir); err != nil {
		return err
	}
	if f.owner.lost != "" {
		f.o.Log.Warn("the identity of the fleet's directory is replaced by a new one; instances of before are recognised by the log that they write",
			"file", filepath.Join(f.o.Dir, "identity"), "reason", f.owner.lost)
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
	f.work.Go(func() { f.lineage.run(f.ctx) })
	return nil
}

func (o Options) withDefaults() Options {
	o.Options = o.WithDefaults()
	if o.LogsKept == 0 {
		o.LogsKept = 100
	}
	return o
}

// SetSettings implements fleet.Fleet.
func (f *Fleet) SetSettings(s fleet.Settings) { f.settings.Store(&s) }

// keeper makes the keeper of one copy of an instance.
func (f *Fleet) keeper(i hosting.InstanceSpec, c hosting.CopySpec) *keeper {
	i.Copies = nil
	k := &keeper{fleet: f, instance: i, spec: c, variant: f.variant(i, c), stop: make(chan struct{})}
	f.keepers[c.ID] = k
	return k
}

// run starts a keeper.
func (f *Fleet) run(k *keeper) {
	f.work.Go(func() {
		if gone := k.keep(f.ctx); !gone {
			return
		}
		f.drop(k)
		f.o.Report(k.reportOf(hosting.FleetGone))
	})
}

// drop forgets a copy that is gone, and gives its instance's room on the machine back with the last copy.
func (f *Fleet) drop(k *keeper) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.keepers, k.spec.ID)
	delete(f.groups, k.spec.ID)
	f.leaveVariant(k)
	if f.o.Machine == nil {
		return
	}
	for _, other := range f.keepers {
		if other.instance.ID == k.instance.ID {
			return
		}
	}
	f.o.Machine.Give(string(k.instance.ID))
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
	named := map[hosting.CopyID]bool{}
	for _, i := range l.Instances {
		for _, c := range i.Copies {
			named[c.ID] = true
			f.want(l.Group, i, c)
		}
	}
	for id, group := range f.groups {
		if k := f.keepers[id]; group == l.Group && !named[id] && k != nil {
			k.end()
		}
	}
}

// want starts one copy of a level's instance, or ends it.
func (f *Fleet) want(group string, i hosting.InstanceSpec, c hosting.CopySpec) {
	k, draining := f.keepers[c.ID], i.Draining || c.Draining
	if k == nil && draining { // gone already, and perhaps its report did not arrive
		f.work.Go(func() { f.o.Report(hosting.NewReport(i.ID, c.ID, hosting.FleetGone)) })
		return
	}
	f.groups[c.ID] = group
	if k == nil {
		f.run(f.keeper(i, c))
	} else if draining {
		k.end()
	}
}

// Adopted implements fleet.Fleet.
func (f *Fleet) Adopted() []hosting.CopyID { return slices.Clone(f.adopted) }

// Ended implements fleet.Fleet.
func (f *Fleet) Ended() []hosting.CopyID { return slices.Clone(f.ended) }

// Reap implements fleet.Fleet.
func (f *Fleet) Reap() {
	if err := removeEnded(f.o.Dir); err != nil {
		f.o.Log.Warn("the note of the instances that the last stop ended could not be removed", "error", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range f.adopted {
		if _, named := f.groups[id]; !named && f.keepers[id] != nil {
			f.o.Log.Warn("stopping an instance that nothing wants any more", "instance", string(id))
			f.keepers[id].end()
		}
	}
}

// Close implements fleet.Fleet.
func (f *Fleet) Close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.cancel()
	f.work.Wait()
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
	if err := writeEnded(f.o.Dir, slices.Sorted(maps.Keys(f.keepers))); err != nil {
		f.o.Log.Warn("the instances that this stop ends could not be noted: the next server will call them lost", "error", err)
	}
	for _, k := range f.keepers {
		k.end()
	}
	f.mu.Unlock()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		left := f.left()
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

// left returns the instances of which a copy is there, sorted.
func (f *Fleet) left() []hosting.InstanceID {
	f.mu.Lock()
	defer f.mu.Unlock()
	left := map[hosting.InstanceID]bool{}
	for _, k := range f.keepers {
		left[k.instance.ID] = true
	}
	return slices.Sorted(maps.Keys(left))
}

// newCgroup makes a copy's control group; the zero value where there are none.
func (f *Fleet) newCgroup(id hosting.CopyID) cgroup {
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

// forget removes what a copy has on disk, save for its log. The record goes last, so that a crash before leaves everything to be found.
func (f *Fleet) forget(id hosting.CopyID) {
	err := f.note(id, time.Now(), true)
	if errors.Is(err, fs.ErrNotExist) { // it was never started
		err = nil
	}
	err = errors.Join(err, os.RemoveAll(f.models(id)), removeRecord(f.o.Dir, id), f.pruneLogs())
	if err != nil {
		f.o.Log.Warn("an instance's files could not be removed", "instance", string(id), "error", err)
	}
}

// models is where an earlier version unpacked the model data of an instance, which may still run.
func (f *Fleet) models(id hosting.CopyID) string {
	return filepath.Join(f.o.Dir, "models", string(id))
}

// LogFile returns the path of a copy's log.
func (f *Fleet) LogFile(id hosting.CopyID) string {
	return filepath.Join(f.o.Dir, "logs", string(id)+".log")
}
