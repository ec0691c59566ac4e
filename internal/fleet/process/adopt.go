package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"bellows.dev/bellows/hosting"
)

// halfStarted is how long a child of a killed server may take to execute its program. Until then it has neither a
// record nor marks, and holds the lock.
const halfStarted = 500 * time.Millisecond

// lockDir takes the directory's lock.
func lockDir(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the fleet's directory: %w", err)
	}
	await(context.Background(), halfStarted, func() bool {
		err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		return !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR)
	})
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		err = fmt.Errorf("the fleet's directory %s is in use by another server", dir)
	case err != nil:
		err = fmt.Errorf("locking the fleet's directory: %w", err)
	default:
		return lock, nil
	}
	return nil, errors.Join(err, lock.Close())
}

// adopt takes over the copies of an earlier server that have records and are proven to belong to this directory. Processes that
// belong to it by their marks or control groups, and to no record, are killed. A process that a record names and that is not proven to
// belong to this directory is left alone.
func (f *Fleet) adopt() error {
	records, err := readRecords(f.o.Dir, f.o.Log)
	if err != nil {
		return err
	}
	var lost []record
	half := time.Now().Add(halfStarted)
	for _, r := range records {
		p := f.find(r, time.Until(half))
		if p == nil {
			lost = append(lost, r)
			continue
		}
		f.ports[r.Port] = true
		k := f.keeper(r.Spec, r.Spec.Copies[0])
		k.found = p
		f.lineage.adopt(r.id(), identity{p.pid, p.born})
		k.hold(r.Content)
		f.noteFound(k)
		f.adopted = append(f.adopted, r.id())
	}
	slices.Sort(f.adopted)
	f.killUnnamed()
	for _, m := range f.owner.orphans() {
		f.o.Log.Error("a process that a fleet's directory at this path started still runs, and its files were deleted: stop it by hand",
			"pid", m.pid, "instance", string(m.id))
	}
	for _, r := range lost {
		f.endCgroup(r.id(), f.ownCgroup(r.Cgroup))
		f.forget(r.id())
	}
	if err := f.sweepModels(); err != nil {
		return err
	}
	for _, id := range f.adopted {
		f.run(f.keepers[id])
	}
	return nil
}

// find returns the process of a record, nil where it does not run or does not belong to this directory. One without a process
// number was about to start when the server ended: find waits for it, at most so long.
func (f *Fleet) find(r record, most time.Duration) *process {
	p := &process{pid: r.PID, born: r.Born, port: r.Port, group: f.ownCgroup(r.Cgroup)}
	if r.PID == 0 {
		found := await(f.ctx, most, func() (found bool) {
			p.pid, p.born, found = f.owner.leader(r.id())
			return found
		})
		if !found {
			return nil
		}
		return p
	}
	if r.Boot != f.boot || !p.alive() {
		return nil
	}
	owned := f.owner.owns(p.pid, r.id())
	if owned == ownershipForeign && f.owner.lost != "" { // its mark may be of this directory's earlier identity
		owned = ownershipUnknown
	}
	switch owned {
	case ownershipOurs:
		return p
	case ownershipForeign:
		f.o.Log.Warn("an instance in the records runs for another data directory, of which this one is a copy: it is left alone",
			"instance", string(r.id()), "pid", p.pid)
	case ownershipUnknown:
		f.o.Log.Warn("nothing shows that an instance in the records runs for this data directory: it is left alone; stop it by hand if it does",
			"instance", string(r.id()), "pid", p.pid)
	}
	return nil
}

// killUnnamed kills the processes that belong to this directory and to no copy that was adopted.
func (f *Fleet) killUnnamed() {
	for _, m := range f.owner.marked() {
		if f.keepers[m.id] == nil {
			f.o.Log.Warn("killing a process that no record names", "pid", m.pid, "instance", string(m.id))
			if !f.killRest(m.id) {
				f.o.Log.Error("a killed process does not end", "pid", m.pid, "instance", string(m.id))
			}
		}
	}
	if f.cgroups == nil {
		return
	}
	names, err := os.ReadDir(f.cgroups.dir)
	if err != nil {
		f.o.Log.Warn("the control groups of an earlier server cannot be read", "error", err)
	}
	for _, d := range names {
		if id := hosting.CopyID(d.Name()); d.IsDir() && f.keepers[id] == nil {
			f.endCgroup(id, cgroup{filepath.Join(f.cgroups.dir, d.Name())})
		}
	}
}

// ownCgroup is the control group that a record names, if it belongs to this directory: a record in a copy of a directory names one of the
// original's.
func (f *Fleet) ownCgroup(dir string) cgroup {
	if !f.owner.ownGroup(filepath.Base(filepath.Dir(dir))) {
		return cgroup{}
	}
	if _, err := os.Stat(dir); err != nil {
		return cgroup{}
	}
	return cgroup{dir}
}

// endCgroup kills what is left in a copy's control group and removes it. An earlier server may have run in another group than this
// one: its fleet's group is removed with the last copy.
func (f *Fleet) endCgroup(id hosting.CopyID, g cgroup) {
	if g.dir == "" {
		return
	}
	err := g.kill(context.Background())
	if err == nil {
		err = g.remove()
	}
	if above := filepath.Dir(g.dir); err == nil && (f.cgroups == nil || above != f.cgroups.dir) {
		err = (&cgroups{above}).close()
	}
	if err != nil {
		f.o.Log.Warn("an instance's control group is left behind", "instance", string(id), "error", err)
	}
}

// sweepModels removes what an earlier version unpacked for instances that do not run.
func (f *Fleet) sweepModels() error {
	folders, err := os.ReadDir(filepath.Join(f.o.Dir, "models"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the unpacked models: %w", err)
	}
	for _, d := range folders {
		if f.keepers[hosting.CopyID(d.Name())] != nil {
			continue
		}
		if err := os.RemoveAll(filepath.Join(f.o.Dir, "models", d.Name())); err != nil {
			return fmt.Errorf("removing an unpacked model: %w", err)
		}
	}
	return nil
}
