package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
)

// The commands of README.md's section "Five minutes", pasted into a new shell with real AWS credentials, all work, and nothing goes to AWS.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bash", "aws"} {
		if _, err := exec.LookPath(name); err != nil {
			lacking(t, name+" is not installed")
		}
	}
	var pasted strings.Builder
	n := 0
	for _, c := range readmeCommands(t) {
		if c.pasted {
			pasted.WriteString(c.text + "\n")
			n++
		}
	}
	if n < 15 {
		t.Fatalf("the README's five minutes have %d commands", n)
	}
	pasted.WriteString("echo \"endpoint: $AWS_ENDPOINT_URL key: $AWS_ACCESS_KEY_ID token: $AWS_SESSION_TOKEN profile: $AWS_PROFILE\"\n")

	dir := t.TempDir()
	examples, err := filepath.Abs("../examples")
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	// The program has been built; the README's port may be in use during tests, so this server uses a free one.
	write("Makefile", "build:\n\t@true\n", 0o600)
	write("bin/bellows", "#!/bin/sh\nif [ \"$1\" = serve ]; then shift; exec "+binary+" serve --listen 127.0.0.1:0 \"$@\"; fi\nexec "+binary+" \"$@\"\n", 0o700)
	const real = "[production]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\nregion = eu-central-1\n"
	write("credentials", real, 0o600)
	if err := os.Symlink(examples, filepath.Join(dir, "examples")); err != nil {
		t.Fatal(err)
	}
	calls := outside(t)
	cmd := exec.CommandContext(t.Context(), "bash", "--norc", "--noprofile")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(pasted.String())
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		"AWS_SESSION_TOKEN=IQoJb3JpZ2luX2VjEXAMPLE", "AWS_PROFILE=production", "AWS_REGION=eu-central-1", "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(dir, "credentials"),
		"AWS_CONFIG_FILE=/dev/null", "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true", "HTTPS_PROXY="+calls.proxy, "HTTP_PROXY="+calls.proxy)
	out, err := cmd.CombinedOutput()
	text := string(out)
	if err != nil && !strings.Contains(err.Error(), "exit status") { // the exit status of wait, since the jobs were killed
		t.Errorf("%v\n%s", err, text)
	}
	for _, want := range []string{"setosa", `"PolicyARN"`, `"EndpointArn"`, "key: AKIA", "token:  profile: \n", "endpoint: http://127.0.0.1:", "iris/AllTraffic at ", "keep-70", `"ScalingActivities"`, "agree"} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q", want)
		}
	}
	for _, not := range []string{"key: AKIAIOSFODNN7EXAMPLE", "command not found", "An error occurred", "Traceback", "Unknown options"} {
		if strings.Contains(text, not) {
			t.Errorf("has %q", not)
		}
	}
	left, err := os.ReadDir(dir) // what the tour made is gone, and it wrote nothing else
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(left))
	for i, x := range left {
		names[i] = x.Name()
	}
	if want := []string{"Makefile", "bin", "credentials", "examples"}; !slices.Equal(names, want) {
		t.Errorf("the tour leaves %v, want %v", names, want)
	}
	if n := calls.n.Load(); n != 0 {
		t.Errorf("%d connections would have left this machine", n)
	}
	if t.Failed() {
		t.Log(text)
	}
}

// outsider is a proxy that refuses and counts all connections.
type outsider struct {
	proxy string
	n     atomic.Int64
}

func outside(t *testing.T) *outsider {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &outsider{proxy: "http://" + l.Addr().String()}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			o.n.Add(1)
			_ = c.Close() // the error is not relevant
		}
	}()
	t.Cleanup(func() {
		_ = l.Close() // ends Accept
		<-ended
	})
	return o
}

// With the faster clock and the higher rate that the README names, the tour's policy scales out as its sample output shows.
func TestReadmeFasterClock(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("With `--clock-speed (\\d+)` behind `serve`, and (\\d+) requests per second").FindStringSubmatch(string(text))
	if m == nil {
		t.Fatal("the README has no faster clock")
	}
	speed, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	rate, err := strconv.ParseFloat(m[2], 64)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := start(t, dir, "--clock-speed", m[1])
	s.deploy("iris", 1, nil)
	if _, err := s.scaling().RegisterScalableTarget(t.Context(), &applicationautoscaling.RegisterScalableTargetInput{
		ServiceNamespace: scaling.ServiceNamespaceSagemaker, ResourceId: aws.String("endpoint/iris/variant/AllTraffic"),
		ScalableDimension: scaling.ScalableDimensionSageMakerVariantDesiredInstanceCount, MinCapacity: aws.Int32(1), MaxCapacity: aws.Int32(4),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.scaling().PutScalingPolicy(t.Context(), &applicationautoscaling.PutScalingPolicyInput{
		PolicyName: aws.String("keep-70"), PolicyType: scaling.PolicyTypeTargetTrackingScaling, ServiceNamespace: scaling.ServiceNamespaceSagemaker,
		ResourceId: aws.String("endpoint/iris/variant/AllTraffic"), ScalableDimension: scaling.ScalableDimensionSageMakerVariantDesiredInstanceCount,
		TargetTrackingScalingPolicyConfiguration: &scaling.TargetTrackingScalingPolicyConfiguration{
			TargetValue: aws.Float64(70), PredefinedMetricSpecification: &scaling.PredefinedMetricSpecification{PredefinedMetricType: scaling.MetricTypeSageMakerVariantInvocationsPerInstance},
		},
	}); err != nil {
		t.Fatal(err)
	}
	if perMinute := rate * 60 / speed; perMinute/70 <= 3 {
		t.Errorf("%v requests per second are %v a minute of policy time, which needs fewer than 4 instances", rate, perMinute)
	}
	traffic := s.command(t.Context(), "python3", "../examples/notebook/traffic.py", "iris", m[2])
	if err := traffic.Start(); err != nil {
		t.Fatal(err)
	}
	shows := []*regexp.Regexp{
		regexp.MustCompile(`(?m)^\S+ \S+  decision   desired 1 -> [234]: keep-70: AlarmHigh in ALARM, 3 of 3: \S+ > 70; load \S+ = \S+ x 1; wanted \d+ = ceil\(\S+ / 70\)`),
		regexp.MustCompile(`(?m)^iris/AllTraffic at \S+ \S+ UTC: InService, [234] of [234] wanted instances serve; range 1 to 4$`), // fewer than 4 where the machine is busy
	}
	for _, form := range shows {
		if !form.Match(text) {
			t.Errorf("%s is not in the README", form)
		}
	}
	s.until("explain shows what the README shows", func() bool {
		_, out := s.fetch("/explain/iris/AllTraffic?since=1h", "text/plain")
		return shows[0].MatchString(out) && shows[1].MatchString(out)
	})
	if err := traffic.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = traffic.Wait() // it was killed
}
