package ec2autoscaling

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/simple"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
)

func (a *API) putScalingPolicy(ctx context.Context, c awsapi.Call, in *sdk.PutScalingPolicyInput) (*sdk.PutScalingPolicyOutput, error) {
	k, err := parseGroup(c.Scope, *in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	put, err := policyInput(in)
	if err != nil {
		return nil, err
	}
	put.Key = k
	result, err := a.step(ctx, k, engine.PutGroupPolicy{Scope: c.Scope, Input: put})
	if err != nil {
		return nil, err
	}
	r := result.(engine.PutScalingPolicyResult)
	out := &sdk.PutScalingPolicyOutput{PolicyARN: aws.String(awsapi.GroupPolicyARN(c.Scope, k, r.UUID, put.Name)), Alarms: []types.Alarm{}}
	for _, name := range r.Alarms {
		out.Alarms = append(out.Alarms, describeAlarm(c, name))
	}
	return out, nil
}

func describeAlarm(c awsapi.Call, name string) types.Alarm {
	return types.Alarm{AlarmName: aws.String(name), AlarmARN: aws.String(c.ARN("cloudwatch", "alarm:"+name))}
}

// policyInput reads PutScalingPolicy's request, except for the group.
func policyInput(in *sdk.PutScalingPolicyInput) (policy.GroupInput, error) {
	out := policy.GroupInput{
		Name: *in.PolicyName, Adjustment: awsapi.Integer(in.ScalingAdjustment), Cooldown: awsapi.Duration(in.Cooldown),
		MinMagnitude: awsapi.Integer(in.MinAdjustmentMagnitude), Warmup: awsapi.Duration(in.EstimatedInstanceWarmup), Disabled: in.Enabled != nil && !*in.Enabled,
	}
	if in.PredictiveScalingConfiguration != nil || aws.ToString(in.PolicyType) == "PredictiveScaling" {
		return out, awsapi.Validation("Policies of type PredictiveScaling are not supported for Auto Scaling groups by this server: put one on " +
			"the variant's scalable target, through Application Auto Scaling.")
	}
	if err := awsapi.Only(in, "", "AutoScalingGroupName", "PolicyName", "PolicyType", "AdjustmentType", "ScalingAdjustment", "Cooldown",
		"MinAdjustmentMagnitude", "StepAdjustments", "MetricAggregationType", "EstimatedInstanceWarmup", "TargetTrackingConfiguration",
		"Enabled"); err != nil {
		return out, err
	}
	if strings.Contains(out.Name, ":") {
		return out, awsapi.Validation("PolicyName must not contain a colon")
	}
	if in.PolicyType != nil {
		if out.Type = policy.ParseGroupType(*in.PolicyType); out.Type == 0 {
			return out, awsapi.Validation("PolicyType %s is not valid: SimpleScaling, StepScaling and TargetTrackingScaling are.", *in.PolicyType)
		}
	}
	if in.AdjustmentType != nil {
		if out.AdjustmentType = step.ParseAdjustmentType(*in.AdjustmentType); out.AdjustmentType == 0 {
			return out, awsapi.Validation("AdjustmentType %s is not valid: ChangeInCapacity, ExactCapacity and PercentChangeInCapacity are.",
				*in.AdjustmentType)
		}
	}
	if in.MetricAggregationType != nil {
		if out.Aggregation = step.ParseAggregation(*in.MetricAggregationType); out.Aggregation == 0 {
			return out, awsapi.Validation("MetricAggregationType %s is not valid: Minimum, Maximum and Average are.", *in.MetricAggregationType)
		}
	}
	for _, s := range in.StepAdjustments {
		out.Steps = append(out.Steps, step.Adjustment{
			Lower: s.MetricIntervalLowerBound, Upper: s.MetricIntervalUpperBound, Adjustment: int(aws.ToInt32(s.ScalingAdjustment)),
		})
	}
	var err error
	out.TargetTracking, err = trackingConfig(in.TargetTrackingConfiguration)
	return out, err
}

func trackingConfig(in *types.TargetTrackingConfiguration) (*tracking.Config, error) {
	if in == nil {
		return nil, nil
	}
	out := &tracking.Config{TargetValue: aws.ToFloat64(in.TargetValue), DisableScaleIn: in.DisableScaleIn}
	if p := in.PredefinedMetricSpecification; p != nil {
		out.Predefined = &tracking.PredefinedSpec{
			Metric: tracking.PredefinedMetric(p.PredefinedMetricType), ResourceLabel: aws.ToString(p.ResourceLabel),
		}
		if out.Predefined.Metric != tracking.GroupCPUUtilization {
			return nil, awsapi.Validation("The predefined metric type %s has no counterpart for production variants: only %s has. Name another metric "+
				"in a CustomizedMetricSpecification.", p.PredefinedMetricType, tracking.GroupCPUUtilization)
		}
	}
	m := in.CustomizedMetricSpecification
	if m == nil {
		return out, nil
	}
	out.Customized = &tracking.CustomizedSpec{
		Namespace: aws.ToString(m.Namespace), Name: aws.ToString(m.MetricName), Statistic: tracking.ParseStatistic(string(m.Statistic)),
		Unit: aws.ToString(m.Unit),
	}
	if m.Period != nil {
		out.Customized.Period = time.Duration(*m.Period) * time.Second
		if *m.Period <= 0 {
			return nil, awsapi.Validation("Period must be 10, 30 or 60")
		}
	}
	if err := queries(m.Metrics, out.Customized); err != nil {
		return nil, err
	}
	for _, d := range m.Dimensions {
		out.Customized.Dimensions = append(out.Customized.Dimensions, metric.Dimension{Name: aws.ToString(d.Name), Value: aws.ToString(d.Value)})
	}
	return out, nil
}

// policiesPage is the page size of DescribePolicies. AWS: API reference.
const (
	policiesPage     = 50
	policiesPageMost = 100
)

func (a *API) describePolicies(ctx context.Context, c awsapi.Call, in *sdk.DescribePoliciesInput) (*sdk.DescribePoliciesOutput, error) {
	n, err := limit(in.MaxRecords, policiesPage, policiesPageMost)
	if err != nil {
		return nil, err
	}
	type row struct {
		group  group
		policy *scaling.Policy
	}
	out := &sdk.DescribePoliciesOutput{ScalingPolicies: []types.ScalingPolicy{}}
	return out, a.settled(ctx, c, in.AutoScalingGroupName, func(r *engine.Region, all []group) error {
		var rows []row
		for _, g := range all {
			for _, p := range g.settings().Policies {
				wanted := func(name string) bool {
					id, policy, byARN := awsapi.ParsePolicyARN(c.Scope, name)
					return name == p.Name || byARN && id == p.UUID && policy == p.Name
				}
				if (len(in.PolicyNames) == 0 || slices.ContainsFunc(in.PolicyNames, wanted)) &&
					(len(in.PolicyTypes) == 0 || slices.Contains(in.PolicyTypes, p.Type())) {
					rows = append(rows, row{g, p})
				}
			}
		}
		key := func(x row) string {
			return fmt.Sprintf("%s\x00%020d\x00%s", x.group.key.GroupName(), x.policy.Created.UnixNano(), x.policy.Name)
		}
		page, next, err := awsapi.Page(rows, key, false, aws.ToString(in.NextToken),
			fmt.Sprint("policies", aws.ToString(in.AutoScalingGroupName), in.PolicyNames, in.PolicyTypes), n)
		alarms := invokers(r)
		for _, x := range page {
			out.ScalingPolicies = append(out.ScalingPolicies, describePolicy(c, x.group, x.policy, alarms[x.policy.UUID]))
		}
		out.NextToken = awsapi.Optional(next)
		return err
	})
}

// invokers lists the alarms that invoke policies of groups, by the policies' identifiers.
func invokers(r *engine.Region) map[string][]string {
	out := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(r.Alarms.Metric)) {
		for _, x := range r.Alarms.Metric[name].Actions {
			if x.Policy != "" && !slices.Contains(out[x.Target], name) {
				out[x.Target] = append(out[x.Target], name)
			}
		}
	}
	return out
}

