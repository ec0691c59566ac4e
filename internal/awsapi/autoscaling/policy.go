package autoscaling

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/predictive"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// policiesPage is the default and maximum page size of DescribeScalingPolicies. AWS: API reference; recorded.
const policiesPage = 10

func (a *API) putScalingPolicy(ctx context.Context, c awsapi.Call, in *sdk.PutScalingPolicyInput) (*sdk.PutScalingPolicyOutput, error) {
	key, err := a.targetKey(c, in.ServiceNamespace, in.ResourceId, in.ScalableDimension)
	if err != nil {
		return nil, err
	}
	forecasts, err := predictiveConfig(in.PredictiveScalingPolicyConfiguration)
	if err != nil {
		return nil, err
	}
	put := scaling.PolicyInput{Key: key, Name: *in.PolicyName, Type: policy.Types().Named(string(in.PolicyType))}
	if x := in.StepScalingPolicyConfiguration; x != nil {
		put.Configs = append(put.Configs, stepConfig(x))
	}
	if x := in.TargetTrackingScalingPolicyConfiguration; x != nil {
		put.Configs = append(put.Configs, trackingConfig(x))
	}
	if forecasts != nil {
		put.Configs = append(put.Configs, forecasts)
	}
	result, err := a.step(ctx, c, engine.PutScalingPolicy{Scope: c.Scope, Input: put})
	if err != nil {
		return nil, err
	}
	r := result.(engine.PutScalingPolicyResult)
	t := &scaling.Target{Key: key, UUID: r.UUID}
	out := &sdk.PutScalingPolicyOutput{PolicyARN: aws.String(awsapi.PolicyARN(c.Scope, t, put.Name)), Alarms: []types.Alarm{}}
	for _, name := range r.Alarms {
		out.Alarms = append(out.Alarms, describeAlarm(c, name))
	}
	return out, nil
}

func describeAlarm(c awsapi.Call, name string) types.Alarm {
	return types.Alarm{AlarmName: aws.String(name), AlarmARN: aws.String(c.ARN("cloudwatch", "alarm:"+name))}
}

func stepConfig(in *types.StepScalingPolicyConfiguration) *step.Config {
	out := &step.Config{
		AdjustmentType: step.ParseAdjustmentType(string(in.AdjustmentType)), Cooldown: awsapi.Duration(in.Cooldown),
		Aggregation: step.ParseAggregation(string(in.MetricAggregationType)), MinMagnitude: awsapi.Integer(in.MinAdjustmentMagnitude),
	}
	if in.StepAdjustments != nil {
		out.Steps = []step.Adjustment{} // an empty list differs from an omitted one
	}
	for _, s := range in.StepAdjustments {
		out.Steps = append(out.Steps, step.Adjustment{
			Lower: s.MetricIntervalLowerBound, Upper: s.MetricIntervalUpperBound, Adjustment: int(aws.ToInt32(s.ScalingAdjustment)),
		})
	}
	return out
}

func trackingConfig(in *types.TargetTrackingScalingPolicyConfiguration) *tracking.Config {
	out := &tracking.Config{
		TargetValue: aws.ToFloat64(in.TargetValue), ScaleOutCooldown: awsapi.Duration(in.ScaleOutCooldown),
		ScaleInCooldown: awsapi.Duration(in.ScaleInCooldown), DisableScaleIn: in.DisableScaleIn,
	}
	if p := in.PredefinedMetricSpecification; p != nil {
		out.Predefined = &tracking.PredefinedSpec{
			Metric: tracking.PredefinedMetric(p.PredefinedMetricType), ResourceLabel: aws.ToString(p.ResourceLabel),
		}
	}
	if m := in.CustomizedMetricSpecification; m != nil {
		out.Customized = customized(m)
	}
	return out
}

func customized(m *types.CustomizedMetricSpecification) *tracking.CustomizedSpec {
	out := &tracking.CustomizedSpec{
		Namespace: aws.ToString(m.Namespace), Name: aws.ToString(m.MetricName), Statistic: tracking.ParseStatistic(string(m.Statistic)),
		Unit: aws.ToString(m.Unit),
	}
	for _, d := range m.Dimensions {
		out.Dimensions = append(out.Dimensions, metric.Dimension{Name: aws.ToString(d.Name), Value: aws.ToString(d.Value)})
	}
	for _, q := range m.Metrics {
		x := tracking.MetricQuery{
			ID: aws.ToString(q.Id), Expression: aws.ToString(q.Expression), Label: aws.ToString(q.Label), ReturnData: q.ReturnData,
		}
		if q.MetricStat != nil {
			x.Stat = metricStat(q.MetricStat)
		}
		out.Queries = append(out.Queries, x)
	}
	return out
}

