import { aws } from "./api";

// What the console reads and writes of CloudWatch, as its JSON protocol has it: times are Unix seconds.

export interface Dimension {
  Name: string;
  Value: string;
}

export interface Metric {
  Namespace: string;
  MetricName: string;
  Dimensions?: Dimension[];
}

export interface DataQuery {
  Id: string;
  Label?: string;
  Expression?: string;
  Period?: number;
  ReturnData?: boolean;
  MetricStat?: { Metric: Metric; Period: number; Stat: string; Unit?: string };
}

export interface MetricAlarm {
  AlarmName: string;
  AlarmArn: string;
  AlarmDescription?: string;
  ActionsEnabled: boolean;
  OKActions: string[];
  AlarmActions: string[];
  InsufficientDataActions: string[];
  StateValue: "OK" | "ALARM" | "INSUFFICIENT_DATA";
  StateReason?: string;
  StateTransitionedTimestamp?: number;
  EvaluationState?: string;
  Namespace?: string;
  MetricName?: string;
  Dimensions?: Dimension[];
  Statistic?: string;
  ExtendedStatistic?: string;
  Period?: number;
  Unit?: string;
  EvaluationPeriods?: number;
  DatapointsToAlarm?: number;
  Threshold?: number;
  ComparisonOperator?: Comparison;
  TreatMissingData?: string;
  EvaluateLowSampleCountPercentile?: string;
  Metrics?: DataQuery[];
  EvaluationInterval?: number;
  EvaluationCriteria?: { PromQLCriteria?: { Query: string; PendingPeriod?: number; RecoveryPeriod?: number } };
  EvaluationWindow?: unknown;
  WarmUpConfiguration?: unknown;
}

export interface CompositeAlarm {
  AlarmName: string;
  AlarmArn: string;
  AlarmDescription?: string;
  AlarmRule: string;
  ActionsEnabled: boolean;
  OKActions: string[];
  AlarmActions: string[];
  InsufficientDataActions: string[];
  StateValue: "OK" | "ALARM" | "INSUFFICIENT_DATA";
  StateReason?: string;
  StateTransitionedTimestamp?: number;
  ActionsSuppressedBy?: string;
  ActionsSuppressedReason?: string;
  ActionsSuppressor?: string;
  ActionsSuppressorWaitPeriod?: number;
  ActionsSuppressorExtensionPeriod?: number;
}

export type Comparison = "GreaterThanThreshold" | "GreaterThanOrEqualToThreshold" | "LessThanThreshold" | "LessThanOrEqualToThreshold";

export interface HistoryItem {
  AlarmName: string;
  Timestamp: number;
  HistoryItemType: string;
  HistorySummary: string;
  HistoryData?: string;
}

export interface DataResult {
  Id: string;
  Label: string;
  Timestamps: number[];
  Values: number[];
  StatusCode: string;
  Messages?: { Code: string; Value: string }[];
}

const call = <T,>(region: string, operation: string, input: object) => aws<T>(region, "GraniteServiceVersion20100801." + operation, input);

/** The alarm of a name; undefined where there is none. */
export async function describeAlarm(region: string, name: string): Promise<{ metric?: MetricAlarm; composite?: CompositeAlarm }> {
  const out = await call<{ MetricAlarms: MetricAlarm[]; CompositeAlarms: CompositeAlarm[] }>(region, "DescribeAlarms", {
    AlarmNames: [name], AlarmTypes: ["MetricAlarm", "CompositeAlarm"],
  });
  const metric = out.MetricAlarms[0], composite = out.CompositeAlarms[0];
  return { ...(metric && { metric }), ...(composite && { composite }) };
}

/** The composite alarms whose rules refer to an alarm. */
export const parentsOf = (region: string, name: string) =>
  call<{ CompositeAlarms: { AlarmName: string }[] }>(region, "DescribeAlarms", { ParentsOfAlarmName: name }).then((out) => out.CompositeAlarms.map((a) => a.AlarmName));

export const contributorsOf = (region: string, name: string) =>
  call<{ AlarmContributors: { ContributorId: string; ContributorAttributes: Record<string, string>; StateReason: string; StateTransitionedTimestamp?: number }[] }>(
    region, "DescribeAlarmContributors", { AlarmName: name }).then((out) => out.AlarmContributors);

/** The history of an alarm, newest first; of a time at most a thousand items. */
export async function historyOf(region: string, name: string, from: number, to: number): Promise<HistoryItem[]> {
  const all: HistoryItem[] = [];
  let token: string | undefined;
  do {
    const page = await call<{ AlarmHistoryItems: HistoryItem[]; NextToken?: string }>(region, "DescribeAlarmHistory", {
      AlarmName: name, AlarmTypes: ["MetricAlarm", "CompositeAlarm"], StartDate: from, EndDate: to, MaxRecords: 100, ...(token && { NextToken: token }),
    });
    all.push(...page.AlarmHistoryItems);
    token = page.NextToken;
  } while (token && all.length < 1000);
  return all;
}

/** Reads data of queries, oldest first. */
export async function getData(region: string, queries: DataQuery[], from: number, to: number): Promise<{ results: DataResult[]; messages: string[] }> {
  const found = new Map<string, DataResult>(), messages: string[] = [];
  let token: string | undefined;
  do {
    const page = await call<{ MetricDataResults: DataResult[]; Messages?: { Code: string; Value: string }[]; NextToken?: string }>(region, "GetMetricData", {
      MetricDataQueries: queries, StartTime: from, EndTime: to, ScanBy: "TimestampAscending", ...(token && { NextToken: token }),
    });
    for (const r of page.MetricDataResults) {
      const key = `${r.Id}\n${r.Label}`, known = found.get(key);
      if (known) { known.Timestamps.push(...r.Timestamps); known.Values.push(...r.Values); } else found.set(key, r);
    }
    messages.push(...(page.Messages ?? []).map((m) => m.Value));
    token = page.NextToken;
  } while (token);
  return { results: [...found.values()], messages };
}

/** Values at equal steps: null where there is none. from is a multiple of the step. */
export function gridOf(times: number[], values: number[], from: number, to: number, step: number): (number | null)[] {
  const out: (number | null)[] = Array(Math.max(0, Math.ceil((to - from) / step))).fill(null);
  times.forEach((t, i) => { const at = Math.round((t - from) / step); if (at >= 0 && at < out.length) out[at] = values[i] ?? null; });
  return out;
}

/** The last multiple of a step that is not after a time. */
export const aligned = (t: number, step: number) => Math.floor(t / step) * step;
