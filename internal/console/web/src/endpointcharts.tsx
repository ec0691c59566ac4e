import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { oneAtATime } from "./api";
import { aligned, getData, gridOf, type DataQuery } from "./cloudwatch";
import { Plot, type Line } from "./plot";
import { now, useStream } from "./stream";
import type { Endpoint } from "./types";
import "./pages.css";

const hour = 3600, step = 60;

/** The curves of each chart: metric, namespace, statistic, what a value is divided by, label and colour. */
const curves = [
  ["Requests a minute", "Invocations", "AWS/SageMaker", "Sum", 1, "requests", "load"],
  ["Latency of the model, ms", "ModelLatency", "AWS/SageMaker", "p50", 1000, "p50", "running"],
  ["Latency of the model, ms", "ModelLatency", "AWS/SageMaker", "p95", 1000, "p95", "load"],
  ["Latency of the model, ms", "ModelLatency", "AWS/SageMaker", "p99", 1000, "p99", "target"],
  ["Errors a minute", "Invocation4XXErrors", "AWS/SageMaker", "Sum", 1, "4XX", "desired"],
  ["Errors a minute", "Invocation5XXErrors", "AWS/SageMaker", "Sum", 1, "5XX", "alarm"],
  ["Utilisation, %", "CPUUtilization", "/aws/sagemaker/Endpoints", "Average", 1, "CPU", "load"],
  ["Utilisation, %", "MemoryUtilization", "/aws/sagemaker/Endpoints", "Average", 1, "memory", "running"],
] as const;

const charts = [...new Set(curves.map(([chart]) => chart))];

function queries(endpoint: string, variant: string): DataQuery[] {
  const Dimensions = [{ Name: "EndpointName", Value: endpoint }, { Name: "VariantName", Value: variant }];
  return curves.map(([, MetricName, Namespace, Stat], i) => ({ Id: `c${i}`, MetricStat: { Metric: { Namespace, MetricName, Dimensions }, Period: step, Stat } }));
}

/** What a variant did in the last hour. */
export function EndpointCharts({ x }: { x: Endpoint }) {
  const names = x.variants.map((v) => v.variant);
  const [chosen, choose] = useState("");
  const variant = names.includes(chosen) ? chosen : names[0] ?? "";
  const [data, setData] = useState<{ from: number; to: number; values: (number | null)[][] }>();
  const [failure, setFailure] = useState("");
  const load = useMemo(() => oneAtATime(async () => {
    if (!variant) return;
    const to = aligned(now() / 1000, step) + step, from = to - hour;
    await getData(x.region, queries(x.endpoint, variant), from, to).then(({ results }) => {
      const of = new Map(results.map((r) => [r.Id, r]));
      setData({ from, to, values: curves.map(([, , , , divisor], i) => gridOf(of.get(`c${i}`)?.Timestamps ?? [], (of.get(`c${i}`)?.Values ?? []).map((v) => v / divisor), from, to, step)) });
      setFailure("");
    }, (e) => setFailure(e.message));
  }), [x.region, x.endpoint, variant]);
  useEffect(() => { setData(undefined); load.run(); return load.stop; }, [load]);
  useStream(useCallback((event: string) => { if (event === "tick" && document.visibilityState === "visible") load.run(); }, [load]));
  const times = useMemo(() => (data ? Array.from({ length: hour / step }, (_, i) => data.from + i * step) : []), [data]);
  const lines = useMemo(() => charts.map((chart) => curves.flatMap(([c, , , , , label, color], i): Line[] => (c === chart ? [{ label, color, values: data?.values[i] ?? [] }] : []))), [data]);
  return (
    <>
      <div class="heading">
        <h2 id="hour">The last hour</h2>
        {names.length > 1 && <div class="choice" role="group" aria-label="Variant shown">{names.map((n) => <button key={n} aria-pressed={n === variant} onClick={() => choose(n)}>{n}</button>)}</div>}
      </div>
      {failure && <p class="failure" role="alert">{failure}</p>}
      <div class="charts">
        {charts.map((chart, i) => (
          <figure key={chart}>
            <figcaption>{chart}</figcaption>
            {data ? <Plot from={data.from} to={data.to} times={times} lines={lines[i]!} height={130} label={chart} empty="no data in this hour" /> : <div class="waiting" />}
          </figure>
        ))}
      </div>
    </>
  );
}
