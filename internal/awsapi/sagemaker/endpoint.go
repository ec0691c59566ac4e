package sagemaker

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi"
)

func (a *API) createEndpoint(ctx context.Context, c awsapi.Call, in *sdk.CreateEndpointInput) (*sdk.CreateEndpointOutput, error) {
	if _, err := bake(in.DeploymentConfig); err != nil {
		return nil, err
	}
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	key := engine.EndpointKey{Scope: c.Scope, Endpoint: *in.EndpointName}
	if _, err := a.step(ctx, c, engine.CreateEndpoint{Key: key, Config: *in.EndpointConfigName, Tags: tags}); err != nil {
		return nil, err
	}
	return &sdk.CreateEndpointOutput{EndpointArn: aws.String(awsapi.HostingARN(c.Scope, hosting.ResourceEndpoint, key.Endpoint))}, nil
}

func (a *API) updateEndpoint(ctx context.Context, c awsapi.Call, in *sdk.UpdateEndpointInput) (*sdk.UpdateEndpointOutput, error) {
	wait, err := bake(in.DeploymentConfig)
	if err != nil {
		return nil, err
	}
	if aws.ToBool(in.RetainDeploymentConfig) {
		return nil, awsapi.Validation("The member 'retainDeploymentConfig' asks for something that this server does not do. Leave it out.")
	}
	u := hosting.Update{
		Endpoint: *in.EndpointName, Config: *in.EndpointConfigName, RetainAll: aws.ToBool(in.RetainAllVariantProperties), Bake: wait,
	}
	for _, x := range in.ExcludeRetainedVariantProperties {
		switch x.VariantPropertyType {
		case types.VariantPropertyTypeDesiredInstanceCount:
			u.ExcludeCount = true
		case types.VariantPropertyTypeDesiredWeight:
			u.ExcludeWeight = true
		case types.VariantPropertyTypeDataCaptureConfig: // there is no data capture to retain
		}
	}
	if _, err := a.step(ctx, c, engine.UpdateEndpoint{Scope: c.Scope, Update: u}); err != nil {
		return nil, err
	}
	return &sdk.UpdateEndpointOutput{EndpointArn: aws.String(awsapi.HostingARN(c.Scope, hosting.ResourceEndpoint, u.Endpoint))}, nil
}

// bake reads how long the old fleet is kept after the traffic shift, which is always all at once here.
func bake(d *types.DeploymentConfig) (time.Duration, error) {
	if d == nil || d.BlueGreenUpdatePolicy == nil {
		return 0, awsapi.Only(d, "deploymentConfig", "BlueGreenUpdatePolicy")
	}
	const path = "deploymentConfig.blueGreenUpdatePolicy"
	if err := awsapi.Only(d, "deploymentConfig", "BlueGreenUpdatePolicy"); err != nil {
		return 0, err
	}
	p := d.BlueGreenUpdatePolicy
	if err := awsapi.Only(p, path, "TrafficRoutingConfiguration", "TerminationWaitInSeconds"); err != nil {
		return 0, err
	}
	t := p.TrafficRoutingConfiguration
	if t == nil {
		return 0, awsapi.Validation("The member '%s.trafficRoutingConfiguration' must be set.", path)
	}
	if t.Type != types.TrafficRoutingConfigTypeAllAtOnce {
		return 0, awsapi.Validation("The member '%s.trafficRoutingConfiguration.type' is %s: this server moves traffic ALL_AT_ONCE.", path, t.Type)
	}
	return seconds(t.WaitIntervalInSeconds) + seconds(p.TerminationWaitInSeconds), nil
}

func (a *API) updateWeightsAndCapacities(
	ctx context.Context, c awsapi.Call, in *sdk.UpdateEndpointWeightsAndCapacitiesInput,
) (*sdk.UpdateEndpointWeightsAndCapacitiesOutput, error) {
	var changes []hosting.Change
	for i := range in.DesiredWeightsAndCapacities {
		d := &in.DesiredWeightsAndCapacities[i]
		if err := awsapi.Only(d, "desiredWeightsAndCapacities", "VariantName", "DesiredInstanceCount", "DesiredWeight"); err != nil {
			return nil, err
		}
		ch := hosting.Change{Variant: *d.VariantName}
		if d.DesiredInstanceCount != nil {
			n := int(*d.DesiredInstanceCount)
			ch.Desired = &n
		}
		if d.DesiredWeight != nil {
			w := float64(*d.DesiredWeight)
			ch.Weight = &w
		}
		changes = append(changes, ch)
	}
	key := engine.EndpointKey{Scope: c.Scope, Endpoint: *in.EndpointName}
	if _, err := a.step(ctx, c, engine.UpdateEndpointWeightsAndCapacities{Key: key, Changes: changes}); err != nil {
		return nil, err
	}
	return &sdk.UpdateEndpointWeightsAndCapacitiesOutput{EndpointArn: aws.String(awsapi.HostingARN(c.Scope, hosting.ResourceEndpoint, key.Endpoint))}, nil
}

func (a *API) deleteEndpoint(ctx context.Context, c awsapi.Call, in *sdk.DeleteEndpointInput) (*sdk.DeleteEndpointOutput, error) {
	_, err := a.step(ctx, c, engine.DeleteEndpoint{Key: engine.EndpointKey{Scope: c.Scope, Endpoint: *in.EndpointName}})
	return &sdk.DeleteEndpointOutput{}, err
}
