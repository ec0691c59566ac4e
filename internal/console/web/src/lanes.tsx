import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { clock, duration, ms, number } from "./format";
import { drawAlarms, drawCapacity, drawInstances, drawLoad, drawMarks, instancesHeight, marksHeight, type Painter } from "./paint";
import { now } from "./stream";
import type { Series, Timeline } from "./types";

interface Shared {
  timeline: Timeline;
  at: number | undefined;
  load: Series | undefined;
  onSelect: (at: number) => void;
  onZoom: (from: number, to: number) => void;
}

/** The lanes of the timeline on one time axis, with one crosshair. */
export function Lanes({ timeline, at, onSelect, onZoom }: {
  timeline: Timeline | undefined; at: number | undefined; onSelect: (at: number) => void; onZoom: (from: number, to: number) => void;
}) {
  const [chosen, choose] = useState("");
  if (!timeline) return <div class="lanes loading" role="status">Loading the timeline …</div>;
  const load = timeline.loads.find((s) => s.id === chosen) ?? timeline.loads[0];
  const shared: Shared = { timeline, at, load, onSelect, onZoom };
  const steps = timeline.capacity, last = steps.at(-1);
  return (
    <div class="lanes">
      <Lane name="Load" note={<select aria-label="Metric" value={load?.id} onChange={(e) => choose(e.currentTarget.value)}>
        {timeline.loads.map((s) => <option key={s.id} value={s.id}>{s.label}{s.unit && ` ${s.unit}`}</option>)}</select>}
        height={150} shared={shared} data={loadData(load)} series={loadSeries} paint={(u, s) => drawLoad(u, s.timeline, s.load)} floor
        empty={load && load.values.some((v) => v !== null) ? "" : "no invocations in this time"} describe={describeLoad(load)} />
      <Lane name="Alarms" note="" height={Math.max(1, timeline.alarms.length) * 20 + 2} shared={shared} data={frame(timeline)} series={[]}
        paint={(u, s) => drawAlarms(u, s.timeline)} empty={timeline.alarms.length ? "" : "no alarm invokes a policy of this variant"}
        describe={timeline.alarms.map((a) => `${a.short} ${a.condition ?? ""}: ${a.bands.at(-1)?.state ?? "gone"}`).join("; ")} />
      <Lane name="Capacity" note={<Legend names={["running", "desired", "cooldown", ...(timeline.forecast.length > 0 ? ["forecast"] : [])]} />} height={120} shared={shared} data={capacityData(timeline)} series={capacitySeries} floor
        paint={(u, s) => drawCapacity(u, s.timeline)} empty=""
        describe={last ? `${last.running} of ${last.desired} instances serve; ${timeline.changes.length} changes` : "no instances"} />
      {timeline.marks.length > 0 && <Lane name="Actions" note="" height={marksHeight(timeline)} shared={shared} data={frame(timeline)} series={[]}
        paint={(u, s) => drawMarks(u, s.timeline)} empty="" describe={timeline.marks.slice(-5).map((m) => `${m.kind} ${m.text}`).join("; ")} />}
      <Lane name="Instances" note={<Legend names={["starting", "serving", "draining"]} />} height={instancesHeight(timeline)} shared={shared} data={frame(timeline)} series={[]}
        paint={(u, s) => drawInstances(u, s.timeline)} empty={timeline.instances.length ? "" : "no instances in this time"}
        describe={`${timeline.instances.length} instances`} />
      <Lane name="Latency" note={<>ms <Legend names={["p50", "p95", "p99", "errors"]} /></>} height={100} shared={shared} data={latencyData(timeline)} series={latencySeries} floor axis
        empty={timeline.latency.some((s) => s.values.some((v) => v !== null)) ? "" : "no invocations in this time"}
        describe={describeLatency(timeline)} />
    </div>
  );
}

function Legend({ names }: { names: string[] }) {
  return <>{names.map((n) => <span class="key" key={n}><i class={n} /> {n}</span>)}</>;
}

