package autoscaling_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
)

// AWS: recorded: an update of a target tracking policy keeps an omitted metric; other omitted members are absent from responses.
// Each put gives the alarms new names and keeps ARN and creation time.
func TestTargetTrackingUpdates(t *testing.T) {
	w := newWorld(t)
	w.endpoint("e", 1)
	id := resource("e", 0)
	w.register(id, 1, 3)
	put := func(c *types.TargetTrackingScalingPolicyConfiguration) (*sdk.PutScalingPolicyOutput, error) {
		return w.client.PutScalingPolicy(t.Context(), &sdk.PutScalingPolicyInput{
			ServiceNamespace: ns, ResourceId: id, ScalableDimension: instances, PolicyName: aws.String("p"), PolicyType: types.PolicyTypeTargetTrackingScaling,
			TargetTrackingScalingPolicyConfiguration: c,
		})
	}
	described := func() types.ScalingPolicy {
		t.Helper()
		out, err := w.client.DescribeScalingPolicies(t.Context(), &sdk.DescribeScalingPoliciesInput{ServiceNamespace: ns})
		w.ok(err)
		return out.ScalingPolicies[0]
	}
	_, err := put(&types.TargetTrackingScalingPolicyConfiguration{TargetValue: aws.Float64(70)})
	w.refused(err, validation, "PredefinedMetricSpecification or CustomizedMetricSpecification must be set for target tracking scaling.")
	first, err := put(&types.TargetTrackingScalingPolicyConfiguration{
		TargetValue: aws.Float64(70), ScaleInCooldown: aws.Int32(0),
		PredefinedMetricSpecification: &types.PredefinedMetricSpecification{PredefinedMetricType: types.MetricTypeSageMakerVariantInvocationsPerInstance},
	})
	w.ok(err)
	before := described()
	c := before.TargetTrackingScalingPolicyConfiguration
	if c.ScaleOutCooldown != nil || aws.ToInt32(c.ScaleInCooldown) != 0 || c.ScaleInCooldown == nil || c.DisableScaleIn != nil || len(first.Alarms) != 2 {
		t.Errorf("%+v, alarms %v", c, first.Alarms)
	}
	names := func(alarms []types.Alarm) (out []string) {
		for _, a := range alarms {
			out = append(out, *a.AlarmName)
		}
		return out
	}
	w.pass(time.Minute)
	for _, c := range []*types.TargetTrackingScalingPolicyConfiguration{nil, {TargetValue: aws.Float64(50), DisableScaleIn: aws.Bool(true)}} {
		earlier := names(described().Alarms)
		again, err := put(c)
		w.ok(err)
		after := described()
		if *again.PolicyARN != *first.PolicyARN || !after.CreationTime.Equal(*before.CreationTime) || !slices.Equal(names(again.Alarms), names(after.Alarms)) {
			t.Errorf("%+v\nwas %+v", after, before)
		}
		for _, name := range names(again.Alarms) {
			if slices.Contains(earlier, name) || !strings.HasPrefix(name, "TargetTracking-endpoint/e/variant/v0-Alarm") {
				t.Errorf("%s after %v", name, earlier)
			}
		}
		got := after.TargetTrackingScalingPolicyConfiguration
		if got.PredefinedMetricSpecification == nil {
			t.Errorf("the metric is gone: %+v", got)
		}
		if c != nil && (got.ScaleInCooldown != nil || !*got.DisableScaleIn || *got.TargetValue != 50 || len(again.Alarms) != 1) {
			t.Errorf("%+v, alarms %v", got, names(again.Alarms))
		}
	}
}

// AWS: recorded.
func TestExactRefusals(t *testing.T) {
	w := newWorld(t)
	w.endpoint("e", 1)
	id := resource("e", 0)
	register := func(tags map[string]string) error {
		_, err := w.client.RegisterScalableTarget(t.Context(), &sdk.RegisterScalableTargetInput{
			ServiceNamespace: ns, ResourceId: id, ScalableDimension: instances, MinCapacity: aws.Int32(1), MaxCapacity: aws.Int32(3), Tags: tags,
		})
		return err
	}
	w.ok(register(map[string]string{})) // an empty set of tags is accepted for a new target
	w.refused(register(map[string]string{}), validation, "Tags cannot be empty")
	w.ok(register(nil))
	for _, name := range []string{"naïve", "tab\there", "日本", "\u00a0", "x\x7f"} {
		w.refused(w.step(id, name, oneStep()), validation,
			"at 'policyName' failed to satisfy constraint: Member must satisfy regular expression pattern: \\p{Print}+")
	}
	w.ok(w.step(id, " !\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~", oneStep()))
	schedule := func(expression string, action *types.ScalableTargetAction) error {
		_, err := w.client.PutScheduledAction(t.Context(), &sdk.PutScheduledActionInput{
			ServiceNamespace: ns, ResourceId: id, ScalableDimension: instances, ScheduledActionName: aws.String("s"), Schedule: &expression, ScalableTargetAction: action,
		})
		return err
	}
	w.refused(schedule("rate(1 day)", nil), validation, "ScalableTargetAction must be set")
	w.refused(schedule("cron(0 9 * * *)", &types.ScalableTargetAction{MinCapacity: aws.Int32(1)}), validation,
		"Invalid schedule expression. Details: Parse error at position 9, details: Unexpected end of expression.")
	_, err := w.client.PutScalingPolicy(t.Context(), &sdk.PutScalingPolicyInput{
		ServiceNamespace: ns, ResourceId: id, ScalableDimension: instances, PolicyName: aws.String("f"), PolicyType: types.PolicyTypePredictiveScaling,
	})
	w.refused(err, validation, "You must specify PredictiveScalingConfiguration.")
}
