import { useEffect, useState } from "preact/hooks";
import type { VariantName } from "./api";
import { describeAlarm } from "./cloudwatch";
import { Forecast } from "./predictiveform";
import type { Policy, Step } from "./scalingapi";
import { StepsView } from "./stairs";
import type { Setting } from "./stepform";
import { conditionsOf, queriesOfTracking } from "./tracking";
import { TryoutView } from "./tryoutview";

/** The picture of a policy: both alarms over the last day's data, the staircase, or the forecast. */
export function PolicyPicture({ v, policy, setting, onThreshold }: { v: VariantName; policy: Policy; setting: Setting; onThreshold: (t: number | undefined) => void }) {
  const steps = stepsOf(policy), alarm = steps && policy.alarms[0];
  const [threshold, setThreshold] = useState<number>();
  useEffect(() => {
    if (!alarm) return;
    describeAlarm(v.region, alarm).then(({ metric }) => { setThreshold(metric?.Threshold); onThreshold(metric?.Threshold); }, () => {}); // the picture does without
  }, [v.region, alarm]);
  if (policy.tracking) {
    const queries = queriesOfTracking(v, policy.tracking);
    return <TryoutView region={v.region} queries={queries.length > 0 ? queries : undefined} trials={queries.length > 0 ? conditionsOf(policy.tracking) : undefined} />;
  }
  if (policy.predictive) return <Forecast v={v} policy={policy.name} />;
  if (!steps) return null;
  const from = policy.step ?? policy.group;
  return <StepsView steps={steps} threshold={threshold} capacity={setting.capacity} adjusting={{ type: from?.AdjustmentType ?? "ChangeInCapacity", magnitude: from?.MinAdjustmentMagnitude ?? 0, min: setting.min, max: setting.max }} />;
}

/** The steps of a policy; a simple one has one. */
function stepsOf(p: Policy): Step[] | undefined {
  if (p.step) return p.step.StepAdjustments;
  if (p.group?.StepAdjustments?.length) return p.group.StepAdjustments;
  const change = p.group?.ScalingAdjustment;
  return change === undefined ? undefined : [{ ScalingAdjustment: change, ...(change < 0 ? { MetricIntervalUpperBound: 0 } : { MetricIntervalLowerBound: 0 }) }];
}