function Lane({ name, note, height, shared, data, series, paint, empty, describe, floor = false, axis = false }: {
  name: string; note: preact.ComponentChildren; height: number; shared: Shared; data: uPlot.AlignedData; series: uPlot.Series[];
  paint?: (u: uPlot, s: Shared) => void; empty: string; describe: string; floor?: boolean; axis?: boolean;
}) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const current = useRef(shared);
  const painter = useRef(paint);
  current.current = shared;
  painter.current = paint;
  const tall = height + (axis ? 28 : 0);

  useEffect(() => {
    const div = place.current!;
    const u = (plot.current = new uPlot(options(div.clientWidth, tall, series, { floor, axis }, () => current.current, (u) => painter.current?.(u, current.current)), data, div));
    const resize = new ResizeObserver(() => u.setSize({ width: div.clientWidth, height: u.height }));
    resize.observe(div);
    const theme = matchMedia("(prefers-color-scheme: dark)"), redraw = () => u.redraw(false, true);
    theme.addEventListener("change", redraw);
    return () => { resize.disconnect(); theme.removeEventListener("change", redraw); u.destroy(); };
  }, []);
  const waiting = useRef<uPlot.AlignedData | undefined>(undefined);
  useEffect(() => {
    const u = plot.current;
    if (u && dragging(u)) waiting.current = data; // new data would end the selection
    else u?.setData(data);
  }, [data, shared.at]);
  useEffect(() => {
    const f = () => { const data = waiting.current; waiting.current = undefined; if (data) setTimeout(() => plot.current?.setData(data)); };
    addEventListener("mouseup", f);
    return () => removeEventListener("mouseup", f);
  }, []);
  useEffect(() => { const u = plot.current; if (u && u.height !== tall) u.setSize({ width: u.width, height: tall }); }, [tall]);
  return (
    <div class="lane">
      <div class="label"><b>{name}</b><small>{note}</small></div>
      <div class="plot" ref={place} role="img" aria-label={`${name}: ${describe}`} />
      {empty && <p class="nothing">{empty}</p>}
    </div>
  );
}

/** Whether a time is being selected: the selection is followed by the lanes of one plot with another's mouse, too. */
const dragging = (u: uPlot) => u.select.width > 0;

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

function options(width: number, height: number, series: uPlot.Series[], lane: { floor: boolean; axis: boolean }, shared: () => Shared, paint: Painter): uPlot.Options {
  const grid = { stroke: () => css("grid"), width: 1 };
  return {
    width, height, padding: [6, 1, lane.axis ? 0 : 2, 1], legend: { show: false },
    series: [{}, ...series],
    scales: {
      x: { time: true, range: () => { const t = shared().timeline; return [ms(t.from) / 1000, ms(t.to) / 1000]; } },
      y: { range: (_u, low, high) => (lane.floor ? [0, Math.max(1, (high ?? 1) * 1.25)] : [low ?? 0, high ?? 1]) },
      errors: { range: (_u, _low, high) => [0, Math.max(1, (high ?? 1) * 1.25)] },
    },
    axes: [
      { show: true, grid, ticks: { show: false }, size: lane.axis ? 28 : 0, stroke: () => css("dim"), font: "12px system-ui", values: lane.axis ? axisTimes : () => [] },
      { show: lane.floor, size: 0, grid, ticks: { show: false }, splits: (_u, _i, _low, high) => [Math.round(high / 2.5)] },
    ],
    cursor: { sync: { key: "timeline", setSeries: false }, y: false, drag: { x: true, y: false, setScale: false }, points: { show: false } },
    hooks: {
      ready: [(u) => listen(u, shared)],
      draw: [(u) => { paint(u); drawCursor(u, shared().at); }],
      setSelect: [(u) => {
        if (u.select.width < 6) return;
        shared().onZoom(u.posToVal(u.select.left, "x") * 1000, u.posToVal(u.select.left + u.select.width, "x") * 1000);
        u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      }],
    },
  };
}

