import { NumberField, numberOf, SelectField } from "./fields";
import type { AdjustmentType, Step, StepScaling } from "./scalingapi";
import { StepsView } from "./stairs";
import { adjustmentWords } from "./stepwords";

export interface StepState {
  type: AdjustmentType;
  steps: { low: string; high: string; adjustment: string }[];
  cooldown: string;
  aggregation: string;
  magnitude: string;
}

const text = (n: number | undefined) => (n === undefined ? "" : String(n));

export function stepState(s: StepScaling | undefined): StepState {
  return {
    type: s?.AdjustmentType ?? "ChangeInCapacity", cooldown: text(s?.Cooldown), aggregation: s?.MetricAggregationType ?? "Average", magnitude: text(s?.MinAdjustmentMagnitude),
    steps: s?.StepAdjustments.map((x) => ({ low: text(x.MetricIntervalLowerBound), high: text(x.MetricIntervalUpperBound), adjustment: String(x.ScalingAdjustment) })) ?? [{ low: "0", high: "", adjustment: "1" }],
  };
}

function stepsOf(s: StepState): Step[] | undefined {
  const all = s.steps.map((x) => ({ low: numberOf(x.low), high: numberOf(x.high), adjustment: numberOf(x.adjustment) }));
  if (all.length === 0 || all.some((x) => x.adjustment === undefined)) return undefined;
  return all.map((x) => ({ ...(x.low !== undefined && { MetricIntervalLowerBound: x.low }), ...(x.high !== undefined && { MetricIntervalUpperBound: x.high }), ScalingAdjustment: x.adjustment! }));
}

/** The configuration of step scaling; undefined while something is missing. */
export function stepOf(s: StepState): StepScaling | undefined {
  const steps = stepsOf(s), cooldown = numberOf(s.cooldown), magnitude = numberOf(s.magnitude);
  return steps && {
    AdjustmentType: s.type, StepAdjustments: steps, MetricAggregationType: s.aggregation, ...(cooldown !== undefined && { Cooldown: cooldown }), ...(magnitude !== undefined && { MinAdjustmentMagnitude: magnitude }),
  };
}

export const adjustmentTypes = [["ChangeInCapacity", "by a number of instances"], ["PercentChangeInCapacity", "by a percentage"], ["ExactCapacity", "to a number of instances"]] as const;

/** The bounds of the target, how many instances it has, and the threshold of the alarm that invokes the policy, if there is one. */
export interface Setting {
  min: number;
  max: number;
  capacity: number;
  threshold: number | undefined;
}

/** The fields of step scaling and the staircase that they make. */
export function StepFields({ state, change, of, setting }: { state: StepState; change: (part: Partial<StepState>) => void; of: (field: string) => string | undefined; setting: Setting }) {
  const steps = stepsOf(state), put = (i: number, part: Partial<StepState["steps"][number]>) => change({ steps: state.steps.map((s, n) => (n === i ? { ...s, ...part } : s)) });
  const field = (i: number, name: "low" | "high" | "adjustment", label: string) => (
    <input type="number" step="any" class="number" value={state.steps[i]![name]} aria-label={`${label} of step ${i + 1}`} onInput={(e) => put(i, { [name]: e.currentTarget.value })} />
  );
  return (
    <>
      <SelectField label="Each step changes capacity" value={state.type} onValue={(v) => change({ type: v as AdjustmentType })} options={adjustmentTypes} error={of("type")} />
      <fieldset class="group-of-fields">
        <legend>Steps</legend>
        <table class="querytable">
          <thead><tr><th>From (beyond the threshold)</th><th>To</th><th>Change</th><th><span class="unseen">Remove</span></th></tr></thead>
          <tbody>{state.steps.map((s, i) => (
            <tr key={i}>
              <td>{field(i, "low", "Lower bound")}</td><td>{field(i, "high", "Upper bound")}</td>
              <td>{field(i, "adjustment", "Adjustment")} <span class="dim">{s.adjustment && adjustmentWords(state.type, Number(s.adjustment))}</span></td>
              <td><button type="button" class="link" aria-label={`Remove step ${i + 1}`} onClick={() => change({ steps: state.steps.filter((_, n) => n !== i) })}>✕</button></td>
            </tr>
          ))}</tbody>
        </table>
        <small class="dim">A bound counts from the alarm's threshold; an empty one has no end.</small>
        <div class="tools"><button type="button" onClick={() => change({ steps: [...state.steps, { low: state.steps.at(-1)?.high ?? "", high: "", adjustment: "" }] })}>Add a step</button></div>
        {of("steps") && <small class="failure" role="alert">{of("steps")}</small>}
      </fieldset>
      <div class="fields-in-line">
        <NumberField label="Cooldown" unit="s" value={state.cooldown} onValue={(v) => change({ cooldown: v })} error={of("cooldown")} hint="empty: 300" />
        <SelectField label="Of the datapoints" value={state.aggregation} onValue={(v) => change({ aggregation: v })} options={[["Average", "the average"], ["Minimum", "the minimum"], ["Maximum", "the maximum"]]} error={of("aggregation")} />
        {state.type === "PercentChangeInCapacity" && <NumberField label="At least" unit="instances" value={state.magnitude} onValue={(v) => change({ magnitude: v })} error={of("magnitude")} />}
      </div>
      {steps ? <StepsView steps={steps} threshold={setting.threshold} capacity={setting.capacity} adjusting={{ type: state.type, magnitude: numberOf(state.magnitude) ?? 0, min: setting.min, max: setting.max }} />
        : <p class="dim tryout">When each step has its change, the staircase stands here.</p>}
    </>
  );
}
