package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/deploy"
)

// left returns what there is of endpoints, configurations, models and targets.
func (s *served) left() string {
	s.t.Helper()
	var all []string
	for _, command := range []string{"endpoints", "models", "policies"} {
		for kind, v := range s.object(command) {
			all = append(all, fmt.Sprintf("%s %d", kind, len(v.([]any))))
		}
	}
	return strings.Join(all, ", ")
}

const nothing = "Endpoints 0, Models 0, ScalingPolicies 0"

// A deployment makes all that an endpoint needs, a second one updates it, rollback returns, and delete leaves nothing.
func TestDeployUpdateRollBackDelete(t *testing.T) {
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	made := s.object("deploy", "--name", "iris", "--instances", "1..4", "--target", "600")
	if made["endpoint"] != "iris" || made["endpoint_config"] != "iris" || !strings.HasSuffix(fmt.Sprint(made["policy"]), ":policyName/"+deploy.PolicyName) {
		t.Errorf("deploy --json prints %v", made)
	}
	until(t, "the range and the instance are listed", func() bool {
		x := s.object("variants")
		return at(x, "variants.0.max") == 4.0 && at(x, "variants.0.running") == 1.0
	})
	if got := at(s.object("policies"), "ScalingPolicies.0.TargetTrackingScalingPolicyConfiguration.TargetValue"); got != 600.0 {
		t.Errorf("the policy keeps %v", got)
	}
	updated := s.object("deploy", "--name", "iris", "--env", "BELLOWS_DEMO_LATENCY_MS=1", "--instances", "1..4", "--target", "500")
	if updated["previous_endpoint_config"] != "iris" || updated["endpoint_config"] == "iris" {
		t.Errorf("the update: %v", updated)
	}
	if back := s.object("rollback", "iris"); back["endpoint_config"] != "iris" {
		t.Errorf("the rollback: %v", back)
	}
	if again := s.object("rollback", "iris"); again["endpoint_config"] != updated["endpoint_config"] {
		t.Errorf("the second rollback: %v", again)
	}
	if _, err := s.on("delete", "iris"); exitCode(err) != exitUsage || !strings.Contains(err.Error(), "Add --yes") {
		t.Errorf("delete without a terminal: %v", err)
	}
	plan := s.object("delete", "iris", "--dry-run")
	if got := fmt.Sprint(plan["scalable_targets"], len(plan["endpoint_configs"].([]any)), len(plan["models"].([]any))); got != "[endpoint/iris/variant/AllTraffic] 2 2" {
		t.Errorf("the plan of the deletion: %s", got)
	}
	s.prints("delete", "iris", "--yes")
	if got := s.left(); got != nothing {
		t.Errorf("after the deletion: %s", got)
	}
}

// deployment runs a deployment in the test, and returns its events as text.
func deployment(ctx context.Context, t *testing.T, c *client.Client, spec deploy.Spec, hurry <-chan struct{}, on func(deploy.Event)) (string, error) {
	t.Helper()
	d, err := deploy.New(c, spec)
	if err != nil {
		t.Fatal(err)
	}
	d.Hurry = hurry
	var events strings.Builder
	_, err = d.Run(ctx, func(e deploy.Event) {
		fmt.Fprintf(&events, "%d %s %s\n", e.Kind, e.Step, e.Text)
		on(e)
	})
	return events.String(), err
}

