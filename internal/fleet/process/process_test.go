package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/demomodel"
	"bellows.dev/bellows/internal/fleet"
	"bellows.dev/bellows/internal/fleet/fleettest"
)

// This test binary plays other parts too: a model server, and a server that is killed with instances running.
const (
	part    = "BELLOWS_TEST_PART"
	partDir = "BELLOWS_TEST_DIR"

	withWorkers = "BELLOWS_TEST_WORKERS" // a model server with two workers, one of them in a session of its own
	withDaemon  = "BELLOWS_TEST_DAEMON"  // a model server that starts a daemon, which is found by this text among its arguments
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && (os.Args[1] == "daemonise" || os.Args[1] == "daemon") {
		daemon(os.Args[1], os.Args[2])
		return
	}
	switch os.Getenv(part) {
	case "server":
		serveUntilKilled(os.Getenv(partDir))
	case "glutton":
		for memory := [][]byte{}; len(memory) < 1000; { // 4 GB at most
			more := make([]byte, 4<<20)
			for i := range more {
				more[i] = byte(i)
			}
			memory = append(memory, more)
		}
	case "worker":
		signal.Ignore(unix.SIGTERM, unix.SIGHUP)
		waitForNothing()
	case "":
		if os.Getenv("SAGEMAKER_BIND_TO_PORT") != "" {
			if os.Getenv(withWorkers) != "" {
				startWorkers()
			}
			if name := os.Getenv(withDaemon); name != "" {
				if err := detached("daemonise", name).Run(); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
			}
			if err := demomodel.Serve(context.Background(), os.Getenv, os.Stderr); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		}
		goleak.VerifyTestMain(m)
	}
}

// startWorkers starts two processes that heed nothing but SIGKILL.
func startWorkers() {
	for _, own := range []bool{false, true} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), part+"=worker")
		cmd.SysProcAttr = &unix.SysProcAttr{Setsid: own}
		if err := cmd.Start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// detached is this program as another part, in a session of its own and with no environment, as a daemon that writes a title over it.
func detached(as, name string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], as, name)
	cmd.Env = []string{}
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	return cmd
}

