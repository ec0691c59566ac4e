package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"
)

// patience is the time limit of waits, for a loaded machine.
const patience = 2 * time.Minute

var binary string

// atOnce is the number of tests that run in parallel, independent of the number of processors, since they mostly wait. Tests that measure
// how a server keeps up with its clients are not parallel and run first.
const atOnce = 4

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if !asked {
		if err := flag.Set("test.parallel", strconv.Itoa(atOnce)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	dir, err := os.MkdirTemp("", "bellows-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "bellows")
	build := exec.Command("go", slices.Concat([]string{"build", "-o", binary}, buildFlags, []string{"../cmd/bellows"})...)
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building bellows: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// server is a running bellows serve.
type server struct {
	t       *testing.T
	dir     string
	url     string
	env     map[string]string
	client  *http.Client // nil: the default
	cmd     *exec.Cmd
	exited  chan error
	mu      sync.Mutex
	logText bytes.Buffer
}

// start runs bellows serve on a free port with the given flags, waits until it is ready, and stops it at the end of the test.
func start(t *testing.T, dir string, flags ...string) *server {
	t.Helper()
	s := &server{t: t, dir: dir, env: map[string]string{}, exited: make(chan error, 1)}
	s.cmd = exec.Command(binary, append([]string{"serve", "--data-dir", dir, "--listen", "127.0.0.1:0"}, flags...)...)
	out, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	go func() {
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			s.mu.Lock()
			s.logText.WriteString(lines.Text() + "\n")
			s.mu.Unlock()
			if strings.Contains(lines.Text(), "msg=ready") {
				close(ready)
			}
		}
		s.exited <- s.cmd.Wait()
	}()
	select {
	case <-ready:
	case err := <-s.exited:
		s.exited <- err
		t.Fatalf("the server ended: %v\n%s", err, s.log())
	case <-time.After(patience):
		t.Fatalf("the server is not ready\n%s", s.log())
	}
	s.readEnv()
	t.Cleanup(s.stop)
	return s
}

// readEnv parses the environment printed by bellows env.
func (s *server) readEnv() {
	s.t.Helper()
	out, err := exec.Command(binary, "env", "--data-dir", s.dir).Output()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		if set, found := strings.CutPrefix(line, "export "); found {
			k, v, _ := strings.Cut(set, "=")
			s.env[k] = v
		}
	}
	s.url = s.env["AWS_ENDPOINT_URL"]
}

func (s *server) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logText.String()
}

// stop ends the server cleanly; it must exit with 0 and leave no process.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.exited:
		s.exited <- err
		if err != nil && !strings.Contains(err.Error(), "killed") {
			s.t.Errorf("the server ended with %v\n%s", err, s.log())
		}
	case <-time.After(patience):
		s.t.Errorf("the server did not stop\n%s", s.log())
		_ = s.cmd.Process.Kill()
	}
	if s.t.Failed() {
		s.t.Logf("the server's log:\n%s", s.log())
	}
}

// kill ends the server as a crash does.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	s.exited <- <-s.exited
}

// instances finds all model servers of a data directory by their log files.
func instances(t *testing.T, dir string) []int {
	t.Helper()
	logs, err := filepath.Abs(filepath.Join(dir, "fleet", "logs"))
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := filepath.Glob("/proc/[0-9]*/fd/1")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, f := range outputs {
		if file, err := os.Readlink(f); err == nil && filepath.Dir(file) == logs {
			var pid int
			if _, err := fmt.Sscanf(f, "/proc/%d/fd/1", &pid); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

func (s *server) config() aws.Config {
	var client aws.HTTPClient
	if s.client != nil {
		client = s.client
	}
	return aws.Config{
		HTTPClient: client,
		Region:     s.env["AWS_DEFAULT_REGION"], BaseEndpoint: aws.String(s.url),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: s.env["AWS_ACCESS_KEY_ID"], SecretAccessKey: s.env["AWS_SECRET_ACCESS_KEY"]}, nil
		}),
	}
}

