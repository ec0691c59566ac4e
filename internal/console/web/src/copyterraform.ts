import type { Operation } from "./operation";
import { readable, shell, words } from "./quote";

/** How a resource of the aws provider differs from the operation's input. */
interface Resource {
  type: string;
  id: string; // the member that names the resource
  rename?: Record<string, string>; // members whose arguments have other names
  maps?: string[]; // members that are lists of names and values, and maps in Terraform
  without?: string[]; // members that belong to the call and not to the resource
}

const model: Resource = { type: "aws_sagemaker_model", id: "ModelName", rename: { ModelName: "name", Containers: "container" } };
const config: Resource = { type: "aws_sagemaker_endpoint_configuration", id: "EndpointConfigName", rename: { EndpointConfigName: "name" } };
const endpoint: Resource = {
  type: "aws_sagemaker_endpoint", id: "EndpointName", rename: { EndpointName: "name" },
  without: ["RetainAllVariantProperties", "ExcludeRetainedVariantProperties", "RetainDeploymentConfig"],
};
const target: Resource = { type: "aws_appautoscaling_target", id: "ResourceId" };
const policy: Resource = {
  type: "aws_appautoscaling_policy", id: "PolicyName",
  rename: { PolicyName: "name", StepAdjustments: "step_adjustment" },
};
const predictive: Resource = {
  ...policy, rename: { MetricSpecifications: "metric_specification", MetricDataQueries: "metric_data_query", Dimensions: "dimension" },
};
const action: Resource = { type: "aws_appautoscaling_scheduled_action", id: "ScheduledActionName", rename: { ScheduledActionName: "name" } };
const alarm: Resource = {
  type: "aws_cloudwatch_metric_alarm", id: "AlarmName", maps: ["Dimensions"],
  rename: { Metrics: "metric_query", OKActions: "ok_actions", EvaluateLowSampleCountPercentile: "evaluate_low_sample_count_percentiles" },
};
const composite: Resource = { type: "aws_cloudwatch_composite_alarm", id: "AlarmName", rename: { OKActions: "ok_actions" } };

const resources: Record<string, Resource> = {
  CreateModel: model, DeleteModel: model, CreateEndpointConfig: config, DeleteEndpointConfig: config, CreateEndpoint: endpoint, UpdateEndpoint: endpoint,
  DeleteEndpoint: endpoint, RegisterScalableTarget: target, DeregisterScalableTarget: target, PutScalingPolicy: policy, DeleteScalingPolicy: policy,
  PutScheduledAction: action, DeleteScheduledAction: action, PutMetricAlarm: alarm, PutCompositeAlarm: composite, DeleteAlarms: alarm,
};

/** Resources of the aws provider for operations that put something, and commands for those that delete it. */
export function terraform(operations: readonly Operation[]): string {
  return operations.map(one).join("\n\n");
}

function one(op: Operation): string {
  const r = resources[op.name];
  if (!r) return `# Terraform's aws provider has no resource for ${op.name}.`;
  if (/^(Delete|Deregister)/.test(op.name)) {
    const names = op.name === "DeleteAlarms" ? (op.input["AlarmNames"] as string[]) : [String(op.input[r.id])];
    return names.map((n) => `terraform destroy -target=${shell(`${r.type}.${label(n)}`)}`).join("\n");
  }
  const name = String(op.input[r.id]);
  return `resource "${r.type}" "${label(name)}" {\n${[`  region = ${quoted(op.region)}\n`, ...members(r, op.input, 1)].join("")}}`;
}

/** A name of Terraform's own for a resource. */
export const label = (name: string) => name.replace(/[^A-Za-z0-9_-]+/g, "_").replace(/^(?=[0-9-])/, "_");

function members(r: Resource, input: object, depth: number): string[] {
  const pad = "  ".repeat(depth);
  return Object.entries(input).flatMap(([name, raw]): string[] => {
    const v = readable(name, raw);
    if (v === undefined || v === null || r.without?.includes(name)) return [];
    const key = argument(r, name);
    if (name === "Tags" && Array.isArray(v)) return [`${pad}tags = ${map(v.map((t) => [t.Key, t.Value]), depth)}\n`];
    if (r.maps?.includes(name) && Array.isArray(v)) return [`${pad}${key} = ${map(v.map((d) => [d.Name, d.Value]), depth)}\n`];
    if (name === "Environment") return [`${pad}${key} = ${map(Object.entries(v), depth)}\n`];
    if (Array.isArray(v) && v.some((x) => typeof x === "object")) return v.map((x) => block(r, key, x, depth));
    if (name === "ActionsSuppressor") return [block(r, key, {
      Alarm: v, ExtensionPeriod: (input as Record<string, unknown>)["ActionsSuppressorExtensionPeriod"], WaitPeriod: (input as Record<string, unknown>)["ActionsSuppressorWaitPeriod"],
    }, depth)];
    if (/^ActionsSuppressor./.test(name)) return [];
    if (name === "MetricStat" && r === alarm) { // Terraform has the metric and its statistic in one block
      const { Metric, ...stat } = v as { Metric: object };
      return [block(r, "metric", { ...Metric, ...stat }, depth)];
    }
    if (typeof v === "object" && !Array.isArray(v)) return [block(name === "PredictiveScalingPolicyConfiguration" ? predictive : r, key, v, depth)];
    return [`${pad}${key} = ${Array.isArray(v) ? `[${v.map(literal).join(", ")}]` : literal(v)}\n`];
  });
}

const argument = (r: Resource, name: string) => r.rename?.[name] ?? words(name, "_");

const block = (r: Resource, key: string, v: object, depth: number) =>
  `${"  ".repeat(depth)}${key} {\n${members(r, v, depth + 1).join("")}${"  ".repeat(depth)}}\n`;

function map(entries: [string, unknown][], depth: number): string {
  const pad = "  ".repeat(depth);
  return `{\n${entries.map(([k, v]) => `${pad}  ${quoted(k)} = ${literal(v)}\n`).join("")}${pad}}`;
}

const literal = (v: unknown) => (typeof v === "string" ? quoted(v) : String(v));

/** A string of HCL: a template's marks are escaped, and \b and \f are not its escapes. */
const quoted = (s: string) =>
  JSON.stringify(s).replaceAll("${", () => "$${").replaceAll("%{", "%%{").replaceAll(/(^|[^\\])((?:\\\\)*)\\([bf])/g, (_, a, b, c) => `${a}${b}\\u000${c === "b" ? "8" : "c"}`);
