package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"bellows.dev/bellows/internal/fleet"
)

func TestOwnCgroup(t *testing.T) {
	const unified = "25 30 0:22 / /sys rw - sysfs sysfs rw\n31 25 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
	const hybrid = "34 26 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n35 26 0:31 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n"
	for name, tt := range map[string]struct{ mounts, membership, want, err string }{
		"unified":           {unified, "0::/system.slice/bellows.service\n", "/sys/fs/cgroup/system.slice/bellows.service", ""},
		"the root":          {unified, "0::/\n", "/sys/fs/cgroup", ""},
		"hybrid":            {hybrid, "4:memory:/x\n0::/user.slice\n", "/sys/fs/cgroup/unified/user.slice", ""},
		"a part is mounted": {strings.ReplaceAll(unified, "0:27 / ", "0:27 /docker/a "), "0::/docker/a/b\n", "/sys/fs/cgroup/b", ""},
		"another part":      {strings.ReplaceAll(unified, "0:27 / ", "0:27 /docker/a "), "0::/docker/c\n", "", "not mounted"},
		"not mounted":       {"25 30 0:22 / /sys rw - sysfs sysfs rw\n", "0::/\n", "", "not mounted"},
		"version 1 only":    {hybrid, "4:memory:/x\n", "", "no cgroup v2"},
	} {
		got, err := ownCgroup(tt.mounts, tt.membership)
		if got != tt.want || (tt.err == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

// withCgroups returns control groups that a test may use, and skips it where there are none.
func withCgroups(t *testing.T) *cgroups {
	t.Helper()
	c, err := openCgroups("test-" + strings.ReplaceAll(t.Name(), "/", "-"))
	if err != nil {
		t.Skipf("no control groups: %v", err)
	}
	t.Cleanup(func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(c.dir); err == nil {
			t.Errorf("%s is left", c.dir)
		}
	})
	return c
}

func TestCgroupHoldsAndKillsItsProcesses(t *testing.T) {
	c := withCgroups(t)
	g, err := c.create("i-1")
	if err != nil {
		t.Fatal(err)
	}
	if err := makeCgroup(g.dir + "/below"); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), part+"=worker")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := (cgroup{g.dir + "/below"}).add(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if got := g.pids(); len(got) != 1 || got[0] != cmd.Process.Pid || g.empty() {
		t.Errorf("it holds %v, want %d", got, cmd.Process.Pid)
	}
	if err := g.kill(t.Context()); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(interface{ Signal() unix.Signal }); !ok || status.Signal() != unix.SIGKILL {
		t.Errorf("it ended as %v", cmd.ProcessState)
	}
	for range 2 { // the second finds nothing
		if err := g.remove(); err != nil {
			t.Error(err)
		}
	}
	if !g.empty() || g.kill(t.Context()) != nil {
		t.Error("a group that is gone is not empty")
	}
	none := cgroup{}
	if !none.empty() || none.add(1) != nil || none.kill(t.Context()) != nil || none.remove() != nil || none.pids() != nil {
		t.Error("no group does something")
	}
}

// TestCgroupKillIsTheKernels plays the kernel's part in a folder: writing 1 to cgroup.kill ends the group's processes, and cgroup.events
// says when none is left.
func TestCgroupKillIsTheKernels(t *testing.T) {
	g := cgroup{t.TempDir()}
	write := func(file, text string) {
		if err := os.WriteFile(filepath.Join(g.dir, file), []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
	write("cgroup.events", "populated 1\nfrozen 0\n")
	write("cgroup.procs", "1\n") // a process that no signal of this test may reach
	if err := unix.Mkfifo(filepath.Join(g.dir, "cgroup.kill"), 0o600); err != nil {
		t.Fatal(err)
	}
	written := make(chan string, 1)
	go func() {
		text, err := os.ReadFile(filepath.Join(g.dir, "cgroup.kill"))
		if err != nil {
			t.Error(err)
		}
		write("cgroup.events", "populated 0\nfrozen 0\n")
		written <- string(text)
	}()
	if err := g.kill(t.Context()); err != nil {
		t.Error(err)
	}
	if got := <-written; got != "1" {
		t.Errorf("%q was written to cgroup.kill", got)
	}
}

// A kernel without cgroup.kill is known at the start: instances then run without control groups.
func TestCgroupsWantCgroupKill(t *testing.T) {
	own := t.TempDir()
	if c, err := openCgroupsBelow(own, "old"); err == nil || !strings.Contains(err.Error(), "5.14") {
		t.Errorf("control groups %v, %v", c, err)
	}
	if left, err := os.ReadDir(own); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
	if err := os.MkdirAll(filepath.Join(own, "bellows-new", "cgroup.kill"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := openCgroupsBelow(own, "new"); err != nil {
		t.Error(err)
	}
}

// Where a process cannot be put into its group it runs all the same.
func TestAProcessRunsWithoutAGroupThatItCannotEnter(t *testing.T) {
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	who, grouped, err := spawn(fleet.Program{Command: []string{os.Args[0]}}, append(os.Environ(), part+"=worker"), log, cgroup{filepath.Join(t.TempDir(), "gone")})
	if err != nil || grouped {
		t.Fatalf("in its group: %t, %v", grouped, err)
	}
	p := &process{pid: who.pid, born: who.born, child: true}
	if !p.alive() {
		t.Error("it does not run")
	}
	p.signal(unix.SIGKILL)
	if !p.waitGone(t.Context(), killWait) {
		t.Error("it does not end")
	}
	if _, _, err := spawn(fleet.Program{Command: []string{"/no/such/command"}}, nil, log, cgroup{}); err == nil {
		t.Error("a command that is not there is started")
	}
}
