package e2e

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"
)

// browserAndNode returns the programs that the console's tests need.
func browserAndNode(t *testing.T) (browser, node string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		lacking(t, "node is not installed")
	}
	if _, err := os.Stat(filepath.Join("js", "node_modules", "playwright-core")); err != nil {
		lacking(t, "playwright-core is not installed: make e2e/js/node_modules")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if browser, err = exec.LookPath(name); err == nil {
			return browser, node
		}
	}
	lacking(t, "no browser is installed (Debian: package chromium)")
	return "", ""
}

// The console in a browser: sign-in, the empty state, the story of a scale-out, live updates, keys, a phone, accessibility, and a server that
// is restarted.
func TestConsole(t *testing.T) {
	t.Parallel()
	browser, node := browserAndNode(t)
	dir := t.TempDir()
	s := start(t, dir, "--clock-speed", "30")
	run := func(what string) {
		t.Helper()
		if out := s.script(node, filepath.Join("js", "console.mjs"), browser, what, os.Getenv("BELLOWS_SCREENSHOTS")); !strings.Contains(out, "all passed") {
			t.Errorf("%s did not complete:\n%s", what, out)
		}
	}
	run("empty")
	s.deploy("iris", 1, nil)
	key := struct{ resource, dimension *string }{aws.String("endpoint/iris/variant/AllTraffic"), aws.String("sagemaker:variant:DesiredInstanceCount")}
	if _, err := s.scaling().RegisterScalableTarget(t.Context(), &applicationautoscaling.RegisterScalableTargetInput{
		ServiceNamespace: types.ServiceNamespaceSagemaker, ResourceId: key.resource, ScalableDimension: types.ScalableDimension(*key.dimension),
		MinCapacity: aws.Int32(1), MaxCapacity: aws.Int32(4),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.scaling().PutScalingPolicy(t.Context(), &applicationautoscaling.PutScalingPolicyInput{
		ServiceNamespace: types.ServiceNamespaceSagemaker, ResourceId: key.resource, ScalableDimension: types.ScalableDimension(*key.dimension),
		PolicyName: aws.String("keep-70"), PolicyType: types.PolicyTypeTargetTrackingScaling,
		TargetTrackingScalingPolicyConfiguration: &types.TargetTrackingScalingPolicyConfiguration{
			TargetValue:                   aws.Float64(70),
			PredefinedMetricSpecification: &types.PredefinedMetricSpecification{PredefinedMetricType: types.MetricTypeSageMakerVariantInvocationsPerInstance},
		},
	}); err != nil {
		t.Fatal(err)
	}
	loading, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { // 150 invocations a minute of policy time
		defer close(done)
		tick := time.NewTicker(time.Minute / 30 / 150)
		defer tick.Stop()
		client := s.runtime()
		for {
			select {
			case <-loading.Done():
				return
			case <-tick.C:
				_, _ = client.InvokeEndpoint(loading, &sagemakerruntime.InvokeEndpointInput{ // a late one is one fewer
					EndpointName: aws.String("iris"), ContentType: aws.String("text/csv"), Body: []byte("5.1,3.5,1.4,0.2"),
				})
			}
		}
	}()
	s.until("it scales out", func() bool {
		out, err := s.sagemaker().DescribeEndpoint(t.Context(), &sagemaker.DescribeEndpointInput{EndpointName: aws.String("iris")})
		return err == nil && *out.ProductionVariants[0].CurrentInstanceCount > 1
	})
	run("story")
	stop()
	<-done
	s.restartsUnder(t, browser, node, dir)
}

// restartsUnder restarts the server while a page is open.
func (s *server) restartsUnder(t *testing.T, browser, node, dir string) {
	t.Helper()
	c := s.command(t.Context(), node, filepath.Join("js", "console.mjs"), browser, "restart")
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	passed := false
	for lines.Scan() {
		switch lines.Text() {
		case "ready":
			address := strings.TrimPrefix(s.url, "http://")
			s.stop()
			s = start(t, dir, "--clock-speed", "30", "--listen", address)
		case "all passed":
			passed = true
		}
	}
	if err := c.Wait(); err != nil || !passed {
		t.Errorf("the page did not survive a restart of the server: %v", err)
	}
}

// The page that is committed is what its sources build, byte for byte, and its types hold.
func TestThePageIsBuiltFromItsSources(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		lacking(t, "node is not installed")
	}
	web := filepath.Join("..", "internal", "console", "web")
	if _, err := os.Stat(filepath.Join(web, "node_modules")); err != nil {
		lacking(t, "the console's tools are not installed: make internal/console/web/node_modules")
	}
	out := t.TempDir()
	for _, args := range [][]string{{"node_modules/typescript/bin/tsc", "--noEmit"}, {"node_modules/vite/bin/vite.js", "build", "--outDir", out, "--logLevel", "warn"}} {
		c := exec.CommandContext(t.Context(), node, args...)
		c.Dir = web
		if text, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, text)
		}
	}
	if text, err := exec.CommandContext(t.Context(), "diff", "-r", out, filepath.Join(web, "..", "dist")).CombinedOutput(); err != nil {
		t.Errorf("internal/console/dist is not what `make console` builds: %v\n%.2000s", err, text)
	}
}
