import { askPromQL, promName } from "./alarmapi";
import { periodOf } from "./alarmwords";
import { aligned, getData, gridOf, historyOf, type DataQuery, type HistoryItem, type MetricAlarm } from "./cloudwatch";
import type { AlarmState, TimeBand } from "./bands";
import type { Line } from "./plot";

/** Data at equal steps, as a plot shows it. */
export interface Grid {
  from: number;
  step: number;
  times: number[];
  lines: Line[];
  messages?: string[]; // of the server: why some data is missing
}

/** The colours of curves, in order; from the seventh on they are dashed. */
export const colors = ["load", "target", "running", "desired", "p50", "alarm"];
export const colorOf = (i: number) => ({ color: colors[i % colors.length]!, ...(i >= colors.length && { dash: [4, 3] }) });

/** The queries that an alarm's datapoints come from; undefined for PromQL. */
export function queriesOf(a: Pick<MetricAlarm, "Namespace" | "MetricName" | "Dimensions" | "Statistic" | "ExtendedStatistic" | "Period" | "Unit" | "Metrics">): DataQuery[] {
  if (a.Metrics?.length) return a.Metrics;
  return [{
    Id: "m1", ReturnData: true,
    MetricStat: {
      Metric: { Namespace: a.Namespace ?? "", MetricName: a.MetricName ?? "", ...(a.Dimensions?.length && { Dimensions: a.Dimensions }) },
      Period: a.Period ?? 60, Stat: a.Statistic ?? a.ExtendedStatistic ?? "Average", ...(a.Unit && { Unit: a.Unit }),
    },
  }];
}

/** The most points of a curve that a page asks for. */
const pointsMax = 3000;

/** Reads queries over a time at the alarm's period. */
export async function readQueries(region: string, queries: DataQuery[], period: number, from: number, to: number): Promise<Grid> {
  const start = aligned(from, period), { results, messages } = await getData(region, queries, start, to);
  const all = [...messages, ...results.flatMap((r) => r.Messages?.map((m) => `${r.Label}: ${m.Value}`) ?? [])];
  return { ...gridFrom(results.map((r) => ({ label: r.Label, times: r.Timestamps, values: r.Values })), start, to, period), messages: all };
}

export function gridFrom(series: { label: string; times: number[]; values: number[] }[], from: number, to: number, step: number): Grid {
  const lines = series.map((s, i) => ({ label: s.label, values: gridOf(s.times, s.values, from, to, step), ...colorOf(i) }));
  const n = lines[0]?.values.length ?? Math.max(0, Math.ceil((to - from) / step));
  return { from, step, times: Array.from({ length: n }, (_, i) => from + i * step), lines };
}

/** Reads a PromQL query over a time: its first twenty series. */
export async function readPromQL(region: string, query: string, interval: number, from: number, to: number): Promise<Grid> {
  const step = Math.max(interval, Math.ceil((to - from) / pointsMax / 60) * 60), start = aligned(from, step);
  const found = await askPromQL(region, query, start, to, step);
  return gridFrom(found.slice(0, 20).map((s) => ({ label: promName(s.metric), times: s.values.map(([t]) => t), values: s.values.map(([, v]) => Number(v)) })), start, to, step);
}

/** Reads what an alarm watches over a time. */
export function readAlarm(region: string, a: MetricAlarm, from: number, to: number): Promise<Grid> {
  const prom = a.EvaluationCriteria?.PromQLCriteria;
  return prom ? readPromQL(region, prom.Query, a.EvaluationInterval ?? 60, from, to) : readQueries(region, queriesOf(a), periodOf(a), from, to);
}

/** The states of an alarm over a time, and its history there. */
export async function readHistory(region: string, a: { AlarmName: string; StateValue: AlarmState }, from: number, to: number): Promise<{ bands: TimeBand[]; items: HistoryItem[] }> {
  const items = await historyOf(region, a.AlarmName, from, to);
  return { items, bands: bandsOf(items, a.StateValue, from, to) };
}

/** The bands between the changes of state of a history, which is newest first. The alarm is in state now at the end. */
export function bandsOf(items: HistoryItem[], now: AlarmState, from: number, to: number): TimeBand[] {
  const out: TimeBand[] = [];
  let end = to, state = now;
  for (const x of items) {
    if (x.HistoryItemType === "ConfigurationUpdate" && /created/i.test(x.HistorySummary)) {
      out.unshift({ state, from: x.Timestamp, to: end });
      return out;
    }
    if (x.HistoryItemType !== "StateUpdate") continue;
    out.unshift({ state, from: x.Timestamp, to: end });
    end = x.Timestamp;
    state = oldState(x) ?? state;
  }
  if (end > from) out.unshift({ state, from, to: end });
  return out;
}

function oldState(x: HistoryItem): AlarmState | undefined {
  try { return JSON.parse(x.HistoryData ?? "{}").oldState?.stateValue; } catch { return undefined; } // HistoryData may be cut
}