// daemon is a process that starts another like it and ends, and then that other, which heeds nothing but SIGKILL.
func daemon(as, name string) {
	if as == "daemon" {
		signal.Ignore(unix.SIGTERM, unix.SIGHUP)
		waitForNothing()
	}
	if err := detached("daemon", name).Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// daemons returns the running daemons of a name.
func daemons(name string) (out []int) {
	for _, pid := range pids() {
		line, err := os.ReadFile(procFile(pid, "cmdline"))
		st, ok := readStat(pid)
		if err == nil && ok && st.runs() && strings.HasSuffix(string(line), "\x00daemon\x00"+name+"\x00") {
			out = append(out, pid)
		}
	}
	return out
}

// waitForNothing waits until the process is killed.
func waitForNothing() {
	never := make(chan os.Signal, 1)
	signal.Notify(never, unix.SIGUSR2)
	<-never
}

func command(image string) (fleet.Program, error) {
	if image != "demo" {
		return fleet.Program{}, fmt.Errorf("no command is known for the image %q", image)
	}
	return fleet.Program{Command: []string{os.Args[0]}}, nil
}

func options(dir string) Options {
	return Options{Options: fleet.Options{
		Dir: dir, Command: command, Log: slog.New(slog.DiscardHandler), PingInterval: 20 * time.Millisecond,
		Settings: fleet.Settings{KillAfter: 300 * time.Millisecond},
		Report:   func(hosting.InstanceReport) {}, Drain: func(context.Context, hosting.CopyID) error { return nil },
	}}
}

func TestConformance(t *testing.T) {
	conforms(t, false)
}

func TestConformanceWithoutCgroups(t *testing.T) {
	conforms(t, true)
}

func conforms(t *testing.T, noCgroups bool) {
	fleettest.Run(t, func(t *testing.T) fleettest.Harness {
		dir := t.TempDir()
		return fleettest.Harness{
			Image: "demo", Broken: "no/such-image", Running: func() int { return len(markedOf(dir)) },
			IgnoresTerm: demomodel.EnvIgnoreTerm + "=1", ExitsAtStart: demomodel.EnvExitAtStart + "=1",
			NeverHealthy: demomodel.EnvFailPing + "=1", FallsIll: demomodel.EnvFailPingAfter + "=3",
			Says: "demo model: listening on ",
			Kill: func(id hosting.CopyID) {
				if pid, _, found := leaderOf(dir, id); found {
					_ = unix.Kill(pid, unix.SIGKILL)
				}
			},
			Open: func(t *testing.T, report func(hosting.InstanceReport), drain func(context.Context, hosting.CopyID) error) fleet.Fleet {
				o := options(dir)
				o.Report, o.Drain, o.NoCgroups = report, drain, noCgroups
				f, err := New(o)
				if err != nil {
					t.Fatal(err)
				}
				return f
			},
		}
	})
}

// serveUntilKilled is a server with two instances. It tells when both are ready.
func serveUntilKilled(dir string) {
	o := options(dir)
	ready := make(chan hosting.InstanceReport, 100)
	o.Report = func(r hosting.InstanceReport) { ready <- r }
	f, err := New(o)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	one := alone(hosting.CopySpec{ID: "i-1", Image: "demo", StartupTimeout: time.Minute})
	two := alone(hosting.CopySpec{ID: "i-2", Image: "demo", StartupTimeout: time.Minute})
	f.Apply([]fleet.Level{{Group: "g", Instances: []hosting.InstanceSpec{one, two}}})
	for range 2 {
		fmt.Println(next(ready).State)
	}
	select {}
}

// A server that dies at any moment leaves instances that the next one adopts or ends: none is leaked.
func TestKilledServerLeaksNothing(t *testing.T) {
	for _, when := range []string{"first record", "first record", "first record", "first process", "both are ready"} {
		t.Run(when, func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), part+"=server", partDir+"="+dir)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			least := 0
			switch when {
			case "first record": // its process is about to start, or in the midst of it
				until(t, func() bool {
					names, err := filepath.Glob(filepath.Join(dir, "instances", "*.json"))
					return err == nil && len(names) > 0
				})
			case "first process":
				least = 1
				until(t, func() bool { return len(markedOf(dir)) > 0 })
			default:
				least = 2
				if _, err := fmt.Fscan(out, new(string), new(string)); err != nil {
					t.Fatal(err)
				}
			}
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			f, err := New(options(dir))
			if err != nil {
				t.Fatal(err)
			}
			adopted := f.Adopted()
			if len(adopted) < least {
				t.Errorf("adopted %v, want %d or more", adopted, least)
			}
			for _, m := range markedOf(dir) {
				if !slices.Contains(adopted, m.id) {
					t.Errorf("process %d of %s runs and is not adopted", m.pid, m.id)
				}
			}
			if err := f.StopAll(t.Context()); err != nil {
				t.Error(err)
			}
			if left := markedOf(dir); len(left) != 0 {
				t.Errorf("%d processes are left", len(left))
			}
		})
	}
}

func until(t *testing.T, is func() bool) {
	t.Helper()
	deadline, tick := time.After(time.Minute), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline:
			t.Fatal("it never came to be")
		case <-tick.C:
		}
	}
}

func TestSecondFleetIsRefused(t *testing.T) {
	dir := t.TempDir()
	f, err := New(options(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := New(options(dir)); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("opened twice: %v", err)
	}
}

func TestEnvironmentIsTheContractsAndNoCredentialsLeak(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	var none fleet.Program
	spec := hosting.CopySpec{ID: "i-1", Environment: map[string]string{"A": "b", "BELLOWS_INSTANCE": "x"}}
	all := strings.Join(environment(none, "eu-west-1", spec, runtimeOf{"/d", 99, "/m"}), "\n") + "\n"
	for _, want := range []string{"A=b\n", "SAGEMAKER_BIND_TO_PORT=99\n", "AWS_REGION=eu-west-1\n", "SM_MODEL_DIR=/m\n", "BELLOWS_INSTANCE=i-1\n"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in\n%s", want, all)
		}
	}
	if strings.Contains(all, "secret") {
		t.Error("the server's credentials leak into model servers")
	}
}

