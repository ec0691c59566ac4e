package process

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/fleet"
	"bellows.dev/bellows/internal/machine"
)

// paperGroup makes a folder that looks like a control group.
func paperGroup(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func content(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func limited(t *testing.T, types map[string]machine.Size, found machine.Size) *Fleet {
	t.Helper()
	return &Fleet{o: Options{Options: fleet.Options{Machine: machine.New(machine.Options{Types: types, Found: found}), Log: slog.New(slog.DiscardHandler)}}}
}

func TestInstancesAreHeldToTheirTypes(t *testing.T) {
	f := limited(t, machine.Table(), machine.Size{VCPUs: 4, Memory: 16 << 30})
	for instanceType, want := range map[string][3]string{
		"ml.m5.large":    {"8589934592", "1", "200000 100000"},
		"ml.c5.xlarge":   {"8589934592", "1", "max"}, // as many CPUs as there are
		"ml.r5.large":    {"max", "0", "200000 100000"},
		"ml.p5.48xlarge": {"max", "0", "max"}, // more than there is
		"ml.unknown":     {"max", "0", "max"},
	} {
		g := cgroup{filepath.Join(t.TempDir(), "i-1")}
		paperGroup(t, g.dir, map[string]string{"memory.max": "max", "memory.oom.group": "0", "cpu.max": "max", "memory.swap.max": "max"})
		if err := (&keeper{fleet: f, instance: hosting.InstanceSpec{ID: "i-1", InstanceType: instanceType}}).limit(g); err != nil {
			t.Fatal(err)
		}
		got := [3]string{content(t, g.dir+"/memory.max"), content(t, g.dir+"/memory.oom.group"), content(t, g.dir+"/cpu.max")}
		if got != want {
			t.Errorf("%s: %v, want %v", instanceType, got, want)
		}
	}
}

func TestControllersAreHandedDown(t *testing.T) {
	above := t.TempDir()
	c := &cgroups{filepath.Join(above, "bellows-x")}
	files := map[string]string{"cgroup.controllers": "cpuset cpu memory pids\n", "cgroup.subtree_control": ""}
	paperGroup(t, above, files)
	paperGroup(t, c.dir, files)
	if err := c.delegate(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{above, c.dir} {
		if got := content(t, dir+"/cgroup.subtree_control"); got != "+memory +cpu" {
			t.Errorf("%s: %q", dir, got)
		}
	}
	paperGroup(t, above, map[string]string{"cgroup.controllers": "cpu pids\n", "cgroup.subtree_control": ""})
	if err := c.delegate(); err == nil || !strings.Contains(err.Error(), "no controller of memory") {
		t.Errorf("without memory: %v", err)
	}
}

func TestUnavailableLimitsAreReported(t *testing.T) {
	c := &cgroups{filepath.Join(t.TempDir(), "bellows-x")}
	paperGroup(t, filepath.Dir(c.dir), map[string]string{"cgroup.controllers": ""})
	for mode, want := range map[fleet.LimitsMode]string{fleet.LimitsAuto: "no controller of memory", fleet.LimitsOff: "is off", fleet.LimitsRequired: "!"} {
		f := limited(t, nil, machine.Size{})
		f.cgroups, f.o.Limits = c, mode
		err := f.openLimits(nil)
		if want == "!" {
			if err == nil || !strings.Contains(err.Error(), "limits: is required") {
				t.Errorf("%s: %v", mode, err)
			}
			continue
		}
		if err != nil || !strings.Contains(f.Unlimited(), want) {
			t.Errorf("%s: %v, %q", mode, err, f.Unlimited())
		}
	}
}

func TestRunningOutOfMemoryIsReported(t *testing.T) {
	f := limited(t, machine.Table(), machine.Look())
	k := &keeper{fleet: f, instance: hosting.InstanceSpec{InstanceType: "ml.m5.large"}}
	g := cgroup{t.TempDir()}
	for events, want := range map[string]string{
		"low 0\nmax 12\noom 3\noom_kill 1\noom_group_kill 1\n": "It ran out of memory: it used more than the 8 GiB of memory of ml.m5.large, and the kernel ended it. ",
		"low 0\nmax 12\noom 0\noom_kill 0\n":                   "",
	} {
		paperGroup(t, g.dir, map[string]string{"memory.events": events})
		if got := k.outOfMemory(&process{group: g}, "It was ended by signal 9 (killed)."); got != want {
			t.Errorf("%q: %q", events, got)
		}
	}
	if got := k.outOfMemory(&process{child: true, oomFrom: machineOOM() - 1}, "It was ended by signal 9 (killed)."); !strings.Contains(got, "probably ran out of memory") {
		t.Errorf("of the machine: %q", got)
	}
	if got := k.outOfMemory(&process{child: true, oomFrom: machineOOM() - 1}, "It exited with code 1."); got != "" {
		t.Errorf("by itself: %q", got)
	}
}

// The limits of real control groups: a process that exceeds its instance's memory is ended, and this is reported.
func TestMemoryIsLimited(t *testing.T) {
	c := withCgroups(t)
	if err := c.delegate(); err != nil {
		t.Skipf("no limits: %v", err)
	}
	f := limited(t, map[string]machine.Size{"ml.small": {VCPUs: 0.5, Memory: 32 << 20}}, machine.Look())
	g, err := c.create("i-1")
	if err != nil {
		t.Fatal(err)
	}
	k := &keeper{fleet: f, instance: hosting.InstanceSpec{ID: "i-1", InstanceType: "ml.small"}}
	if err := k.limit(g); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	who, _, err := spawn(fleet.Program{Command: []string{os.Args[0]}}, append(os.Environ(), part+"=glutton"), log, g)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{pid: who.pid, born: who.born, child: true, group: g, oomFrom: machineOOM()}
	var how string
	if !await(t.Context(), killWait, func() (ended bool) { how, ended = p.ended(); return ended }) {
		t.Error("it goes on")
	}
	if got := k.outOfMemory(p, how); !strings.Contains(got, "more than the 0.03125 GiB of memory of ml.small") {
		t.Errorf("%s: %q", how, got)
	}
	if err := g.kill(t.Context()); err != nil {
		t.Error(err)
	}
	if err := g.remove(); err != nil {
		t.Error(err)
	}
}
