// Checks what "copy as" writes, and prints, as JSON, operations in each form for the test to run. Argument: the region of the operations.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

const web = fileURLToPath(new URL("../../internal/console/web/", import.meta.url));
const { rolldown } = await import(pathToFileURL(createRequire(web).resolve("rolldown")));
const bundle = await rolldown({ input: web + "src/copyas.ts" });
const { output } = await bundle.generate({ format: "esm" });
const { copyAs } = await import("data:text/javascript;base64," + Buffer.from(output[0].code).toString("base64"));

const text = `it's "quoted" $HOME \`x\` \\ %{y} \${z} 100 % 'ünï' 😀\nand a line`;
const region = process.argv[2] ?? "us-east-1";
const op = (service, name, input) => ({ service, name, input, region });
const target = { ServiceNamespace: "sagemaker", ResourceId: "endpoint/copied/variant/AllTraffic", ScalableDimension: "sagemaker:variant:DesiredInstanceCount" };

const story = [
  op("sagemaker", "CreateModel", {
    ModelName: "copied", ExecutionRoleArn: "arn:aws:iam::111122223333:role/any",
    PrimaryContainer: { Image: "bellows/demo-model", Environment: { BELLOWS_NOTE: "a'b" } }, Tags: [{ Key: "team", Value: "team of us" }],
  }),
  op("sagemaker", "CreateEndpointConfig", {
    EndpointConfigName: "copied",
    ProductionVariants: [{ VariantName: "AllTraffic", ModelName: "copied", InitialInstanceCount: 1, InstanceType: "ml.m5.large", InitialVariantWeight: 1 }],
  }),
  op("application-autoscaling", "RegisterScalableTarget", { ...target, MinCapacity: 1, MaxCapacity: 3, SuspendedState: { DynamicScalingInSuspended: true } }),
  op("application-autoscaling", "PutScalingPolicy", {
    ...target, PolicyName: "70 % of a minute", PolicyType: "TargetTrackingScaling",
    TargetTrackingScalingPolicyConfiguration: {
      TargetValue: 70.5, DisableScaleIn: false, PredefinedMetricSpecification: { PredefinedMetricType: "SageMakerVariantInvocationsPerInstance" },
    },
  }),
  op("application-autoscaling", "PutScheduledAction", {
    ...target, ScheduledActionName: "morning", Schedule: "cron(0 7 ? * MON-FRI *)", Timezone: "Europe/Berlin", StartTime: 1798758000,
    ScalableTargetAction: { MinCapacity: 2, MaxCapacity: 3 },
  }),
  op("cloudwatch", "PutMetricAlarm", {
    AlarmName: "odd's", AlarmDescription: text, ActionsEnabled: false, EvaluationPeriods: 3, DatapointsToAlarm: 2, Threshold: -1.5e-7,
    ComparisonOperator: "GreaterThanThreshold", TreatMissingData: "notBreaching", AlarmActions: [`arn:aws:sns:${region}:111122223333:a`, `arn:aws:sns:${region}:111122223333:b`],
    Metrics: [
      { Id: "m", MetricStat: { Metric: { Namespace: "AWS/SageMaker", MetricName: "Invocations", Dimensions: [{ Name: "EndpointName", Value: "copied" }, { Name: "VariantName", Value: "AllTraffic" }] }, Period: 60, Stat: "Sum" }, ReturnData: false },
      { Id: "e", Expression: "FILL(m, 0) / 2", Label: "half", ReturnData: true },
    ],
  }),
  op("cloudwatch", "PutCompositeAlarm", {
    AlarmName: "both", AlarmRule: `ALARM("odd's") AND TRUE`, AlarmDescription: "-starts with a dash", ActionsSuppressor: "odd's", ActionsSuppressorWaitPeriod: 60, ActionsSuppressorExtensionPeriod: 120,
  }),
];
const after = [
  op("cloudwatch", "DeleteAlarms", { AlarmNames: ["both"] }),
  op("application-autoscaling", "DeregisterScalableTarget", target),
];

