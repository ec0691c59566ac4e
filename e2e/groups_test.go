package e2e

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"
)

// An unmodified boto3 uses variants as Auto Scaling groups: a real alarm starts real model servers through a simple scaling policy.
func TestBoto3Groups(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir, "--clock-speed", "60")
	out := s.script("python3", "groups_test.py")
	t.Log(out)
	if !strings.Contains(out, "all passed") {
		t.Error("the script did not complete")
	}
	if left := instances(t, dir); len(left) != 0 {
		t.Errorf("model servers are still running: %v", left)
	}
}

func TestAWSCLIGroups(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("aws"); err != nil {
		lacking(t, "the AWS CLI is not installed")
	}
	s := start(t, t.TempDir())
	s.deploy("cli", 1, nil)
	group := []string{"--auto-scaling-group-name", "cli.AllTraffic"}
	run := func(into any, operation string, args ...string) {
		t.Helper()
		out := s.script("aws", append([]string{"autoscaling", operation, "--output", "json"}, args...)...)
		if into != nil {
			decode(t, out, into)
		}
	}
	run(nil, "update-auto-scaling-group", append(group, "--min-size", "1", "--max-size", "3")...)
	var put struct{ PolicyARN string }
	run(&put, "put-scaling-policy", append(group, "--policy-name", "out", "--adjustment-type", "ChangeInCapacity", "--scaling-adjustment", "2")...)
	run(nil, "execute-policy", "--policy-name", put.PolicyARN)
	s.settled("cli", 3)
	run(nil, "set-desired-capacity", append(group, "--desired-capacity", "1")...)
	s.settled("cli", 1)
	var history struct {
		Activities []struct{ Cause, Description string }
	}
	run(&history, "describe-scaling-activities", append(group, "--page-size", "2")...)
	if n := len(history.Activities); n != 5 || !strings.Contains(history.Activities[0].Cause, "a user request explicitly set group desired capacity changing") {
		t.Errorf("%d: %+v", n, history)
	}
	run(nil, "put-scaling-policy", append(group, "--policy-name", "steps", "--policy-type", "StepScaling", "--adjustment-type", "ChangeInCapacity",
		"--estimated-instance-warmup", "60", "--step-adjustments", "MetricIntervalLowerBound=0,MetricIntervalUpperBound=10,ScalingAdjustment=1",
		"MetricIntervalLowerBound=10,ScalingAdjustment=2")...)
	run(&put, "put-scaling-policy", append(group, "--policy-name", "cpu", "--policy-type", "TargetTrackingScaling", "--target-tracking-configuration",
		`{"TargetValue":50,"PredefinedMetricSpecification":{"PredefinedMetricType":"ASGAverageCPUUtilization"}}`)...)
	var policies struct {
		ScalingPolicies []struct {
			PolicyName, PolicyType string
			Alarms                 []struct{ AlarmName string }
		}
	}
	run(&policies, "describe-policies", append(group, "--policy-types", "StepScaling", "TargetTrackingScaling")...)
	if p := policies.ScalingPolicies; len(p) != 2 || p[0].PolicyName != "steps" || p[1].PolicyName != "cpu" || len(p[1].Alarms) != 2 {
		t.Errorf("%+v", p)
	}
	run(nil, "execute-policy", append(group, "--policy-name", "steps", "--metric-value", "60", "--breach-threshold", "50")...)
	s.settled("cli", 3)
	run(nil, "put-scheduled-update-group-action", append(group, "--scheduled-action-name", "nightly", "--recurrence", "0 3 * * *", "--time-zone",
		"Europe/Berlin", "--min-size", "0")...)
	var schedules struct {
		ScheduledUpdateGroupActions []struct{ ScheduledActionName, TimeZone string }
	}
	run(&schedules, "describe-scheduled-actions", group...)
	if x := schedules.ScheduledUpdateGroupActions; len(x) != 1 || x[0].TimeZone != "Europe/Berlin" {
		t.Errorf("%+v", x)
	}
	run(nil, "suspend-processes", append(group, "--scaling-processes", "Launch", "AlarmNotification")...)
	var groups struct {
		AutoScalingGroups []struct {
			MinSize, MaxSize, DesiredCapacity int
			SuspendedProcesses                []struct{ ProcessName string }
		}
	}
	run(&groups, "describe-auto-scaling-groups", "--auto-scaling-group-names", "cli.AllTraffic")
	if g := groups.AutoScalingGroups; len(g) != 1 || len(g[0].SuspendedProcesses) != 2 || g[0].MaxSize != 3 || g[0].DesiredCapacity != 3 {
		t.Errorf("%+v", g)
	}
	run(nil, "resume-processes", group...)
	run(nil, "delete-scheduled-action", append(group, "--scheduled-action-name", "nightly")...)
	for _, name := range []string{"out", "steps", put.PolicyARN} {
		run(nil, "delete-policy", append(group, "--policy-name", name)...)
	}
	if run(&policies, "describe-policies", group...); len(policies.ScalingPolicies) != 0 {
		t.Errorf("left: %+v", policies)
	}
}

