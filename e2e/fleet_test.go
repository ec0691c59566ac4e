package e2e

import (
	"errors"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"
	"github.com/aws/smithy-go"
)

// A server on a copy of a data directory, next to the server on the original, starts its own instances. The original's continue to serve.
func TestACopiedDataDirectoryLeavesTheOriginalAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir)
	s.deploy("original", 2, nil)
	before := instances(t, dir)
	beside := filepath.Join(t.TempDir(), "copy")
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", dir, beside).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	other := start(t, beside)
	other.settled("original", 2)
	if own := instances(t, beside); len(own) != 2 || slices.Contains(before, own[0]) || slices.Contains(before, own[1]) {
		t.Errorf("the copy runs %v, the original %v", own, before)
	}
	if !strings.Contains(other.log(), "runs for another data directory, of which this one is a copy") {
		t.Errorf("the copy's server does not report it:\n%s", other.log())
	}
	other.stop()
	if now := instances(t, dir); !slices.Equal(now, before) {
		t.Errorf("the original's instances were %v, are %v", before, now)
	}
	if err := s.invokeOnce("original"); err != nil {
		t.Errorf("the original: %v", err)
	}
}

// invokeOnce invokes an endpoint without the retries that clients make.
func (s *server) invokeOnce(endpoint string) error {
	once := func(o *sagemakerruntime.Options) { o.RetryMaxAttempts = 1 }
	_, err := s.runtime().InvokeEndpoint(s.t.Context(), &sagemakerruntime.InvokeEndpointInput{
		EndpointName: aws.String(endpoint), ContentType: aws.String("text/csv"), Body: []byte("5,3,1,0\n"),
	}, once)
	return err
}

// Instances that are killed one after the other restart at once: one is always in service, and only invocations in flight on the killed
// instance are lost.
func TestKilledInstancesLoseOnlyTheirRequests(t *testing.T) {
	t.Parallel()
	const clients, kills = 4, 15
	dir := t.TempDir()
	s := start(t, dir)
	s.deploy("shot", 3, nil)
	var invoked, lost atomic.Int64
	var done atomic.Bool
	var work sync.WaitGroup
	for range clients {
		work.Go(func() {
			for !done.Load() {
				err := s.invokeOnce("shot")
				invoked.Add(1)
				if e := (smithy.APIError)(nil); errors.As(err, &e) && e.ErrorCode() != "ModelError" {
					t.Errorf("an invocation was refused: %v", err)
				}
				if err != nil {
					lost.Add(1)
				}
			}
		})
	}
	for range kills {
		was := instances(t, dir)
		if len(was) == 0 {
			t.Error("no instance runs")
			break
		}
		if err := syscall.Kill(was[rand.IntN(len(was))], syscall.SIGKILL); err != nil {
			t.Error(err)
		}
		s.until("another runs in its place, and two serve", func() bool {
			return len(instances(t, dir)) == 3 && !slices.Equal(instances(t, dir), was) && s.serving("shot") >= 2
		})
	}
	done.Store(true)
	work.Wait()
	if n := invoked.Load(); n < 100 || lost.Load() > clients*kills {
		t.Errorf("of %d invocations %d were lost", n, lost.Load())
	}
	s.settled("shot", 3)
}

// serving returns the number of instances in service of an endpoint's first variant.
func (s *server) serving(endpoint string) int {
	s.t.Helper()
	out, err := s.sagemaker().DescribeEndpoint(s.t.Context(), &sagemaker.DescribeEndpointInput{EndpointName: aws.String(endpoint)})
	if err != nil || out.EndpointStatus != types.EndpointStatusInService {
		s.t.Errorf("%v, %v", out, err)
		return 0
	}
	return int(*out.ProductionVariants[0].CurrentInstanceCount)
}

// An endpoint that cannot start shows the reason at once in every place and can be deleted at once. An update to it shows the reason, too.
func TestFailedStartsShowTheirReason(t *testing.T) {
	t.Parallel()
	const why = "Last failure: It exited with code"
	dir := t.TempDir()
	s := start(t, dir)
	s.deploy("good", 1, nil)
	s.configure("bad", 1, map[string]string{"BELLOWS_DEMO_EXIT_AT_START": "1"})
	if _, err := s.sagemaker().CreateEndpoint(t.Context(), &sagemaker.CreateEndpointInput{
		EndpointName: aws.String("bad"), EndpointConfigName: aws.String("bad"),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.sagemaker().UpdateEndpoint(t.Context(), &sagemaker.UpdateEndpointInput{
		EndpointName: aws.String("good"), EndpointConfigName: aws.String("bad"),
	}); err != nil {
		t.Fatal(err)
	}
	for name, status := range map[string]types.EndpointStatus{"bad": types.EndpointStatusCreating, "good": types.EndpointStatusUpdating} {
		var out *sagemaker.DescribeEndpointOutput
		s.until("a reason of "+name, func() (found bool) {
			var err error
			if out, err = s.sagemaker().DescribeEndpoint(t.Context(), &sagemaker.DescribeEndpointInput{EndpointName: aws.String(name)}); err != nil {
				t.Fatal(err)
			}
			return out.FailureReason != nil
		})
		if !strings.Contains(*out.FailureReason, why) || out.EndpointStatus != status || !strings.HasPrefix(*out.FailureReason, "The primary container for production variant ") ||
			!regexp.MustCompile(`Its log, fleet/logs/i-[0-9a-f]+\.log, ends: `).MatchString(*out.FailureReason) {
			t.Errorf("%s is %v: %s", name, out.EndpointStatus, *out.FailureReason)
		}
		if p := out.PendingDeploymentSummary; name == "good" &&
			!strings.Contains(aws.ToString(p.ProductionVariants[0].VariantStatus[0].StatusMessage), "It exited with code") {
			t.Errorf("the deployment: %+v", p)
		}
		if text := s.get("/health"); !strings.Contains(text, "It exited with code") {
			t.Errorf("the health page: %s", text)
		}
		if text := s.script(binary, "explain", "--data-dir", dir, name+"/AllTraffic"); !strings.Contains(text, why) {
			t.Errorf("explain: %s", text)
		}
	}
	if _, err := s.sagemaker().DeleteEndpoint(t.Context(), &sagemaker.DeleteEndpointInput{EndpointName: aws.String("bad")}); err != nil {
		t.Fatal(err)
	}
	s.until("it is gone", func() bool {
		_, err := s.sagemaker().DescribeEndpoint(t.Context(), &sagemaker.DescribeEndpointInput{EndpointName: aws.String("bad")})
		return err != nil && strings.Contains(err.Error(), "Could not find endpoint")
	})
	if err := s.invokeOnce("good"); err != nil {
		t.Errorf("the endpoint in service: %v", err)
	}
}