// A deployment that fails at any of its calls leaves what was there before, which the calls' order does not matter for.
func TestADeploymentThatFailsIsUndone(t *testing.T) {
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	for _, operation := range []string{"CreateModel", "CreateEndpointConfig", "CreateEndpoint", "RegisterScalableTarget", "PutScalingPolicy"} {
		c := client.New(s.without(operation), s.aws.Region, s.key)
		events, err := deployment(t.Context(), t, c, deploy.Spec{Name: "iris", Min: 1, Max: 2, Target: 60}, nil, func(deploy.Event) {})
		if err == nil || !strings.Contains(err.Error(), "not today (Refused)") || exitCode(err) != exitRefused {
			t.Errorf("without %s: %v", operation, err)
		}
		if got := s.left(); got != nothing {
			t.Errorf("without %s, there is left: %s\n%s", operation, got, events)
		}
	}
	if _, err := s.on("deploy", "--name", "nope", "--image", "nosuch"); exitCode(err) != exitRefused || !strings.Contains(err.Error(), `no command is known for the image "nosuch"`) ||
		!strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("an unknown image: %v", err)
	}
	if got := s.left(); got != nothing {
		t.Errorf("there is left: %s", got)
	}
	// An update that is refused late leaves the endpoint as it was.
	s.prints("deploy", "--name", "iris", "--instances", "1..4", "--target", "600")
	c := client.New(s.without("PutScalingPolicy"), s.aws.Region, s.key)
	if _, err := deployment(t.Context(), t, c, deploy.Spec{Name: "iris", Min: 1, Max: 9, Target: 60}, nil, func(deploy.Event) {}); err == nil {
		t.Error("the update succeeded")
	}
	if x := s.object("endpoints", "iris"); at(x, "Endpoints.0.EndpointConfigName") != "iris" || at(s.object("variants"), "variants.0.max") != 4.0 || len(s.object("models")["Models"].([]any)) != 1 {
		t.Errorf("after the update: %v", x)
	}
}

