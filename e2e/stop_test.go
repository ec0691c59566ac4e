package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"
)

// A requested stop ends the instances: the next start expects this, logs it, and warns of nothing.
func TestRestartAfterAStopWarnsOfNothing(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir)
	first.deploy("iris", 2, nil)
	first.stop()
	second := start(t, dir)
	second.settled("iris", 2)
	log := second.log()
	if strings.Contains(log, "level=WARN msg=event") || !strings.Contains(log, "lost=0") ||
		!strings.Contains(log, `level=INFO msg="instances ended with the server when it was asked to stop; starting them again" instances=2`) {
		t.Errorf("a restart after a clean stop logs\n%s", log)
	}
	second.kill()
	for _, pid := range instances(t, dir) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	third := start(t, dir)
	third.until("a warning of what was lost", func() bool {
		return strings.Contains(third.log(), "lost=2") && strings.Contains(third.log(), "level=WARN") && strings.Contains(third.log(), "the instance was not running")
	})
}

// A second Ctrl-C during the drain ends the server at once; it logs the remaining instances, which the next server adopts.
func TestASecondInterruptEndsAtOnce(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	s.deploy("slow", 1, map[string]string{"BELLOWS_DEMO_LATENCY_MS": "50000"})
	go func() { // it delays the drain
		_, _ = s.runtime().InvokeEndpoint(t.Context(), &sagemakerruntime.InvokeEndpointInput{
			EndpointName: aws.String("slow"), ContentType: aws.String("text/csv"), Body: []byte("5.1,3.5,1.4,0.2"),
		})
	}()
	s.until("the invocation in flight", func() bool {
		out, err := s.cloudwatch().GetMetricStatistics(t.Context(), &cloudwatch.GetMetricStatisticsInput{
			Namespace: aws.String("AWS/SageMaker"), MetricName: aws.String("ConcurrentRequestsPerModel"), Period: aws.Int32(60), Statistics: []types.Statistic{types.StatisticMaximum},
			StartTime: aws.Time(time.Now().Add(-time.Minute)), EndTime: aws.Time(time.Now().Add(time.Minute)),
			Dimensions: []types.Dimension{{Name: aws.String("EndpointName"), Value: aws.String("slow")}, {Name: aws.String("VariantName"), Value: aws.String("AllTraffic")}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.Datapoints) > 0 && *out.Datapoints[len(out.Datapoints)-1].Maximum >= 1
	})
	interrupt := func() {
		t.Helper()
		if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
	}
	interrupt()
	s.until("the stop to begin", func() bool {
		return strings.Contains(s.log(), "stopping; a second Ctrl-C or SIGTERM waits for nothing")
	})
	asked := time.Now()
	interrupt()
	select {
	case err := <-s.exited:
		s.exited <- nil // for the clean-up at the end of the test
		if err == nil {
			t.Error("a stop that left work behind ended with 0")
		}
	case <-time.After(patience):
		t.Fatalf("the server did not stop\n%s", s.log())
	}
	if took := time.Since(asked); took > 30*time.Second { // the invocation takes 50 s and is allowed 60 s
		t.Errorf("the second interrupt ended the server after %v", took)
	}
	for _, want := range []string{"asked a second time to stop", "requests in flight were cut off: stopped at once, as asked a second time", "1 instance is not stopped yet (i-"} {
		if !strings.Contains(s.log(), want) {
			t.Errorf("%q is missing in\n%s", want, s.log())
		}
	}
	start(t, dir) // adopts or replaces it; its own stop leaves no process
}
