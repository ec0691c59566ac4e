package e2e

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
)

// What the console's "copy as" writes does the same as the console: as commands of the AWS CLI and as code for boto3, each in a region of its
// own, where the results are compared. Terraform reads its form.
func TestCopyAs(t *testing.T) {
	t.Parallel()
	_, node := browserAndNode(t)
	if _, err := exec.LookPath("aws"); err != nil {
		lacking(t, "the AWS CLI is not installed")
	}
	s := start(t, t.TempDir())
	type texts struct{ Text, CLI, Boto3, Terraform, CLIAfter, Boto3After, InvokeCLI, InvokeBoto3 string }
	write := func(region string) (x texts) {
		decode(t, s.script(node, filepath.Join("js", "copyas.mjs"), region), &x)
		return x
	}
	byCLI, byBoto3 := write("us-east-1"), write("eu-west-1")
	deploy := func(region string) { // the policy needs its variant
		client := sagemaker.NewFromConfig(s.config(), func(o *sagemaker.Options) { o.Region = region })
		if _, err := client.CreateEndpoint(t.Context(), &sagemaker.CreateEndpointInput{EndpointName: aws.String("copied"), EndpointConfigName: aws.String("copied")}); err != nil {
			t.Fatal(err)
		}
		s.until("the endpoint is in service", func() bool {
			out, err := client.DescribeEndpoint(t.Context(), &sagemaker.DescribeEndpointInput{EndpointName: aws.String("copied")})
			return err == nil && out.EndpointStatus == "InService"
		})
	}
	split := func(story, at string) (before, after string) {
		before, after, found := strings.Cut(story, at)
		if !found {
			t.Fatalf("%q is not in:\n%s", at, story)
		}
		return before, at + after
	}
	first, rest := split(byCLI.CLI, "aws application-autoscaling register-scalable-target")
	s.script("bash", "-ec", first)
	deploy("us-east-1")
	s.script("bash", "-ec", rest)
	first, rest = split(byBoto3.Boto3, "application_autoscaling.register_scalable_target")
	s.script("python3", "-c", first)
	deploy("eu-west-1")
	head, _ := split(byBoto3.Boto3, "sagemaker.create_model")
	s.script("python3", "-c", head+rest)

	if a, b := s.copied(t, "us-east-1"), s.copied(t, "eu-west-1"); a != b {
		t.Errorf("the AWS CLI made\n%s\nand boto3 made\n%s", a, b)
	} else if want, _ := json.Marshal(byCLI.Text); !strings.Contains(a, string(want)) { // strings do not fail
		t.Errorf("the description %s is not in %s", want, a)
	}
	// The built-in model answers lines that are no flowers with what is wrong: that the whole text arrived is in its words.
	for _, c := range [][]string{{"bash", "-c", byCLI.InvokeCLI}, {"python3", "-c", byBoto3.InvokeBoto3}} {
		out, err := s.command(t.Context(), c[0], c[1:]...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "ModelError") {
			t.Errorf("%s: %v, %s", c[0], err, out)
		}
	}
	s.script("bash", "-ec", byCLI.CLIAfter)
	s.script("python3", "-c", byBoto3.Boto3After)
	if a, b := s.copied(t, "us-east-1"), s.copied(t, "eu-west-1"); a != b || strings.Contains(a, "both") || strings.Contains(a, "MinCapacity") {
		t.Errorf("after the deletions: %s and %s", a, b)
	}
	if terraform, err := exec.LookPath("terraform"); err == nil {
		c := exec.CommandContext(t.Context(), terraform, "fmt", "-")
		c.Stdin = strings.NewReader(byCLI.Terraform)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("Terraform refuses %s: %s", byCLI.Terraform, out)
		}
	}
}

// copied returns what there is in a region, as JSON without the region, times, accounts and identifiers.
func (s *server) copied(t *testing.T, region string) string {
	t.Helper()
	scaling := aas.NewFromConfig(s.config(), func(o *aas.Options) { o.Region = region })
	metrics := cloudwatch.NewFromConfig(s.config(), func(o *cloudwatch.Options) { o.Region = region })
	models := sagemaker.NewFromConfig(s.config(), func(o *sagemaker.Options) { o.Region = region })
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	model, err := models.DescribeModel(t.Context(), &sagemaker.DescribeModelInput{ModelName: aws.String("copied")})
	must(err)
	tags, err := models.ListTags(t.Context(), &sagemaker.ListTagsInput{ResourceArn: model.ModelArn})
	must(err)
	targets, err := scaling.DescribeScalableTargets(t.Context(), &aas.DescribeScalableTargetsInput{ServiceNamespace: types.ServiceNamespaceSagemaker})
	must(err)
	policies, err := scaling.DescribeScalingPolicies(t.Context(), &aas.DescribeScalingPoliciesInput{ServiceNamespace: types.ServiceNamespaceSagemaker})
	must(err)
	actions, err := scaling.DescribeScheduledActions(t.Context(), &aas.DescribeScheduledActionsInput{ServiceNamespace: types.ServiceNamespaceSagemaker})
	must(err)
	alarms, err := metrics.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"odd's", "both"}, AlarmTypes: []cwtypes.AlarmType{"MetricAlarm", "CompositeAlarm"}})
	must(err)
	for i := range targets.ScalableTargets {
		x := &targets.ScalableTargets[i]
		x.CreationTime, x.ScalableTargetARN, x.RoleARN = nil, nil, nil
	}
	for i := range policies.ScalingPolicies {
		x := &policies.ScalingPolicies[i]
		x.CreationTime, x.PolicyARN, x.Alarms = nil, nil, nil
	}
	for i := range actions.ScheduledActions {
		x := &actions.ScheduledActions[i]
		x.CreationTime, x.ScheduledActionARN = nil, nil
	}
	for i := range alarms.MetricAlarms {
		x := &alarms.MetricAlarms[i]
		x.AlarmArn, x.AlarmConfigurationUpdatedTimestamp, x.StateTransitionedTimestamp, x.StateUpdatedTimestamp, x.StateReason, x.StateReasonData = nil, nil, nil, nil, nil, nil
		x.StateValue = ""
	}
	for i := range alarms.CompositeAlarms {
		x := &alarms.CompositeAlarms[i]
		x.AlarmArn, x.AlarmConfigurationUpdatedTimestamp, x.StateTransitionedTimestamp, x.StateUpdatedTimestamp, x.StateReason, x.StateReasonData = nil, nil, nil, nil, nil, nil
		x.StateValue, x.ActionsSuppressedBy, x.ActionsSuppressedReason = "", "", nil
	}
	text, err := json.MarshalIndent([]any{
		model.PrimaryContainer, tags.Tags, targets.ScalableTargets, policies.ScalingPolicies, actions.ScheduledActions, alarms.MetricAlarms, alarms.CompositeAlarms,
	}, "", " ")
	must(err)
	return strings.ReplaceAll(string(text), region, "REGION")
}
