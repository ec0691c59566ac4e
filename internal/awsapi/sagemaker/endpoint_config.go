package sagemaker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi"
)

func (a *API) createEndpointConfig(
	ctx context.Context, c awsapi.Call, in *sdk.CreateEndpointConfigInput,
) (*sdk.CreateEndpointConfigOutput, error) {
	if err := awsapi.Only(in, "", "EndpointConfigName", "ProductionVariants", "KmsKeyId", "ExecutionRoleArn", "EnableNetworkIsolation",
		"VpcConfig", "Tags"); err != nil {
		return nil, err
	}
	config := hosting.EndpointConfig{
		Name: *in.EndpointConfigName, ExecutionRole: aws.ToString(in.ExecutionRoleArn), VPC: vpc(in.VpcConfig),
	}
	err := isolation(in.EnableNetworkIsolation)
	if err != nil {
		return nil, err
	}
	if aws.ToString(in.KmsKeyId) != "" {
		return nil, awsapi.Validation("The member 'kmsKeyId' asks for encrypted storage: this server keeps what models have on its machine's " +
			"own disk, as it is. Leave it out, and encrypt the disk.")
	}
	if config.Tags, err = newTags(in.Tags); err != nil {
		return nil, err
	}
	for i := range in.ProductionVariants {
		v, err := a.variantConfig(&in.ProductionVariants[i], fmt.Sprintf("productionVariants.%d.member", i+1))
		if err != nil {
			return nil, err
		}
		config.Variants = append(config.Variants, v)
	}
	if _, err := a.step(ctx, c, engine.CreateEndpointConfig{Scope: c.Scope, Config: config}); err != nil {
		return nil, err
	}
	return &sdk.CreateEndpointConfigOutput{EndpointConfigArn: aws.String(awsapi.HostingARN(c.Scope, hosting.ResourceConfig, config.Name))}, nil
}

func (a *API) variantConfig(v *types.ProductionVariant, path string) (hosting.VariantConfig, error) {
	var out hosting.VariantConfig
	if err := awsapi.Only(v, path, "VariantName", "ModelName", "InitialInstanceCount", "InitialVariantWeight", "InstanceType", "VolumeSizeInGB",
		"ModelDataDownloadTimeoutInSeconds", "ContainerStartupHealthCheckTimeoutInSeconds", "RoutingConfig", "InferenceAmiVersion",
		"EnableSSMAccess", "VariantInstanceProvisionTimeoutInSeconds"); err != nil {
		return out, err
	}
	switch {
	case v.ModelName == nil:
		return out, awsapi.Validation("The member '%s.modelName' must be set: this server has no inference components.", path)
	case v.InstanceType == "":
		return out, awsapi.Validation("The member '%s.instanceType' must be set.", path)
	case v.InitialInstanceCount == nil:
		return out, awsapi.Validation("The member '%s.initialInstanceCount' must be set.", path)
	case aws.ToBool(v.EnableSSMAccess):
		return out, awsapi.Validation("The member '%s.enableSSMAccess' is true: this server's instances are not reached through SSM. Leave it out.", path)
	}
	if err := a.checkInstanceType(string(v.InstanceType), path+".instanceType"); err != nil {
		return out, err
	}
	out = hosting.VariantConfig{
		Name: *v.VariantName, Model: *v.ModelName, InitialCount: int(*v.InitialInstanceCount), InitialWeight: 1,
		InstanceType: string(v.InstanceType), VolumeSizeGB: int(aws.ToInt32(v.VolumeSizeInGB)),
		DownloadTimeout: seconds(v.ModelDataDownloadTimeoutInSeconds), StartupTimeout: seconds(v.ContainerStartupHealthCheckTimeoutInSeconds),
		ProvisionTimeout: seconds(v.VariantInstanceProvisionTimeoutInSeconds), AMIVersion: string(v.InferenceAmiVersion),
	}
	if v.InitialVariantWeight != nil {
		out.InitialWeight = float64(*v.InitialVariantWeight)
	}
	if v.RoutingConfig != nil {
		switch v.RoutingConfig.RoutingStrategy {
		case types.RoutingStrategyRandom:
			out.Routing = hosting.RoutingRandom
		case types.RoutingStrategyLeastOutstandingRequests:
			out.Routing = hosting.RoutingLeastOutstanding
		default:
			return out, awsapi.Validation("The member '%s.routingConfig.routingStrategy' is %q: this server routes by RANDOM and "+
				"LEAST_OUTSTANDING_REQUESTS.", path, v.RoutingConfig.RoutingStrategy)
		}
	}
	return out, nil
}

