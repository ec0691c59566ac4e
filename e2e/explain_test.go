package e2e

import (
	"encoding/json"
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// dryRun registers a variant in a dry run, with a step policy and the alarm that invokes it; feed publishes breaching datapoints.
func (s *server) dryRun(endpoint string) (feed func()) {
	s.t.Helper()
	target := aws.String("endpoint/" + endpoint + "/variant/AllTraffic")
	registered, err := s.scaling().RegisterScalableTarget(s.t.Context(), &applicationautoscaling.RegisterScalableTargetInput{
		ServiceNamespace: scaling.ServiceNamespaceSagemaker, ResourceId: target, ScalableDimension: scaling.ScalableDimensionSageMakerVariantDesiredInstanceCount,
		MinCapacity: aws.Int32(1), MaxCapacity: aws.Int32(3), Tags: map[string]string{"bellows:dry-run": "true"},
	})
	if err != nil || *registered.ScalableTargetARN == "" {
		s.t.Fatal(err)
	}
	policy, err := s.scaling().PutScalingPolicy(s.t.Context(), &applicationautoscaling.PutScalingPolicyInput{
		PolicyName: aws.String("add-two"), ServiceNamespace: scaling.ServiceNamespaceSagemaker, ResourceId: target,
		ScalableDimension: scaling.ScalableDimensionSageMakerVariantDesiredInstanceCount, PolicyType: scaling.PolicyTypeStepScaling,
		StepScalingPolicyConfiguration: &scaling.StepScalingPolicyConfiguration{
			AdjustmentType: scaling.AdjustmentTypeChangeInCapacity, StepAdjustments: []scaling.StepAdjustment{{MetricIntervalLowerBound: aws.Float64(0), ScalingAdjustment: aws.Int32(2)}},
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.cloudwatch().PutMetricAlarm(s.t.Context(), &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String("queue"), Namespace: aws.String("App"), MetricName: aws.String("Queue"), Statistic: cw.StatisticMaximum, Period: aws.Int32(10),
		EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(5), ComparisonOperator: cw.ComparisonOperatorGreaterThanThreshold, AlarmActions: []string{*policy.PolicyARN},
	}); err != nil {
		s.t.Fatal(err)
	}
	return func() {
		s.t.Helper()
		if _, err := s.cloudwatch().PutMetricData(s.t.Context(), &cloudwatch.PutMetricDataInput{
			Namespace: aws.String("App"), MetricData: []cw.MetricDatum{{MetricName: aws.String("Queue"), Value: aws.Float64(9), StorageResolution: aws.Int32(1)}},
		}); err != nil {
			s.t.Fatal(err)
		}
	}
}

// A dry run records what it would do without doing it; without it the same alarm scales, and each moment can be explained afterwards.
func TestExplainAndDryRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir, "--clock-speed", "20")
	s.deploy("iris", 1, nil)
	feed := s.dryRun("iris")
	const would = "add-two  queue in ALARM, 1 of 1: 9 > 5; wanted 3 = 1 + 2; dry run, or desired would be 3\n"
	var dry, text string
	var code int
	s.until("the dry run's decision", func() bool {
		feed()
		_, dry = s.fetch("/explain/iris/AllTraffic", "text/plain")
		code, text = s.fetch("/explain/iris/AllTraffic?since=1h", "application/json")
		return strings.Contains(dry, would) && strings.Contains(dry, "last decision") && strings.Contains(text, "dry run, or desired would be 3")
	})
	if !strings.Contains(dry, "note: policy time runs 20 times as fast as the wall clock: ") || !strings.Contains(s.log(), `AllTraffic ready" policy_time=`) {
		t.Errorf("the clocks are not related in the explanation or the log:\n%s", dry)
	}
	if !strings.Contains(dry, "1 of 1 wanted instance serves; range 1 to 3") || !strings.Contains(dry, "warning: dry run: ") {
		t.Errorf("a dry run is explained as\n%s", dry)
	}
	if _, page := s.fetch("/health", "text/html"); !strings.Contains(page, "dry run: decisions are recorded") || !strings.Contains(page, `href="/explain/iris/AllTraffic?`) {
		t.Errorf("the health page has no warning or link:\n%s", page)
	}
	var explained struct {
		Moment struct {
			At       time.Time
			Source   string
			Policies []struct{ Name string }
		}
		Story []struct{ Kind, Text string }
	}
	if err := json.Unmarshal([]byte(text), &explained); err != nil || code != http.StatusOK || explained.Moment.Source != "present" || len(explained.Moment.Policies) != 1 || len(explained.Story) == 0 {
		t.Errorf("JSON says %d %v: %s", code, err, text)
	}
	described, err := s.scaling().DescribeScalableTargets(t.Context(), &applicationautoscaling.DescribeScalableTargetsInput{ServiceNamespace: scaling.ServiceNamespaceSagemaker})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.scaling().UntagResource(t.Context(), &applicationautoscaling.UntagResourceInput{
		ResourceARN: described.ScalableTargets[0].ScalableTargetARN, TagKeys: []string{"bellows:dry-run"},
	}); err != nil {
		t.Fatal(err)
	}
	s.until("the scale-out", func() bool {
		feed()
		_, text := s.fetch("/explain/iris/AllTraffic", "text/plain")
		return strings.Contains(text, "3 of 3 wanted instances serve")
	})
	then := explained.Moment.At.Format(time.RFC3339Nano)
	if _, text := s.fetch("/explain/iris/AllTraffic?at="+then, "text/plain"); !strings.Contains(text, "dry run, or desired would be 3") {
		t.Errorf("the past is explained as\n%s", text)
	}
	s.explainedByCommand(dir, then)
	s.explainRefusesTheFuture(dir)
	for path, want := range map[string]int{
		"/explain/iris": http.StatusOK, "/explain/": http.StatusBadRequest, "/explain/iris/AllTraffic?at=noon": http.StatusBadRequest, "/explain/iris/AllTraffic?until=1": http.StatusBadRequest,
		"/explain/iris/AllTraffic?since=-1h": http.StatusBadRequest, "/explain/iris/AllTraffic?at=2199-01-01T00:00:00Z": http.StatusBadRequest, "/explain/none/AllTraffic": http.StatusNotFound,
	} {
		if code, text := s.fetch(path, "text/plain"); code != want {
			t.Errorf("%s: %d %s, want %d", path, code, text, want)
		}
	}
}

// explainRefusesTheFuture runs the command with a future time.
func (s *server) explainRefusesTheFuture(dir string) {
	s.t.Helper()
	out, err := exec.CommandContext(s.t.Context(), binary, "explain", "iris/AllTraffic", "--data-dir", dir, "--at", "2199-01-01T00:00:00Z").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), "is in the future") {
		s.t.Errorf("the future is explained as %v: %s", err, out)
	}
}

// explainedByCommand runs the command, while the server runs, for the events and for one moment.
func (s *server) explainedByCommand(dir, then string) {
	s.t.Helper()
	for _, x := range []struct {
		args []string
		want string
	}{
		{nil, "decision   desired 1 -> 3: add-two: queue in ALARM, 1 of 1: 9 > 5; wanted 3 = 1 + 2\n"},
		{[]string{"--at", then}, "dry run, or desired would be 3"},
		{[]string{"--json"}, `"kind":"decision"`},
		{[]string{"--json"}, `"outcome":"Acted"`},
	} {
		out, err := exec.CommandContext(s.t.Context(), binary, append([]string{"explain", "iris/AllTraffic", "--data-dir", dir}, x.args...)...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), x.want) {
			s.t.Errorf("explain %v: %v: %q is missing in\n%s", x.args, err, x.want, out)
		}
	}
}
