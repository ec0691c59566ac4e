import { aws, type VariantName } from "./api";
import type { DataQuery, Dimension } from "./cloudwatch";
import { variantTarget } from "./operation";

// What the console reads of the scaling APIs, as their JSON protocols have it: times are Unix seconds.

export interface ScalableTarget {
  ResourceId: string;
  MinCapacity: number;
  MaxCapacity: number;
  SuspendedState?: Suspended;
}

export interface Suspended {
  DynamicScalingInSuspended?: boolean;
  DynamicScalingOutSuspended?: boolean;
  ScheduledScalingSuspended?: boolean;
}

export type AdjustmentType = "ChangeInCapacity" | "PercentChangeInCapacity" | "ExactCapacity";

export interface Step {
  MetricIntervalLowerBound?: number;
  MetricIntervalUpperBound?: number;
  ScalingAdjustment: number;
}

export interface TargetTracking {
  TargetValue: number;
  PredefinedMetricSpecification?: { PredefinedMetricType: string };
  CustomizedMetricSpecification?: {
    Namespace?: string; MetricName?: string; Dimensions?: Dimension[]; Statistic?: string; Unit?: string;
    Metrics?: { Id: string; Expression?: string; Label?: string; ReturnData?: boolean; MetricStat?: { Metric: { Namespace: string; MetricName: string; Dimensions?: Dimension[] }; Stat: string; Unit?: string } }[];
  };
  ScaleOutCooldown?: number;
  ScaleInCooldown?: number;
  DisableScaleIn?: boolean;
}

export interface StepScaling {
  AdjustmentType: AdjustmentType;
  StepAdjustments: Step[];
  Cooldown?: number;
  MetricAggregationType?: string;
  MinAdjustmentMagnitude?: number;
}

export interface Predictive {
  MetricSpecifications: { TargetValue: number; PredefinedMetricPairSpecification?: { PredefinedMetricType: string } }[];
  Mode?: string;
  SchedulingBufferTime?: number;
  MaxCapacityBreachBehavior?: string;
  MaxCapacityBuffer?: number;
}

/** A policy of a variant, of any type; settings where AWS has no configuration for it, group where it is one of the variant's group. */
export interface Policy {
  name: string;
  type: string;
  arn: string;
  alarms: string[];
  tracking?: TargetTracking;
  step?: StepScaling;
  predictive?: Predictive;
  settings?: Record<string, string>;
  group?: GroupPolicy;
}

/** A policy of a variant's Auto Scaling group. */
export interface GroupPolicy {
  PolicyName: string;
  PolicyARN: string;
  PolicyType: string;
  AdjustmentType?: AdjustmentType;
  ScalingAdjustment?: number;
  Cooldown?: number;
  MinAdjustmentMagnitude?: number;
  StepAdjustments?: Step[];
  Enabled?: boolean;
  Alarms?: { AlarmName: string }[];
  TargetTrackingConfiguration?: { TargetValue: number };
}

export interface ScheduledAction {
  ScheduledActionName: string;
  Schedule: string;
  Timezone?: string;
  StartTime?: number;
  EndTime?: number;
  ScalableTargetAction?: { MinCapacity?: number; MaxCapacity?: number };
}

/** A type of policies that has settings instead of a configuration. */
export interface PolicyType {
  PolicyType: string;
  Settings: { Name: string; Required: boolean; Description: string }[];
}

/** All that scales a variant. */
export interface Scaling {
  target?: ScalableTarget;
  policies: Policy[];
  schedules: ScheduledAction[];
  types: PolicyType[]; // that AWS does not have
  desired?: number; // instances
}

/** The name of a variant's Auto Scaling group. */
export const groupName = (v: VariantName) => `${v.endpoint}.${v.variant}`;

const awsTypes = ["TargetTrackingScaling", "StepScaling", "PredictiveScaling"];

/** Reads all pages of a list. */
async function pages<T>(region: string, target: string, member: string, input: object): Promise<T[]> {
  const all: T[] = [];
  let token: string | undefined;
  do {
    const out: Record<string, unknown> = await aws(region, target, { ...input, ...(token && { NextToken: token }) });
    all.push(...(out[member] as T[]));
    token = out["NextToken"] as string | undefined;
  } while (token);
  return all;
}