func describePolicy(c awsapi.Call, g group, p *scaling.Policy, alarms []string) types.ScalingPolicy {
	out := types.ScalingPolicy{
		AutoScalingGroupName: aws.String(g.key.GroupName()), PolicyName: aws.String(p.Name), PolicyType: aws.String(p.Type()),
		PolicyARN: aws.String(awsapi.GroupPolicyARN(c.Scope, g.key, p.UUID, p.Name)), Enabled: aws.Bool(!p.Disabled), Alarms: []types.Alarm{},
		StepAdjustments: []types.StepAdjustment{}, EstimatedInstanceWarmup: awsapi.Seconds(p.Warmup),
	}
	if p.OwnsAlarms() {
		alarms = p.AlarmNames()
	}
	for _, name := range alarms {
		out.Alarms = append(out.Alarms, describeAlarm(c, name))
	}
	switch r := p.Rule.(type) {
	case *simple.Rule:
		out.AdjustmentType, out.ScalingAdjustment = aws.String(r.Settings.AdjustmentType.String()), number(r.Settings.Adjustment)
		out.Cooldown = awsapi.Seconds(r.Settings.Cooldown)
		if r.Settings.MinMagnitude != nil {
			out.MinAdjustmentMagnitude = number(*r.Settings.MinMagnitude)
		}
	case *step.Rule:
		describeStep(&out, r.Settings)
	case *tracking.Rule:
		out.TargetTrackingConfiguration = describeTracking(r.Settings)
	}
	return out
}

