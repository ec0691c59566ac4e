package process

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/fleet"
)

// openReady starts one instance and waits until it serves.
func openReady(t *testing.T, o Options, env map[string]string) *Fleet {
	t.Helper()
	ready := make(chan hosting.InstanceReport, 100)
	o.Report = func(r hosting.InstanceReport) { ready <- r }
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s := alone(hosting.CopySpec{ID: "i-1", Image: "demo", StartupTimeout: time.Minute, Environment: env})
	f.Apply([]fleet.Level{{Group: "g", Instances: []hosting.InstanceSpec{s}}})
	if r := next(ready); r.State != hosting.FleetReady {
		t.Errorf("%+v", r)
	}
	return f
}

// Workers go with their instance, also those that left its process group and heed nothing.
func TestWorkersEndWithTheirInstance(t *testing.T) {
	dir := t.TempDir()
	f := openReady(t, options(dir), map[string]string{withWorkers: "1"})
	until(t, func() bool { return len(markedOf(dir)) == 3 })
	f.Usage(t.Context())
	if n := len(f.members()); n != 3 {
		t.Errorf("usage is of %d processes, want 3", n)
	}
	if err := f.StopAll(t.Context()); err != nil {
		t.Error(err)
	}
	if left := markedOf(dir); len(left) != 0 {
		t.Errorf("left %+v", left)
	}
}

// A leader may end while no server runs. Its workers are useless and are killed.
func TestWorkersWithoutTheirLeaderAreKilled(t *testing.T) {
	dir := t.TempDir()
	f := openReady(t, options(dir), map[string]string{withWorkers: "1"})
	until(t, func() bool { return len(markedOf(dir)) == 3 })
	f.Close()
	r := recordsOf(t, dir)[0]
	if err := unix.Kill(r.PID, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return !(&process{pid: r.PID, born: r.Born}).alive() })
	next, err := New(options(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := next.StopAll(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if left := markedOf(dir); len(left) != 0 || len(next.Adopted()) != 0 {
		t.Errorf("left %+v, adopted %v", left, next.Adopted())
	}
	if left := recordsOf(t, dir); len(left) != 0 {
		t.Errorf("records %+v", left)
	}
}

// A daemon leaves its parents, its session and its environment, and ends with its instance all the same: with control groups, and by its
// descent without.
func TestDaemonsEndWithTheirInstance(t *testing.T) {
	for _, noCgroups := range []bool{false, true} {
		t.Run(fmt.Sprintf("without cgroups %t", noCgroups), func(t *testing.T) {
			if !noCgroups {
				withCgroups(t)
			}
			dir := t.TempDir()
			o := options(dir)
			o.NoCgroups = noCgroups
			f := openReady(t, o, map[string]string{withDaemon: dir})
			until(t, func() bool { return len(daemons(dir)) == 1 })
			first := daemons(dir)
			pid, _, _ := leaderOf(dir, "i-1")
			if err := unix.Kill(pid, unix.SIGKILL); err != nil { // the instance starts again, and its daemon with it
				t.Fatal(err)
			}
			until(t, func() bool { now := daemons(dir); return len(now) == 1 && now[0] != first[0] })
			if err := f.StopAll(t.Context()); err != nil {
				t.Error(err)
			}
			until(t, func() bool { return len(daemons(dir)) == 0 })
		})
	}
}

// The children of a process that a look learns of belong to it in the same look: it may end before the next.
func TestDescentIsKnownAtOnce(t *testing.T) {
	l, err := newLineage(owner{identity: "fleet"})
	if err != nil {
		t.Fatal(err)
	}
	leader := exec.Command("true")
	if err := leader.Run(); err != nil {
		t.Fatal(err)
	}
	l.adopt("i-1", identity{pid: leader.Process.Pid})
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "SAGEMAKER_BIND_TO_PORT=0", withWorkers+"=yes")
	child.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	pid := child.Process.Pid
	family := func() (out []identity) {
		for _, n := range pids() {
			if st, ok := readStat(n); ok && st.runs() && (n == pid || st.parent == pid) {
				out = append(out, identity{n, st.born})
			}
		}
		return out
	}
	var want []identity
	defer func() {
		for _, who := range want {
			_ = unix.Kill(who.pid, unix.SIGKILL)
		}
		_ = child.Wait()
	}()
	until(t, func() bool { want = family(); return len(want) == 3 })
	got := l.of("i-1", true)
	slices.SortFunc(got, func(a, b identity) int { return a.pid - b.pid })
	if !slices.Equal(got, want) {
		t.Errorf("of the instance are %v, want %v", got, want)
	}
}

// Without control groups a daemon may come from any of the instances that were there: it ends with the last of them.
func TestDaemonsOfUnknownDescentEndWithAllThatTheyMayComeFrom(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	o.NoCgroups = true
	f := openReady(t, o, nil)
	s := alone(hosting.CopySpec{ID: "i-2", Image: "demo", StartupTimeout: time.Minute, Environment: map[string]string{withDaemon: dir}})
	one := alone(hosting.CopySpec{ID: "i-1", Image: "demo", StartupTimeout: time.Minute})
	f.Apply(levelOf(one, s))
	until(t, func() bool { return len(daemons(dir)) == 1 && len(markedOf(dir)) == 2 })
	f.Apply(levelOf(one))
	until(t, func() bool { return len(markedOf(dir)) == 1 })
	if err := f.StopAll(t.Context()); err != nil {
		t.Error(err)
	}
	if left := daemons(dir); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

// alone is an instance with one copy of a variant's model.
func alone(c hosting.CopySpec) hosting.InstanceSpec {
	return hosting.InstanceSpec{ID: hosting.InstanceID(c.ID), Copies: []hosting.CopySpec{c}}
}

// next returns the next report of more than the start of a process.
func next(reports <-chan hosting.InstanceReport) hosting.InstanceReport {
	for {
		if r := <-reports; r.State != hosting.FleetStarting {
			return r
		}
	}
}

func levelOf(specs ...hosting.InstanceSpec) []fleet.Level {
	return []fleet.Level{{Group: "g", Instances: specs}}
}

func recordsOf(t *testing.T, dir string) []record {
	t.Helper()
	out, err := readRecords(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The process ID of a record may belong to another process by now, since the same or a later boot. That process is not touched.
func TestAStrangerWithARecordsNumberIsLeftAlone(t *testing.T) {
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), part+"=worker")
	other.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = other.Process.Kill()
		_ = other.Wait()
	}()
	st, ok := readStat(other.Process.Pid)
	if !ok {
		t.Fatal("it does not run")
	}
	for name, r := range map[string]record{
		"of another process":                                {PID: other.Process.Pid, Born: st.born - 1, Boot: bootID()},
		"of another run's process":                          {PID: other.Process.Pid, Born: st.born, Boot: "another run"},
		"of a process that nothing shows to be an instance": {PID: other.Process.Pid, Born: st.born, Boot: bootID()},
	} {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "instances"), 0o700); err != nil {
			t.Fatal(err)
		}
		r.Spec = alone(hosting.CopySpec{ID: "i-1"})
		if err := r.write(dir); err != nil {
			t.Fatal(err)
		}
		f, err := New(options(dir))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Adopted(); len(got) != 0 {
			t.Errorf("%s: adopted %v", name, got)
		}
		if err := f.StopAll(t.Context()); err != nil {
			t.Error(err)
		}
		(&process{pid: r.PID, born: st.born - 1}).signal(unix.SIGKILL)
		if st, ok := readStat(r.PID); !ok || !st.runs() {
			t.Fatalf("%s: the other was killed", name)
		}
	}
}

