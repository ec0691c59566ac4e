package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"bellows.dev/bellows/hosting"
)

const (
	// halfStarted is how long a child of a killed server may take to become the program it was to be. Until then it has neither a
	// record nor marks, and holds the lock.
	halfStarted = 500 * time.Millisecond

	// unpacking ends the name of a folder that is not whole yet.
	unpacking = ".new"
)

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

// adopt takes the instances of an earlier server: by their records, and then by their marks those that a crash left without one.
// What else carries the fleet's marks is killed.
func (f *Fleet) adopt() error {
	records, err := readRecords(f.o.Dir)
	if err != nil {
		return err
	}
	var lost []hosting.InstanceID
	half := time.Now().Add(halfStarted)
	for _, r := range records {
		p := f.find(r, time.Until(half))
		if p == nil {
			lost = append(lost, r.Spec.ID)
			continue
		}
		f.ports[r.Port] = true
		i := f.instance(r.Spec)
		i.found = p
		f.adopted = append(f.adopted, r.Spec.ID)
	}
	slices.Sort(f.adopted)
	for _, m := range allMarked(f.o.Dir) {
		if f.instances[m.id] == nil {
			f.o.Log.Warn("killing a process that no record names", "pid", m.pid, "instance", string(m.id))
			if !killMarked(f.ctx, f.o.Dir, m.id) {
				f.o.Log.Error("a killed process does not end", "pid", m.pid, "instance", string(m.id))
			}
		}
	}
	for _, id := range lost {
		f.forget(id)
	}
	if err := f.sweepModels(); err != nil {
		return err
	}
	for _, id := range f.adopted {
		f.keep(f.instances[id])
	}
	return nil
}

// find returns the process that a record is about, nil where it does not run. One without a number was about to start when the
// server ended: it is waited for.
func (f *Fleet) find(r record, most time.Duration) *process {
	p := &process{pid: r.PID, born: r.Born, port: r.Port}
	if r.PID == 0 {
		found := await(f.ctx, most, func() (found bool) {
			p.pid, p.born, found = findLeader(f.o.Dir, r.Spec.ID)
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
	return p
}

// sweepModels removes the model data of instances that do not run, and what was half unpacked.
func (f *Fleet) sweepModels() error {
	folders, err := os.ReadDir(filepath.Join(f.o.Dir, "models"))
	if err != nil {
		return fmt.Errorf("reading the unpacked models: %w", err)
	}
	for _, d := range folders {
		if !strings.HasSuffix(d.Name(), unpacking) && f.instances[hosting.InstanceID(d.Name())] != nil {
			continue
		}
		if err := os.RemoveAll(filepath.Join(f.o.Dir, "models", d.Name())); err != nil {
			return fmt.Errorf("removing an unpacked model: %w", err)
		}
	}
	return nil
}