// After a kill and restart the server has the same groups, policies, schedules and activities of instances, and a replay of its journal
// gives the same decisions.
func TestKilledServerKeepsGroups(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir)
	s.deploy("kept", 1, nil)
	group, ctx := aws.String("kept.AllTraffic"), t.Context()
	client := autoscaling.NewFromConfig(s.config())
	if _, err := client.UpdateAutoScalingGroup(ctx, &autoscaling.UpdateAutoScalingGroupInput{
		AutoScalingGroupName: group, MinSize: aws.Int32(1), MaxSize: aws.Int32(4), DefaultCooldown: aws.Int32(77), DefaultInstanceWarmup: aws.Int32(5),
	}); err != nil {
		t.Fatal(err)
	}
	policy, err := client.PutScalingPolicy(ctx, &autoscaling.PutScalingPolicyInput{
		AutoScalingGroupName: group, PolicyName: aws.String("out"), AdjustmentType: aws.String("ChangeInCapacity"), ScalingAdjustment: aws.Int32(1),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutScheduledUpdateGroupAction(ctx, &autoscaling.PutScheduledUpdateGroupActionInput{
		AutoScalingGroupName: group, ScheduledActionName: aws.String("nightly"), Recurrence: aws.String("0 3 * * *"), MinSize: aws.Int32(1),
		TimeZone: aws.String("Europe/Berlin"),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.ExecutePolicy(ctx, &autoscaling.ExecutePolicyInput{PolicyName: policy.PolicyARN}); err != nil {
		t.Fatal(err)
	}
	s.settled("kept", 2)
	if _, err := client.SuspendProcesses(ctx, &autoscaling.SuspendProcessesInput{
		AutoScalingGroupName: group, ScalingProcesses: []string{"Launch"},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.SetDesiredCapacity(ctx, &autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: group, DesiredCapacity: aws.Int32(3)}); err != nil {
		t.Fatal(err)
	}
	before := s.groups()
	s.kill()
	s = start(t, dir)
	if diff := cmp.Diff(before, s.groups()); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	client = autoscaling.NewFromConfig(s.config())
	// An alarm invokes the policy by its ARN, as before.
	if _, err := s.cloudwatch().PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String("a"), Namespace: aws.String("N"), MetricName: aws.String("m"), Statistic: cw.StatisticSum, Period: aws.Int32(60),
		EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: cw.ComparisonOperatorGreaterThanThreshold,
		AlarmActions: []string{*policy.PolicyARN},
	}); err != nil {
		t.Fatal(err)
	}
	described, err := client.DescribePolicies(ctx, &autoscaling.DescribePoliciesInput{AutoScalingGroupName: group})
	if err != nil || len(described.ScalingPolicies) != 1 || len(described.ScalingPolicies[0].Alarms) != 1 {
		t.Errorf("%+v, %v", described, err)
	}
	// A change deferred by suspending Launch is applied when it is resumed.
	if _, err := client.ResumeProcesses(ctx, &autoscaling.ResumeProcessesInput{AutoScalingGroupName: group}); err != nil {
		t.Fatal(err)
	}
	s.settled("kept", 3)
	t.Log(s.script(binary, "replay", "--data-dir", dir, "--quiet"))
}

// groups returns all descriptions of groups as indented JSON.
func (s *server) groups() string {
	s.t.Helper()
	client, ctx := autoscaling.NewFromConfig(s.config()), s.t.Context()
	g, err := client.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{})
	if err != nil {
		s.t.Fatal(err)
	}
	p, err := client.DescribePolicies(ctx, &autoscaling.DescribePoliciesInput{})
	if err != nil {
		s.t.Fatal(err)
	}
	a, err := client.DescribeScalingActivities(ctx, &autoscaling.DescribeScalingActivitiesInput{})
	if err != nil {
		s.t.Fatal(err)
	}
	x, err := client.DescribeScheduledActions(ctx, &autoscaling.DescribeScheduledActionsInput{})
	if err != nil {
		s.t.Fatal(err)
	}
	if len(g.AutoScalingGroups) == 0 || len(p.ScalingPolicies) == 0 || len(a.Activities) == 0 || len(x.ScheduledUpdateGroupActions) == 0 {
		s.t.Errorf("the test has no groups, policies, activities or schedules: %v %v %v %v", g, p, a, x)
	}
	text, err := json.MarshalIndent([]any{g.AutoScalingGroups, p.ScalingPolicies, a.Activities, x.ScheduledUpdateGroupActions}, "", " ")
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}
