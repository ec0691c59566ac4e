package e2e

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"
)

// No invocation is lost during repeated scale-outs, scale-ins and updates.
func TestNoInvocationIsLostWhileCapacityChanges(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	s.deploy("busy", 1, map[string]string{"BELLOWS_DEMO_LATENCY_MS": "3"})
	loading, stop := context.WithCancel(t.Context())
	var sent, failed atomic.Int64
	var senders sync.WaitGroup
	for range 8 {
		client := s.runtime()
		senders.Go(func() {
			for loading.Err() == nil {
				if _, err := client.InvokeEndpoint(t.Context(), &sagemakerruntime.InvokeEndpointInput{
					EndpointName: aws.String("busy"), ContentType: aws.String("text/csv"), Body: []byte("6.1,2.8,4.7,1.2\n"),
				}, func(o *sagemakerruntime.Options) { o.RetryMaxAttempts = 1 }); err != nil {
					failed.Add(1)
					t.Log(err)
				}
				sent.Add(1)
			}
		})
	}
	for range 3 {
		for _, n := range []int32{4, 1} {
			if _, err := s.sagemaker().UpdateEndpointWeightsAndCapacities(t.Context(), &sagemaker.UpdateEndpointWeightsAndCapacitiesInput{
				EndpointName:                aws.String("busy"),
				DesiredWeightsAndCapacities: []types.DesiredWeightAndCapacity{{VariantName: aws.String("AllTraffic"), DesiredInstanceCount: aws.Int32(n)}},
			}); err != nil {
				t.Fatal(err)
			}
			s.settled("busy", int(n))
		}
	}
	if _, err := s.sagemaker().CreateEndpointConfig(t.Context(), &sagemaker.CreateEndpointConfigInput{
		EndpointConfigName: aws.String("next"), ProductionVariants: []types.ProductionVariant{{
			VariantName: aws.String("AllTraffic"), ModelName: aws.String("busy"), InitialInstanceCount: aws.Int32(2),
			InstanceType: types.ProductionVariantInstanceTypeMlM5Xlarge,
		}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.sagemaker().UpdateEndpoint(t.Context(), &sagemaker.UpdateEndpointInput{
		EndpointName: aws.String("busy"), EndpointConfigName: aws.String("next"),
	}); err != nil {
		t.Fatal(err)
	}
	s.settled("busy", 2)
	stop()
	senders.Wait()
	if sent.Load() < 300 || failed.Load() > 0 {
		t.Errorf("%d of %d invocations failed", failed.Load(), sent.Load())
	}
	if page := s.health(); page.Status != "ok" || page.Served < uint64(sent.Load()) || page.Failed != 0 || len(page.Endpoints) != 1 {
		t.Errorf("health: %+v", page)
	}
	if n := len(instances(t, dir)); n != 2 {
		t.Errorf("%d model servers run", n)
	}
}

// The fleet restarts lost instances and logs the reason.
func TestCrashedInstanceRestarts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir)
	s.deploy("fragile", 1, map[string]string{"BELLOWS_DEMO_CRASH_AFTER": "2"})
	before := instances(t, dir)
	for range 2 { // the second kills it
		_, _ = s.runtime().InvokeEndpoint(t.Context(), &sagemakerruntime.InvokeEndpointInput{
			EndpointName: aws.String("fragile"), ContentType: aws.String("text/csv"), Body: []byte("6.1,2.8,4.7,1.2\n"),
		}, func(o *sagemakerruntime.Options) { o.RetryMaxAttempts = 1 })
	}
	s.until("another process serves", func() bool {
		now := instances(t, dir)
		return len(now) == 1 && now[0] != before[0]
	})
	s.settled("fragile", 1)
	if !strings.Contains(s.log(), "It was ended by signal") && !strings.Contains(s.log(), "It exited with code") {
		t.Errorf("the log does not contain the reason:\n%s", s.log())
	}
	s.startTimes("fragile", map[string]float64{"ContainerStartDuration": 2, "ColdStartDuration": 1, "ModelDownloadTime": 0})
}

// startTimes compares how many starts of an endpoint's instances have published what they took.
func (s *server) startTimes(endpoint string, want map[string]float64) {
	s.t.Helper()
	for name, starts := range want {
		out, err := s.cloudwatch().GetMetricStatistics(s.t.Context(), &cloudwatch.GetMetricStatisticsInput{
			Namespace: aws.String("/aws/sagemaker/Endpoints"), MetricName: aws.String(name), Dimensions: []cw.Dimension{
				{Name: aws.String("EndpointName"), Value: aws.String(endpoint)}, {Name: aws.String("VariantName"), Value: aws.String("AllTraffic")},
			},
			StartTime: aws.Time(time.Now().Add(-time.Hour)), EndTime: aws.Time(time.Now().Add(24 * time.Hour)), Period: aws.Int32(3600),
			Statistics: []cw.Statistic{cw.StatisticSampleCount, cw.StatisticMinimum, cw.StatisticMaximum}, Unit: cw.StandardUnitSeconds,
		})
		if err != nil {
			s.t.Fatal(err)
		}
		n := 0.0
		for _, p := range out.Datapoints {
			if n += *p.SampleCount; *p.Minimum <= 0 || *p.Maximum > 60 {
				s.t.Errorf("%s is between %v and %v s", name, *p.Minimum, *p.Maximum)
			}
		}
		if n != starts {
			s.t.Errorf("%s has %v samples, want %v", name, n, starts)
		}
	}
}

// Browsers get an HTML page.
func TestHealthPage(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	s.deploy("shown", 1, nil)
	metrics := s.get("/metrics")
	for _, want := range []string{
		`bellows_instances_current{account="123456789012",endpoint="shown",region="us-east-1",variant="AllTraffic"} 1`,
		`bellows_alarms{account="123456789012",region="us-east-1",state="ALARM"} 0`,
		`bellows_invocations_total{result="failed"} 0`, "# TYPE bellows_policy_time_seconds gauge",
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("the metrics lack %s:\n%s", want, metrics)
		}
	}
	if _, page := s.fetch("/health", "text/html"); !strings.Contains(page, `<h1>Bellows: <span class="ok">ok</span></h1>`) || !strings.Contains(page, "shown") {
		t.Errorf("the page:\n%s", page)
	}
}
