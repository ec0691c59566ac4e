import type { Comparison, MetricAlarm } from "./cloudwatch";
import { number } from "./format";

/** A number of seconds in words: 60 is "1 minute". */
export function seconds(s: number): string {
  const unit = s % 86400 === 0 ? [86400, "day"] as const : s % 3600 === 0 ? [3600, "hour"] as const : s % 60 === 0 ? [60, "minute"] as const : [1, "second"] as const;
  const n = s / unit[0];
  return `${n} ${unit[1]}${n === 1 ? "" : "s"}`;
}

export const comparisons: Record<Comparison, { words: string; sign: string; breach: "above" | "below" }> = {
  GreaterThanThreshold: { words: "greater than", sign: ">", breach: "above" },
  GreaterThanOrEqualToThreshold: { words: "greater than or equal to", sign: "≥", breach: "above" },
  LessThanThreshold: { words: "less than", sign: "<", breach: "below" },
  LessThanOrEqualToThreshold: { words: "less than or equal to", sign: "≤", breach: "below" },
};

/** The condition of an alarm: all that decides its state. */
export interface Condition {
  what: string; // that is compared
  comparison: Comparison;
  threshold: number;
  m: number;
  n: number;
  period: number; // seconds
}

/** When the alarm is in ALARM. */
export function conditionSentence(c: Condition): string {
  const periods = c.n === 1 ? `in one period of ${seconds(c.period)}` : c.m === c.n ? `in ${c.n} periods of ${seconds(c.period)} in a row` : `in at least ${c.m} of ${c.n} periods of ${seconds(c.period)} in a row`;
  return `ALARM when ${c.what} is ${comparisons[c.comparison].words} ${number(c.threshold)} ${periods}.`;
}

/** What missing data does. */
export function missingSentence(treatment: string | undefined, namespace?: string): string {
  switch (treatment || (namespace === "AWS/DynamoDB" ? "ignore" : "missing")) {
    case "ignore": return "Where too few periods have data to decide, the alarm keeps the state that it has.";
    case "breaching": return "A period without data counts as beyond the threshold: silence raises the alarm.";
    case "notBreaching": return "A period without data counts as within the threshold: silence keeps the alarm OK.";
    default: return "Periods without data are left out; with no data at all the alarm goes to INSUFFICIENT_DATA.";
  }
}

/** What a metric alarm compares, in words. */
export function whatIsWatched(a: MetricAlarm): string {
  if (a.EvaluationCriteria?.PromQLCriteria) return "the PromQL query";
  if (a.Metrics?.length) {
    const q = a.Metrics.find((x) => x.ReturnData !== false);
    return q?.Label || q?.Expression || q?.Id || "an expression";
  }
  return `the ${statistic(a.Statistic ?? a.ExtendedStatistic ?? "")} of ${a.MetricName}`;
}

/** A statistic in words. */
export function statistic(s: string): string {
  const known: Record<string, string> = { Average: "average", Sum: "sum", Minimum: "minimum", Maximum: "maximum", SampleCount: "number of samples", IQM: "interquartile mean" };
  return known[s] ?? s;
}

/** The condition of a metric alarm; undefined for PromQL. */
export function conditionOf(a: MetricAlarm): Condition | undefined {
  if (a.EvaluationCriteria?.PromQLCriteria || a.Threshold === undefined || !a.ComparisonOperator) return undefined;
  const n = a.EvaluationPeriods ?? 1;
  return { what: whatIsWatched(a), comparison: a.ComparisonOperator, threshold: a.Threshold, m: a.DatapointsToAlarm ?? n, n, period: periodOf(a) };
}

/** The period of a metric alarm, in seconds. */
export function periodOf(a: Pick<MetricAlarm, "Period" | "Metrics" | "EvaluationInterval">): number {
  const q = a.Metrics?.find((x) => x.ReturnData !== false);
  return a.Period ?? q?.MetricStat?.Period ?? q?.Period ?? a.Metrics?.find((x) => x.MetricStat)?.MetricStat?.Period ?? a.EvaluationInterval ?? 60;
}

/** When a PromQL alarm is in ALARM. */
export function promSentence(pending: number, recovery: number): string {
  const until = recovery > 0 ? ` It recovers when the series has been gone for ${seconds(recovery)}.` : "";
  return `ALARM when the query returns a series${pending > 0 ? ` for ${seconds(pending)} without a gap` : ""}; each series is a contributor with a state of its own.${until}`;
}

/** Where an action's ARN leads: a sentence and, where the console has a page for it, an address. */
export function actionOf(arn: string): { text: string; href?: string } {
  const target = /^arn:aws:autoscaling:([^:]+):[^:]*:scalingPolicy:[^:]*:resource\/sagemaker\/endpoint\/([^/]+)\/variant\/([^:/]+):policyName\/([^:]+)/.exec(arn);
  if (target) return { text: `invokes the scaling policy ${target[4]} of ${target[2]} / ${target[3]}`, href: policiesPath({ region: target[1]!, endpoint: target[2]!, variant: target[3]! }, target[4]) };
  const group = /^arn:aws:autoscaling:([^:]+):[^:]*:scalingPolicy:[^:]*:autoScalingGroupName\/(.+?)[./]([^:./]+):policyName\/(.+)$/.exec(arn);
  if (group) return { text: `invokes the group policy ${group[4]} of ${group[2]} / ${group[3]}`, href: policiesPath({ region: group[1]!, endpoint: group[2]!, variant: group[3]! }, group[4]) };
  const topic = /^arn:aws:sns:[^:]*:[^:]*:(.+)$/.exec(arn);
  if (topic) return { text: `posts a message to the webhook of topic ${topic[1]}` };
  return { text: arn };
}

/** The address of the policies of a variant, or of one of them. */
export const policiesPath = (v: { region: string; endpoint: string; variant: string }, policy?: string) =>
  "/console/policies/" + [v.region, v.endpoint, v.variant].map(encodeURIComponent).join("/") + (policy ? `?policy=${encodeURIComponent(policy)}` : "");

export const alarmPath = (region: string, name: string) => `/console/alarms/${encodeURIComponent(region)}/${encodeURIComponent(name)}`;