func (a *API) describeScalingPolicies(
	ctx context.Context, c awsapi.Call, in *sdk.DescribeScalingPoliciesInput,
) (*sdk.DescribeScalingPoliciesOutput, error) {
	ids := one(in.ResourceId)
	if err := a.checkFilter(string(in.ServiceNamespace), string(in.ScalableDimension), ids, "ResourceId"); err != nil {
		return nil, err
	}
	n, err := limit(in.MaxResults, policiesPage)
	if err != nil {
		return nil, err
	}
	type row struct {
		target *scaling.Target
		policy *scaling.Policy
	}
	out := &sdk.DescribeScalingPoliciesOutput{ScalingPolicies: []types.ScalingPolicy{}}
	return out, a.region(ctx, c, func(r *engine.Region) error {
		var rows []row
		for _, t := range selected(r, in.ServiceNamespace, ids, in.ScalableDimension) {
			for _, p := range t.Policies {
				if len(in.PolicyNames) == 0 || slices.Contains(in.PolicyNames, p.Name) {
					rows = append(rows, row{t, p})
				}
			}
		}
		key := func(x row) string {
			return fmt.Sprintf("%s\x00%020d\x00%s", x.target.Key.ResourceID, x.policy.Created.UnixNano(), x.policy.Name)
		}
		bind := fmt.Sprintf("policies %q %q %q", ids, in.ScalableDimension, in.PolicyNames)
		page, next, err := awsapi.Page(rows, key, false, aws.ToString(in.NextToken), bind, n)
		for _, x := range page {
			out.ScalingPolicies = append(out.ScalingPolicies, describePolicy(c, r, x.target, x.policy))
		}
		out.NextToken = awsapi.Optional(next)
		return badToken(err)
	})
}

func describePolicy(c awsapi.Call, r *engine.Region, t *scaling.Target, p *scaling.Policy) types.ScalingPolicy {
	out := types.ScalingPolicy{
		PolicyARN: aws.String(awsapi.PolicyARN(c.Scope, t, p.Name)), PolicyName: aws.String(p.Name), ServiceNamespace: types.ServiceNamespace(t.Key.Dimension.Namespace()),
		ResourceId: aws.String(t.Key.ResourceID), ScalableDimension: types.ScalableDimension(t.Key.Dimension),
		PolicyType: types.PolicyType(p.Type()), CreationTime: aws.Time(p.Created), Alarms: []types.Alarm{},
	}
	for _, name := range alarmsOf(r, t, p) {
		out.Alarms = append(out.Alarms, describeAlarm(c, name))
	}
	switch r := p.Rule.(type) {
	case *step.Rule:
		out.StepScalingPolicyConfiguration = describeStep(r.Settings)
	case *tracking.Rule:
		out.TargetTrackingScalingPolicyConfiguration = describeTracking(r.Settings)
	case *predictive.Rule:
		out.PredictiveScalingPolicyConfiguration = describePredictive(r.Settings)
	}
	return out
}

// alarmsOf lists the alarms that a policy owns, or for a policy that owns none those whose actions name it.
func alarmsOf(r *engine.Region, t *scaling.Target, p *scaling.Policy) []string {
	if p.OwnsAlarms() {
		return p.AlarmNames()
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(r.Alarms.Metric)) {
		for _, x := range r.Alarms.Metric[name].Actions {
			if x.Target == t.ID36() && x.Policy == p.Name && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func describeStep(s *step.Config) *types.StepScalingPolicyConfiguration {
	out := &types.StepScalingPolicyConfiguration{
		AdjustmentType: types.AdjustmentType(s.AdjustmentType.String()), Cooldown: awsapi.Seconds(s.Cooldown), StepAdjustments: []types.StepAdjustment{},
	}
	if s.Aggregation != 0 {
		out.MetricAggregationType = types.MetricAggregationType(s.Aggregation.String())
	}
	if s.MinMagnitude != nil {
		out.MinAdjustmentMagnitude = aws.Int32(int32(*s.MinMagnitude))
	}
	for _, x := range s.Steps {
		out.StepAdjustments = append(out.StepAdjustments, types.StepAdjustment{
			MetricIntervalLowerBound: x.Lower, MetricIntervalUpperBound: x.Upper, ScalingAdjustment: aws.Int32(int32(x.Adjustment)),
		})
	}
	return out
}

func describeTracking(t *tracking.Config) *types.TargetTrackingScalingPolicyConfiguration {
	out := &types.TargetTrackingScalingPolicyConfiguration{
		TargetValue: aws.Float64(t.TargetValue), ScaleOutCooldown: awsapi.Seconds(t.ScaleOutCooldown), ScaleInCooldown: awsapi.Seconds(t.ScaleInCooldown),
		DisableScaleIn: t.DisableScaleIn,
	}
	if p := t.Predefined; p != nil {
		out.PredefinedMetricSpecification = &types.PredefinedMetricSpecification{PredefinedMetricType: types.MetricType(p.Metric)}
	}
	if m := t.Customized; m != nil && len(m.Queries) > 0 {
		out.CustomizedMetricSpecification = &types.CustomizedMetricSpecification{Metrics: describeQueries(m.Queries)}
	} else if m != nil {
		out.CustomizedMetricSpecification = &types.CustomizedMetricSpecification{
			Namespace: aws.String(m.Namespace), MetricName: aws.String(m.Name), Statistic: types.MetricStatistic(m.Statistic.String()),
			Unit: awsapi.Optional(m.Unit), Dimensions: []types.MetricDimension{},
		}
		for _, d := range m.Dimensions {
			out.CustomizedMetricSpecification.Dimensions = append(out.CustomizedMetricSpecification.Dimensions,
				types.MetricDimension{Name: aws.String(d.Name), Value: aws.String(d.Value)})
		}
	}
	return out
}

func (a *API) deleteScalingPolicy(
	ctx context.Context, c awsapi.Call, in *sdk.DeleteScalingPolicyInput,
) (*sdk.DeleteScalingPolicyOutput, error) {
	key, err := a.targetKey(c, in.ServiceNamespace, in.ResourceId, in.ScalableDimension)
	if err != nil {
		return nil, err
	}
	_, err = a.step(ctx, c, engine.DeleteScalingPolicy{Scope: c.Scope, Key: key, Name: *in.PolicyName})
	return &sdk.DeleteScalingPolicyOutput{}, err
}