// What an image's entry sets and passes on; the model's own Environment comes before it, and what the contract says before both.
func TestEnvironmentOfAProgram(t *testing.T) {
	for name, value := range map[string]string{"HF_HOME": "/hf", "HTTPS_PROXY": "http://p", "CUDA_HOME": "/c", "CUDAX": "no", "OTHER": "o", "SAGEMAKER_BIND_TO_PORT": "1"} {
		t.Setenv(name, value)
	}
	spec := hosting.CopySpec{ID: "i-1", Environment: map[string]string{"BOTH": "model"}}
	last := func(p fleet.Program) map[string]string {
		out := map[string]string{}
		for _, pair := range environment(p, "", spec, runtimeOf{owner: "/d", port: 99}) {
			name, value, _ := strings.Cut(pair, "=")
			out[name] = value // os/exec takes the last, too
		}
		return out
	}
	got := last(fleet.Program{Env: map[string]string{"BOTH": "image", "MINE": "m", "OTHER": "mine"}, PassEnv: []string{"HF_HOME", "*_PROXY", "CUDA_*", "OTHER"}})
	for name, want := range map[string]string{
		"HF_HOME": "/hf", "HTTPS_PROXY": "http://p", "CUDA_HOME": "/c", "CUDAX": "", "BOTH": "model", "MINE": "m", "OTHER": "mine", "SAGEMAKER_BIND_TO_PORT": "99",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if got := last(fleet.Program{PassEnv: []string{"*"}}); got["CUDAX"] != "no" || got["HF_HOME"] != "/hf" || got["SAGEMAKER_BIND_TO_PORT"] != "99" {
		t.Errorf("all: %v", got)
	}
}

func TestPortHint(t *testing.T) {
	refused := fmt.Errorf("/ping: %w", unix.ECONNREFUSED)
	if got := portHint(9000, refused); !strings.Contains(got, "port 9000") || !strings.Contains(got, "SAGEMAKER_BIND_TO_PORT") {
		t.Error(got)
	}
	if got := portHint(9000, errors.New("/ping answered 500")); got != "" {
		t.Error(got)
	}
}

// The reason for which a copy is not healthy names its log.
func TestUnhealthyReasonsNameTheLog(t *testing.T) {
	k := &keeper{fleet: &Fleet{o: options(t.TempDir())}, spec: hosting.CopySpec{ID: "i-1"}}
	if got := k.unhealthyReason(9000, errors.New("/ping answered 503: not healthy")); got != "/ping answered 503: not healthy. Its log is fleet/logs/i-1.log." {
		t.Error(got)
	}
}

func TestLogsAreBounded(t *testing.T) {
	f := &Fleet{o: options(t.TempDir())}
	f.SetSettings(fleet.Settings{LogMax: 1000})
	if err := os.MkdirAll(filepath.Join(f.o.Dir, "logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	k := &keeper{fleet: f, spec: hosting.CopySpec{ID: "i-1"}}
	text := strings.Repeat("x", 4990) + "\nlast line\n"
	if err := os.WriteFile(f.LogFile("i-1"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := k.lastLine(0); got != " Its log, fleet/logs/i-1.log, ends: last line" {
		t.Errorf("last words %q", got)
	}
	if got := k.lastLine(int64(len(text))); got != " Its log is fleet/logs/i-1.log." {
		t.Errorf("last words %q of an earlier run", got)
	}
	k.boundLog()
	kept, err := os.ReadFile(f.LogFile("i-1") + ".1")
	if err != nil || len(kept) != 1000 || !strings.HasSuffix(string(kept), "last line\n") {
		t.Errorf("kept %d bytes, %v", len(kept), err)
	}
	if info, err := os.Stat(f.LogFile("i-1")); err != nil || info.Size() != 0 {
		t.Errorf("cut to %v, %v", info.Size(), err)
	}
}
