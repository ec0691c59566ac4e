package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"

	"golang.org/x/sys/unix"

	"bellows.dev/bellows/hosting"
)

// Marks in a process's environment say whose it is.
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

// launch starts an instance. Its record is on disk before, so that no crash leaves a process that nobody knows.
func launch(f *Fleet, s hosting.InstanceSpec, command []string, folder string) (_ *process, err error) {
	if len(command) == 0 {
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
	r := record{Spec: s, Port: port}
	if err := r.write(f.o.Dir); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(f.LogFile(s.ID), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening its log: %w", err)
	}
	defer log.Close() //nolint:errcheck // the child has it
	p := &process{port: port, child: true}
	if info, err := log.Stat(); err == nil {
		p.logFrom = info.Size()
	}
	cmd := exec.Command(command[0], command[1:]...) //nolint:noctx // no context bounds its life: it outlives even the server
	cmd.Env = environment(f.o.Dir, s, port, folder)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p.pid = cmd.Process.Pid
	if err := cmd.Process.Release(); err != nil { // ended waits for it
		f.o.Log.Warn("a process handle could not be released", "error", err)
	}
	if st, ok := readStat(p.pid); ok {
		p.born = st.born
	}
	r.PID, r.Born, r.Boot = p.pid, p.born, f.boot
	if err := r.write(f.o.Dir); err != nil {
		p.signal(unix.SIGKILL)
		p.waitGone(context.Background(), killWait)
		return nil, err
	}
	return p, nil
}

// environment is the model's own, and what the contract and the fleet add. AWS: SageMaker developer guide, how containers run.
func environment(dir string, s hosting.InstanceSpec, port int, folder string) []string {
	// Python's setproctitle would write titles over the marks.
	env := []string{"SPT_NOENV=1"}
	for _, k := range inherited {
		if v, set := os.LookupEnv(k); set {
			env = append(env, k+"="+v)
		}
	}
	for k, v := range s.Environment {
		env = append(env, k+"="+v)
	}
	if folder != "" {
		env = append(env, "SM_MODEL_DIR="+folder, "SAGEMAKER_MODEL_DIR="+folder)
	}
	return append(env, "AWS_REGION="+s.Region, "AWS_DEFAULT_REGION="+s.Region, "SAGEMAKER_BIND_TO_PORT="+strconv.Itoa(port),
		markInstance+"="+string(s.ID), markFleet+"="+dir)
}

// takePort finds a port that nobody uses and none of the fleet's instances was given: one that still loads its model has not bound
// its own yet, and another's answers must never pass for its. Should somebody else take the port first, the model server fails to
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

// reserve notes a port as an instance's, unless it is one's already.
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
