import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { clock, number } from "./format";

/** A curve: a value for each time of the plot; null is no data. */
export interface Line {
  label: string;
  values: (number | null)[];
  color: string; // the name of a colour of the style sheet
  dash?: number[];
  fill?: boolean;
  stepped?: boolean;
}

/** A horizontal line, such as a threshold. breach is the side that breaches it; that side is tinted. */
export interface Level {
  value: number;
  label: string;
  color: string;
  breach?: "above" | "below" | undefined;
  under?: boolean; // the label stands below the line
}

export interface PlotProps {
  from: number; // Unix seconds
  to: number;
  times: number[]; // Unix seconds, ascending
  lines: Line[];
  levels?: Level[];
  height?: number;
  label: string; // what screen readers hear
  empty?: string; // why there is nothing to see
  onZoom?: ((from: number, to: number) => void) | undefined;
  onCanvas?: (canvas: HTMLCanvasElement | undefined) => void;
  legend?: boolean;
}

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const px = (n: number) => n * devicePixelRatio;

/** The width of the vertical axis, in pixels: what is drawn below a plot begins there. */
export const axisWidth = 52;

/** A plot of curves over time with levels, a crosshair and the values under it. Dragging selects a time. */
export function Plot(props: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const current = useRef(props);
  current.current = props;
  const plot = useRef<uPlot | undefined>(undefined);
  const [index, setIndex] = useState<number | null>(null);
  const { height = 220, lines, times } = props;
  const shape = lines.map((l) => `${l.color} ${l.dash?.join(" ") ?? ""} ${l.fill ?? ""} ${l.stepped ?? ""}`).join("|");
  const data = useMemo<uPlot.AlignedData>(() => [times, ...lines.map((l) => l.values)], [times, lines]);

  useEffect(() => {
    const div = place.current!;
    const u = (plot.current = new uPlot(options(div.clientWidth, height, () => current.current, setIndex), data, div));
    current.current.onCanvas?.(u.ctx.canvas);
    const resize = new ResizeObserver(() => { if (div.clientWidth > 0) u.setSize({ width: div.clientWidth, height: u.height }); });
    resize.observe(div);
    const theme = matchMedia("(prefers-color-scheme: dark)"), redraw = () => u.redraw(false, true);
    theme.addEventListener("change", redraw);
    return () => { resize.disconnect(); theme.removeEventListener("change", redraw); current.current.onCanvas?.(undefined); u.destroy(); };
  }, [shape, height]);
  const levels = (props.levels ?? []).map((l) => `${l.value} ${l.label} ${l.breach}`).join("|");
  useEffect(() => plot.current?.setData(data), [data, props.from, props.to, levels]);

  const at = index === null ? undefined : times[index];
  const nothing = lines.every((l) => l.values.every((v) => v === null));
  return (
    <div class="plotbox">
      <div class="plotarea" ref={place} role="img" aria-label={`${props.label}: ${describe(props)}`} />
      {nothing && <p class="plotempty">{props.empty ?? "no data in this time"}</p>}
      {props.legend !== false && (
        <ul class="legend">
          {lines.map((l, i) => {
            const v = index === null ? l.values.filter((x) => x !== null).at(-1) : l.values[index];
            return <li key={i}><Swatch line={l} /> {l.label} <b>{v === undefined || v === null ? "–" : number(v)}</b></li>;
          })}
          <li class="dim">{at === undefined ? "newest values" : clock(at * 1000, NaN)}</li>
        </ul>
      )}
    </div>
  );
}

function Swatch({ line }: { line: Line }) {
  return <svg width="18" height="8" aria-hidden="true"><line x1="0" x2="18" y1="4" y2="4" class={"ink-" + line.color} stroke-width="2" stroke-dasharray={line.dash?.join(" ")} /></svg>;
}

/** What the plot shows, in words. */
function describe({ lines, levels }: PlotProps): string {
  const curves = lines.slice(0, 5).map((l) => {
    const real = l.values.filter((v) => v !== null);
    if (real.length === 0) return `${l.label} has no data`;
    const [low, high] = real.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
    return `${l.label} from ${number(low)} to ${number(high)}, last ${number(real.at(-1)!)}`;
  });
  return [...curves, ...(lines.length > 5 ? [`and ${lines.length - 5} more`] : []), ...(levels ?? []).map((l) => l.label)].join("; ") || "nothing";
}

