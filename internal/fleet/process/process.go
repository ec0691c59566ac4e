package process

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"bellows.dev/bellows/hosting"
)

// Marks in a process's environment say whose it is.
const (
	markInstance = "BELLOWS_INSTANCE"
	markFleet    = "BELLOWS_FLEET"
)

// inherited are the variables that a model server gets from the server's own environment: what programs need to be found and to
// run, and never the server's credentials.
var inherited = []string{
	"PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "CUDA_VISIBLE_DEVICES",
}

// process is a running model server: the leader of a process group. It need not be a child: a server that was killed leaves its
// instances to others.
type process struct {
	pid  int
	born uint64 // clock ticks between the machine's start and its own: with pid, an identity
	port int
}

func (p *process) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)) }

// launch starts an instance. Its record is on disk before, so that no crash leaves a process that nobody knows.
func launch(f *Fleet, s hosting.InstanceSpec, command []string, folder string) (*process, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	r := record{Spec: s, Port: port}
	if err := r.write(f.o.Dir); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(f.LogFile(s.ID), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening its log: %w", err)
	}
	defer log.Close()                               //nolint:errcheck // the child has it
	cmd := exec.Command(command[0], command[1:]...) //nolint:noctx // no context bounds its life: it outlives even the server
	cmd.Env = environment(f.o.Dir, s, port, folder)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{pid: cmd.Process.Pid, port: port}
	if err := cmd.Process.Release(); err != nil { // ended waits for it
		f.o.Log.Warn("a process handle could not be released", "error", err)
	}
	if st, ok := readStat(p.pid); ok {
		p.born = st.born
	}
	r.PID, r.Born = p.pid, p.born
	if err := r.write(f.o.Dir); err != nil {
		p.signal(unix.SIGKILL)
		p.waitEnded(killWait)
		return nil, err
	}
	return p, nil
}

// environment is the model's own, and what the contract and the fleet add. AWS: SageMaker developer guide, how containers run.
func environment(dir string, s hosting.InstanceSpec, port int, folder string) []string {
	var env []string
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

// freePort finds a port that nobody uses now. Should somebody take it first, the model server fails to bind it and is started
// again on another.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at once
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

// stat is what /proc says of a process.
type stat struct {
	state byte
	group int
	born  uint64
}

// readStat reads /proc/PID/stat. The name in it may hold anything, so fields count from its closing parenthesis.
func readStat(pid int) (stat, bool) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return stat{}, false
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 {
		return stat{}, false
	}
	group, err := strconv.Atoi(fields[2])
	born, err2 := strconv.ParseUint(fields[19], 10, 64)
	return stat{fields[0][0], group, born}, err == nil && err2 == nil
}

// alive reports whether this very process still runs: a number may be another's by now, and a zombie does not run.
func (p *process) alive() bool {
	st, ok := readStat(p.pid)
	return ok && st.born == p.born && st.state != 'Z' && st.state != 'X'
}

// ended reports whether the process has ended, and how, as far as that is known. It reaps a child.
func (p *process) ended() (how string, ended bool) {
	var status unix.WaitStatus
	pid, err := unix.Wait4(p.pid, &status, unix.WNOHANG, nil)
	switch {
	case pid == p.pid && status.Signaled():
		return fmt.Sprintf("It was ended by signal %d (%v).", status.Signal(), status.Signal()), true
	case pid == p.pid:
		return fmt.Sprintf("It exited with code %d.", status.ExitStatus()), true
	case err == nil || errors.Is(err, unix.EINTR):
		return "", false
	default: // not a child of this server
		return "It exited.", !p.alive()
	}
}

// signal sends a signal to the whole group. A group that is gone hears nothing.
func (p *process) signal(s unix.Signal) {
	_ = unix.Kill(-p.pid, s)
}

// waitEnded waits until no process of the group is left, at most so long.
func (p *process) waitEnded(most time.Duration) bool {
	for deadline := time.Now().Add(most); ; {
		_, ended := p.ended()
		if ended && unix.Kill(-p.pid, 0) != nil {
			return true
		}
		if ended && onlyZombies(p.pid) {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// onlyZombies reports whether all that is left of a group waits for a parent which never asks.
func onlyZombies(group int) bool {
	for _, pid := range pids() {
		if st, ok := readStat(pid); ok && st.group == group && st.state != 'Z' {
			return false
		}
	}
	return true
}

func pids() []int {
	names, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var out []int
	for _, n := range names {
		if pid, err := strconv.Atoi(n.Name()); err == nil {
			out = append(out, pid)
		}
	}
	return out
}

// marked is a process that carries a fleet's marks.
type marked struct {
	id      hosting.InstanceID
	process *process
}

// allMarked finds the group leaders that carry the marks of the fleet at dir.
func allMarked(dir string) []marked {
	var out []marked
	for _, pid := range pids() {
		env, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
		if err != nil || !bytes.Contains(env, []byte(markFleet+"="+dir+"\x00")) {
			continue
		}
		st, ok := readStat(pid)
		if !ok || st.group != pid || st.state == 'Z' {
			continue
		}
		for _, v := range bytes.Split(env, []byte{0}) {
			if id, found := strings.CutPrefix(string(v), markInstance+"="); found {
				out = append(out, marked{hosting.InstanceID(id), &process{pid: pid, born: st.born}})
			}
		}
	}
	return out
}

// findMarked finds an instance's process by its mark, nil where it has none.
func findMarked(dir string, id hosting.InstanceID) *process {
	for _, m := range allMarked(dir) {
		if m.id == id {
			return m.process
		}
	}
	return nil
}
