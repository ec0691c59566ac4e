package process

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/demomodel"
	"bellows.dev/bellows/internal/fleet"
	"bellows.dev/bellows/internal/fleet/fleettest"
)

// This test binary plays other parts too: a model server, and a server that is killed with instances running.
const (
	part    = "BELLOWS_TEST_PART"
	partDir = "BELLOWS_TEST_DIR"
)

func TestMain(m *testing.M) {
	switch os.Getenv(part) {
	case "server":
		serveUntilKilled(os.Getenv(partDir))
	case "":
		if os.Getenv("SAGEMAKER_BIND_TO_PORT") != "" {
			if err := demomodel.Serve(context.Background(), os.Getenv, os.Stderr); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		}
		goleak.VerifyTestMain(m)
	}
}

func command(image string) ([]string, error) {
	if image != "demo" {
		return nil, fmt.Errorf("no command is known for the image %q", image)
	}
	return []string{os.Args[0]}, nil
}

func options(dir string) Options {
	return Options{
		Dir: dir, Command: command, Log: slog.New(slog.DiscardHandler), PingInterval: 20 * time.Millisecond, KillAfter: 300 * time.Millisecond,
		Report: func(hosting.InstanceReport) {}, Drain: func(context.Context, hosting.InstanceID) error { return nil },
	}
}

