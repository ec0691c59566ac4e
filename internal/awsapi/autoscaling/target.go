package autoscaling

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/scaling"
)

// targetsPage is the default and maximum page size of DescribeScalableTargets. AWS: API reference.
const targetsPage = 50

func (a *API) registerScalableTarget(
	ctx context.Context, c awsapi.Call, in *sdk.RegisterScalableTargetInput,
) (*sdk.RegisterScalableTargetOutput, error) {
	key, err := a.targetKey(c, in.ServiceNamespace, in.ResourceId, in.ScalableDimension)
	if err != nil {
		return nil, err
	}
	if in.RoleARN != nil && !roleForm.MatchString(*in.RoleARN) {
		return nil, awsapi.Validation("The role ARN '%s' is not valid. Leave RoleARN out: the service-linked role is used.", *in.RoleARN)
	}
	if err := awsapi.CheckOwnTags(in.Tags); err != nil {
		return nil, err
	}
	g := scaling.Registration{Key: key, Min: awsapi.Integer(in.MinCapacity), Max: awsapi.Integer(in.MaxCapacity), Tags: in.Tags}
	if s := in.SuspendedState; s != nil {
		g.SuspendIn, g.SuspendOut, g.SuspendScheduled = s.DynamicScalingInSuspended, s.DynamicScalingOutSuspended, s.ScheduledScalingSuspended
	}
	result, err := a.step(ctx, c, engine.RegisterScalableTarget{Scope: c.Scope, Registration: g})
	if err != nil {
		return nil, err
	}
	id := scaling.ID36(result.(engine.RegisterScalableTargetResult).UUID)
	return &sdk.RegisterScalableTargetOutput{ScalableTargetARN: aws.String(targetARN(c, id))}, nil
}

// roleForm is the format of a role's ARN. A valid one is accepted and not used: SageMaker always uses the service-linked role. AWS: user
// guide, service-linked roles; recorded.
var roleForm = regexp.MustCompile(`^arn:[a-z-]+:iam::[0-9]{12}:role/.+$`)

func targetARN(c awsapi.Call, id36 string) string {
	return c.ARN("application-autoscaling", "scalable-target/"+id36)
}

// roleARN is the service-linked role that AWS always uses for SageMaker.
func roleARN(s engine.Scope) string {
	return "arn:aws:iam::" + s.Account + ":role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/" +
		"AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
}

func (a *API) describeScalableTargets(
	ctx context.Context, c awsapi.Call, in *sdk.DescribeScalableTargetsInput,
) (*sdk.DescribeScalableTargetsOutput, error) {
	if err := a.checkFilter(string(in.ServiceNamespace), string(in.ScalableDimension), in.ResourceIds, "ResourceIds"); err != nil {
		return nil, err
	}
	if len(in.ResourceIds) > targetsPage {
		return nil, awsapi.Validation("At most %d ResourceIds can be specified", targetsPage)
	}
	n, err := limit(in.MaxResults, targetsPage)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeScalableTargetsOutput{ScalableTargets: []types.ScalableTarget{}}
	return out, a.regionAt(ctx, c, func(now time.Time, r *engine.Region) error {
		kept := selected(r, in.ServiceNamespace, in.ResourceIds, in.ScalableDimension)
		bind := fmt.Sprintf("targets %q %q", in.ResourceIds, in.ScalableDimension)
		page, next, err := awsapi.Page(kept, func(t *scaling.Target) string { return t.Key.ResourceID }, false, aws.ToString(in.NextToken), bind, n)
		for _, t := range page {
			out.ScalableTargets = append(out.ScalableTargets, describeTarget(c, now, t))
		}
		out.NextToken = awsapi.Optional(next)
		return badToken(err)
	})
}

func describeTarget(c awsapi.Call, now time.Time, t *scaling.Target) types.ScalableTarget {
	out := types.ScalableTarget{
		ServiceNamespace: types.ServiceNamespace(t.Key.Dimension.Namespace()), ResourceId: aws.String(t.Key.ResourceID),
		ScalableDimension: types.ScalableDimension(t.Key.Dimension), MinCapacity: aws.Int32(int32(t.Min)),
		MaxCapacity: aws.Int32(int32(t.Max)), RoleARN: aws.String(roleARN(c.Scope)), CreationTime: aws.Time(t.Created),
		ScalableTargetARN: aws.String(targetARN(c, t.ID36())),
		SuspendedState: &types.SuspendedState{
			DynamicScalingInSuspended: aws.Bool(t.Suspended.DynamicIn), DynamicScalingOutSuspended: aws.Bool(t.Suspended.DynamicOut),
			ScheduledScalingSuspended: aws.Bool(t.Suspended.Scheduled),
		},
	}
	if n, scales := t.ExpectedCapacity(now); scales {
		out.PredictedCapacity = aws.Int32(int32(n))
	}
	return out
}

func (a *API) deregisterScalableTarget(
	ctx context.Context, c awsapi.Call, in *sdk.DeregisterScalableTargetInput,
) (*sdk.DeregisterScalableTargetOutput, error) {
	key, err := a.targetKey(c, in.ServiceNamespace, in.ResourceId, in.ScalableDimension)
	if err != nil {
		return nil, err
	}
	_, err = a.step(ctx, c, engine.DeregisterScalableTarget{Scope: c.Scope, Key: key})
	return &sdk.DeregisterScalableTargetOutput{}, err
}