/** A click explains its moment; near a change of capacity, that change. */
function listen(u: uPlot, shared: () => Shared) {
  let down = 0;
  u.over.addEventListener("mousedown", (e) => { down = e.offsetX; });
  u.over.addEventListener("click", (e) => {
    if (Math.abs(e.offsetX - down) > 4) return;
    const near = shared().timeline.groups.map((g) => ms(g.at)).filter((t) => Math.abs(u.valToPos(t / 1000, "x") - e.offsetX) < 8);
    const t = u.posToVal(e.offsetX, "x") * 1000;
    shared().onSelect(Math.min(near.sort((a, b) => Math.abs(a - t) - Math.abs(b - t))[0] ?? t, now()));
  });
}

function drawCursor(u: uPlot, at: number | undefined) {
  if (at === undefined) return;
  const x = Math.round(u.valToPos(at / 1000, "x", true));
  if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) return;
  u.ctx.fillStyle = css("text");
  u.ctx.fillRect(x, 0, devicePixelRatio, u.ctx.canvas.height);
}

function axisTimes(_u: uPlot, splits: number[]): string[] {
  const long = splits.length > 1 && (splits.at(-1)! - splits[0]!) > 86400;
  const fine = splits.length > 1 && splits[1]! - splits[0]! < 60;
  return splits.map((s) => (long ? clock(s * 1000, NaN, false) : clock(s * 1000, s * 1000, fine)));
}

const line = (color: string, more: Partial<uPlot.Series> = {}): uPlot.Series =>
  ({ stroke: () => css(color), width: 1.5, points: { show: false }, spanGaps: false, ...more });

const loadSeries = [line("load", { fill: () => css("load-fill") }), line("load", { width: 0.5 })];
const stepped = uPlot.paths.stepped!({ align: 1 });
const capacitySeries = [line("running", { paths: stepped, fill: () => css("running-fill") }), line("desired", { paths: stepped, dash: [4, 3] })];
const latencySeries = [line("p50"), line("p95"), line("p99"), line("alarm", { scale: "errors", width: 1, paths: uPlot.paths.bars!({ size: [0.6, 6] }), fill: () => css("alarm") })];

function times(s: Series): number[] {
  return s.values.map((_, i) => s.from + i * s.step + s.step / 2);
}

function loadData(s: Series | undefined): uPlot.AlignedData {
  return useMemo(() => (s ? [times(s), s.values, s.highs ?? s.values.map(() => null)] : [[], [], []]), [s]);
}

function frame(t: Timeline): uPlot.AlignedData {
  return useMemo(() => [[ms(t.from) / 1000, ms(t.to) / 1000]], [t]);
}

function capacityData(t: Timeline): uPlot.AlignedData {
  return useMemo(() => {
    const end = Math.min(ms(t.to), ms(t.now)) / 1000, last = t.capacity.at(-1);
    const at = t.capacity.map((c) => ms(c.at) / 1000), running = t.capacity.map((c) => c.running), desired = t.capacity.map((c) => c.desired);
    if (last) { at.push(Math.max(end, at.at(-1)!)); running.push(last.running); desired.push(last.desired); }
    return [at, running, desired];
  }, [t]);
}

function latencyData(t: Timeline): uPlot.AlignedData {
  return useMemo(() => {
    const [p50, p95, p99] = t.latency, [e4, e5] = t.errors;
    if (!p50) return [[], [], [], [], []];
    const at = times(p50), all = (s: Series | undefined) => at.map((_, i) => s?.values[i] ?? null);
    const failed = at.map((_, i) => { const n = (e4?.values[i] ?? 0) + (e5?.values[i] ?? 0); return n > 0 ? n : null; });
    return [at, all(p50), all(p95), all(p99), failed];
  }, [t]);
}

function describeLoad(s: Series | undefined): string {
  const values = (s?.values ?? []).filter((v) => v !== null);
  if (!s || values.length === 0) return "no data";
  return `${s.label}, last ${number(values.at(-1)!)}, highest ${number(Math.max(...values))}${s.target ? `, target ${number(s.target)}` : ""}, a value each ${duration(s.step * 1000)}`;
}

function describeLatency(t: Timeline): string {
  return t.latency.map((s) => `${s.label} ${number(s.values.filter((v) => v !== null).at(-1) ?? NaN)} ms`).join(", ");
}
