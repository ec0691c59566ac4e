package sagemaker_test

import (
	"net/http"
	"strings"
	"testing"
)

const validation = "ValidationException"

// refused is a request that is refused: its code and text. The status is 400.
type refused struct{ operation, body, code, text string }

const long = "a123456789b123456789c123456789d123456789e123456789f123456789g1234" // 65 characters; names have 63 at most

// refusals are, of every operation, what is missing, malformed, not there, there already, or in use.
var refusals = []refused{
	{"CreateModel", `{"PrimaryContainer": {"Image": "known"}}`, validation, "Value null at 'modelName' failed to satisfy constraint: Member must not be null"},
	{"CreateModel", `{"ModelName": "x"}`, validation, "Either PrimaryContainer or Containers must be specified."},
	{"CreateModel", `{"ModelName": "x", "PrimaryContainer": {"Image": "known"}, "Containers": [{"Image": "known"}]}`, validation, "Only one of PrimaryContainer and Containers can be specified."},
	{"CreateModel", `{"ModelName": "x", "Containers": [{"Image": "known"}, {"Image": "other"}]}`, validation, "The member 'containers' has 2 containers: this server runs models of one container."},
	{"CreateModel", `{"ModelName": "x", "PrimaryContainer": {}}`, validation, "The member 'primaryContainer.image' must be set"},
	{"CreateModel", `{"ModelName": "x", "PrimaryContainer": {"Image": "unknown"}}`, validation, `no fleet runs the image "unknown"`},
	{"CreateModel", `{"ModelName": "x", "PrimaryContainer": {"Image": "known", "Mode": "MultiModel"}}`, validation, "The member 'primaryContainer.mode' is MultiModel"},
	{"CreateModel", `{"ModelName": "x", "PrimaryContainer": {"Image": "known", "Mode": "Both"}}`, validation, "Value 'Both' at 'primaryContainer.mode' failed to satisfy constraint: Member must satisfy enum value set"},
	{"CreateModel", `{"ModelName": "x", "PrimaryContainer": {"Image": "known", "ModelDataUrl": "ftp://x"}}`, validation, "Value 'ftp://x' at 'primaryContainer.modelDataUrl' failed to satisfy constraint: Member must satisfy regular expression pattern"},
	{"CreateModel", `{"ModelName": "x", "PrimaryContainer": {"Image": "known", "ModelDataUrl": "s3://bucket/gone"}}`, validation, "Could not find model data at s3://bucket/gone."},
	{"CreateModel", `{"ModelName": "x", "PrimaryContainer": {"Image": "known", "ModelDataUrl": "s3://b/k", "ModelDataSource": {"S3DataSource": {"S3Uri": "s3://b/k", "S3DataType": "S3Object", "CompressionType": "Gzip"}}}}`, validation, "Only one of 'primaryContainer.modelDataUrl' and 'primaryContainer.modelDataSource' can be specified."},
	{"CreateModel", `{"ModelName": "x", "PrimaryContainer": {"Image": "known", "ModelDataSource": {"S3DataSource": {"S3Uri": "s3://b/k/", "S3DataType": "S3Prefix", "CompressionType": "Gzip"}}}}`, validation, "compressionType' is Gzip: an archive is one object"},
	{"CreateModel", `{"ModelName": "x", "PrimaryContainer": {"Image": "known", "ModelDataSource": {"S3DataSource": {"S3Uri": "s3://b/k", "S3DataType": "S3Prefix", "CompressionType": "None"}}}}`, validation, "with S3Prefix it must end with a forward slash (/)."},
	{"CreateModel", `{"ModelName": "x", "PrimaryContainer": {"Image": "known", "ModelDataSource": {"S3DataSource": {"S3Uri": "s3://b/k/", "S3DataType": "S3Prefix", "CompressionType": "None", "ETag": "e"}}}}`, validation, "eTag' is of an object"},
	{"CreateModel", `{"ModelName": "x", "PrimaryContainer": {"Image": "known", "ModelDataSource": {"S3DataSource": {"S3DataType": "S3Object", "CompressionType": "None"}}}}`, validation, "Value null at 'primaryContainer.modelDataSource.s3DataSource.s3Uri' failed to satisfy constraint: Member must not be null"},
	{"CreateModel", `{"ModelName": "x", "PrimaryContainer": {"Image": "known", "ImageConfig": {"RepositoryAccessMode": "Vpc"}}}`, validation, "repositoryAccessMode' is Vpc"},
	{"CreateModel", `{"ModelName": "x", "PrimaryContainer": {"Image": "known", "ModelPackageName": "p"}}`, validation, "modelPackageName"},
	{"CreateModel", `{"ModelName": "x", "PrimaryContainer": {"Image": "known"}, "EnableNetworkIsolation": true}`, validation, "The member 'enableNetworkIsolation' is true"},
	{"CreateModel", `{"ModelName": "x", "PrimaryContainer": {"Image": "known"}, "InferenceExecutionConfig": {"Mode": "Direct"}}`, validation, "inferenceExecutionConfig"},
	{"CreateModel", `{"ModelName": "x", "PrimaryContainer": {"Image": "known"}, "Tags": [{"Key": "aws:x", "Value": ""}]}`, validation, `Tag keys starting with "aws:" are reserved for system use.`},
	{"CreateModel", `{"ModelName": "x", "PrimaryContainer": {"Image": "known"}, "Tags": [{"Key": "bellows:unknown", "Value": ""}]}`, validation, `The tag key "bellows:unknown" is not known.`},
	{"CreateModel", `{"ModelName": "x", "PrimaryContainer": {"Image": "known", "Environment": {"A": "b\u0000c"}}}`, validation, "primaryContainer.environment.A' contains a NUL"},
	{"CreateModel", `{"ModelName": "x", "PrimaryContainer": {"Image": "known", "Environment": {"BIG": "` + strings.Repeat("x", 1024) + `"}}, "VpcConfig": {"Subnets": ["s"]}}`, validation, "securityGroupIds"},
	{"CreateModel", `{"ModelName": "m", "PrimaryContainer": {"Image": "known"}}`, validation, `Cannot create already existing model "arn:aws:sagemaker:us-east-1:123456789012:model/m".`},
	{"CreateModel", `{"ModelName": "a_b", "PrimaryContainer": {"Image": "known"}}`, validation, "Value 'a_b' at 'modelName' failed to satisfy constraint: Member must satisfy regular expression pattern"},
	{"CreateModel", `{"ModelName": "` + long + `", "PrimaryContainer": {"Image": "known"}}`, validation, "at 'modelName' failed to satisfy constraint: Member must have length less than or equal to 63"},
	{"CreateModel", `{"ModelName": 7}`, "SerializationException", ""},
	{"CreateModel", `{"ModelName": "x"`, "SerializationException", ""},
	{"CreateModel", `[]`, "SerializationException", ""},

	{"DescribeModel", `{}`, validation, "Value null at 'modelName' failed to satisfy constraint: Member must not be null"},
	{"DescribeModel", `{"ModelName": "none"}`, validation, `Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/none".`},
	{"DescribeModel", `{"ModelName": true}`, "SerializationException", ""},
	{"DeleteModel", `{}`, validation, "Value null at 'modelName'"},
	{"DeleteModel", `{"ModelName": "none"}`, validation, `Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/none".`},
	{"DeleteModel", `{"ModelName": ["m"]}`, "SerializationException", ""},
	{"ListModels", `{"MaxResults": 0}`, validation, "Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1"},
	{"ListModels", `{"MaxResults": 101}`, validation, "Value '101' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100"},
	{"ListModels", `{"SortBy": "Size"}`, validation, "Value 'Size' at 'sortBy' failed to satisfy constraint: Member must satisfy enum value set"},
	{"ListModels", `{"NextToken": "nonsense"}`, validation, "The NextToken value is not valid."},
	{"ListModels", `{"CreationTimeAfter": "yesterday"}`, "SerializationException", ""},

	{"CreateEndpointConfig", `{"ProductionVariants": [{"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}]}`, validation, "Value null at 'endpointConfigName'"},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x"}`, validation, "Value null at 'productionVariants'"},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "ProductionVariants": []}`, validation, "at 'productionVariants' failed to satisfy constraint: Member must have length greater than or equal to 1"},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "ProductionVariants": [{"ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}]}`, validation, "Value null at 'productionVariants.1.member.variantName'"},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "ProductionVariants": [{"VariantName": "v", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}]}`, validation, "The member 'productionVariants.1.member.modelName' must be set"},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "ProductionVariants": [{"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large"}]}`, validation, "The member 'productionVariants.1.member.initialInstanceCount' must be set."},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "ProductionVariants": [{"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1}]}`, validation, "The member 'productionVariants.1.member.instanceType' must be set."},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "ProductionVariants": [{"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 0, "InstanceType": "ml.m5.large"}]}`, validation, "Value '0' at 'productionVariants.1.member.initialInstanceCount' failed to satisfy constraint: Member must have value greater than or equal to 1"},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "ProductionVariants": [{"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InitialVariantWeight": -1, "InstanceType": "ml.m5.large"}]}`, validation, "at 'productionVariants.1.member.initialVariantWeight' failed to satisfy constraint: Member must have value greater than or equal to 0"},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "ProductionVariants": [{"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.p5.48xlarge"}]}`, validation, "The member 'productionVariants.1.member.instanceType' is ml.p5.48xlarge: it can never fit"},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "ProductionVariants": [{"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.p6.nano"}]}`, validation, "1 validation error detected: Value 'ml.p6.nano' at 'productionVariants.1.member.instanceType' failed to satisfy constraint: " +
		"Member must satisfy enum value set: [ml.c5.large, ml.m5.large, ml.p5.48xlarge]. Give the sizes of other types"},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "ProductionVariants": [{"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "m5.large"}]}`, validation, "[ml.c5.large, ml.m5.large, ml.p5.48xlarge]. Did you mean ml.m5.large?"},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "ProductionVariants": [{"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large", "EnableSSMAccess": true}]}`, validation, "The member 'productionVariants.1.member.enableSSMAccess' is true"},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "ProductionVariants": [{"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large", "RoutingConfig": {"RoutingStrategy": "NEAREST"}}]}`, validation, "NEAREST"},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "ProductionVariants": [{"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large", "RoutingConfig": {}}]}`, validation, "routingStrategy"},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "ProductionVariants": [{"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large", "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}]}`, validation, "serverlessConfig"},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "ProductionVariants": [{"VariantName": "v", "ModelName": "none", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}]}`, validation, `Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/none".`},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "ProductionVariants": [{"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}, {"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}]}`, validation, `Production variant names must be unique. Found the name "v" more than once.`},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "KmsKeyId": "k", "ProductionVariants": [{"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}]}`, validation, "The member 'kmsKeyId' asks for encrypted storage"},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "EnableNetworkIsolation": true, "ProductionVariants": [{"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}]}`, validation, "The member 'enableNetworkIsolation' is true"},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "AsyncInferenceConfig": {"OutputConfig": {}}, "ProductionVariants": [{"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}]}`, validation, "asyncInferenceConfig"},
	{"CreateEndpointConfig", `{"EndpointConfigName": "c", "ProductionVariants": [{"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}]}`, validation, `Cannot create already existing endpoint configuration "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/c".`},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "ProductionVariants": {"VariantName": "v"}}`, "SerializationException", ""},
	{"CreateEndpointConfig", `{"EndpointConfigName": "x", "ProductionVariants": [{"VariantName": "v", "ModelName": "m", "InitialInstanceCount": "two", "InstanceType": "ml.m5.large"}]}`, "SerializationException", ""},

	{"DescribeEndpointConfig", `{}`, validation, "Value null at 'endpointConfigName'"},
	{"DescribeEndpointConfig", `{"EndpointConfigName": "none"}`, validation, `Could not find endpoint configuration "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/none".`},
	{"DescribeEndpointConfig", `{"EndpointConfigName": {}}`, "SerializationException", ""},
	{"DeleteEndpointConfig", `{}`, validation, "Value null at 'endpointConfigName'"},
	{"DeleteEndpointConfig", `{"EndpointConfigName": "none"}`, validation, `Could not find endpoint configuration "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/none".`},
	{"DeleteEndpointConfig", `"c"`, "SerializationException", ""},
	{"ListEndpointConfigs", `{"SortOrder": "Up"}`, validation, "Value 'Up' at 'sortOrder' failed to satisfy constraint"},
	{"ListEndpointConfigs", `{"NextToken": "nonsense"}`, validation, "The NextToken value is not valid."},
	{"ListEndpointConfigs", `{"MaxResults": "ten"}`, "SerializationException", ""},

	{"CreateEndpoint", `{"EndpointConfigName": "c"}`, validation, "Value null at 'endpointName'"},
	{"CreateEndpoint", `{"EndpointName": "x"}`, validation, "Value null at 'endpointConfigName'"},
	{"CreateEndpoint", `{"EndpointName": "-x", "EndpointConfigName": "c"}`, validation, "Value '-x' at 'endpointName' failed to satisfy constraint: Member must satisfy regular expression pattern"},
	{"CreateEndpoint", `{"EndpointName": "x", "EndpointConfigName": "none"}`, validation, `Could not find endpoint configuration "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/none".`},
	{"CreateEndpoint", `{"EndpointName": "live", "EndpointConfigName": "c"}`, validation, `Cannot create already existing endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/live".`},
	{"CreateEndpoint", `{"EndpointName": "LIVE", "EndpointConfigName": "c"}`, validation, `Cannot create already existing endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/live".`},
	{"CreateEndpoint", `{"EndpointName": "x", "EndpointConfigName": "c", "DeploymentConfig": {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "CANARY", "WaitIntervalInSeconds": 0}}}}`, validation, "trafficRoutingConfiguration.type' is CANARY: this server moves traffic ALL_AT_ONCE."},
	{"CreateEndpoint", `{"EndpointName": "x", "EndpointConfigName": "c", "DeploymentConfig": {"RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1}, "WaitIntervalInSeconds": 0}}}`, validation, "rollingUpdatePolicy"},
	{"CreateEndpoint", `{"EndpointName": "x", "EndpointConfigName": "c", "Tags": [{"Key": "bellows:dry-run", "Value": "maybe"}]}`, validation, `it must be "true" or "false"`},
	{"CreateEndpoint", `{"EndpointName": "x", "EndpointConfigName": "c", "Tags": [{"Value": "v"}]}`, validation, "Value null at 'tags.1.member.key'"},
	{"CreateEndpoint", `{"EndpointName": "x", "EndpointConfigName": "c", "Tags": "t"}`, "SerializationException", ""},

	{"DescribeEndpoint", `{}`, validation, "Value null at 'endpointName'"},
	{"DescribeEndpoint", `{"EndpointName": "none"}`, validation, `Could not find endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/none".`},
	{"DescribeEndpoint", `{"EndpointName": 1}`, "SerializationException", ""},
	{"ListEndpoints", `{"StatusEquals": "Busy"}`, validation, "Value 'Busy' at 'statusEquals' failed to satisfy constraint: Member must satisfy enum value set"},
	{"ListEndpoints", `{"NextToken": "nonsense"}`, validation, "The NextToken value is not valid."},
	{"ListEndpoints", `{"LastModifiedTimeAfter": []}`, "SerializationException", ""},

	{"UpdateEndpoint", `{"EndpointConfigName": "next"}`, validation, "Value null at 'endpointName'"},
	{"UpdateEndpoint", `{"EndpointName": "live"}`, validation, "Value null at 'endpointConfigName'"},
	{"UpdateEndpoint", `{"EndpointName": "none", "EndpointConfigName": "next"}`, validation, `Could not find endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/none".`},
	{"UpdateEndpoint", `{"EndpointName": "live", "EndpointConfigName": "none"}`, validation, `Could not find endpoint configuration "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/none".`},
	{"UpdateEndpoint", `{"EndpointName": "new", "EndpointConfigName": "next"}`, validation, `Cannot update in-progress endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/new".`},
	{"UpdateEndpoint", `{"EndpointName": "moving", "EndpointConfigName": "c"}`, validation, `Cannot update in-progress endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/moving".`},
	{"UpdateEndpoint", `{"EndpointName": "going", "EndpointConfigName": "next"}`, validation, `Cannot update in-progress endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/going".`},
	{"UpdateEndpoint", `{"EndpointName": "broken", "EndpointConfigName": "next"}`, validation, `Cannot update failed endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/broken". It can only be deleted.`},
	{"UpdateEndpoint", `{"EndpointName": "live", "EndpointConfigName": "next", "RetainDeploymentConfig": true}`, validation, "The member 'retainDeploymentConfig'"},
	{"UpdateEndpoint", `{"EndpointName": "live", "EndpointConfigName": "next", "DeploymentConfig": {"BlueGreenUpdatePolicy": {}}}`, validation, "trafficRoutingConfiguration"},
	{"UpdateEndpoint", `{"EndpointName": "live", "EndpointConfigName": "next", "DeploymentConfig": {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 3601}}}}`, validation, "waitIntervalInSeconds' failed to satisfy constraint: Member must have value less than or equal to 3600"},
	{"UpdateEndpoint", `{"EndpointName": "live", "EndpointConfigName": "next", "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "Colour"}]}`, validation, "Value 'Colour' at 'excludeRetainedVariantProperties.1.member.variantPropertyType'"},
	{"UpdateEndpoint", `{"EndpointName": "live", "EndpointConfigName": "next", "RetainAllVariantProperties": "yes"}`, "SerializationException", ""},

	{"UpdateEndpointWeightsAndCapacities", `{"DesiredWeightsAndCapacities": [{"VariantName": "blue", "DesiredWeight": 1}]}`, validation, "Value null at 'endpointName'"},
	{"UpdateEndpointWeightsAndCapacities", `{"EndpointName": "live"}`, validation, "Value null at 'desiredWeightsAndCapacities'"},
	{"UpdateEndpointWeightsAndCapacities", `{"EndpointName": "live", "DesiredWeightsAndCapacities": []}`, validation, "at 'desiredWeightsAndCapacities' failed to satisfy constraint: Member must have length greater than or equal to 1"},
	{"UpdateEndpointWeightsAndCapacities", `{"EndpointName": "live", "DesiredWeightsAndCapacities": [{"DesiredWeight": 1}]}`, validation, "Value null at 'desiredWeightsAndCapacities.1.member.variantName'"},
	{"UpdateEndpointWeightsAndCapacities", `{"EndpointName": "live", "DesiredWeightsAndCapacities": [{"VariantName": "red", "DesiredWeight": 1}]}`, validation, `Could not find variant "red".`},
	{"UpdateEndpointWeightsAndCapacities", `{"EndpointName": "live", "DesiredWeightsAndCapacities": [{"VariantName": "blue", "DesiredInstanceCount": -1}]}`, validation, "at 'desiredWeightsAndCapacities.1.member.desiredInstanceCount' failed to satisfy constraint: Member must have value greater than or equal to 0"},
	{"UpdateEndpointWeightsAndCapacities", `{"EndpointName": "live", "DesiredWeightsAndCapacities": [{"VariantName": "blue", "DesiredInstanceCount": 100000}]}`, "ResourceLimitExceeded", "instances at most."},
	{"UpdateEndpointWeightsAndCapacities", `{"EndpointName": "live", "DesiredWeightsAndCapacities": [{"VariantName": "blue", "DesiredWeight": 1}, {"VariantName": "blue", "DesiredWeight": 2}]}`, validation, `Production variant names must be unique. Found the name "blue" more than once.`},
	{"UpdateEndpointWeightsAndCapacities", `{"EndpointName": "live", "DesiredWeightsAndCapacities": [{"VariantName": "blue", "ServerlessUpdateConfig": {"MaxConcurrency": 1}}]}`, validation, "serverlessUpdateConfig"},
	{"UpdateEndpointWeightsAndCapacities", `{"EndpointName": "none", "DesiredWeightsAndCapacities": [{"VariantName": "blue", "DesiredWeight": 1}]}`, validation, `Could not find endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/none".`},
	{"UpdateEndpointWeightsAndCapacities", `{"EndpointName": "moving", "DesiredWeightsAndCapacities": [{"VariantName": "blue", "DesiredWeight": 1}]}`, validation, "Cannot update in-progress endpoint"},
	{"UpdateEndpointWeightsAndCapacities", `{"EndpointName": "broken", "DesiredWeightsAndCapacities": [{"VariantName": "blue", "DesiredWeight": 1}]}`, validation, "Cannot update failed endpoint"},
	{"UpdateEndpointWeightsAndCapacities", `{"EndpointName": "live", "DesiredWeightsAndCapacities": [{"VariantName": "blue", "DesiredWeight": "heavy"}]}`, "SerializationException", ""},

	{"DeleteEndpoint", `{}`, validation, "Value null at 'endpointName'"},
	{"DeleteEndpoint", `{"EndpointName": "none"}`, validation, `Could not find endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/none".`},
	{"DeleteEndpoint", `{"EndpointName": "moving"}`, validation, "Cannot update in-progress endpoint"},
	{"DeleteEndpoint", `{"EndpointName": null}`, validation, "Value null at 'endpointName'"},
	{"DeleteEndpoint", `nonsense`, "SerializationException", ""},

	{"AddTags", `{"Tags": [{"Key": "a", "Value": "b"}]}`, validation, "Value null at 'resourceArn'"},
	{"AddTags", `{"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/live"}`, validation, "Value null at 'tags'"},
	{"AddTags", `{"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/none", "Tags": [{"Key": "a", "Value": "b"}]}`, validation, `Could not find endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/none".`},
	{"AddTags", `{"ResourceArn": "arn:aws:sagemaker:us-east-1:210987654321:endpoint/live", "Tags": [{"Key": "a", "Value": "b"}]}`, validation, `Could not find a resource with the ARN "arn:aws:sagemaker:us-east-1:210987654321:endpoint/live".`},
	{"AddTags", `{"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:notebook/n", "Tags": [{"Key": "a", "Value": "b"}]}`, validation, "Could not find a resource with the ARN"},
	{"AddTags", `{"ResourceArn": "live", "Tags": [{"Key": "a", "Value": "b"}]}`, validation, "resourceArn"},
	{"AddTags", `{"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/live", "Tags": [{"Key": "aws:a", "Value": "b"}]}`, validation, "are reserved for system use"},
	{"AddTags", `{"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/live", "Tags": [{"Key": "bellows:max-concurrency", "Value": "0"}]}`, validation, "it must be a number from 1 to"},
	{"AddTags", `{"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/live", "Tags": {}}`, "SerializationException", ""},
	{"ListTags", `{}`, validation, "Value null at 'resourceArn'"},
	{"ListTags", `{"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:model/none"}`, validation, `Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/none".`},
	{"ListTags", `{"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/live", "MaxResults": 10}`, validation, "Value '10' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 50"},
	{"ListTags", `{"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/live", "NextToken": "nonsense"}`, validation, "The NextToken value is not valid."},
	{"ListTags", `{"ResourceArn": []}`, "SerializationException", ""},
	{"DeleteTags", `{"TagKeys": ["team"]}`, validation, "Value null at 'resourceArn'"},
	{"DeleteTags", `{"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/live"}`, validation, "Value null at 'tagKeys'"},
	{"DeleteTags", `{"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/none", "TagKeys": ["team"]}`, validation, `Could not find endpoint configuration "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/none".`},
	{"DeleteTags", `{"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/live", "TagKeys": "team"}`, "SerializationException", ""},
}

// Each refusal has its code, status 400 and a text that names the member or the resource, and changes nothing.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	w.populate()
	before := w.state()
	for _, x := range refusals {
		a := w.call(x.operation, x.body)
		if a.status != http.StatusBadRequest || a.code != x.code || !strings.Contains(a.text, x.text) {
			t.Errorf("%s %s:\n%d %s %q,\nnot %s %q", x.operation, x.body, a.status, a.code, a.text, x.code, x.text)
		}
		if after := w.state(); after != before {
			t.Fatalf("%s %s changed the state", x.operation, x.body)
		}
	}
}

// Tags of a resource are limited: the one too many is refused whole.
func TestTooManyTags(t *testing.T) {
	w := newWorld(t)
	w.populate()
	var many strings.Builder
	for i := range 51 {
		if i > 0 {
			many.WriteString(",")
		}
		many.WriteString(`{"Key": "k` + strings.Repeat("x", i) + `", "Value": "v"}`)
	}
	before := w.state()
	for _, x := range []refused{
		{"AddTags", `{"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/live", "Tags": [` + many.String() + `]}`, validation, "50"},
		{"CreateEndpoint", `{"EndpointName": "x", "EndpointConfigName": "c", "Tags": [` + many.String() + `]}`, validation, "50"},
	} {
		a := w.call(x.operation, x.body)
		if a.status != http.StatusBadRequest || a.code != x.code || !strings.Contains(a.text, x.text) {
			t.Errorf("%s: %d %s %q", x.operation, a.status, a.code, a.text)
		}
	}
	if w.state() != before {
		t.Error("a refusal changed the state")
	}
}
