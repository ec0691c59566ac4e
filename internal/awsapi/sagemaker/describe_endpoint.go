package sagemaker

import (
	"cmp"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi"
)

func (a *API) describeEndpoint(ctx context.Context, c awsapi.Call, in *sdk.DescribeEndpointInput) (*sdk.DescribeEndpointOutput, error) {
	var out *sdk.DescribeEndpointOutput
	err := a.region(ctx, c, func(r *hosting.Registry) error {
		x, err := r.Endpoint(*in.EndpointName)
		if err != nil {
			return err
		}
		out = &sdk.DescribeEndpointOutput{
			EndpointName: aws.String(x.Name), EndpointArn: aws.String(awsapi.HostingARN(c.Scope, hosting.ResourceEndpoint, x.Name)),
			EndpointConfigName: aws.String(x.Config), EndpointStatus: types.EndpointStatus(x.Status.String()),
			FailureReason: awsapi.Optional(cmp.Or(x.FailureReason, x.Waiting())), CreationTime: aws.Time(x.Created), LastModifiedTime: aws.Time(x.Modified),
		}
		for _, v := range x.Variants {
			out.ProductionVariants = append(out.ProductionVariants, summary(x, v))
		}
		if d := x.Deployment; d != nil && len(d.Variants) > 0 {
			out.PendingDeploymentSummary = pending(x, d)
		}
		return nil
	})
	return out, err
}

func summary(x *hosting.Endpoint, v *hosting.Variant) types.ProductionVariantSummary {
	return types.ProductionVariantSummary{
		VariantName: aws.String(v.Config.Name), DeployedImages: images(v),
		CurrentWeight: aws.Float32(float32(v.CurrentWeight)), DesiredWeight: aws.Float32(float32(v.DesiredWeight)),
		CurrentInstanceCount: aws.Int32(int32(v.Current())), DesiredInstanceCount: aws.Int32(int32(v.Desired)),
		VariantStatus: status(x, v), RoutingConfig: routing(v.Config.Routing),
	}
}

func images(v *hosting.Variant) []types.DeployedImage {
	return []types.DeployedImage{{
		SpecifiedImage: aws.String(v.Model.Container.Image), ResolvedImage: aws.String(v.Model.Container.Image),
		ResolutionTime: aws.Time(v.Model.Created),
	}}
}

// status returns a variant's status while it changes. Its message is the newest reason why an instance is not in service.
func status(x *hosting.Endpoint, v *hosting.Variant) []types.ProductionVariantStatus {
	s := types.ProductionVariantStatus{StatusMessage: awsapi.Optional(v.Waiting()), StartTime: aws.Time(v.ChangeStarted)}
	switch {
	case x.Status == hosting.Deleting:
		s.Status, s.StartTime = types.VariantStatusDeleting, aws.Time(x.Modified)
	case x.Deployment != nil && !x.Deployment.RetireAt.IsZero():
		s.Status, s.StartTime = types.VariantStatusBaking, aws.Time(x.Deployment.Started)
	case v.ChangeStarted.IsZero():
		return nil
	case x.Status == hosting.Creating:
		s.Status = types.VariantStatusCreating
	default:
		s.Status = types.VariantStatusUpdating
	}
	return []types.ProductionVariantStatus{s}
}

func pending(x *hosting.Endpoint, d *hosting.Deployment) *types.PendingDeploymentSummary {
	out := &types.PendingDeploymentSummary{EndpointConfigName: aws.String(d.Config), StartTime: aws.Time(d.Started)}
	for _, v := range d.Variants {
		out.ProductionVariants = append(out.ProductionVariants, types.PendingProductionVariantSummary{
			VariantName: aws.String(v.Config.Name), DeployedImages: images(v),
			CurrentWeight: aws.Float32(float32(v.CurrentWeight)), DesiredWeight: aws.Float32(float32(v.DesiredWeight)),
			CurrentInstanceCount: aws.Int32(int32(v.Current())), DesiredInstanceCount: aws.Int32(int32(v.Desired)),
			InstanceType: types.ProductionVariantInstanceType(v.Config.InstanceType), VariantStatus: status(x, v),
			RoutingConfig: routing(v.Config.Routing),
		})
	}
	return out
}