func describeStep(out *types.ScalingPolicy, s *step.Config) {
	out.AdjustmentType, out.MetricAggregationType = aws.String(s.AdjustmentType.String()), aws.String(step.AggregateAverage.String())
	if s.Aggregation != 0 {
		out.MetricAggregationType = aws.String(s.Aggregation.String())
	}
	if s.MinMagnitude != nil {
		out.MinAdjustmentMagnitude = number(*s.MinMagnitude)
	}
	for _, x := range s.Steps {
		out.StepAdjustments = append(out.StepAdjustments, types.StepAdjustment{
			MetricIntervalLowerBound: x.Lower, MetricIntervalUpperBound: x.Upper, ScalingAdjustment: number(x.Adjustment),
		})
	}
}

func describeTracking(t *tracking.Config) *types.TargetTrackingConfiguration {
	out := &types.TargetTrackingConfiguration{TargetValue: aws.Float64(t.TargetValue), DisableScaleIn: aws.Bool(aws.ToBool(t.DisableScaleIn))}
	if p := t.Predefined; p != nil {
		out.PredefinedMetricSpecification = &types.PredefinedMetricSpecification{PredefinedMetricType: types.MetricType(p.Metric)}
	}
	if m := t.Customized; m != nil && len(m.Queries) > 0 {
		out.CustomizedMetricSpecification = &types.CustomizedMetricSpecification{Metrics: describeQueries(m)}
	} else if m != nil {
		out.CustomizedMetricSpecification = &types.CustomizedMetricSpecification{
			Namespace: aws.String(m.Namespace), MetricName: aws.String(m.Name), Statistic: types.MetricStatistic(m.Statistic.String()),
			Unit: awsapi.Optional(m.Unit), Dimensions: []types.MetricDimension{},
		}
		if m.Period != 0 {
			out.CustomizedMetricSpecification.Period = awsapi.Seconds(&m.Period)
		}
		for _, d := range m.Dimensions {
			out.CustomizedMetricSpecification.Dimensions = append(out.CustomizedMetricSpecification.Dimensions,
				types.MetricDimension{Name: aws.String(d.Name), Value: aws.String(d.Value)})
		}
	}
	return out
}

// errNoPolicy is the error of an ARN of an unknown policy.
var errNoPolicy = errors.New("no such policy")

// policy returns the group and name of a policy, given by its name and group or by its ARN.
func (a *API) policy(ctx context.Context, c awsapi.Call, groupName *string, policy string) (k scaling.TargetKey, name string, err error) {
	id, _, byARN := awsapi.ParsePolicyARN(c.Scope, policy)
	if groupName == nil && !byARN {
		return k, "", awsapi.Validation("AutoScalingGroupName must be specified where PolicyName is no ARN")
	}
	if groupName != nil {
		if k, err = parseGroup(c.Scope, *groupName); err != nil {
			return k, "", err
		}
	}
	if !byARN {
		return k, policy, nil
	}
	var found *scaling.Target
	if failed := a.backend.View(ctx, func(_ time.Time, e *engine.Engine) {
		if r := e.Region(c.Scope); r != nil {
			if t, p := r.Targets.ByPolicyID(id); p != nil {
				found, name = t, p.Name
			}
		}
	}); failed != nil {
		return k, "", failed
	}
	switch {
	case found == nil:
		return k, "", fmt.Errorf("%w: %s", errNoPolicy, policy)
	case groupName != nil && found.Key != k:
		return k, "", awsapi.Validation("Policy %s is not one of the AutoScalingGroup %s", policy, k.GroupName())
	}
	return found.Key, name, nil
}

func (a *API) deletePolicy(ctx context.Context, c awsapi.Call, in *sdk.DeletePolicyInput) (*sdk.DeletePolicyOutput, error) {
	k, name, err := a.policy(ctx, c, in.AutoScalingGroupName, *in.PolicyName)
	if errors.Is(err, errNoPolicy) {
		return &sdk.DeletePolicyOutput{}, nil // as for an unknown name
	}
	if err != nil {
		return nil, err
	}
	_, err = a.step(ctx, k, engine.DeleteGroupPolicy{Scope: c.Scope, Key: k, Name: name})
	return &sdk.DeletePolicyOutput{}, err
}

func (a *API) executePolicy(ctx context.Context, c awsapi.Call, in *sdk.ExecutePolicyInput) (*sdk.ExecutePolicyOutput, error) {
	k, name, err := a.policy(ctx, c, in.AutoScalingGroupName, *in.PolicyName)
	if errors.Is(err, errNoPolicy) {
		return nil, awsapi.Validation("Policy not found: %s", *in.PolicyName)
	}
	if err != nil {
		return nil, err
	}
	_, err = a.step(ctx, k, engine.ExecuteGroupPolicy{Scope: c.Scope, Execution: scaling.Execution{
		Key: k, Policy: name, HonorCooldown: aws.ToBool(in.HonorCooldown), Metric: in.MetricValue, Threshold: in.BreachThreshold,
	}})
	return &sdk.ExecutePolicyOutput{}, err
}
