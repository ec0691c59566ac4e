import { useContext, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { readPromQL, readQueries, type Grid } from "./alarmdata";
import { alarmPath } from "./alarmwords";
import { oneAtATime } from "./api";
import { CopyAs } from "./copymenu";
import { TextField } from "./fields";
import { duration, iso, number, zone } from "./format";
import { MetricAlarmForm } from "./metricalarmform";
import { cloudwatch } from "./operation";
import { Plot } from "./plot";
import { decodeRows, encodeRows, periods, queriesOfRows, type Row } from "./queries";
import { QueryRows } from "./queryrows";
import { RangeTools, useRange } from "./range";
import { go, set, useAddress } from "./router";
import { csv, picture, save } from "./save";
import { ChangeButton, SessionContext } from "./session";
import { now, useStream } from "./stream";
import { useSettled } from "./tryoutview";
import "./pages.css";

/** At most so many points of a curve are asked for; the period grows with the time shown. */
const pointsMax = 1500;

/** The shortest period that has data and few enough points for a time that begins at from. */
function periodFor(length: number, age: number): number {
  const kept = age > 63 * 86400 ? 3600 : age > 15 * 86400 ? 300 : 60;
  return Math.max(kept, ...[60, 300, 900, 3600, 21600, 86400].filter((p) => length / p <= pointsMax).slice(0, 1));
}

/** Any metrics, metric math and PromQL over time. The address holds all of what is shown. */
export function MetricsPage() {
  const { query } = useAddress(), session = useContext(SessionContext)!;
  const region = query.get("region") ?? session.region, promql = query.get("language") === "promql";
  const range = useRange(), prom = query.get("query") ?? "", text = query.get("rows") ?? "";
  const rows = useMemo(() => decodeRows(text), [text]);
  const age = range.fixed ? now() / 1000 - range.from : range.length;
  const period = Number(query.get("period")) || periodFor(range.length, age);
  const data = useData({ region, promql, rows, prom, period, range });
  const canvas = useRef<HTMLCanvasElement | undefined>(undefined);
  useEffect(() => { document.title = "Metrics – Bellows"; }, []);
  const put = (rows: Row[]) => set({ rows: rows.length ? encodeRows(rows) : undefined });
  return (
    <>
      <div class="heading">
        <h1>Metrics</h1>
        <Buttons region={region} promql={promql} rows={rows} period={period} data={data} canvas={() => canvas.current} />
      </div>
      <div class="tools">
        <div class="choice" role="group" aria-label="Language">
          <button aria-pressed={!promql} onClick={() => set({ language: undefined }, false)}>Metrics and math</button>
          <button aria-pressed={promql} onClick={() => set({ language: "promql" }, false)}>PromQL</button>
        </div>
        {!promql && <label>Period <select value={query.get("period") ?? ""} onChange={(e) => set({ period: e.currentTarget.value })}>
          <option value="">automatic: {duration(period * 1000)}</option>{periods.map(([p, label]) => <option key={p} value={p}>{label}</option>)}
        </select></label>}
        {session.regions.length > 1 && <label>Region <select value={region} onChange={(e) => set({ region: e.currentTarget.value })}>{session.regions.map((r) => <option key={r}>{r}</option>)}</select></label>}
      </div>
      <RangeTools range={range} note={`times in ${zone()}`} />
      {data.failure && <p class="refusal" role="alert">{data.failure}</p>}
      {data.messages.map((m) => <p class="warning" key={m}>{m}</p>)}
      <Plot from={data.from} to={data.to} times={data.grid.times} lines={data.grid.lines} height={300} label="Metrics" onCanvas={(c) => { canvas.current = c; }}
        empty={(promql ? !prom : rows.length === 0) ? "Choose what to draw below." : data.loading ? "Loading …" : "no data in this time"}
        onZoom={(from, to) => set({ from: iso(from * 1000), to: iso(to * 1000), range: undefined }, false)} />
      {promql ? <TextField label="PromQL" rows={3} value={prom} onValue={(v) => set({ query: v })} placeholder='sum by (EndpointName) (aws_sagemaker_invocations_sum)' hint="The metrics of CloudWatch are named NAMESPACE_METRIC with _sum, _count, _min and _max." />
        : <QueryRows region={region} rows={rows} onRows={put} />}
      <Summary grid={data.grid} />
    </>
  );
}

interface Data {
  grid: Grid;
  from: number;
  to: number;
  failure: string;
  messages: string[];
  loading: boolean;
}

interface Asked {
  region: string;
  promql: boolean;
  rows: Row[];
  prom: string;
  period: number;
  range: ReturnType<typeof useRange>;
}

const none: Grid = { from: 0, step: 60, times: [], lines: [] };

function useData(asked: Asked): Data {
  const { region, promql, rows, prom, period, range } = asked;
  const key = JSON.stringify([region, promql, rows, prom, period, range]);
  const settled = useSettled(asked, key);
  const [data, setData] = useState<Data>(() => ({ grid: none, from: now() / 1000 - range.length, to: now() / 1000, failure: "", messages: [], loading: true }));
  const load = useMemo(() => oneAtATime(async () => {
    const { region, promql, rows, prom, period, range } = settled;
    const to = range.fixed ? range.to : now() / 1000, from = range.fixed ? range.from : to - range.length;
    try {
      const complete = rows.filter((r) => r.metric || r.expression?.trim());
      const grid = promql ? (prom.trim() ? await readPromQL(region, prom, Math.max(60, Math.ceil(range.length / pointsMax / 60) * 60), from, to) : none)
        : complete.some((r) => !r.hidden) ? await readQueries(region, queriesOfRows(complete, period), period, from, to) : none;
      setData({ grid, from, to, failure: "", messages: grid.messages ?? [], loading: false });
    } catch (e) {
      setData({ grid: none, from, to, failure: (e as Error).message, messages: [], loading: false });
    }
  }), [settled]);
  useEffect(() => { load.run(); return load.stop; }, [load]);
  useStream((event) => { if (event === "tick" && !range.fixed && document.visibilityState === "visible") load.run(); });
  return data;
}

function Buttons({ region, promql, rows, period, data, canvas }: { region: string; promql: boolean; rows: Row[]; period: number; data: Data; canvas: () => HTMLCanvasElement | undefined }) {
  const [alarm, open] = useState(false);
  const empty = data.grid.lines.length === 0, name = `metrics-${iso(Math.round(data.to) * 1000).replaceAll(":", "")}`;
  const png = () => { const c = canvas(); if (c) void picture(c, data.grid).then((b) => b && save(name + ".png", b)); };
  return (
    <div class="buttons">
      <button disabled={empty} onClick={() => save(name + ".csv", new Blob([csv(data.grid)], { type: "text/csv" }))}>Save as CSV</button>
      <button disabled={empty} onClick={png}>Save as PNG</button>
      {!promql && <ChangeButton because={rows.length === 0 ? "Choose a metric first." : undefined} onClick={() => open(true)}>Create alarm</ChangeButton>}
      {!promql && rows.length > 0 && <CopyAs operations={[cloudwatch(region, "GetMetricData", { MetricDataQueries: queriesOfRows(rows, period), StartTime: Math.round(data.from), EndTime: Math.round(data.to) })]} />}
      {alarm && <MetricAlarmForm region={region} rows={watchOne(rows)} period={Math.max(60, period)} onClose={() => open(false)} onDone={(n) => go(alarmPath(region, n))} />}
    </div>
  );
}

/** Rows of which only the first shown one is watched. */
function watchOne(rows: Row[]): Row[] {
  const first = rows.findIndex((r) => !r.hidden);
  return rows.map((r, i) => ({ ...r, hidden: i !== first }));
}

/** The figures of each curve over the time shown. */
function Summary({ grid }: { grid: Grid }) {
  if (grid.lines.length === 0) return null;
  return (
    <div class="scrolled" tabIndex={0} role="group" aria-label="Figures">
      <table class="querytable figures">
        <thead><tr><th>Curve</th><th>Minimum</th><th>Mean</th><th>Maximum</th><th>Newest</th><th>Values</th></tr></thead>
        <tbody>{grid.lines.map((l, i) => {
          const real = l.values.filter((v) => v !== null), sum = real.reduce((a, b) => a + b, 0);
          const low = real.reduce((a, b) => Math.min(a, b), Infinity), high = real.reduce((a, b) => Math.max(a, b), -Infinity);
          return <tr key={i}><td>{l.label}</td><td>{number(low)}</td><td>{number(sum / real.length)}</td><td>{number(high)}</td><td>{number(real.at(-1) ?? NaN)}</td><td>{real.length} of {l.values.length}</td></tr>;
        })}</tbody>
      </table>
    </div>
  );
}
