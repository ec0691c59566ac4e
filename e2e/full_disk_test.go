package e2e

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"
	"github.com/aws/smithy-go"
	"golang.org/x/sys/unix"
)

// A full disk ends neither the server nor a model: changes are refused with an error of their protocol, the page and /metrics show it,
// invocations and reads continue, and the server recovers by itself once there is space.
func TestFullDiskRefusesOnlyChanges(t *testing.T) {
	t.Parallel()
	dir := ownDisk(t)
	s := start(t, dir)
	s.deploy("iris", 1, nil)
	pids := instances(t, dir)
	invoke := func() {
		t.Helper()
		if _, err := s.runtime().InvokeEndpoint(t.Context(), &sagemakerruntime.InvokeEndpointInput{
			EndpointName: aws.String("iris"), ContentType: aws.String("text/csv"), Body: []byte("5,3,1,0\n"),
		}); err != nil {
			t.Errorf("an invocation: %v", err)
		}
	}
	once := s.config()
	once.RetryMaxAttempts = 1
	put := func() error {
		_, err := cloudwatch.NewFromConfig(once).PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{
			Namespace: aws.String("N"), MetricData: []cw.MetricDatum{{MetricName: aws.String("m"), Value: aws.Float64(1)}},
		})
		return err
	}
	fill := filepath.Join(dir, "fill")
	s.until("changes are refused", func() bool {
		fillUp(fill)
		return put() != nil
	})
	for name, err := range map[string]error{
		"CloudWatch": put(),
		"SageMaker": func() error {
			_, err := sagemaker.NewFromConfig(once).CreateModel(t.Context(), &sagemaker.CreateModelInput{
				ModelName: aws.String("late"), PrimaryContainer: &types.ContainerDefinition{Image: aws.String("bellows/demo-model")},
			})
			return err
		}(),
		"Application Auto Scaling": func() error {
			_, err := applicationautoscaling.NewFromConfig(once).RegisterScalableTarget(t.Context(), &applicationautoscaling.RegisterScalableTargetInput{
				ServiceNamespace: scaling.ServiceNamespaceSagemaker, ResourceId: aws.String("endpoint/iris/variant/AllTraffic"),
				ScalableDimension: scaling.ScalableDimensionSageMakerVariantDesiredInstanceCount, MinCapacity: aws.Int32(1), MaxCapacity: aws.Int32(4),
			})
			return err
		}(),
	} {
		var api smithy.APIError
		if !errors.As(err, &api) || api.ErrorCode() != "ServiceUnavailable" || !strings.Contains(api.ErrorMessage(), "The journal cannot be written") {
			t.Errorf("%s answers a change with %v", name, err)
		}
	}
	invoke()
	s.settled("iris", 1)
	if page := s.get("/health"); !strings.Contains(page, "changes are refused") {
		t.Errorf("the page says %s", page)
	}
	const shown = "What is shown is the last state that was recorded, of "
	if text := s.script(binary, "explain", "iris", "--data-dir", dir); !strings.Contains(text, "The journal cannot be written since ") || !strings.Contains(text, shown) {
		t.Errorf("bellows explain says\n%s", text)
	}
	if text := s.script(binary, "explain", "iris", "--data-dir", dir, "--json"); !strings.Contains(text, `"outage":{`) {
		t.Errorf("bellows explain --json says\n%s", text)
	}
	if _, text := s.fetch("/explain/iris", "text/plain"); !strings.Contains(text, shown) {
		t.Errorf("/explain says\n%s", text)
	}
	if page := s.get("/metrics"); !strings.Contains(page, "\nbellows_journal_failing 1\n") {
		t.Error("/metrics does not show that the journal fails")
	}
	before := time.Now()
	s.until("some attempts to write again", func() bool { fillUp(fill); invoke(); return time.Since(before) > 3*time.Second })
	if now := instances(t, dir); !slices.Equal(now, pids) {
		t.Errorf("instances were %v, are %v", pids, now)
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	s.until("changes are taken again", func() bool { return put() == nil })
	if page := s.get("/metrics"); !strings.Contains(page, "\nbellows_journal_failing 0\n") {
		t.Error("/metrics still shows that the journal fails")
	}
	invoke()
	s.stop()
	if s.script(binary, "replay", "--data-dir", dir, "--quiet"); len(instances(t, dir)) != 0 {
		t.Errorf("a clean stop leaves processes %v", instances(t, dir))
	}
}

// fillUp uses the remaining space of a file system.
func fillUp(file string) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return // there is no space even for a name
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 4096} {
		for block := bytes.Repeat([]byte{1}, size); err == nil; {
			_, err = f.Write(block)
		}
		err = nil
	}
}

// ownDisk mounts a file system of 64 MB and returns its path.
func ownDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"); err != nil {
		t.Skipf("a separate file system cannot be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	})
	return dir
}

// A server that is killed while the disk is full can start on it: it adopts and serves the models, serves reads, refuses changes, and
// recovers by itself. On a read-only file system the start is refused with an explanation.
func TestStartOnAFullDisk(t *testing.T) {
	t.Parallel()
	dir := ownDisk(t)
	listen := freeAddress(t)
	s := start(t, dir, "--listen", listen)
	s.deploy("iris", 1, nil)
	pids := instances(t, dir)
	put := func() error {
		once := s.config()
		once.RetryMaxAttempts = 1
		_, err := cloudwatch.NewFromConfig(once).PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{
			Namespace: aws.String("N"), MetricData: []cw.MetricDatum{{MetricName: aws.String("m"), Value: aws.Float64(1)}},
		})
		return err
	}
	fill := filepath.Join(dir, "fill")
	s.until("changes are refused", func() bool {
		fillUp(fill)
		return put() != nil
	})
	s.kill()
	fillUp(fill)
	s = start(t, dir, "--listen", listen)
	if now := instances(t, dir); !slices.Equal(now, pids) {
		t.Errorf("instances were %v, are %v", pids, now)
	}
	var api smithy.APIError
	if err := put(); !errors.As(err, &api) || api.ErrorCode() != "ServiceUnavailable" || !strings.Contains(api.ErrorMessage(), "The journal cannot be written") {
		t.Errorf("a change is answered with %v", err)
	}
	if _, err := s.runtime().InvokeEndpoint(t.Context(), &sagemakerruntime.InvokeEndpointInput{
		EndpointName: aws.String("iris"), ContentType: aws.String("text/csv"), Body: []byte("5,3,1,0\n"),
	}); err != nil {
		t.Errorf("an invocation: %v", err)
	}
	s.settled("iris", 1)
	if page := s.get("/health"); !strings.Contains(page, "changes are refused") {
		t.Errorf("the page says %s", page)
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	s.until("changes are taken again", func() bool { return put() == nil })
	s.stop()
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatalf("remounting read-only: %v", err)
	}
	out, err := exec.CommandContext(t.Context(), binary, "serve", "--data-dir", dir, "--listen", listen).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "make it and its file system writable, or start with another --data-dir") {
		t.Errorf("on a read-only file system the server ends with %v: %s", err, out)
	}
}

// freeAddress returns an address that is not in use.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
