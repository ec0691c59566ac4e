import { useState } from "preact/hooks";
import { ActionForm } from "./actionform";
import type { VariantName } from "./api";
import { NumberField, numberOf, SelectField, TextField } from "./fields";
import { groups, own, scaling, variantTarget, type Operation } from "./operation";
import { PredictiveFields, predictiveOf, predictiveState } from "./predictiveform";
import { useRefusals } from "./refusals";
import { groupName, type AdjustmentType, type Policy, type PolicyType } from "./scalingapi";
import { adjustmentTypes, StepFields, stepOf, stepState, type Setting } from "./stepform";
import { StepsView } from "./stairs";
import { TrackingFields, trackingOf, trackingState } from "./trackingform";

const fields = {
  name: /policyName/i, type: /AdjustmentType/i, steps: /StepAdjustment|ScalingAdjustment|step interval|interval|bound/i, out: /scale-?out ?cooldown/i, in: /scale-?in ?cooldown/i, cooldown: /Cooldown/i,
  aggregation: /MetricAggregationType/i, magnitude: /MinAdjustmentMagnitude/i, target: /TargetValue|target value/i, metric: /MetricSpecification|PredefinedMetricType|Metrics?\b|Expression|Statistic|Namespace|Dimension/i,
  mode: /\bmode\b/i, buffer: /SchedulingBufferTime/i, breach: /MaxCapacityBreachBehavior/i, maxBuffer: /MaxCapacityBuffer/i, settings: /setting/i,
};

interface Simple {
  type: AdjustmentType;
  adjustment: string;
  cooldown: string;
  magnitude: string;
}

/** The form of a policy of any type. types are those that AWS does not have. */
export function PolicyForm({ v, policy, types, setting, onClose, onDone }: { v: VariantName; policy?: Policy; types: PolicyType[]; setting: Setting; onClose: () => void; onDone: () => void }) {
  const [name, setName] = useState(policy?.name ?? ""), [type, setType] = useState(policy?.type ?? "TargetTrackingScaling");
  const [tracking, setTracking] = useState(() => trackingState(policy?.tracking)), [step, setStep] = useState(() => stepState(policy?.step ?? (policy?.group?.StepAdjustments && { AdjustmentType: "ChangeInCapacity", StepAdjustments: [], ...policy.group } as never)));
  const [predictive, setPredictive] = useState(() => predictiveState(policy?.predictive)), [settings, setSettings] = useState<Record<string, string>>(policy?.settings ?? {});
  const [simple, setSimple] = useState<Simple>(() => {
    const g = policy?.group, text = (n: number | undefined) => (n === undefined ? "" : String(n));
    return { type: g?.AdjustmentType ?? "ChangeInCapacity", adjustment: text(g?.ScalingAdjustment), cooldown: text(g?.Cooldown), magnitude: text(g?.MinAdjustmentMagnitude) };
  });
  const refusals = useRefusals(fields), of = refusals.of;
  const merge = <T,>(set: (f: (s: T) => T) => void) => (part: Partial<T>) => set((s) => ({ ...s, ...part }));
  const target = { ...variantTarget(v.endpoint, v.variant), PolicyName: name, PolicyType: type };
  const given = type === "SimpleScaling" ? simpleInput(v, name, simple) : undefined;
  let operation: Operation | undefined;
  const steps = stepOf(step), t = trackingOf(tracking), p = predictiveOf(predictive), ownType = types.find((x) => x.PolicyType === type);
  if (name && given) operation = groups(v.region, "PutScalingPolicy", given);
  else if (name && policy?.group && type === "StepScaling" && steps) operation = groups(v.region, "PutScalingPolicy", groupSteps(v, name, steps as never));
  else if (name && ownType) operation = own(v.region, "PutPolicy", { PolicyName: name, ResourceId: target.ResourceId, PolicyType: type, Settings: Object.fromEntries(Object.entries(settings).filter(([, x]) => x !== "")) });
  else if (name && type === "TargetTrackingScaling" && t) operation = scaling(v.region, "PutScalingPolicy", { ...target, TargetTrackingScalingPolicyConfiguration: t });
  else if (name && type === "StepScaling" && steps) operation = scaling(v.region, "PutScalingPolicy", { ...target, StepScalingPolicyConfiguration: steps });
  else if (name && type === "PredictiveScaling" && p) operation = scaling(v.region, "PutScalingPolicy", { ...target, PredictiveScalingPolicyConfiguration: p });
  return (
    <ActionForm title={policy ? `Edit ${policy.name}` : `Create a policy of ${v.endpoint} / ${v.variant}`} verb={policy ? "Save" : "Create policy"} wide onClose={onClose} onDone={onDone} beside={refusals.beside}
      operations={operation && [operation]} done={policy ? `${name} was changed.` : `${name} was created.`}>
      {!policy && <TextField label="Name" value={name} onValue={setName} error={of("name")} />}
      {!policy && <SelectField label="Type" value={type} onValue={setType} options={[
        ["TargetTrackingScaling", "Target tracking: keeps a metric at a value"], ["StepScaling", "Steps: the further beyond an alarm's threshold, the larger the change"],
        ["PredictiveScaling", "Predictive: scales before the load comes"], ["SimpleScaling", "Simple: one change for an alarm, of the variant's Auto Scaling group"],
        ...types.map((x) => [x.PolicyType, `${x.PolicyType}: a type of this server`] as const),
      ]} />}
      {type === "TargetTrackingScaling" && <TrackingFields v={v} state={tracking} change={merge(setTracking)} of={of} />}
      {type === "StepScaling" && <StepFields state={step} change={merge(setStep)} of={of} setting={setting} />}
      {type === "PredictiveScaling" && <PredictiveFields state={predictive} change={merge(setPredictive)} of={of} />}
      {type === "SimpleScaling" && <SimpleFields state={simple} change={merge(setSimple)} of={of} setting={setting} />}
      {ownType?.Settings.map((s) => <TextField key={s.Name} label={s.Name + (s.Required ? "" : " (optional)")} value={settings[s.Name] ?? ""} onValue={(x) => setSettings((all) => ({ ...all, [s.Name]: x }))} hint={s.Description} error={of("settings")} />)}
    </ActionForm>
  );
}

