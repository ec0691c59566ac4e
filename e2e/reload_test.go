package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
)

// SIGHUP reloads the configuration file: images, webhooks and the engine's settings are replaced; an invalid file changes nothing; the server
// and its instances continue.
func TestSIGHUPReloadsTheConfiguration(t *testing.T) {
	t.Parallel()
	received := make(chan struct{}, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { received <- struct{}{} }))
	defer hook.Close()
	file := filepath.Join(t.TempDir(), "bellows.yaml")
	configure := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	configure("startup_timeout: 8m\npayload_max: 4\n")
	dir := t.TempDir()
	s := start(t, dir, "--config", file)
	s.deploy("iris", 1, nil)
	pids := instances(t, dir)
	if err := s.invokeOnce("iris"); err == nil {
		t.Error("an invocation larger than payload_max is accepted")
	}
	create := func() error {
		_, err := s.sagemaker().CreateModel(t.Context(), &sagemaker.CreateModelInput{
			ModelName: aws.String("mine"), PrimaryContainer: &types.ContainerDefinition{Image: aws.String("mine:1")},
		})
		return err
	}
	hangUp := func(says string) {
		t.Helper()
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		s.until("the log says "+says, func() bool { return strings.Contains(s.log(), says) })
	}
	if create() == nil {
		t.Error("an unmapped image is accepted")
	}
	configure("startup_timeout: -1\nimages: [{image: 'mine:*', command: [x]}]\n")
	hangUp("the configuration is not valid")
	if create() == nil {
		t.Error("an invalid file changed the images")
	}
	configure(fmt.Sprintf("region: eu-west-1\naccount: '999999999999'\nstartup_timeout: 7m\nwake_on_request: true\nimages: [{image: 'mine:*', command: [%s, demo-model]}]\n"+
		"webhooks: [{topic: '*', url: '%s'}]\n", binary, hook.URL))
	hangUp("the configuration is read again")
	for _, want := range []string{"startup_timeout 8m0s -> 7m0s", "wake_on_request false -> true", "settings take effect at the next start", "settings=[region]", "the setting account has no effect"} {
		if !strings.Contains(s.log(), want) {
			t.Errorf("the log does not contain %q", want)
		}
	}
	if err := create(); err != nil {
		t.Errorf("the new image: %v", err)
	}
	if err := s.invokeOnce("iris"); err != nil {
		t.Errorf("the new payload_max: %v", err)
	}
	if _, err := s.cloudwatch().PutMetricAlarm(t.Context(), &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String("a"), Namespace: aws.String("N"), MetricName: aws.String("m"), Statistic: cw.StatisticSum, Period: aws.Int32(60),
		EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: cw.ComparisonOperatorGreaterThanThreshold,
		AlarmActions: []string{"arn:aws:sns:us-east-1:123456789012:ops"}, TreatMissingData: aws.String("ignore"),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.cloudwatch().SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{
		AlarmName: aws.String("a"), StateValue: cw.StateValueAlarm, StateReason: aws.String("a fire drill"),
	}); err != nil {
		t.Fatal(err)
	}
	s.until("the new webhook is called", func() bool { return len(received) > 0 })
	configure("startup_timeout: 7m\nwake_on_request: true\n")
	hangUp("an alarm's action leads nowhere now")
	if want := `a removed setting stays while it is in use, until the next start: delete what uses it, then reload again" setting=images name=mine:1 used_by="[model mine]"`; !strings.Contains(s.log(), want) {
		t.Errorf("the log does not contain %q:\n%s", want, s.log())
	}
	if _, err := s.sagemaker().DeleteModel(t.Context(), &sagemaker.DeleteModelInput{ModelName: aws.String("mine")}); err != nil {
		t.Fatal(err)
	}
	if err := create(); err != nil {
		t.Errorf("the image that stays: %v", err)
	}
	if now := instances(t, dir); !slices.Equal(now, pids) {
		t.Errorf("instances were %v, are %v", pids, now)
	}
	s.stop()
	s = start(t, dir)
	s.until("the log names the image", func() bool {
		return strings.Contains(s.log(), "an image in use has no command: its instances cannot be started")
	})
}

// Instances continue to run when the server or its terminal ends for any reason; only a requested stop ends them.
func TestOnlyAStopEndsInstances(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir)
	s.deploy("iris", 1, nil)
	pids := instances(t, dir)
	same := func(after string) {
		t.Helper()
		if now := instances(t, dir); !slices.Equal(now, pids) {
			t.Errorf("after %s: instances were %v, are %v", after, pids, now)
		}
	}
	for _, signal := range []syscall.Signal{syscall.SIGHUP, syscall.SIGPIPE} {
		if err := s.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
	}
	s.until("the hang-up is noticed", func() bool { return strings.Contains(s.log(), "no configuration file to read again") })
	s.settled("iris", 1)
	same("a hang-up")
	for _, signal := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGKILL} { // the first ends it like a panic
		if err := s.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		<-s.exited
		s.exited <- nil
		same(signal.String())
		s = start(t, dir)
		s.settled("iris", 1)
		same("the next start")
	}
	s.stop()
	if left := instances(t, dir); len(left) != 0 {
		t.Errorf("a stop leaves %v", left)
	}
}

// A closed terminal, which was the reader of the log, ends neither the server nor its instances.
func TestLogWithoutAReader(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command(binary, "serve", "--data-dir", dir, "--listen", "127.0.0.1:0", "--log-level", "debug")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = w.Close(), r.Close()
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	s := &server{t: t, dir: dir, env: map[string]string{}, cmd: cmd, exited: exited}
	s.until("its address is known", func() bool { _, err := os.Stat(filepath.Join(dir, "address")); return err == nil })
	s.readEnv()
	s.deploy("iris", 1, nil)
	s.stop()
}
