import { number } from "./format";
import type { AdjustmentType, Step } from "./scalingapi";

/** What decides the change that a step makes. */
export interface Adjusting {
  type: AdjustmentType;
  magnitude: number; // the least change of a percentage, 0 for none
  min: number;
  max: number;
}

/** The capacity that an adjustment makes of another. AWS: step scaling, scaling adjustment types; percentages are rounded toward zero, and to 1 below it. */
export function adjusted(capacity: number, adjustment: number, a: Adjusting): number {
  let wanted = adjustment;
  if (a.type === "ChangeInCapacity") wanted = capacity + adjustment;
  else if (a.type === "PercentChangeInCapacity") {
    const exact = (capacity * adjustment) / 100, sign = Math.sign(exact);
    wanted = capacity + sign * Math.max(a.magnitude, Math.abs(exact) < 1 ? Math.ceil(Math.abs(exact)) : Math.floor(Math.abs(exact)));
  }
  return Math.min(a.max, Math.max(a.min, wanted));
}

/** An adjustment in words: "+2", "+20 %" or "to 5". */
export function adjustmentWords(type: AdjustmentType, adjustment: number): string {
  if (type === "ExactCapacity") return `to ${adjustment}`;
  const text = `${adjustment > 0 ? "+" : adjustment < 0 ? "−" : ""}${Math.abs(adjustment)}`;
  return type === "PercentChangeInCapacity" ? text + " %" : text;
}

/** A step in a sentence. threshold is that of the alarm; undefined where there is none yet. */
export function stepSentence(s: Step, threshold: number | undefined, capacity: number, a: Adjusting): string {
  const place = (bound: number) => (threshold === undefined && bound === 0 ? "the threshold" : threshold === undefined ? `the threshold ${bound < 0 ? "−" : "+"} ${number(Math.abs(bound))}` : number(threshold + bound));
  const low = s.MetricIntervalLowerBound, high = s.MetricIntervalUpperBound;
  const where = low === undefined && high === undefined ? "At any value" : low === undefined ? `Below ${place(high!)}` : high === undefined ? `From ${place(low)} on` : `From ${place(low)} to ${place(high)}`;
  const after = adjusted(capacity, s.ScalingAdjustment, a), bound = after === a.max && s.ScalingAdjustment > 0 ? ", the maximum" : after === a.min && s.ScalingAdjustment < 0 ? ", the minimum" : "";
  return `${where}: ${adjustmentWords(a.type, s.ScalingAdjustment)}, so ${capacity === after ? `${capacity} stays ${capacity}` : `${capacity} becomes ${after}`}${bound}.`;
}