function simpleInput(v: VariantName, name: string, s: Simple): Record<string, unknown> | undefined {
  const adjustment = numberOf(s.adjustment), cooldown = numberOf(s.cooldown), magnitude = numberOf(s.magnitude);
  return adjustment === undefined ? undefined : {
    AutoScalingGroupName: groupName(v), PolicyName: name, PolicyType: "SimpleScaling", AdjustmentType: s.type, ScalingAdjustment: adjustment, ...(cooldown !== undefined && { Cooldown: cooldown }),
    ...(magnitude !== undefined && s.type === "PercentChangeInCapacity" && { MinAdjustmentMagnitude: magnitude }),
  };
}

/** The steps of a group's policy, which has no cooldown. */
const groupSteps = (v: VariantName, name: string, { Cooldown: _, ...s }: Record<string, unknown>) => ({ AutoScalingGroupName: groupName(v), PolicyName: name, PolicyType: "StepScaling", ...s });

function SimpleFields({ state, change, of, setting }: { state: Simple; change: (part: Partial<Simple>) => void; of: (field: string) => string | undefined; setting: Setting }) {
  const adjustment = numberOf(state.adjustment);
  return (
    <>
      <div class="fields-in-line">
        <SelectField label="An alarm changes capacity" value={state.type} onValue={(x) => change({ type: x as AdjustmentType })} options={adjustmentTypes} error={of("type")} />
        <NumberField label="Change" value={state.adjustment} onValue={(x) => change({ adjustment: x })} error={of("steps")} hint="negative: scale in" />
        <NumberField label="Cooldown" unit="s" value={state.cooldown} onValue={(x) => change({ cooldown: x })} error={of("cooldown")} hint="empty: the group's" />
        {state.type === "PercentChangeInCapacity" && <NumberField label="At least" unit="instances" value={state.magnitude} onValue={(x) => change({ magnitude: x })} error={of("magnitude")} />}
      </div>
      <p>One change each time, then none until the cooldown is over.</p>
      {adjustment !== undefined && <StepsView steps={[{ ScalingAdjustment: adjustment, ...(adjustment < 0 ? { MetricIntervalUpperBound: 0 } : { MetricIntervalLowerBound: 0 }) }]} threshold={setting.threshold} capacity={setting.capacity}
        adjusting={{ type: state.type, magnitude: numberOf(state.magnitude) ?? 0, min: setting.min, max: setting.max }} />}
    </>
  );
}