interface Listed {
  PolicyName: string;
  PolicyARN: string;
  PolicyType: string;
  ResourceId: string;
  Settings?: Record<string, string>;
}

/** The policies of all targets of a region, as the list of policies has them. */
export const allPolicies = (region: string) => pages<Listed>(region, "Bellows.DescribePolicies", "Policies", {});

export async function readScaling(v: VariantName): Promise<Scaling> {
  const { ServiceNamespace, ResourceId } = variantTarget(v.endpoint, v.variant), of = { ServiceNamespace, ResourceId };
  type Put = Listed & {
    Alarms?: { AlarmName: string }[]; TargetTrackingScalingPolicyConfiguration?: TargetTracking; StepScalingPolicyConfiguration?: StepScaling; PredictiveScalingPolicyConfiguration?: Predictive;
  };
  const [targets, listed, own, grouped, schedules, types, endpoint] = await Promise.all([
    pages<ScalableTarget>(v.region, "AnyScaleFrontendService.DescribeScalableTargets", "ScalableTargets", { ServiceNamespace, ResourceIds: [ResourceId] }),
    pages<Put>(v.region, "AnyScaleFrontendService.DescribeScalingPolicies", "ScalingPolicies", of),
    pages<Listed>(v.region, "Bellows.DescribePolicies", "Policies", { ResourceId }),
    pages<GroupPolicy>(v.region, "AutoScaling_2011_01_01.DescribePolicies", "ScalingPolicies", { AutoScalingGroupName: groupName(v) }),
    pages<ScheduledAction>(v.region, "AnyScaleFrontendService.DescribeScheduledActions", "ScheduledActions", of),
    aws<{ PolicyTypes: PolicyType[] }>(v.region, "Bellows.DescribePolicyTypes", {}),
    aws<{ ProductionVariants?: { VariantName: string; DesiredInstanceCount?: number }[] }>(v.region, "SageMaker.DescribeEndpoint", { EndpointName: v.endpoint }),
  ]);
  const settings = new Map(own.map((p) => [p.PolicyName, p.Settings]));
  const desired = endpoint.ProductionVariants?.find((x) => x.VariantName === v.variant)?.DesiredInstanceCount;
  return {
    ...(targets[0] && { target: targets[0] }), schedules, types: types.PolicyTypes.filter((t) => !awsTypes.includes(t.PolicyType)), ...(desired !== undefined && { desired }),
    policies: [
      ...listed.map((p): Policy => ({
        name: p.PolicyName, type: p.PolicyType, arn: p.PolicyARN, alarms: (p.Alarms ?? []).map((a) => a.AlarmName),
        ...(p.TargetTrackingScalingPolicyConfiguration && { tracking: p.TargetTrackingScalingPolicyConfiguration }),
        ...(p.StepScalingPolicyConfiguration && { step: p.StepScalingPolicyConfiguration }),
        ...(p.PredictiveScalingPolicyConfiguration && { predictive: p.PredictiveScalingPolicyConfiguration }),
        ...(settings.get(p.PolicyName) && { settings: settings.get(p.PolicyName)! }),
      })),
      ...grouped.map((p): Policy => ({ name: p.PolicyName, type: p.PolicyType, arn: p.PolicyARN, alarms: (p.Alarms ?? []).map((a) => a.AlarmName), group: p })),
    ],
  };
}

/** The metrics that AWS, and Bellows where it says so, predefine for variants. */
export const predefined: Record<string, { label: string; query: (v: VariantName) => DataQuery; period: number }> = {
  SageMakerVariantInvocationsPerInstance: { label: "invocations per instance and minute", period: 60, query: (v) => metricOf(v, "InvocationsPerInstance", "Sum", 60) },
  SageMakerVariantConcurrentRequestsPerModelHighResolution: { label: "concurrent requests per model, each ten seconds", period: 10, query: (v) => metricOf(v, "ConcurrentRequestsPerModel", "Average", 10) },
};

const metricOf = (v: VariantName, name: string, stat: string, period: number): DataQuery => ({
  Id: "m1", ReturnData: true, MetricStat: {
    Metric: { Namespace: "AWS/SageMaker", MetricName: name, Dimensions: [{ Name: "EndpointName", Value: v.endpoint }, { Name: "VariantName", Value: v.variant }] }, Period: period, Stat: stat,
  },
});
