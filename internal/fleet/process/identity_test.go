package process

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bellows.dev/bellows/hosting"
)

// markedOf returns the processes that carry the marks of the fleet at dir.
func markedOf(dir string) []marked {
	dir, err := filepath.Abs(dir)
	if err != nil {
		panic(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "identity")); err != nil {
		return nil // there is no fleet yet, and it is not for a test to make its identity
	}
	o, err := openOwner(dir)
	if err != nil {
		panic(err)
	}
	return o.marked()
}

// leaderOf returns the process of an instance of the fleet at dir.
func leaderOf(dir string, id hosting.CopyID) (pid int, born uint64, found bool) {
	for _, m := range markedOf(dir) {
		if m.id == id && m.group == m.pid && (!found || m.born < born) {
			pid, born, found = m.pid, m.born, true
		}
	}
	return pid, born, found
}

// copied copies a directory with everything that copying can keep.
func copied(t *testing.T, dir string, flags string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if out, err := exec.CommandContext(t.Context(), "cp", flags, dir, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return to
}

// leavesAlone opens and stops a fleet that must not touch i-1 of the fleet at dir, which runs, and returns what the fleet logs.
func leavesAlone(t *testing.T, dir string, o Options) string {
	t.Helper()
	pid, born, found := leaderOf(dir, "i-1")
	if !found {
		t.Fatal("i-1 does not run")
	}
	var log bytes.Buffer
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Adopted(); len(got) != 0 {
		t.Errorf("adopted %v", got)
	}
	f.Reap()
	if err := f.StopAll(t.Context()); err != nil {
		t.Error(err)
	}
	if !(&process{pid: pid, born: born}).alive() {
		t.Error("the original's instance was ended")
	}
	return log.String()
}

// A server on a copy of a data directory must not touch the original's instances: beside a live server, beside one that has ended, and
// whatever made the copy.
func TestACopyLeavesTheOriginalsInstancesAlone(t *testing.T) {
	const says = "runs for another data directory, of which this one is a copy"
	for _, noCgroups := range []bool{false, true} {
		dir := t.TempDir()
		o := options(dir)
		o.NoCgroups = noCgroups
		f := openReady(t, o, map[string]string{withWorkers: "1"})
		o.Dir = copied(t, dir, "-a")
		if log := leavesAlone(t, dir, o); !strings.Contains(log, says) {
			t.Errorf("beside a live server it logs %s", log)
		}
		f.Close()
		o.Dir = copied(t, dir, "-al") // hard links: the very same files
		if log := leavesAlone(t, dir, o); !strings.Contains(log, says) {
			t.Errorf("beside one that has ended it logs %s", log)
		}
		o.Dir = dir
		adoptsAndStops(t, o)
	}
}

// adoptsAndStops opens a fleet that must adopt i-1, and stops all that it has.
func adoptsAndStops(t *testing.T, o Options) {
	t.Helper()
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Adopted(); !slices.Equal(got, []hosting.CopyID{"i-1"}) {
		t.Errorf("adopted %v", got)
	}
	if err := f.StopAll(t.Context()); err != nil {
		t.Error(err)
	}
	if left := markedOf(o.Dir); len(left) != 0 {
		t.Errorf("left %+v", left)
	}
}

// A directory that is moved, and one that is reached by another path, keeps its instances.
func TestAMovedDirectoryKeepsItsInstances(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "before")
	openReady(t, options(dir), nil).Close()
	moved := filepath.Join(t.TempDir(), "after")
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(moved, link); err != nil {
		t.Fatal(err)
	}
	adoptsAndStops(t, options(link))
}

// An instance that an earlier version started is marked with its directory's path. It is adopted where its output shows that the directory
// is this one, and not by what has taken the directory's place.
func TestInstancesOfAnEarlierVersion(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fleet")
	o := options(dir)
	o.NoCgroups = true
	reports := make(chan hosting.InstanceReport, 100)
	o.Report = func(r hosting.InstanceReport) { reports <- r }
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	f.owner.identity = dir
	f.Apply(levelOf(alone(hosting.CopySpec{ID: "i-1", Image: "demo"})))
	if r := next(reports); r.State != hosting.FleetReady {
		t.Fatalf("%+v", r)
	}
	f.Close()
	aside := dir + ".aside"
	if err := os.Rename(dir, aside); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(copied(t, aside, "-a"), dir); err != nil {
		t.Fatal(err)
	}
	o = options(dir)
	if log := leavesAlone(t, aside, o); !strings.Contains(log, "left alone") {
		t.Errorf("it logs %s", log)
	}
	o.Dir = aside
	adoptsAndStops(t, o)
}
