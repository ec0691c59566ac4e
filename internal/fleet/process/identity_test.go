package process

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
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

// A directory that lost its identity adopts its instances by the log that they write, and says what happened.
func TestADirectoryThatLostItsIdentityKeepsItsInstances(t *testing.T) {
	for name, c := range map[string]struct {
		lose func(file string) error
		says string
	}{
		"removed": {os.Remove, "it is missing"},
		"emptied": {func(file string) error { return os.WriteFile(file, nil, 0o600) }, "it is damaged"},
		"one bit": {func(file string) error {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			text[3] ^= 1
			return os.WriteFile(file, text, 0o600)
		}, "it is damaged"},
	} {
		for _, noCgroups := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				o := options(t.TempDir())
				o.NoCgroups = noCgroups
				f := openReady(t, o, map[string]string{withWorkers: "1"})
				until(t, func() bool { return len(markedOf(o.Dir)) == 3 })
				before := markedOf(o.Dir)
				f.Close()
				if err := c.lose(filepath.Join(o.Dir, "identity")); err != nil {
					t.Fatal(err)
				}
				var log bytes.Buffer
				o.Log = slog.New(slog.NewTextHandler(&log, nil))
				adoptsAndStops(t, o)
				if !strings.Contains(log.String(), c.says) || strings.Contains(log.String(), "a copy") {
					t.Errorf("it logs %s", &log)
				}
				for _, m := range before {
					if (&process{pid: m.pid, born: m.born}).alive() {
						t.Errorf("process %d still runs", m.pid)
					}
				}
				log.Reset()
				f, err := New(o)
				if err != nil {
					t.Fatal(err)
				}
				f.Close()
				if strings.Contains(log.String(), "identity") {
					t.Errorf("at the next start it logs %s", &log)
				}
			})
		}
	}
}

// A directory whose files were all deleted cannot prove that its processes are its own: the log names them.
func TestProcessesOfADeletedDirectoryAreNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fleet")
	o := options(dir)
	f := openReady(t, o, nil)
	pid, born, _ := leaderOf(dir, "i-1")
	f.Close()
	t.Cleanup(func() { _ = syscall.Kill(-pid, syscall.SIGKILL) })
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if !strings.Contains(log.String(), "stop it by hand") || !strings.Contains(log.String(), fmt.Sprintf("pid=%d instance=i-1", pid)) {
		t.Errorf("it logs %s", &log)
	}
	if !(&process{pid: pid, born: born}).alive() {
		t.Error("what is not proven to belong to this directory was killed")
	}
}

// The process of a damaged record is killed, so that its instance can be replaced, and the others are adopted.
func TestADamagedRecordIsSetAside(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "half": `{"Spec":{"ID":"i-`, "no instance": "{}", "null": "null", "another instance's": earlierRecord[:14] + "i-9" + earlierRecord[17:],
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t.TempDir())
			f := openReady(t, o, nil)
			pid, born, _ := leaderOf(o.Dir, "i-1")
			f.Close()
			if err := os.WriteFile(recordFile(o.Dir, "i-1"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
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
			if err := f.StopAll(t.Context()); err != nil {
				t.Error(err)
			}
			if (&process{pid: pid, born: born}).alive() {
				t.Error("the process still runs")
			}
			aside, err := os.ReadFile(filepath.Join(o.Dir, "damaged-i-1.json"))
			if err != nil || string(aside) != text || !strings.Contains(log.String(), "the record of an instance is damaged") {
				t.Errorf("set aside %q (%v); it logs %s", aside, err, &log)
			}
		})
	}
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
