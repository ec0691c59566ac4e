import type { DataQuery, Metric } from "./cloudwatch";

/** A curve of the metrics explorer, or a query of an alarm: a statistic of a metric, or an expression on other rows. */
export interface Row {
  id: string;
  label: string;
  hidden: boolean; // it only serves expressions
  expression?: string;
  metric?: Metric;
  stat?: string;
}

export const statistics = ["Average", "Sum", "Minimum", "Maximum", "SampleCount", "p50", "p90", "p95", "p99", "p99.9", "TM(10%:90%)", "IQM"] as const;

export const periods: [string, string][] = [
  ["1", "1 second"], ["10", "10 seconds"], ["60", "1 minute"], ["300", "5 minutes"], ["900", "15 minutes"], ["3600", "1 hour"], ["21600", "6 hours"], ["86400", "1 day"],
];

/** The queries of rows, as GetMetricData and alarms take them. */
export function queriesOfRows(rows: readonly Row[], period: number): DataQuery[] {
  return rows.map((r) => ({
    Id: r.id,
    ...(r.label && { Label: r.label }),
    ReturnData: !r.hidden,
    ...(r.metric ? { MetricStat: { Metric: r.metric, Period: period, Stat: r.stat ?? "Average" } } : { Expression: r.expression ?? "", Period: period }),
  }));
}

export function rowsOfQueries(queries: readonly DataQuery[]): Row[] {
  return queries.map((q) => ({
    id: q.Id, label: q.Label ?? "", hidden: q.ReturnData === false,
    ...(q.MetricStat ? { metric: q.MetricStat.Metric, stat: q.MetricStat.Stat } : { expression: q.Expression ?? "" }),
  }));
}

/** The first name of a kind that no row has: m1, m2 … for metrics, e1 … for expressions. */
export function newID(rows: readonly Row[], kind: "m" | "e"): string {
  for (let i = 1; ; i++) if (!rows.some((r) => r.id === kind + i)) return kind + i;
}

/** A metric in words: "Invocations of iris / AllTraffic". */
export function metricWords(m: Metric): string {
  return `${m.MetricName}${m.Dimensions?.length ? ` of ${m.Dimensions.map((d) => d.Value).join(" / ")}` : ""}`;
}

/** The text of rows in an address. */
export const encodeRows = (rows: readonly Row[]) => JSON.stringify(rows.map((r) => [
  r.id, r.label, r.hidden ? 1 : 0, ...(r.metric ? [r.stat, r.metric.Namespace, r.metric.MetricName, ...(r.metric.Dimensions ?? []).flatMap((d) => [d.Name, d.Value])] : [r.expression]),
]));

/** The rows of an address; none where it is not well formed. */
export function decodeRows(text: string): Row[] {
  try {
    const all: unknown = JSON.parse(text || "[]");
    if (!Array.isArray(all)) return [];
    return all.flatMap((x: unknown): Row[] => {
      if (!Array.isArray(x) || x.length < 4 || typeof x[0] !== "string") return [];
      const [id, label, hidden, first, Namespace, MetricName, ...rest] = x.map(String) as [string, string, string, string, string?, string?, ...string[]];
      const row = { id, label, hidden: hidden === "1" };
      if (x.length < 6) return [{ ...row, expression: first }];
      const Dimensions = Array.from({ length: Math.floor(rest.length / 2) }, (_, i) => ({ Name: rest[2 * i]!, Value: rest[2 * i + 1]! }));
      return [{ ...row, stat: first, metric: { Namespace: Namespace ?? "", MetricName: MetricName ?? "", ...(Dimensions.length > 0 && { Dimensions }) } }];
    });
  } catch { return []; }
}