function options(width: number, height: number, props: () => PlotProps, onIndex: (i: number | null) => void): uPlot.Options {
  const grid = { stroke: () => css("grid"), width: 1 };
  return {
    width, height, padding: [10, 8, 0, 0], legend: { show: false },
    series: [{}, ...props().lines.map(curve)],
    scales: {
      x: { time: true, range: () => [props().from, props().to] },
      y: { range: (_u, low, high) => rangeOf(low, high, props().levels ?? []) },
    },
    axes: [
      { grid, ticks: { show: false }, size: 26, space: (_u, _i, low, high) => (high - low > 86400 ? 110 : 55), stroke: () => css("dim"), font: "12px system-ui", values: (_u, splits) => timesOf(splits) },
      { grid, ticks: { show: false }, size: axisWidth, stroke: () => css("dim"), font: "12px system-ui", values: (_u, splits) => splits.map(short) },
    ],
    cursor: { y: false, drag: { x: !!props().onZoom, y: false, setScale: false }, points: { show: false } },
    hooks: {
      drawClear: [(u) => tint(u, props().levels ?? [])],
      draw: [(u) => { for (const l of props().levels ?? []) level(u, l); }],
      setCursor: [(u) => onIndex(u.cursor.idx ?? null)],
      setSelect: [(u) => {
        if (u.select.width < 6) return;
        props().onZoom?.(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
        u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      }],
    },
  };
}

function curve(l: Line): uPlot.Series {
  return {
    stroke: () => css(l.color), width: 1.5, spanGaps: false, points: { show: (u, i, from, to) => alone(u.data[i]!, from, to), size: 4, fill: () => css(l.color) },
    ...(l.dash ? { dash: l.dash } : {}), ...(l.fill ? { fill: () => css("load-fill") } : {}), ...(l.stepped ? { paths: uPlot.paths.stepped!({ align: 1 }) } : {}),
  };
}

/** Whether few values are shown: a curve of single values between gaps would be invisible without points. */
function alone(values: ArrayLike<number | null | undefined>, from: number, to: number): boolean {
  let n = 0;
  for (let i = from; i <= to; i++) if (values[i] !== null && values[i] !== undefined && (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null) n++;
  return n > 0 && to - from < 300;
}

/** The vertical range: all values and levels, from zero where nothing is negative. */
function rangeOf(low: number | null, high: number | null, levels: Level[]): [number, number] {
  const all = [low, high, ...levels.map((l) => l.value)].filter((v): v is number => v !== null && Number.isFinite(v));
  const top = Math.max(0, ...all), bottom = Math.min(0, ...all), room = (top - bottom || 1) * (levels.length > 0 ? 0.2 : 0.12);
  return [bottom < 0 ? bottom - room : 0, top + room];
}

/** The side of a level that breaches it. */
function tint(u: uPlot, levels: Level[]) {
  const { left, width, top, height } = u.bbox;
  for (const l of levels) {
    if (!l.breach) continue;
    const y = Math.min(top + height, Math.max(top, u.valToPos(l.value, "y", true)));
    u.ctx.fillStyle = css("above");
    if (l.breach === "above") u.ctx.fillRect(left, top, width, y - top);
    else u.ctx.fillRect(left, y, width, top + height - y);
  }
}

function level(u: uPlot, l: Level) {
  const { left, width, top, height } = u.bbox, y = u.valToPos(l.value, "y", true), ctx = u.ctx;
  if (!(y >= top && y <= top + height)) return;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = css(l.color);
  ctx.lineWidth = px(1.5);
  ctx.setLineDash([px(5), px(4)]);
  ctx.beginPath();
  ctx.moveTo(left, y);
  ctx.lineTo(left + width, y);
  ctx.stroke();
  ctx.font = `${px(11)}px system-ui, sans-serif`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  const x = left + width - px(4), line = y + px(l.under || y - top < px(14) ? 9 : -8);
  ctx.setLineDash([]);
  ctx.strokeStyle = css("bg"); // a curve behind the text must not make it illegible
  ctx.lineWidth = px(3);
  ctx.strokeText(l.label, x, line);
  ctx.fillText(l.label, x, line);
  ctx.restore();
}

/** A number on an axis: 1200 is 1.2k. */
export function short(v: number): string {
  const size = Math.abs(v);
  for (const [unit, name] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]] as const) if (size >= unit * 1.0) return `${Number((v / unit).toPrecision(3))}${name}`;
  return size !== 0 && size < 0.001 ? v.toExponential(0) : String(Number(v.toPrecision(3)));
}

function timesOf(splits: number[]): string[] {
  const span = (splits.at(-1) ?? 0) - (splits[0] ?? 0), fine = splits.length > 1 && splits[1]! - splits[0]! < 60;
  return splits.map((s) => clock(s * 1000, span > 86400 ? NaN : s * 1000, fine));
}