func TestConformance(t *testing.T) {
	fleettest.Run(t, func(t *testing.T) fleettest.Harness {
		dir := t.TempDir()
		return fleettest.Harness{
			Image: "demo", Broken: "no/such-image", Running: func() int { return len(allMarked(dir)) },
			IgnoresTerm: demomodel.EnvIgnoreTerm + "=1", ExitsAtStart: demomodel.EnvExitAtStart + "=1",
			NeverHealthy: demomodel.EnvFailPing + "=1", FallsIll: demomodel.EnvFailPingAfter + "=3",
			Open: func(t *testing.T, report func(hosting.InstanceReport), drain func(context.Context, hosting.InstanceID) error) fleet.Fleet {
				o := options(dir)
				o.Report, o.Drain = report, drain
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
	one := hosting.InstanceSpec{ID: "i-1", Image: "demo", StartupTimeout: time.Minute}
	two := one
	two.ID = "i-2"
	f.Apply([]fleet.Level{{Group: "g", Instances: []hosting.InstanceSpec{one, two}}})
	for range 2 {
		fmt.Println((<-ready).State)
	}
	select {}
}

// A server that dies at any moment leaves instances that the next one adopts or ends: none is leaked.
func TestKilledServerLeaksNothing(t *testing.T) {
	for _, after := range []string{"start", "both are ready"} {
		t.Run(after, func(t *testing.T) {
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
			if after == "both are ready" {
				if _, err := fmt.Fscan(out, new(string), new(string)); err != nil {
					t.Fatal(err)
				}
			} else {
				until(t, func() bool { return len(allMarked(dir)) > 0 })
			}
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			running := len(allMarked(dir))
			f, err := New(options(dir))
			if err != nil {
				t.Fatal(err)
			}
			if got := len(f.Adopted()); got == 0 || got > running {
				t.Errorf("adopted %d of %d", got, running)
			}
			if err := f.StopAll(t.Context()); err != nil {
				t.Error(err)
			}
			if left := allMarked(dir); len(left) != 0 {
				t.Errorf("%d processes are left", len(left))
			}
		})
	}
}

func until(t *testing.T, is func() bool) {
	t.Helper()
	deadline, tick := time.After(10*time.Second), time.NewTicker(time.Millisecond)
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
	env := environment("/d", hosting.InstanceSpec{ID: "i-1", Region: "eu-west-1", Environment: map[string]string{"A": "b", "BELLOWS_INSTANCE": "x"}}, 99, "/m")
	all := strings.Join(env, "\n") + "\n"
	for _, want := range []string{"A=b\n", "SAGEMAKER_BIND_TO_PORT=99\n", "AWS_REGION=eu-west-1\n", "SM_MODEL_DIR=/m\n", "BELLOWS_INSTANCE=i-1\n"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in\n%s", want, all)
		}
	}
	if strings.Contains(all, "secret") {
		t.Error("the server's credentials leak into model servers")
	}
}

func TestLogsAreBounded(t *testing.T) {
	f := &Fleet{o: options(t.TempDir())}
	f.o.LogMax = 1000
	if err := os.MkdirAll(filepath.Join(f.o.Dir, "logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	i := &instance{fleet: f, spec: hosting.InstanceSpec{ID: "i-1"}}
	text := strings.Repeat("x", 4990) + "\nlast line\n"
	if err := os.WriteFile(f.LogFile("i-1"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := i.lastWords(); got != " Its log ends: last line" {
		t.Errorf("last words %q", got)
	}
	i.boundLog()
	kept, err := os.ReadFile(f.LogFile("i-1") + ".1")
	if err != nil || len(kept) != 1000 || !strings.HasSuffix(string(kept), "last line\n") {
		t.Errorf("kept %d bytes, %v", len(kept), err)
	}
	if info, err := os.Stat(f.LogFile("i-1")); err != nil || info.Size() != 0 {
		t.Errorf("cut to %v, %v", info.Size(), err)
	}
}

type file struct {
	name, text string
	kind       byte
	link       string
}

func pack(files ...file) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.text)), Typeflag: f.kind, Linkname: f.link}
		if f.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		_ = w.WriteHeader(h)
		_, _ = w.Write([]byte(f.text))
	}
	_ = w.Close()
	_ = z.Close()
	return b.Bytes()
}

func TestUnpack(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "m")
	good := pack(file{name: "./"}, file{name: "model.bin", text: "weights"}, file{name: "code/inference.py", text: "pass"}, file{name: "empty", kind: tar.TypeDir})
	if err := unpack(bytes.NewReader(good), folder, 100); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(folder, "code", "inference.py")); err != nil || string(text) != "pass" {
		t.Errorf("%q, %v", text, err)
	}
	for name, c := range map[string]struct {
		archive []byte
		want    string
	}{
		"up and out":    {pack(file{name: "../evil", text: "x"}), "leads out"},
		"absolute":      {pack(file{name: "/evil", text: "x"}), "leads out"},
		"link out":      {pack(file{name: "l", kind: tar.TypeSymlink, link: "/etc"}), "neither a file nor a folder"},
		"hard link":     {pack(file{name: "l", kind: tar.TypeLink, link: "../x"}), "neither a file nor a folder"},
		"device":        {pack(file{name: "d", kind: tar.TypeBlock}), "neither a file nor a folder"},
		"too large":     {pack(file{name: "a", text: strings.Repeat("x", 60)}, file{name: "b", text: strings.Repeat("x", 60)}), "more than is allowed"},
		"no gzip":       {[]byte("plain"), "reading the archive"},
		"cut in half":   {good[:len(good)/2], "unexpected EOF"},
		"over a folder": {pack(file{name: "d/x", text: "1"}, file{name: "d", text: "2"}), "is a directory"},
	} {
		dir := t.TempDir()
		err := unpack(bytes.NewReader(c.archive), filepath.Join(dir, "m"), 100)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if _, err := os.Stat(filepath.Join(dir, "evil")); err == nil {
			t.Errorf("%s: wrote outside", name)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(pack(file{name: "a/b", text: "x"}))
	f.Add(pack(file{name: "../../evil", text: "x"}))
	f.Fuzz(func(t *testing.T, archive []byte) {
		dir := t.TempDir()
		_ = unpack(bytes.NewReader(archive), filepath.Join(dir, "m"), 1<<20)
		if files, err := os.ReadDir(dir); err != nil || len(files) > 1 {
			t.Errorf("%v outside the folder (%v)", files, err)
		}
	})
}

// A model server finds an archive's content in the folder it is told.
func TestModelDataIsUnpackedForTheInstance(t *testing.T) {
	dir := t.TempDir()
	archive := filepath.Join(dir, "model.tar.gz")
	if err := os.WriteFile(archive, pack(file{name: "weights", text: "1 2 3"}), 0o600); err != nil {
		t.Fatal(err)
	}
	o := options(filepath.Join(dir, "fleet"))
	ready := make(chan hosting.InstanceReport, 10)
	o.Report = func(r hosting.InstanceReport) { ready <- r }
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s := hosting.InstanceSpec{ID: "i-1", Image: "demo", ModelDataURL: "file://" + archive, StartupTimeout: time.Minute}
	f.Apply([]fleet.Level{{Group: "g", Instances: []hosting.InstanceSpec{s}}})
	if r := <-ready; r.State != hosting.FleetReady {
		t.Errorf("%+v", r)
	}
	folder := f.models("i-1")
	if text, err := os.ReadFile(filepath.Join(folder, "weights")); err != nil || string(text) != "1 2 3" {
		t.Errorf("%q, %v", text, err)
	}
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", allMarked(f.o.Dir)[0].process.pid))
	if err != nil || !bytes.Contains(env, []byte("SM_MODEL_DIR="+folder)) {
		t.Errorf("the folder is not in its environment (%v)", err)
	}
	if err := f.StopAll(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("the folder is still there")
	}
}