// without returns the URL of a proxy of the server that refuses an operation.
func (s *served) without(operation string) string {
	s.t.Helper()
	to, err := url.Parse(s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { // the signature covers the host
		r.SetURL(to)
		r.Out.Host = r.In.Host
	}}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+operation) {
			pass.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"__type": "Refused", "message": "not today"}`))
	}))
	s.t.Cleanup(proxy.Close)
	return proxy.URL
}

// An interrupt undoes what was made; with a second one the rest is left and named.
func TestAnInterruptUndoesADeployment(t *testing.T) {
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	c := client.New(s.url, s.aws.Region, s.key)
	slow := deploy.Spec{Name: "slow", Min: 1, Max: 1, Environment: map[string]string{"BELLOWS_DEMO_START_DELAY_MS": "600000"}}
	ctx, cancel := context.WithCancel(t.Context())
	events, err := deployment(ctx, t, c, slow, nil, func(e deploy.Event) {
		if e.Kind == deploy.Waiting {
			cancel()
		}
	})
	if err == nil || exitCode(err) != exitInterrupted || err.Error() != "endpoint slow: interrupted\nall that was made is undone" {
		t.Errorf("%v\n%s", err, events)
	}
	if got := s.left(); got != nothing {
		t.Errorf("there is left: %s\n%s", got, events)
	}

	ctx, cancel = context.WithCancel(t.Context())
	hurry := make(chan struct{})
	var once sync.Once
	events, err = deployment(ctx, t, c, slow, hurry, func(e deploy.Event) {
		switch e.Kind {
		case deploy.Waiting:
			cancel()
		case deploy.Undoing:
			once.Do(func() { close(hurry) })
		default:
		}
	})
	if err == nil || !strings.Contains(err.Error(), "\nleft behind: ") || !strings.Contains(err.Error(), "model slow") {
		t.Errorf("%v\n%s", err, events)
	}
}

// The program itself undoes a deployment at SIGINT and exits with 130.
func TestCtrlC(t *testing.T) {
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := exec.Command(exe, "deploy", "--name", "slow", "--env", "BELLOWS_DEMO_START_DELAY_MS=600000", "--data-dir", s.dir)
	p.Env = append(os.Environ(), asProgram+"=1")
	out := &lockedBuffer{}
	p.Stdout, p.Stderr = out, out
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Wait() }()
	until(t, "it waits", func() bool { return strings.Contains(out.String(), "0 of 1 instances in service") })
	if err := p.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-ended
	if text := out.String(); p.ProcessState.ExitCode() != exitInterrupted || !strings.Contains(text, "undone: model slow") || !strings.Contains(text, "all that was made is undone") {
		t.Errorf("exit %d\n%s", p.ProcessState.ExitCode(), text)
	}
	if got := s.left(); got != nothing {
		t.Errorf("there is left: %s", got)
	}
}

// lockedBuffer is a buffer for several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Model data of this machine becomes a file URI, an archive one of an archive; mistakes are named before any call.
func TestDeployChecksItsCommandLine(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "my_model.v2")
	if err := os.Mkdir(model, 0o700); err != nil {
		t.Fatal(err)
	}
	var spec deploy.Spec
	if err := completeSpec(&spec, []string{model}, "2..3", []string{"A=b=c"}); err != nil || spec.Name != "my-model-v2" || spec.ModelData != "file://"+model || spec.Min != 2 || spec.Max != 3 ||
		spec.Environment["A"] != "b=c" {
		t.Errorf("%+v, %v", spec, err)
	}
	for args, want := range map[string]string{
		"/nosuch":             "no such file",
		"http://x/y":          "is neither a path nor an s3:// or file:/// URI",
		"--instances many":    `--instances is "many"; want a number, or MIN..MAX`,
		"--instances 4..1":    "the instances are 4..1; want MIN..MAX",
		"--env A":             `--env is "A"; want NAME=VALUE`,
		"--name bad_name":     `the name is "bad_name"`,
		"--target -1":         "the target is -1",
		"--name a a b":        "accepts at most 1 arg",
		"--startup-timeout x": "invalid argument",
	} {
		_, err := bellows(t.Context(), append([]string{"deploy", "--endpoint-url", "http://127.0.0.1:1", "--region", "us-east-1"}, strings.Fields(args)...)...)
		if err == nil || exitCode(err) != exitUsage || !strings.Contains(err.Error(), want) {
			t.Errorf("deploy %s: exit %d: %v", args, exitCode(err), err)
		}
	}
}

// Where the model server ends, the end of its log is shown.
func TestADeploymentThatFailsShowsTheLog(t *testing.T) {
	config := filepath.Join(t.TempDir(), "bellows.yaml")
	if err := os.WriteFile(config, []byte("startup_timeout: 2s\nimages:\n  - image: broken\n    command: [sh, -c, 'echo loading; echo \"no such weights\" >&2; sleep 600']\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, filepath.Join(t.TempDir(), "data"), "--config", config)
	c, err := client.Open(t.Context(), client.Options{Dir: s.dir})
	if err != nil {
		t.Fatal(err)
	}
	var log []string
	_, err = deployment(t.Context(), t, c, deploy.Spec{Name: "b", Image: "broken", Min: 1, Max: 1}, nil, func(e deploy.Event) {
		if e.Kind == deploy.Failed {
			log = e.Lines
		}
	})
	if err == nil || !strings.Contains(err.Error(), "b failed: ") || !strings.Contains(err.Error(), "all that was made is undone") {
		t.Errorf("%v", err)
	}
	if got := s.left(); got != nothing {
		t.Errorf("there is left: %s", got)
	}
	if text := strings.Join(log, "\n"); err == nil || !strings.Contains(text, "loading") || !strings.Contains(text, "no such weights") {
		t.Errorf("%v, log %q", err, log)
	}
}

// Commands answer at once. The bound is on processor time, of a program with the race detector, since other tests compete for processors; the
// figures are printed.
func TestCommandsAnswerQuickly(t *testing.T) {
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	s.deploy()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"endpoints", "variants", "instances chat", "policies"} {
		best, cpu := time.Hour, time.Hour
		for range 3 {
			p := exec.Command(exe, append(strings.Fields(command), "--data-dir", s.dir)...)
			p.Env = append(os.Environ(), asProgram+"=1")
			began := time.Now()
			if out, err := p.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", command, err, out)
			}
			best, cpu = min(best, time.Since(began)), min(cpu, p.ProcessState.UserTime()+p.ProcessState.SystemTime())
		}
		t.Logf("bellows %s: %s, of which %s on a processor", command, best.Round(time.Millisecond), cpu.Round(time.Millisecond))
		if cpu > time.Second {
			t.Errorf("bellows %s takes %s on a processor", command, cpu)
		}
	}
}
