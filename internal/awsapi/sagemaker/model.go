package sagemaker

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi"
)

func (a *API) createModel(ctx context.Context, c awsapi.Call, in *sdk.CreateModelInput) (*sdk.CreateModelOutput, error) {
	m, err := a.model(in)
	if err != nil {
		return nil, err
	}
	if data := m.Container.ModelData(); data.URI != "" {
		looked, cancel := context.WithTimeout(ctx, dataCheck)
		defer cancel()
		if err := a.o.ModelData(looked, data); err != nil {
			return nil, awsapi.Validation("%s", err)
		}
	}
	if _, err := a.step(ctx, c, engine.CreateModel{Scope: c.Scope, Model: m}); err != nil {
		return nil, err
	}
	return &sdk.CreateModelOutput{ModelArn: aws.String(awsapi.HostingARN(c.Scope, hosting.ResourceModel, m.Name))}, nil
}

// dataCheck is the time limit of CreateModel's check of model data. After it, errors are found at the start of an instance.
const dataCheck = 5 * time.Second

func (a *API) model(in *sdk.CreateModelInput) (hosting.Model, error) {
	var m hosting.Model
	if err := awsapi.Only(in, "", "ModelName", "PrimaryContainer", "Containers", "ExecutionRoleArn", "EnableNetworkIsolation", "VpcConfig",
		"Tags"); err != nil {
		return m, err
	}
	primary := in.PrimaryContainer
	switch {
	case primary == nil && len(in.Containers) == 0:
		return m, awsapi.Validation("Either PrimaryContainer or Containers must be specified.")
	case primary != nil && len(in.Containers) > 0:
		return m, awsapi.Validation("Only one of PrimaryContainer and Containers can be specified.")
	case len(in.Containers) > 1:
		return m, awsapi.Validation("The member 'containers' has %d containers: this server runs models of one container.", len(in.Containers))
	case primary == nil:
		primary, m.InContainers = &in.Containers[0], true
	}
	var err error
	if m.Container, err = a.container(primary); err != nil {
		return m, err
	}
	if m.Tags, err = newTags(in.Tags); err != nil {
		return m, err
	}
	m.Name, m.ExecutionRole = aws.ToString(in.ModelName), aws.ToString(in.ExecutionRoleArn)
	m.VPC = vpc(in.VpcConfig)
	return m, isolation(in.EnableNetworkIsolation)
}

// containerSize is the largest environment that a container may have. AWS: ContainerDefinition, Environment.
const containerSize = 32 << 10

func (a *API) container(d *types.ContainerDefinition) (hosting.Container, error) {
	var out hosting.Container
	const path = "primaryContainer"
	if err := awsapi.Only(d, path, "Image", "ModelDataUrl", "ModelDataSource", "Environment", "ContainerHostname", "Mode", "ImageConfig"); err != nil {
		return out, err
	}
	if d.Image == nil {
		return out, awsapi.Validation("The member '%s.image' must be set: this server finds models by their image.", path)
	}
	if d.Mode == types.ContainerModeMultiModel {
		return out, awsapi.Validation("The member '%s.mode' is MultiModel: this server runs containers of one model.", path)
	}
	size := 0
	for k, v := range d.Environment {
		size += len(k) + len(v)
		if strings.IndexByte(v, 0) >= 0 {
			return out, awsapi.Validation("The member '%s.environment.%s' contains a NUL character, which no process can receive.", path, k)
		}
	}
	if size > containerSize {
		return out, awsapi.Validation("The environment of a container must not be larger than %d bytes.", containerSize)
	}
	if err := a.o.Image(*d.Image); err != nil {
		return out, awsapi.Validation("%s", err)
	}
	out = hosting.Container{
		Image: *d.Image, ModelDataURL: aws.ToString(d.ModelDataUrl), Environment: d.Environment,
		Hostname: aws.ToString(d.ContainerHostname), Mode: string(d.Mode),
	}
	if d.ImageConfig != nil {
		if err := awsapi.Only(d.ImageConfig, path+".imageConfig", "RepositoryAccessMode"); err != nil {
			return out, err
		}
		if d.ImageConfig.RepositoryAccessMode == types.RepositoryAccessModeVpc {
			return out, awsapi.Validation("The member '%s.imageConfig.repositoryAccessMode' is Vpc: this server runs no image from a private "+
				"registry, and cannot keep its traffic in a VPC. Leave it out.", path)
		}
		out.RepositoryAccess = string(d.ImageConfig.RepositoryAccessMode)
	}
	return out, modelData(d, path, &out)
}

// isolation refuses isolation settings that this server cannot provide. AWS: CreateModel, EnableNetworkIsolation: no network calls to
// or from the container.
func isolation(asked *bool) error {
	if !aws.ToBool(asked) {
		return nil
	}
	return awsapi.Validation("The member 'enableNetworkIsolation' is true: this server runs models on its machine's own network and cannot " +
		"isolate them. Leave it out, or isolate the whole machine.")
}

func vpc(v *types.VpcConfig) *hosting.VPC {
	if v == nil {
		return nil
	}
	return &hosting.VPC{SecurityGroupIDs: v.SecurityGroupIds, Subnets: v.Subnets}
}

func describeVPC(v *hosting.VPC) *types.VpcConfig {
	if v == nil {
		return nil
	}
	return &types.VpcConfig{SecurityGroupIds: v.SecurityGroupIDs, Subnets: v.Subnets}
}

func (a *API) describeModel(ctx context.Context, c awsapi.Call, in *sdk.DescribeModelInput) (*sdk.DescribeModelOutput, error) {
	var out *sdk.DescribeModelOutput
	err := a.region(ctx, c, func(r *hosting.Registry) error {
		m := r.Models[*in.ModelName]
		if m == nil {
			return &hosting.Error{Kind: hosting.KindNotFound, Resource: hosting.ResourceModel, Name: *in.ModelName}
		}
		out = &sdk.DescribeModelOutput{
			ModelName: aws.String(m.Name), ModelArn: aws.String(awsapi.HostingARN(c.Scope, hosting.ResourceModel, m.Name)),
			CreationTime: aws.Time(m.Created), EnableNetworkIsolation: aws.Bool(m.NetworkIsolation),
			ExecutionRoleArn: awsapi.Optional(m.ExecutionRole), VpcConfig: describeVPC(m.VPC),
		}
		d := describeContainer(m.Container)
		if m.InContainers {
			out.Containers = []types.ContainerDefinition{d}
		} else {
			out.PrimaryContainer = &d
		}
		return nil
	})
	return out, err
}

func describeContainer(c hosting.Container) types.ContainerDefinition {
	d := types.ContainerDefinition{
		Image: aws.String(c.Image), ModelDataUrl: awsapi.Optional(c.ModelDataURL), Environment: c.Environment,
		ContainerHostname: awsapi.Optional(c.Hostname), Mode: types.ContainerMode(c.Mode), ModelDataSource: describeData(c.ModelDataSource),
	}
	if d.Mode == "" {
		d.Mode = types.ContainerModeSingleModel
	}
	if c.RepositoryAccess != "" {
		d.ImageConfig = &types.ImageConfig{RepositoryAccessMode: types.RepositoryAccessMode(c.RepositoryAccess)}
	}
	return d
}

func (a *API) deleteModel(ctx context.Context, c awsapi.Call, in *sdk.DeleteModelInput) (*sdk.DeleteModelOutput, error) {
	_, err := a.step(ctx, c, engine.DeleteModel{Scope: c.Scope, Name: *in.ModelName})
	return &sdk.DeleteModelOutput{}, err
}
