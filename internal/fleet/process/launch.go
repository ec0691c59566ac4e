package process

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/fleet"
)

// Marks in a process's environment name the copy and the fleet that it belongs to.
const (
	markInstance = "BELLOWS_INSTANCE"
	markFleet    = "BELLOWS_FLEET"
)

// portTries bounds the search for a port. The kernel offers one of some 28,000.
const portTries = 100

// inherited are the variables that a model server gets from the server's own environment: what programs need to be found and to
// run, and never the server's credentials.
var inherited = []string{
	"PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "CUDA_VISIBLE_DEVICES",
}

// launch starts a copy. Its record is on disk before, so that no crash leaves a process that no record names.
func launch(k *keeper, program fleet.Program) (_ *process, err error) {
	f, s := k.fleet, k.spec
	if len(program.Command) == 0 {
		return nil, fmt.Errorf("the command of the image %q is empty", s.Image)
	}
	port, err := f.takePort()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.freePort(port)
		}
	}()
	group := f.newCgroup(s.ID)
	defer func() {
		if err != nil {
			f.endCgroup(s.ID, group)
		}
	}()
	if err := k.limit(group); err != nil {
		return nil, err
	}
	r := record{Spec: k.instance, Port: port, Cgroup: group.dir, Content: k.data.Content}
	r.Spec.Copies = []hosting.CopySpec{s}
	if err := r.write(f.o.Dir); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(f.LogFile(s.ID), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening its log: %w", err)
	}
	defer log.Close() //nolint:errcheck // the child has it
	if err := writeOwner(f.LogFile(s.ID), k.instance, s, time.Now()); err != nil {
		return nil, fmt.Errorf("writing whose log it is: %w", err)
	}
	p := &process{port: port, child: true, group: group, oomFrom: machineOOM()}
	if info, err := log.Stat(); err == nil {
		p.logFrom = info.Size()
	}
	grouped := false
	who, err := f.lineage.start(s.ID, func() (who identity, err error) {
		who, grouped, err = spawn(program, environment(program, k.instance.Region, s, runtimeOf{f.owner.identity, port, k.data.Folder}), log, group)
		return who, err
	})
	if err != nil {
		return nil, err
	}
	if group.dir != "" && !grouped {
		f.o.Log.Warn("an instance runs without a control group: its process cannot be put there", "instance", string(s.ID), "pid", who.pid)
		f.endCgroup(s.ID, group)
		p.group, r.Cgroup = cgroup{}, ""
	}
	p.pid, p.born = who.pid, who.born
	r.PID, r.Born, r.Boot = p.pid, p.born, f.boot
	if err := r.write(f.o.Dir); err != nil { // the next server finds the process by its mark
		f.o.Log.Warn("the number of an instance's process could not be noted", "instance", string(s.ID), "pid", p.pid, "error", err)
	}
	return p, nil
}

// spawn starts a command in a session of its own, so that neither a closed terminal nor a signal to the server's group reaches it, and in a
// control group, if there is one. Its output goes to a file and not to a pipe, which would end with the server. It reports whether the
// process is in the control group.
func spawn(program fleet.Program, env []string, log *os.File, group cgroup) (_ identity, grouped bool, _ error) {
	prepare := func() *exec.Cmd {
		cmd := exec.Command(program.Command[0], program.Command[1:]...) //nolint:noctx // no context bounds its life: it outlives even the server
		cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, program.Folder, log, log
		cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
		return cmd
	}
	cmd := prepare()
	if grouped = group.dir != "" && group.start(cmd) == nil; !grouped {
		// There is no group; or a filter of system calls does not let a process start in one; or the command cannot be started at all.
		cmd = prepare()
		if err := cmd.Start(); err != nil {
			return identity{}, false, err
		}
		grouped = group.dir != "" && group.add(cmd.Process.Pid) == nil
	}
	who := identity{pid: cmd.Process.Pid}
	if st, ok := readStat(who.pid); ok {
		who.born = st.born
	}
	return who, grouped, cmd.Process.Release() // ended waits for it
}

// runtimeOf is where a model server runs.
type runtimeOf struct {
	owner  string // the identity of the fleet's directory
	port   int
	folder string // of its model data; "" where it has none
}

// environment is what the server passes on, then the program's own, the model's, and what the contract and the fleet add: a later value
// of a variable takes precedence. AWS: SageMaker developer guide, how containers run.
func environment(p fleet.Program, region string, s hosting.CopySpec, at runtimeOf) []string {
	// Python's setproctitle would write titles over the marks.
	env := []string{"SPT_NOENV=1"}
	for _, k := range inherited {
		if v, set := os.LookupEnv(k); set {
			env = append(env, k+"="+v)
		}
	}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if slices.ContainsFunc(p.PassEnv, func(pattern string) bool { ok, err := path.Match(pattern, name); return ok && err == nil }) {
			env = append(env, pair)
		}
	}
	for k, v := range p.Env {
		env = append(env, k+"="+v)
	}
	for k, v := range s.Environment {
		env = append(env, k+"="+v)
	}
	if at.folder != "" {
		env = append(env, "SM_MODEL_DIR="+at.folder, "SAGEMAKER_MODEL_DIR="+at.folder)
	}
	return append(env, "AWS_REGION="+region, "AWS_DEFAULT_REGION="+region, "SAGEMAKER_BIND_TO_PORT="+strconv.Itoa(at.port),
		markInstance+"="+string(s.ID), markFleet+"="+at.owner)
}

// takePort finds a port that is unused and not reserved for a copy: one that still loads its model has not bound its own yet, and
// another's answers must never be taken for its. If another program takes the port first, the model server fails to
// bind it and is started again on another.
func (f *Fleet) takePort() (int, error) {
	for range portTries {
		port, err := unusedPort()
		if err != nil {
			return 0, err
		}
		if f.reserve(port) {
			return port, nil
		}
	}
	return 0, errors.New("finding a free port: all that were offered belong to instances that are starting")
}

// reserve reserves a port for a copy, unless it is reserved already.
func (f *Fleet) reserve(port int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ports[port] {
		return false
	}
	f.ports[port] = true
	return true
}

func (f *Fleet) freePort(port int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.ports, port)
}

func unusedPort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at once
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}
