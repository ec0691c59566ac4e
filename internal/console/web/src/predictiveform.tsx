import { useEffect, useState } from "preact/hooks";
import { aws, type VariantName } from "./api";
import { NumberField, numberOf, SelectField, TextField } from "./fields";
import { colorOf } from "./alarmdata";
import { variantTarget } from "./operation";
import { Plot } from "./plot";
import type { Predictive } from "./scalingapi";
import { now } from "./stream";

export interface PredictiveState {
  pair: string; // "": the specifications are given as JSON
  target: string;
  json: string;
  mode: string;
  buffer: string;
  breach: string;
  maxBuffer: string;
}

export function predictiveState(p: Predictive | undefined): PredictiveState {
  const first = p?.MetricSpecifications[0], pair = first?.PredefinedMetricPairSpecification?.PredefinedMetricType;
  return {
    pair: p && !pair ? "" : pair ?? "SageMakerVariantInvocations", target: first ? String(first.TargetValue) : "", json: p ? JSON.stringify(p.MetricSpecifications, null, 2) : "",
    mode: p?.Mode ?? "ForecastOnly", buffer: p?.SchedulingBufferTime === undefined ? "" : String(p.SchedulingBufferTime), breach: p?.MaxCapacityBreachBehavior ?? "HonorMaxCapacity",
    maxBuffer: p?.MaxCapacityBuffer === undefined ? "" : String(p.MaxCapacityBuffer),
  };
}

/** The specifications of the JSON field; undefined where it is no JSON list. */
function specifications(text: string): Predictive["MetricSpecifications"] | undefined {
  try {
    const v: unknown = JSON.parse(text);
    return Array.isArray(v) ? v : undefined;
  } catch { return undefined; }
}

export function predictiveOf(s: PredictiveState): Predictive | undefined {
  const target = numberOf(s.target), buffer = numberOf(s.buffer), maxBuffer = numberOf(s.maxBuffer);
  const specs = s.pair ? target === undefined ? undefined : [{ TargetValue: target, PredefinedMetricPairSpecification: { PredefinedMetricType: s.pair } }] : specifications(s.json);
  return specs && {
    MetricSpecifications: specs, Mode: s.mode, ...(buffer !== undefined && { SchedulingBufferTime: buffer }), MaxCapacityBreachBehavior: s.breach, ...(maxBuffer !== undefined && s.breach === "IncreaseMaxCapacity" && { MaxCapacityBuffer: maxBuffer }),
  };
}

/** The fields of predictive scaling and what it does in a sentence. */
export function PredictiveFields({ state, change, of }: { state: PredictiveState; change: (part: Partial<PredictiveState>) => void; of: (field: string) => string | undefined }) {
  const scales = state.mode === "ForecastAndScale";
  return (
    <>
      <SelectField label="Metrics" value={state.pair} onValue={(pair) => change({ pair })} error={of("metric")}
        options={[["SageMakerVariantInvocations", "invocations per minute"], ["SageMakerVariantCPUUtilization", "CPU utilisation in percent"], ["", "specifications of my own, as JSON"]]} />
      {state.pair ? <NumberField label="Target value of an instance" value={state.target} onValue={(target) => change({ target })} error={of("target")} />
        : <TextField label="Metric specifications" rows={8} value={state.json} onValue={(json) => change({ json })} error={specifications(state.json) ? of("metric") : "This is no JSON list."} hint="MetricSpecifications of PutScalingPolicy." />}
      <div class="fields-in-line">
        <SelectField label="Mode" value={state.mode} onValue={(mode) => change({ mode })} options={[["ForecastOnly", "forecast only"], ["ForecastAndScale", "forecast and scale"]]} error={of("mode")} />
        <NumberField label="Scale before the hour" unit="s" value={state.buffer} onValue={(buffer) => change({ buffer })} error={of("buffer")} hint="empty: 300" />
        <SelectField label="Forecast above the maximum" value={state.breach} onValue={(breach) => change({ breach })} options={[["HonorMaxCapacity", "keeps to the maximum"], ["IncreaseMaxCapacity", "raises the maximum"]]} error={of("breach")} />
        {state.breach === "IncreaseMaxCapacity" && <NumberField label="Raise it above the forecast by" unit="%" value={state.maxBuffer} onValue={(maxBuffer) => change({ maxBuffer })} error={of("maxBuffer")} />}
      </div>
      <p>After 24 hours of data it forecasts the next 48 hours, anew each six hours, from up to 14 days. {scales ? `Each hour's capacity is asked for ${state.buffer || 300} s before it begins; a forecast never scales in.` : "It changes nothing: the forecast is only shown."}</p>
    </>
  );
}

/** The forecast of a policy: capacity by the hour, a day back and two ahead. */
export function Forecast({ v, policy }: { v: VariantName; policy: string }) {
  const [shown, setShown] = useState<{ times: number[]; values: number[] }>();
  const [failure, setFailure] = useState("");
  const at = now() / 1000, from = at - 86400, to = at + 2 * 86400;
  useEffect(() => {
    aws<{ CapacityForecast: { Timestamps: number[]; Values: number[] } }>(v.region, "AnyScaleFrontendService.GetPredictiveScalingForecast", {
      ...variantTarget(v.endpoint, v.variant), PolicyName: policy, StartTime: Math.round(from), EndTime: Math.round(to),
    }).then((f) => setShown({ times: f.CapacityForecast.Timestamps, values: f.CapacityForecast.Values }), (e: Error) => setFailure(e.message));
  }, [policy]);
  if (failure) return <p class="dim">No forecast: {failure}</p>;
  if (!shown) return <p class="dim">Reading the forecast …</p>;
  return <Plot from={from} to={to} times={shown.times} lines={[{ label: "forecast capacity", values: shown.values, ...colorOf(1), stepped: true }]} height={120} label="Forecast" legend={false} empty="There is no forecast yet: it needs 24 hours of data." />;
}
