package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"bellows.dev/bellows/hosting"
)

// cgroups makes a control group (cgroup v2) for each instance, below the group that the server runs in. A process cannot leave its
// group by becoming a daemon, so the group is what an instance's processes are: killing it ends all of them and nothing else.
type cgroups struct {
	dir string // the fleet's group, which holds the instances' groups and no process
}

// openCgroups returns the control groups of the fleet with an identity. It fails with a reason where this machine, or this
// user, has no control groups; instances then run without them.
func openCgroups(identity string) (*cgroups, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("looking for cgroup v2: %w", err)
	}
	membership, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, fmt.Errorf("looking for cgroup v2: %w", err)
	}
	own, err := ownCgroup(string(mounts), string(membership))
	if err != nil {
		return nil, err
	}
	if filepath.Base(own) == serverGroup {
		own = filepath.Dir(own)
	}
	// Moving a process requires write access to the common ancestor of its old and its new group.
	if err := unix.Access(filepath.Join(own, "cgroup.procs"), unix.W_OK); err != nil {
		return nil, fmt.Errorf("the server's own control group %s is not delegated to it (systemd: Delegate=yes): %w", own, err)
	}
	return openCgroupsBelow(own, identity)
}

// openCgroupsBelow makes the fleet's control group below the one that the server runs in.
func openCgroupsBelow(own, identity string) (*cgroups, error) {
	c := &cgroups{dir: filepath.Join(own, groupPrefix+identity)}
	if err := makeCgroup(c.dir); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(c.dir, "cgroup.kill")); err != nil {
		return nil, errors.Join(errors.New("the kernel cannot kill a control group: it is older than 5.14"), c.close())
	}
	return c, nil
}

// ownCgroup returns the path of the control group that this process is in, from /proc/self/mountinfo and /proc/self/cgroup.
func ownCgroup(mounts, membership string) (string, error) {
	group, found := "", false
	for line := range strings.Lines(membership) {
		if path, v2 := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); v2 {
			group, found = path, true
		}
	}
	if !found {
		return "", errors.New("the kernel has no cgroup v2")
	}
	for line := range strings.Lines(mounts) {
		mount, filesystem, _ := strings.Cut(line, " - ")
		fields := strings.Fields(mount)
		if !strings.HasPrefix(filesystem, "cgroup2 ") || len(fields) < 5 {
			continue
		}
		root, point := fields[3], fields[4]
		below, err := filepath.Rel(root, group)
		if err != nil || strings.HasPrefix(below, "..") {
			continue // the mount shows another part of the tree
		}
		return filepath.Join(point, below), nil
	}
	return "", errors.New("cgroup v2 is not mounted")
}

func makeCgroup(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making a control group: %w", err)
	}
	return nil
}

// create makes an instance's group. One that is there already is taken as it is.
func (c *cgroups) create(id hosting.CopyID) (cgroup, error) {
	g := cgroup{filepath.Join(c.dir, string(id))}
	return g, errors.Join(makeCgroup(c.dir), makeCgroup(g.dir))
}

// close removes the fleet's group where no instance is left in it.
func (c *cgroups) close() error {
	if err := os.Remove(c.dir); err != nil && !errors.Is(err, unix.EBUSY) && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the fleet's control group: %w", err)
	}
	return nil
}

// cgroup is one instance's control group. The zero value is of an instance that has none: it holds no process, and nothing that is
// done to it has an effect.
type cgroup struct {
	dir string
}

// set writes one of the group's files, such as memory.max.
func (g cgroup) set(file, value string) error {
	if g.dir == "" {
		return nil
	}
	if err := os.WriteFile(filepath.Join(g.dir, file), []byte(value), 0); err != nil { // the file is there: the kernel made it
		return fmt.Errorf("setting %s of a control group: %w", file, err)
	}
	return nil
}

// start starts a command in the group, which holds it from its first instruction on.
func (g cgroup) start(cmd *exec.Cmd) error {
	dir, err := os.Open(g.dir)
	if err != nil {
		return fmt.Errorf("starting a process in a control group: %w", err)
	}
	defer dir.Close() //nolint:errcheck // the child has been put there
	cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(dir.Fd())
	return cmd.Start()
}

// add moves a running process into the group. Its later children start there; those that it has stay where they are.
func (g cgroup) add(pid int) error { return g.set("cgroup.procs", strconv.Itoa(pid)) }

// pids returns the processes of the group and of groups below it. A process that has ended and was not waited for is not among them.
func (g cgroup) pids() []int {
	if g.dir == "" {
		return nil
	}
	var out []int
	_ = filepath.WalkDir(g.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil //nolint:nilerr // a group that has just been removed holds nothing
		}
		text, err := os.ReadFile(filepath.Join(path, "cgroup.procs"))
		if err != nil {
			return nil //nolint:nilerr // as above
		}
		for _, field := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				out = append(out, pid)
			}
		}
		return nil
	})
	return out
}

// empty reports whether no process runs in the group or below it.
func (g cgroup) empty() bool {
	if g.dir == "" {
		return true
	}
	text, err := os.ReadFile(filepath.Join(g.dir, "cgroup.events"))
	return err != nil || strings.Contains(string(text), "populated 0")
}

// kill ends every process of the group and below it, at once and without a chance to fork away, and waits until none is left: at
// most killWait and not beyond ctx.
func (g cgroup) kill(ctx context.Context) error {
	if g.empty() {
		return nil
	}
	if err := g.set("cgroup.kill", "1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !await(ctx, killWait, g.empty) {
		return fmt.Errorf("processes of the control group %s do not end: %v", g.dir, g.pids())
	}
	return nil
}

// remove removes the group, and groups that its processes made below it. No process may be left in them.
func (g cgroup) remove() error {
	if g.dir == "" {
		return nil
	}
	var dirs []string
	err := filepath.WalkDir(g.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing a control group: %w", err)
	}
	for i := len(dirs) - 1; i >= 0; i-- { // the innermost first
		if err := os.Remove(dirs[i]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing a control group: %w", err)
		}
	}
	return nil
}
