package e2e

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func runBinary(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, binary, args...).CombinedOutput()
	return string(out), err
}

// lacking skips a test whose client is not installed. CI installs all of them, so there it fails; `make test` lists skipped tests.
func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// An unmodified boto3 with waiters, paginators, errors, tags, SetAlarmState and updates.
func TestBoto3(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir, "--clock-speed", "60")
	out := s.script("python3", "boto3_test.py")
	t.Log(out)
	if !strings.Contains(out, "all passed") {
		t.Error("the script did not complete")
	}
	if left := instances(t, dir); len(left) != 0 {
		t.Errorf("model servers are still running: %v", left)
	}
}

// The AWS CLI, as used by scripts.
func TestAWSCLI(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("aws"); err != nil {
		lacking(t, "the AWS CLI is not installed")
	}
	s := start(t, t.TempDir())
	s.deploy("cli", 1, nil)
	var endpoint struct{ EndpointStatus, EndpointArn string }
	decode(t, s.script("aws", "sagemaker", "describe-endpoint", "--endpoint-name", "cli"), &endpoint)
	if endpoint.EndpointStatus != "InService" {
		t.Errorf("%+v", endpoint)
	}
	body := filepath.Join(t.TempDir(), "out")
	s.script("aws", "sagemaker-runtime", "invoke-endpoint", "--endpoint-name", "cli", "--content-type", "text/csv", "--body", "5.1,3.5,1.4,0.2", body)
	if text, err := os.ReadFile(body); err != nil || strings.TrimSpace(string(text)) != "setosa" {
		t.Errorf("%q, %v", text, err)
	}
	id := []string{"--service-namespace", "sagemaker", "--resource-id", "endpoint/cli/variant/AllTraffic", "--scalable-dimension", "sagemaker:variant:DesiredInstanceCount"}
	s.script("aws", append([]string{"application-autoscaling", "register-scalable-target", "--min-capacity", "1", "--max-capacity", "3"}, id...)...)
	s.script("aws", append([]string{"application-autoscaling", "put-scaling-policy", "--policy-name", "p", "--policy-type", "TargetTrackingScaling",
		"--target-tracking-scaling-policy-configuration",
		`{"TargetValue":70,"PredefinedMetricSpecification":{"PredefinedMetricType":"SageMakerVariantInvocationsPerInstance"}}`}, id...)...)
	var alarms struct{ MetricAlarms []struct{ AlarmName string } }
	decode(t, s.script("aws", "cloudwatch", "describe-alarms"), &alarms)
	if len(alarms.MetricAlarms) != 2 {
		t.Errorf("%+v", alarms)
	}
	s.script("aws", "cloudwatch", "put-metric-data", "--namespace", "N", "--metric-name", "m", "--value", "42")
	var stats struct{ Datapoints []struct{ Maximum float64 } }
	now := time.Now().UTC()
	decode(t, s.script("aws", "cloudwatch", "get-metric-statistics", "--namespace", "N", "--metric-name", "m", "--statistics", "Maximum", "--period", "60",
		"--start-time", now.Add(-time.Hour).Format(time.RFC3339), "--end-time", now.Add(time.Hour).Format(time.RFC3339)), &stats)
	if len(stats.Datapoints) != 1 || stats.Datapoints[0].Maximum != 42 {
		t.Errorf("%+v", stats)
	}
	auto := func(into any, operation string, args ...string) {
		t.Helper()
		out := s.script("aws", append([]string{"application-autoscaling", operation, "--output", "json"}, args...)...)
		if into != nil {
			decode(t, out, into)
		}
	}
	auto(nil, "put-scheduled-action", append(id, "--scheduled-action-name", "mornings", "--schedule", "cron(0 8 ? * MON-FRI *)", "--timezone",
		"Europe/Paris", "--scalable-target-action", "MinCapacity=2,MaxCapacity=3")...)
	var schedules struct {
		ScheduledActions []struct{ ScheduledActionName, Timezone string }
	}
	if auto(&schedules, "describe-scheduled-actions", append(id, "--scheduled-action-names", "mornings")...); len(schedules.ScheduledActions) != 1 {
		t.Errorf("%+v", schedules)
	}
	auto(nil, "register-scalable-target", append(id, "--min-capacity", "2", "--suspended-state", "ScheduledScalingSuspended=true")...)
	s.settled("cli", 2)
	var targets struct {
		ScalableTargets []struct {
			ScalableTargetARN        string
			MinCapacity, MaxCapacity int
			SuspendedState           map[string]bool
		}
	}
	auto(&targets, "describe-scalable-targets", "--service-namespace", "sagemaker")
	if x := targets.ScalableTargets; len(x) != 1 || x[0].MinCapacity != 2 || x[0].MaxCapacity != 3 || !x[0].SuspendedState["ScheduledScalingSuspended"] ||
		x[0].SuspendedState["DynamicScalingInSuspended"] {
		t.Fatalf("%+v", x)
	}
	arn := targets.ScalableTargets[0].ScalableTargetARN
	auto(nil, "tag-resource", "--resource-arn", arn, "--tags", "team=vets,stage=prod")
	auto(nil, "untag-resource", "--resource-arn", arn, "--tag-keys", "stage")
	var tags struct{ Tags map[string]string }
	if auto(&tags, "list-tags-for-resource", "--resource-arn", arn); len(tags.Tags) != 1 || tags.Tags["team"] != "vets" {
		t.Errorf("%+v", tags)
	}
	var history struct {
		ScalingActivities []struct{ Cause, StatusCode string }
	}
	auto(&history, "describe-scaling-activities", "--service-namespace", "sagemaker", "--include-not-scaled-activities")
	if x := history.ScalingActivities; len(x) != 1 || x[0].Cause != "minimum capacity was set to 2" || x[0].StatusCode != "Successful" {
		t.Errorf("%+v", x)
	}
	auto(nil, "delete-scheduled-action", append(id, "--scheduled-action-name", "mornings")...)
	auto(nil, "delete-scaling-policy", append(id, "--policy-name", "p")...)
	auto(nil, "deregister-scalable-target", id...)
	decode(t, s.script("aws", "cloudwatch", "describe-alarms"), &alarms)
	if len(alarms.MetricAlarms) != 0 {
		t.Errorf("after the target is gone: %+v", alarms)
	}
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}