func (s *server) sagemaker() *sagemaker.Client { return sagemaker.NewFromConfig(s.config()) }
func (s *server) runtime() *sagemakerruntime.Client {
	return sagemakerruntime.NewFromConfig(s.config())
}
func (s *server) scaling() *applicationautoscaling.Client {
	return applicationautoscaling.NewFromConfig(s.config())
}
func (s *server) cloudwatch() *cloudwatch.Client { return cloudwatch.NewFromConfig(s.config()) }

// deploy creates an endpoint of the demo model with a number of instances and waits until it is in service.
func (s *server) deploy(name string, count int32, settings map[string]string) {
	s.t.Helper()
	s.configure(name, count, settings)
	if _, err := s.sagemaker().CreateEndpoint(s.t.Context(), &sagemaker.CreateEndpointInput{
		EndpointName: aws.String(name), EndpointConfigName: aws.String(name),
	}); err != nil {
		s.t.Fatal(err)
	}
	s.settled(name, int(count))
}

// configure creates a model of the demo model's image and an endpoint config with a number of instances.
func (s *server) configure(name string, count int32, settings map[string]string) {
	s.t.Helper()
	ctx := s.t.Context()
	if _, err := s.sagemaker().CreateModel(ctx, &sagemaker.CreateModelInput{
		ModelName: aws.String(name), PrimaryContainer: &types.ContainerDefinition{Image: aws.String("bellows/demo-model"), Environment: settings},
	}); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.sagemaker().CreateEndpointConfig(ctx, &sagemaker.CreateEndpointConfigInput{
		EndpointConfigName: aws.String(name), ProductionVariants: []types.ProductionVariant{{
			VariantName: aws.String("AllTraffic"), ModelName: aws.String(name), InitialInstanceCount: aws.Int32(count),
			InstanceType: types.ProductionVariantInstanceTypeMlM5Large,
		}},
	}); err != nil {
		s.t.Fatal(err)
	}
}

// settled waits until an endpoint is in service with a number of instances.
func (s *server) settled(name string, count int) {
	s.t.Helper()
	s.until(fmt.Sprintf("%s in service with %d instances", name, count), func() bool {
		out, err := s.sagemaker().DescribeEndpoint(s.t.Context(), &sagemaker.DescribeEndpointInput{EndpointName: aws.String(name)})
		if err != nil {
			s.t.Fatal(err)
		}
		return out.EndpointStatus == types.EndpointStatusInService && int(*out.ProductionVariants[0].CurrentInstanceCount) == count
	})
}

func (s *server) until(what string, is func() bool) {
	s.t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline:
			s.t.Fatalf("timed out waiting for: %s\n%s", what, s.log())
		case <-tick.C:
		}
	}
}

// command returns a program with the server's environment.
func (s *server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "AWS_PAGER=", "PYTHONDONTWRITEBYTECODE=1", "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null")
	for k, v := range s.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	return cmd
}

// script runs a program with the server's environment and returns its output. The test fails if the program does.
func (s *server) script(name string, args ...string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 3*patience)
	defer cancel()
	out, err := s.command(ctx, name, args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// fetch requests one of the server's own pages.
func (s *server) fetch(path, accept string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Accept", accept)
	r.SetBasicAuth(s.env["AWS_ACCESS_KEY_ID"], s.env["AWS_SECRET_ACCESS_KEY"])
	client := http.DefaultClient
	if s.client != nil {
		client = s.client
	}
	answer, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// get is fetch without an Accept header.
func (s *server) get(path string) string {
	s.t.Helper()
	_, text := s.fetch(path, "*/*")
	return text
}

// health reads the health page.
func (s *server) health() (page struct {
	Status    string `json:"status"`
	Served    uint64 `json:"invocations_served"`
	Failed    uint64 `json:"invocations_failed"`
	Endpoints []struct{ Endpoint, Status string }

	PolicyTime time.Time `json:"policy_time"`
	History    struct {
		Kept    time.Time `json:"kept_until"`
		Failure string
		Bytes   int64 `json:"disk_bytes"`
		Tiers   []struct {
			Retention string
			Bytes     int64 `json:"disk_bytes"`
		}
	} `json:"metric_history"`
}) {
	s.t.Helper()
	text := s.get("/health")
	if err := json.Unmarshal([]byte(text), &page); err != nil {
		s.t.Fatalf("%v: %s", err, text)
	}
	return page
}