// checkInstanceType refuses an instance type whose size is not known, as AWS refuses any value outside an enumeration, and one that can never
// run on the machine.
func (a *API) checkInstanceType(name, path string) error {
	known := a.o.InstanceTypes()
	if slices.Contains(known, name) {
		if err := a.o.Fits(name); err != nil {
			return awsapi.Validation("The member '%s' is %s: %s", path, name, err)
		}
		return nil
	}
	hint := "Give the sizes of other types under instance_types: in bellows.yaml."
	if slices.Contains(known, "ml."+name) {
		hint = "Did you mean ml." + name + "?"
	}
	return awsapi.Validation("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: [%s]. %s",
		name, path, strings.Join(known, ", "), hint)
}

func seconds(n *int32) time.Duration { return time.Duration(aws.ToInt32(n)) * time.Second }

func optionalSeconds(d time.Duration) *int32 {
	if d == 0 {
		return nil
	}
	return aws.Int32(int32(d / time.Second))
}

func (a *API) describeEndpointConfig(
	ctx context.Context, c awsapi.Call, in *sdk.DescribeEndpointConfigInput,
) (*sdk.DescribeEndpointConfigOutput, error) {
	var out *sdk.DescribeEndpointConfigOutput
	err := a.region(ctx, c, func(r *hosting.Registry) error {
		x := r.Configs[*in.EndpointConfigName]
		if x == nil {
			return &hosting.Error{Kind: hosting.KindNotFound, Resource: hosting.ResourceConfig, Name: *in.EndpointConfigName}
		}
		out = &sdk.DescribeEndpointConfigOutput{
			EndpointConfigName: aws.String(x.Name), EndpointConfigArn: aws.String(awsapi.HostingARN(c.Scope, hosting.ResourceConfig, x.Name)),
			CreationTime: aws.Time(x.Created), KmsKeyId: awsapi.Optional(x.KMSKeyID), ExecutionRoleArn: awsapi.Optional(x.ExecutionRole),
			EnableNetworkIsolation: aws.Bool(x.NetworkIsolation), VpcConfig: describeVPC(x.VPC),
		}
		for _, v := range x.Variants {
			out.ProductionVariants = append(out.ProductionVariants, describeVariantConfig(v))
		}
		return nil
	})
	return out, err
}

func describeVariantConfig(v hosting.VariantConfig) types.ProductionVariant {
	out := types.ProductionVariant{
		VariantName: aws.String(v.Name), ModelName: aws.String(v.Model), InitialInstanceCount: aws.Int32(int32(v.InitialCount)),
		InitialVariantWeight: aws.Float32(float32(v.InitialWeight)), InstanceType: types.ProductionVariantInstanceType(v.InstanceType),
		ModelDataDownloadTimeoutInSeconds:           optionalSeconds(v.DownloadTimeout),
		ContainerStartupHealthCheckTimeoutInSeconds: optionalSeconds(v.StartupTimeout),
		VariantInstanceProvisionTimeoutInSeconds:    optionalSeconds(v.ProvisionTimeout),
		InferenceAmiVersion:                         types.ProductionVariantInferenceAmiVersion(v.AMIVersion), RoutingConfig: routing(v.Routing),
	}
	if v.VolumeSizeGB > 0 {
		out.VolumeSizeInGB = aws.Int32(int32(v.VolumeSizeGB))
	}
	if v.SSMAccess {
		out.EnableSSMAccess = aws.Bool(true)
	}
	return out
}

func routing(r hosting.Routing) *types.ProductionVariantRoutingConfig {
	if r == hosting.RoutingUnset {
		return nil
	}
	return &types.ProductionVariantRoutingConfig{RoutingStrategy: types.RoutingStrategy(r.String())}
}

func (a *API) deleteEndpointConfig(
	ctx context.Context, c awsapi.Call, in *sdk.DeleteEndpointConfigInput,
) (*sdk.DeleteEndpointConfigOutput, error) {
	_, err := a.step(ctx, c, engine.DeleteEndpointConfig{Scope: c.Scope, Name: *in.EndpointConfigName})
	return &sdk.DeleteEndpointConfigOutput{}, err
}