// What an earlier version unpacked for instances that do not run is removed.
func TestModelDataThatNothingUsesIsRemoved(t *testing.T) {
	dir := t.TempDir()
	f := openReady(t, options(dir), nil)
	f.Close()
	for _, d := range []string{"i-1", "i-2", "i-3.new"} {
		if err := os.MkdirAll(filepath.Join(dir, "models", d, "code"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	next, err := New(options(dir))
	if err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "models", "*"))
	if want := []string{filepath.Join(dir, "models", "i-1")}; err != nil || !slices.Equal(left, want) {
		t.Errorf("left %v, want %v (%v)", left, want, err)
	}
	if err := next.StopAll(t.Context()); err != nil {
		t.Error(err)
	}
}

// A model server that binds late must not have its port given to another meanwhile.
func TestPortsAreGivenOnce(t *testing.T) {
	f := &Fleet{ports: map[int]bool{}}
	taken := map[int]bool{}
	for range 2000 {
		port, err := f.takePort()
		if err != nil {
			t.Fatal(err)
		}
		if taken[port] {
			t.Fatalf("port %d was given twice", port)
		}
		taken[port] = true
	}
	for port := range taken {
		f.freePort(port)
	}
	if len(f.ports) != 0 {
		t.Errorf("%d ports are still held", len(f.ports))
	}
}

func TestAnEmptyCommandIsAFailure(t *testing.T) {
	o := options(t.TempDir())
	failed := make(chan hosting.InstanceReport, 100)
	o.Command = func(string) (fleet.Program, error) { return fleet.Program{}, nil }
	o.Report = func(r hosting.InstanceReport) { failed <- r }
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	f.Apply([]fleet.Level{{Group: "g", Instances: []hosting.InstanceSpec{alone(hosting.CopySpec{ID: "i-1", Image: "demo"})}}})
	if r := <-failed; r.State != hosting.FleetFailed || !strings.Contains(r.Reason, "is empty") {
		t.Errorf("%+v", r)
	}
	if err := f.StopAll(t.Context()); err != nil {
		t.Error(err)
	}
}

// StopAll gives up with its context, and then leaves what is there to the next server.
func TestStopAllEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	o.Drain = func(ctx context.Context, _ hosting.CopyID) error {
		<-ctx.Done()
		return ctx.Err()
	}
	f := openReady(t, o, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := f.StopAll(ctx); err == nil || !strings.Contains(err.Error(), "1 instance is not stopped yet (i-1 …), to be adopted by the next server: ") {
		t.Errorf("error %v", err)
	}
	next, err := New(options(dir))
	if err != nil {
		t.Fatal(err)
	}
	if got := next.Adopted(); !slices.Equal(got, []hosting.CopyID{"i-1"}) {
		t.Errorf("adopted %v", got)
	}
	if err := next.StopAll(t.Context()); err != nil {
		t.Error(err)
	}
}

// Logs of the latest instances that are gone are kept, and those of instances that are here.
func TestOldLogsAreRemoved(t *testing.T) {
	o := options(t.TempDir())
	o.LogsKept = 2
	f := &Fleet{o: o.withDefaults(), keepers: map[hosting.CopyID]*keeper{"i-0": {}}}
	logs := filepath.Join(o.Dir, "logs")
	if err := os.MkdirAll(logs, 0o700); err != nil {
		t.Fatal(err)
	}
	for n, name := range []string{"i-0.log", "i-0.log.1", "i-1.log", "i-1.log.1", "i-2.log", "i-3.log.1", "i-3.log"} {
		file := filepath.Join(logs, name)
		if err := os.WriteFile(file, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 1, 1, 0, n, 0, 0, time.UTC)
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.pruneLogs(); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(logs, "*"))
	for i := range left {
		left[i] = filepath.Base(left[i])
	}
	if want := []string{"i-0.log", "i-0.log.1", "i-2.log", "i-3.log", "i-3.log.1"}; err != nil || !slices.Equal(left, want) {
		t.Errorf("left %v, want %v (%v)", left, want, err)
	}
}

func TestUsageIsSafeForConcurrentUse(t *testing.T) {
	f := openReady(t, options(t.TempDir()), nil)
	f.Usage(t.Context())
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for _, u := range f.Usage(t.Context()) {
				if u.ID != "i-1" || u.CPUPercent < 0 || u.CPUNormalized > 100 || u.MemoryPercent <= 0 || u.MemoryPercent > 100 {
					t.Errorf("%+v", u)
				}
			}
		})
	}
	asking.Wait()
	if err := f.StopAll(t.Context()); err != nil {
		t.Error(err)
	}
}

