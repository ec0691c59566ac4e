package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
)

func smallConfig(name, instanceType string, count int32) *sagemaker.CreateEndpointConfigInput {
	return &sagemaker.CreateEndpointConfigInput{
		EndpointConfigName: aws.String(name), ProductionVariants: []types.ProductionVariant{{
			VariantName: aws.String("v"), ModelName: aws.String("m"), InitialInstanceCount: aws.Int32(count),
			InstanceType: types.ProductionVariantInstanceType(instanceType),
		}},
	}
}

// Isolation settings that cannot be provided are refused by name; VpcConfig, which clients always send, is stored with a warning.
func TestIsolationSettingsAreRefused(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "bellows.yaml")
	text := "capacity: {vcpus: 2, memory: 8GiB}\ninstance_types: [{type: ml.mine.small, vcpus: 2, memory: 1GiB}]\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, t.TempDir(), "--config", config)
	vpc := &types.VpcConfig{SecurityGroupIds: []string{"sg-1"}, Subnets: []string{"subnet-1"}}
	container := types.ContainerDefinition{Image: aws.String("bellows/demo-model"), Environment: map[string]string{"BELLOWS_DEMO_LATENCY_MS": "1"}}
	private := container
	private.ImageConfig = &types.ImageConfig{RepositoryAccessMode: types.RepositoryAccessModeVpc}
	model := func(in *sagemaker.CreateModelInput) error {
		in.ModelName = aws.String("m")
		_, err := s.sagemaker().CreateModel(t.Context(), in)
		return err
	}
	if err := model(&sagemaker.CreateModelInput{PrimaryContainer: &container, VpcConfig: vpc}); err != nil {
		t.Fatal(err)
	}
	create := func(change func(*sagemaker.CreateEndpointConfigInput)) error {
		in := smallConfig("refused", "ml.m5.large", 1)
		change(in)
		_, err := s.sagemaker().CreateEndpointConfig(t.Context(), in)
		return err
	}
	for want, err := range map[string]error{
		"'enableNetworkIsolation' is true": model(&sagemaker.CreateModelInput{PrimaryContainer: &container, EnableNetworkIsolation: aws.Bool(true)}),
		"repositoryAccessMode' is Vpc":     model(&sagemaker.CreateModelInput{PrimaryContainer: &private}),
		"'inferenceExecutionConfig' asks": model(&sagemaker.CreateModelInput{
			PrimaryContainer: &container, InferenceExecutionConfig: &types.InferenceExecutionConfig{Mode: types.InferenceExecutionModeDirect},
		}),
		"'enableNetworkIsolation' is true: this": create(func(in *sagemaker.CreateEndpointConfigInput) { in.EnableNetworkIsolation = aws.Bool(true) }),
		"'kmsKeyId' asks for encrypted storage":  create(func(in *sagemaker.CreateEndpointConfigInput) { in.KmsKeyId = aws.String("key") }),
		"'dataCaptureConfig' asks": create(func(in *sagemaker.CreateEndpointConfigInput) {
			in.DataCaptureConfig = &types.DataCaptureConfig{
				InitialSamplingPercentage: aws.Int32(1), DestinationS3Uri: aws.String("s3://a/b"),
				CaptureOptions: []types.CaptureOption{{CaptureMode: types.CaptureModeInput}},
			}
		}),
		"enableSSMAccess' is true": create(func(in *sagemaker.CreateEndpointConfigInput) {
			in.ProductionVariants[0].EnableSSMAccess = aws.Bool(true)
		}),
		"1 validation error detected: Value 'ml.nothing.large' at 'productionVariants.1.member.instanceType' failed to satisfy constraint: " +
			"Member must satisfy enum value set: [ml.": create(func(in *sagemaker.CreateEndpointConfigInput) {
			in.ProductionVariants[0].InstanceType = "ml.nothing.large"
		}),
		"instanceType' is ml.m5.xlarge: it can never fit": create(func(in *sagemaker.CreateEndpointConfigInput) { in.ProductionVariants[0].InstanceType = "ml.m5.xlarge" }),
	} {
		if err == nil || !strings.Contains(err.Error(), "ValidationException") || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if _, err := s.sagemaker().CreateEndpointConfig(t.Context(), smallConfig("c", "ml.mine.small", 2)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.sagemaker().CreateEndpoint(t.Context(), &sagemaker.CreateEndpointInput{
		EndpointName: aws.String("e"), EndpointConfigName: aws.String("c"),
	}); err != nil {
		t.Fatal(err)
	}
	s.until("an instance waits for room", func() bool {
		out, err := s.sagemaker().DescribeEndpoint(t.Context(), &sagemaker.DescribeEndpointInput{EndpointName: aws.String("e")})
		if err != nil {
			t.Fatal(err)
		}
		return out.EndpointStatus == types.EndpointStatusCreating &&
			strings.Contains(fmt.Sprint(aws.ToString(out.ProductionVariants[0].VariantStatus[0].StatusMessage)), "InsufficientInstanceCapacity")
	})
	if page := s.get("/health"); !strings.Contains(page, "its VpcConfig is kept and has no effect") || !strings.Contains(page, `"capacity_is_stated":true`) {
		t.Errorf("the page says %s", page)
	}
	text = strings.Replace(text, "vcpus: 2, memory: 8GiB", "vcpus: 4, memory: 8GiB", 1)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil { // the file is reloaded: there is capacity now
		t.Fatal(err)
	}
	s.settled("e", 2)
}
