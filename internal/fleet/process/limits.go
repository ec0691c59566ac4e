package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"bellows.dev/bellows/internal/fleet"
)

// serverGroup is the control group of the server itself, beside that of its instances: a group that delegates controllers must hold no
// process. systemd puts the server there by DelegateSubgroup=bellows-server.
const serverGroup = "bellows-server"

// cpuPeriod is the kernel's default, in microseconds.
const cpuPeriod = 100_000

// openLimits finds out whether copies can be held to limits, and logs it once where they cannot.
func (f *Fleet) openLimits(noGroups error) error {
	err := noGroups
	switch {
	case f.o.Limits == fleet.LimitsOff:
		f.unlimited = "limits: in bellows.yaml is off"
		return nil
	case f.o.Machine == nil:
		f.unlimited = "the sizes of instance types are not known"
		return nil
	case err == nil:
		err = f.cgroups.delegate()
	}
	if err == nil {
		return nil
	}
	if f.unlimited = err.Error(); f.o.Limits == fleet.LimitsRequired {
		return fmt.Errorf("limits: is required in bellows.yaml, and instances cannot be held to the memory and CPU of their types: %w", err)
	}
	f.o.Log.Warn("instances are not held to the memory and CPU of their instance types", "reason", err)
	return nil
}

// Unlimited implements fleet.Fleet.
func (f *Fleet) Unlimited() string { return f.unlimited }

// limit holds a copy's group to the memory and CPU that the copy needs, or else to its instance's. What the machine has less of is no limit.
func (k *keeper) limit(g cgroup) error {
	f := k.fleet
	if g.dir == "" || f.unlimited != "" {
		return nil
	}
	size := f.o.Machine.Limits(k.instance.InstanceType, sizeOf(k.instance.Resources), sizeOf(k.spec.Resources))
	var err error
	if size.Memory > 0 {
		err = errors.Join(g.set("memory.max", strconv.FormatInt(size.Memory, 10)), g.set("memory.oom.group", "1"))
		if swap := filepath.Join(g.dir, "memory.swap.max"); unix.Access(swap, unix.W_OK) == nil { // a machine may have none
			err = errors.Join(err, g.set("memory.swap.max", "0"))
		}
	}
	if size.VCPUs > 0 {
		err = errors.Join(err, g.set("cpu.max", fmt.Sprintf("%d %d", int64(size.VCPUs*cpuPeriod), cpuPeriod)))
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("holding it to the memory and CPU of %s: %w", k.instance.InstanceType, err)
	if f.o.Limits == fleet.LimitsRequired {
		return err
	}
	f.o.Log.Warn("an instance runs without its limits", "instance", string(k.spec.ID), "error", err)
	return nil
}

// delegate gives the copies' groups the controllers of memory and CPU. A group that delegates them must hold no process, so the server
// moves into a group of its own.
func (c *cgroups) delegate() error {
	above := filepath.Dir(c.dir)
	err := enable(above)
	if errors.Is(err, unix.EBUSY) {
		if os.Getenv("SYSTEMD_EXEC_PID") == strconv.Itoa(os.Getpid()) {
			return fmt.Errorf("under systemd, the service needs Delegate=yes and DelegateSubgroup=%s", serverGroup)
		}
		err = moveAway(above)
	}
	if err != nil {
		return err
	}
	return enable(c.dir)
}

// moveAway moves this process out of a group, so that the group can delegate controllers.
func moveAway(group string) error {
	own := cgroup{filepath.Join(group, serverGroup)}
	if err := makeCgroup(own.dir); err != nil {
		return err
	}
	if err := own.add(os.Getpid()); err != nil {
		return errors.Join(err, own.remove())
	}
	err := enable(group)
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.EBUSY) {
		err = fmt.Errorf("other processes are in the server's control group %s", group)
	}
	return errors.Join(err, cgroup{group}.add(os.Getpid()), own.remove())
}

// enable lets the groups below one have limits of memory and CPU.
func enable(group string) error {
	offered, err := os.ReadFile(filepath.Join(group, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("looking for the controllers of memory and CPU: %w", err)
	}
	for _, want := range []string{"memory", "cpu"} {
		if !containsWord(string(offered), want) {
			return fmt.Errorf("the control group %s has no controller of %s: it is not delegated, or belongs to cgroup v1", group, want)
		}
	}
	handed, err := os.ReadFile(filepath.Join(group, "cgroup.subtree_control"))
	if err == nil && containsWord(string(handed), "memory") && containsWord(string(handed), "cpu") {
		return nil
	}
	return cgroup{group}.set("cgroup.subtree_control", "+memory +cpu")
}

func containsWord(text, word string) bool {
	for _, w := range strings.Fields(text) {
		if w == word {
			return true
		}
	}
	return false
}

// counter reads a count from a file of lines "name count".
func counter(file, name string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(strings.TrimSpace(line), " "); key == name {
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return 0
			}
			return n
		}
	}
	return 0
}

// machineOOM returns how many processes the kernel has ended because memory ran out, in any group.
func machineOOM() int64 { return counter("/proc/vmstat", "oom_kill") }

// outOfMemory returns a sentence where the kernel ended a process because memory ran out; "" where it did not.
func (k *keeper) outOfMemory(p *process, how string) string {
	if g := p.group.dir; g != "" && counter(filepath.Join(g, "memory.events"), "oom_kill") > 0 {
		limit := "its limit"
		if k.fleet.o.Machine != nil {
			limit = fmt.Sprintf("the %g GiB of memory of %s", float64(k.fleet.o.Machine.Size(k.instance.InstanceType).Memory)/(1<<30), k.instance.InstanceType)
			if own := k.spec.Resources.Memory; own > 0 {
				limit = fmt.Sprintf("its %g GiB of memory", float64(own)/(1<<30))
			}
		}
		return "It ran out of memory: it used more than " + limit + ", and the kernel ended it. "
	}
	killed := strings.Contains(how, "signal 9 ") || strings.Contains(how, "code 137.") // the latter by a shell that waited for it
	if killed && p.child && machineOOM() > p.oomFrom {
		return "It probably ran out of memory: the kernel ended a process because the machine had none left. "
	}
	return ""
}