// What ends with the server or its terminal must not reach an instance: it has a session of its own, and its output goes to a file.
func TestInstancesDependOnNothingOfTheServers(t *testing.T) {
	dir := t.TempDir()
	f := openReady(t, options(dir), nil)
	pid, _, _ := leaderOf(dir, "i-1")
	if st, ok := readStat(pid); !ok || st.session != pid || st.group != pid {
		t.Errorf("process %d: %+v", pid, st)
	}
	for fd, want := range map[string]string{"0": os.DevNull, "1": f.LogFile("i-1"), "2": f.LogFile("i-1")} {
		if got, err := os.Readlink(procFile(pid, "fd", fd)); err != nil || got != want {
			t.Errorf("descriptor %s is %s, want %s (%v)", fd, got, want, err)
		}
	}
	if err := f.StopAll(t.Context()); err != nil {
		t.Error(err)
	}
}

// What a stop that was asked for ends is known at the next start, until Reap; what ends by itself is not.
func TestAnAskedForStopIsKnown(t *testing.T) {
	dir := t.TempDir()
	if err := openReady(t, options(dir), nil).StopAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	next, err := New(options(dir))
	if err != nil {
		t.Fatal(err)
	}
	if got := next.Ended(); !slices.Equal(got, []hosting.CopyID{"i-1"}) {
		t.Errorf("the stop ended %v", got)
	}
	next.Reap()
	next.Close()
	if err := os.WriteFile(endedFile(dir), []byte("["), 0o600); err != nil {
		t.Fatal(err)
	}
	last, err := New(options(dir))
	if err != nil {
		t.Fatalf("a damaged note keeps the fleet from starting: %v", err)
	}
	if got := last.Ended(); len(got) > 0 {
		t.Errorf("a damaged note names %v", got)
	}
	last.Reap()
	if _, err := os.Stat(endedFile(dir)); !os.IsNotExist(err) {
		t.Errorf("the note is still there after Reap: %v", err)
	}
	last.Close()
}
