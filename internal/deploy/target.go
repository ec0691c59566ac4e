package deploy

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
)

// Names of what is scaled.
const (
	namespace = types.ServiceNamespaceSagemaker
	dimension = types.ScalableDimensionSageMakerVariantDesiredInstanceCount
)

// targetStep registers the variant as a scalable target. It is undone by what was registered before.
func (d *Deployment) targetStep() step {
	id := targetOf(d.spec.Name, d.spec.Variant).ResourceID
	in := applicationautoscaling.RegisterScalableTargetInput{
		ServiceNamespace: namespace, ScalableDimension: dimension, ResourceId: &id,
		MinCapacity: aws.Int32(int32(d.spec.Min)), MaxCapacity: aws.Int32(int32(d.spec.Max)),
	}
	var before *types.ScalableTarget
	return step{
		"scalable target " + d.spec.Name + "/" + d.spec.Variant,
		func(ctx context.Context) error {
			out, err := d.c.Scaling.DescribeScalableTargets(ctx, &applicationautoscaling.DescribeScalableTargetsInput{
				ServiceNamespace: namespace, ScalableDimension: dimension, ResourceIds: []string{id},
			})
			if err != nil {
				return err
			}
			if len(out.ScalableTargets) > 0 {
				before = &out.ScalableTargets[0]
			}
			_, err = d.c.Scaling.RegisterScalableTarget(ctx, &in)
			return refusedFirst(err)
		},
		func(ctx context.Context) error {
			if before != nil {
				again := in
				again.MinCapacity, again.MaxCapacity = before.MinCapacity, before.MaxCapacity
				_, err := d.c.Scaling.RegisterScalableTarget(ctx, &again)
				return err
			}
			_, err := d.c.Scaling.DeregisterScalableTarget(ctx, &applicationautoscaling.DeregisterScalableTargetInput{
				ServiceNamespace: namespace, ScalableDimension: dimension, ResourceId: &id,
			})
			return err
		},
	}
}

// policyStep puts the policy that keeps the target value. It is undone by the policy that was there before.
func (d *Deployment) policyStep() step {
	id, name := targetOf(d.spec.Name, d.spec.Variant).ResourceID, PolicyName
	var before *types.ScalingPolicy
	put := func(ctx context.Context, config *types.TargetTrackingScalingPolicyConfiguration) error {
		out, err := d.c.Scaling.PutScalingPolicy(ctx, &applicationautoscaling.PutScalingPolicyInput{
			PolicyName: &name, PolicyType: types.PolicyTypeTargetTrackingScaling, ServiceNamespace: namespace, ScalableDimension: dimension, ResourceId: &id,
			TargetTrackingScalingPolicyConfiguration: config,
		})
		if err == nil {
			d.result.Policy = aws.ToString(out.PolicyARN)
		}
		return err
	}
	return step{
		"policy " + name,
		func(ctx context.Context) error {
			out, err := d.c.Scaling.DescribeScalingPolicies(ctx, &applicationautoscaling.DescribeScalingPoliciesInput{
				ServiceNamespace: namespace, ScalableDimension: dimension, ResourceId: &id, PolicyNames: []string{name},
			})
			if err != nil {
				return err
			}
			if len(out.ScalingPolicies) > 0 {
				before = &out.ScalingPolicies[0]
			}
			return refusedFirst(put(ctx, &types.TargetTrackingScalingPolicyConfiguration{
				TargetValue:                   &d.spec.Target,
				PredefinedMetricSpecification: &types.PredefinedMetricSpecification{PredefinedMetricType: types.MetricTypeSageMakerVariantInvocationsPerInstance},
			}))
		},
		func(ctx context.Context) error {
			if before != nil && before.TargetTrackingScalingPolicyConfiguration != nil {
				return put(ctx, before.TargetTrackingScalingPolicyConfiguration)
			}
			_, err := d.c.Scaling.DeleteScalingPolicy(ctx, &applicationautoscaling.DeleteScalingPolicyInput{
				PolicyName: &name, ServiceNamespace: namespace, ScalableDimension: dimension, ResourceId: &id,
			})
			return err
		},
	}
}
