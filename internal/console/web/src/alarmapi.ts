import { call, query, Refusal } from "./api";
import type { AlarmState, TimeBand } from "./bands";
import type { Comparison } from "./cloudwatch";

// The parts of the console's API for alarms, schedules and queries; openapi.yaml describes them.

export interface ListedAlarm {
  region: string;
  name: string;
  short: string;
  kind: "metric" | "math" | "promql" | "composite";
  state: AlarmState;
  since: string;
  reason?: string;
  watches: string;
  condition?: string;
  endpoint?: string;
  variant?: string;
  actions: number;
  actions_enabled: boolean;
  owned: boolean;
}

export interface AlarmList {
  now: string;
  all: number;
  total: number;
  counts: Partial<Record<AlarmState | "disabled", number>>;
  alarms: ListedAlarm[];
}

export const getAlarms = (p: { q?: string; state?: string; kind?: string; sort?: string; offset?: number; limit?: number }, signal?: AbortSignal) =>
  call<AlarmList>("alarms" + query(p), signal ? { signal } : {});

export interface RulePart {
  op: "STATE" | "AND" | "OR" | "NOT" | "AT_LEAST" | "TRUE" | "FALSE";
  holds: boolean;
  count?: number;
  want?: AlarmState;
  except?: boolean;
  alarms?: { name: string; state?: AlarmState; exists: boolean }[];
  parts?: RulePart[];
}

export const getRule = (region: string, rule: string, signal?: AbortSignal) => call<RulePart>("rule" + query({ region, rule }), signal ? { signal } : {});

export interface TryoutRequest {
  comparison: Comparison;
  threshold: number;
  evaluation_periods: number;
  datapoints_to_alarm: number;
  treat_missing_data: string;
  from: number;
  step: number;
  values: (number | null)[];
}

export interface Tryout {
  bands: TimeBand[];
  alarms: number;
  seconds: number;
  breaches: number;
  real: number;
}

export const tryOut = (r: TryoutRequest, signal?: AbortSignal) =>
  call<Tryout>("tryout", { method: "POST", body: JSON.stringify(r), headers: { "Content-Type": "application/json" }, ...(signal && { signal }) });

export const getSchedule = (p: { region: string; schedule: string; timezone?: string; start?: string; end?: string; min?: number; max?: number; runs?: number }, signal?: AbortSignal) =>
  call<{ now: string; runs: string[] }>("schedule" + query(p), signal ? { signal } : {});

export interface PromSeries {
  metric: Record<string, string>;
  values: [number, string][];
}

/** A range query of PromQL; times and step in seconds. */
export async function askPromQL(region: string, promql: string, from: number, to: number, step: number, signal?: AbortSignal): Promise<PromSeries[]> {
  const parameters = query({ region, query: promql, start: from, end: to, step });
  const response = await fetch("/console/api/promql" + parameters, { headers: { Accept: "application/json" }, ...(signal && { signal }) });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(response.status, body.errorType ?? body.error?.code ?? "InternalFailure", typeof body.error === "string" ? body.error : body.error?.message ?? "The query failed.");
  return body.data.resultType === "matrix" ? body.data.result : [];
}

/** A series' name as PromQL writes it. What its name says already, as CloudWatch's metrics have it in labels too, is left out. */
export function promName(labels: Record<string, string>): string {
  const { __name__: name = "", ...all } = labels;
  const { account: _, region: _r, namespace: _n, metric: _m, unit: _u, ...short } = all;
  const rest = name.startsWith("aws_") && all["metric"] ? short : all;
  const inner = Object.entries(rest).map(([k, v]) => `${k}="${v}"`).join(", ");
  return name + (inner || !name ? `{${inner}}` : "");
}
