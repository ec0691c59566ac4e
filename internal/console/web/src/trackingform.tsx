import { conditionsOf, queriesOfTracking } from "./tracking";
import type { VariantName } from "./api";
import { CheckField, NumberField, numberOf, SelectField } from "./fields";
import { number } from "./format";
import { queriesOfRows, rowsOfQueries, type Row } from "./queries";
import { QueryRows } from "./queryrows";
import { predefined, type TargetTracking } from "./scalingapi";
import { TryoutView } from "./tryoutview";

export interface TrackingState {
  source: "predefined" | "metric" | "math";
  predefined: string;
  rows: Row[];
  unit: string;
  target: string;
  out: string;
  in: string;
  disabled: boolean;
}

export function trackingState(t: TargetTracking | undefined): TrackingState {
  const custom = t?.CustomizedMetricSpecification;
  const rows = custom?.Metrics ? rowsOfQueries(custom.Metrics.map((m) => ({ ...m, ...(m.MetricStat && { MetricStat: { ...m.MetricStat, Period: 60 } }) }) as never))
    : custom ? [{ id: "m1", label: "", hidden: false, stat: custom.Statistic ?? "Average", metric: { Namespace: custom.Namespace ?? "", MetricName: custom.MetricName ?? "", ...(custom.Dimensions && { Dimensions: custom.Dimensions }) } }] : [];
  return {
    source: custom?.Metrics ? "math" : custom ? "metric" : "predefined", predefined: t?.PredefinedMetricSpecification?.PredefinedMetricType ?? "SageMakerVariantInvocationsPerInstance", rows,
    unit: custom?.Unit ?? "", target: t ? String(t.TargetValue) : "", out: t?.ScaleOutCooldown === undefined ? "" : String(t.ScaleOutCooldown), in: t?.ScaleInCooldown === undefined ? "" : String(t.ScaleInCooldown), disabled: t?.DisableScaleIn ?? false,
  };
}

/** The configuration of target tracking; undefined while something is missing. */
export function trackingOf(s: TrackingState): TargetTracking | undefined {
  const target = numberOf(s.target), out = numberOf(s.out), inward = numberOf(s.in), row = s.rows.find((r) => r.metric);
  if (target === undefined || (s.source !== "predefined" && s.rows.length === 0) || (s.source === "metric" && !row)) return undefined;
  return {
    TargetValue: target,
    ...(s.source === "predefined" ? { PredefinedMetricSpecification: { PredefinedMetricType: s.predefined } }
      : s.source === "metric" ? { CustomizedMetricSpecification: { ...row!.metric!, Statistic: row!.stat ?? "Average", ...(s.unit && { Unit: s.unit }) } }
        : { CustomizedMetricSpecification: { Metrics: queriesOfRows(s.rows, 60).map(({ Period: _, MetricStat, ...q }) => ({ ...q, ...(MetricStat && { MetricStat: { Metric: MetricStat.Metric, Stat: MetricStat.Stat } }) })) } }),
    ...(out !== undefined && { ScaleOutCooldown: out }), ...(inward !== undefined && { ScaleInCooldown: inward }), ...(s.disabled && { DisableScaleIn: true }),
  };
}

/** The fields of target tracking, what it does in a sentence, and both alarms over the last day's data. */
export function TrackingFields({ v, state, change, of }: { v: VariantName; state: TrackingState; change: (part: Partial<TrackingState>) => void; of: (field: string) => string | undefined }) {
  // A refusal of "Cooldown" does not say which: it stands beside the one that is negative, else beside both.
  const cooldown = of("cooldown"), negative = [state.out, state.in].filter((x) => (numberOf(x) ?? 0) < 0);
  const ofCooldown = (field: string, value: string) => of(field) ?? (negative.length === 0 || negative.includes(value) ? cooldown : undefined);
  const t = trackingOf(state), target = numberOf(state.target);
  const rows = state.source === "metric" ? state.rows.filter((r) => r.metric).slice(0, 1) : state.rows;
  const put = (rows: Row[]) => change({ rows: state.source === "metric" ? rows.slice(-1).map((r) => ({ ...r, id: "m1", hidden: false })) : rows });
  return (
    <>
      <div class="choice" role="group" aria-label="Metric">
        {([["predefined", "Predefined metric"], ["metric", "Another metric"], ["math", "Metric math"]] as const).map(([k, label]) => <button type="button" key={k} aria-pressed={state.source === k} onClick={() => change({ source: k })}>{label}</button>)}
      </div>
      {state.source === "predefined" ? (
        <SelectField label="Metric" value={state.predefined} onValue={(x) => change({ predefined: x })} options={Object.entries(predefined).map(([k, p]) => [k, p.label] as const)} error={of("metric")} hint={state.predefined} />
      ) : <><QueryRows region={v.region} rows={rows} onRows={put} one />{of("metric") && <small class="failure" role="alert">{of("metric")}</small>}</>}
      <div class="fields-in-line">
        <NumberField label="Target value" value={state.target} onValue={(x) => change({ target: x })} error={of("target")} />
        <NumberField label="Scale-out cooldown" unit="s" value={state.out} onValue={(x) => change({ out: x })} error={ofCooldown("out", state.out)} hint="empty: 300" />
        <NumberField label="Scale-in cooldown" unit="s" value={state.in} onValue={(x) => change({ in: x })} error={ofCooldown("in", state.in)} hint="empty: 300" />
      </div>
      <CheckField label="Never scale in" value={state.disabled} onValue={(x) => change({ disabled: x })} />
      {target !== undefined && <p>{trackingSentence(target, state.disabled, state.source === "predefined" ? predefined[state.predefined]?.period ?? 60 : 60)}</p>}
      <TryoutView region={v.region} queries={t && queriesOfTracking(v, t)} trials={t && conditionsOf(t)} />
    </>
  );
}

function trackingSentence(target: number, disabled: boolean, period: number): string {
  const out = `Above ${number(target)} in 3 periods of ${period === 60 ? "a minute" : `${period} seconds`} in a row, AlarmHigh scales out to load ÷ ${number(target)}, rounded up.`;
  return out + (disabled ? " It never scales in." : ` Below ${number((target * 9) / 10)} for 15 minutes in a row, AlarmLow scales in the same way.`);
}