// The command line: names, switches, lists, quoting.
assert.equal(copyAs("AWS CLI", [story[1]]), `aws sagemaker create-endpoint-config --region ${region} \\
  --endpoint-config-name copied \\
  --production-variants '[{"VariantName":"AllTraffic","ModelName":"copied","InitialInstanceCount":1,"InstanceType":"ml.m5.large","InitialVariantWeight":1}]'`);
const alarm = copyAs("AWS CLI", [story[5]]);
assert.match(alarm, /--no-actions-enabled \\\n/);
assert.match(alarm, /--alarm-actions arn:aws:sns:[a-z0-9-]+:111122223333:a arn:aws:sns:[a-z0-9-]+:111122223333:b \\\n/);
assert.match(alarm, /--alarm-name 'odd'\\''s' \\\n/);
assert.match(alarm, /--threshold=-1.5e-7/); // a dash begins an option
assert.match(copyAs("AWS CLI", [op("cloudwatch", "PutMetricAlarm", { AlarmDescription: "file:///etc/passwd" })]), /--cli-input-json '/);
assert.match(copyAs("AWS CLI", [story[4]]), /--start-time 2026-12-31T23:00:00.000Z/);
assert.match(copyAs("boto3", [story[4]]), /StartTime="2026-12-31T23:00:00.000Z"/);
assert.match(copyAs("boto3", [story[5]]), /ok_actions|ActionsEnabled=False/);

// Terraform: blocks, maps, templates' marks, what it has no resource for.
assert.equal(copyAs("Terraform", [story[2]]), `resource "aws_appautoscaling_target" "endpoint_copied_variant_AllTraffic" {
  region = "${region}"
  service_namespace = "sagemaker"
  resource_id = "endpoint/copied/variant/AllTraffic"
  scalable_dimension = "sagemaker:variant:DesiredInstanceCount"
  min_capacity = 1
  max_capacity = 3
  suspended_state {
    dynamic_scaling_in_suspended = true
  }
}`);
const hcl = copyAs("Terraform", story);
for (const part of [
  'resource "aws_sagemaker_model" "copied" {', '  primary_container {', '"BELLOWS_NOTE" = "a\'b"', '  tags = {', 'production_variants {', "predefined_metric_specification {",
  'scalable_target_action {', 'resource "aws_cloudwatch_metric_alarm" "odd_s" {', "metric_query {", '    metric {\n', '"EndpointName" = "copied"', "%%{y} $${z}",
  'actions_suppressor {\n    alarm = "odd\'s"\n    extension_period = 120\n    wait_period = 60\n  }',
]) assert.ok(hcl.includes(part), `${part} in\n${hcl}`);
assert.match(copyAs("Terraform", [op("sagemaker", "UpdateEndpointWeightsAndCapacities", {})]), /^# Terraform's aws provider has no resource/);
assert.equal(copyAs("Terraform", [after[0]]), "terraform destroy -target=aws_cloudwatch_metric_alarm.both");

// bellows: its own commands, else the AWS CLI after bellows env.
const scale = op("sagemaker", "UpdateEndpointWeightsAndCapacities", { EndpointName: "chat", DesiredWeightsAndCapacities: [{ VariantName: "AllTraffic", DesiredInstanceCount: 3 }] });
assert.match(copyAs("bellows", [scale]), /^bellows scale chat\/AllTraffic 3/);
assert.match(copyAs("bellows", [story[0]]), /^eval "\$\(bellows env\)"\naws sagemaker create-model/);

const invoke = op("sagemaker-runtime", "InvokeEndpoint", { EndpointName: "copied", ContentType: "text/csv", Body: text });
console.log(JSON.stringify({ text, cli: copyAs("AWS CLI", story), boto3: copyAs("boto3", story), terraform: hcl, cliAfter: copyAs("AWS CLI", after), boto3After: copyAs("boto3", after),
  invokeCLI: copyAs("AWS CLI", [invoke]), invokeBoto3: copyAs("boto3", [invoke]) }));
