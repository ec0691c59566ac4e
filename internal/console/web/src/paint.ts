import type uPlot from "uplot";
import { ms, number } from "./format";
import type { Change, Series, Timeline } from "./types";

/** What lanes draw besides their curves, in pixels of the canvas. */
export type Painter = (u: uPlot) => void;

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const px = (n: number) => n * devicePixelRatio;

function font(ctx: CanvasRenderingContext2D, size = 11, bold = false) {
  ctx.font = `${bold ? "600 " : ""}${px(size)}px system-ui, sans-serif`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
}

/** Where a moment lies, within the lane. */
function place(u: uPlot, at: number): number {
  const { left, width } = u.bbox;
  return Math.min(left + width, Math.max(left, u.valToPos(at / 1000, "x", true)));
}

function level(u: uPlot, value: number, color: string, dash: number[], text: string, atLeft = false) {
  const { left, width, top, height } = u.bbox, y = u.valToPos(value, "y", true), ctx = u.ctx;
  if (y < top || y > top + height) return;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = css(color);
  ctx.lineWidth = px(1);
  ctx.setLineDash(dash.map(px));
  ctx.beginPath();
  ctx.moveTo(left, y);
  ctx.lineTo(left + width, y);
  ctx.stroke();
  font(ctx);
  ctx.textAlign = atLeft ? "left" : "right";
  ctx.fillText(text, atLeft ? left + px(40) : left + width - px(4), y + px(atLeft ? 8 : -8));
  ctx.restore();
}

/** The target, and the thresholds of the alarms on the metric that is shown. */
export function drawLoad(u: uPlot, t: Timeline, s: Series | undefined) {
  if (!s) return;
  const { left, width, top } = u.bbox, ctx = u.ctx;
  font(ctx);
  ctx.fillStyle = css("dim");
  const high = u.scales["y"]?.max ?? 1;
  ctx.fillText(number(Math.round(high / 2.5)), left + px(4), u.valToPos(Math.round(high / 2.5), "y", true) - px(7));
  if (s.target) {
    const y = u.valToPos(s.target, "y", true);
    ctx.fillStyle = css("above");
    if (y > top) ctx.fillRect(left, top, width, y - top);
    level(u, s.target, "target", [5, 4], `target ${number(s.target)}`);
  }
  for (const a of t.alarms) {
    if (a.load !== s.id || a.threshold === undefined || a.threshold === s.target) continue;
    level(u, a.threshold, "dim", [1, 3], `${a.short} ${a.condition ?? ""}`, true);
  }
}

const bands = { OK: ["ok-fill", "dim", "OK"], ALARM: ["alarm", "on-alarm", "ALARM"], INSUFFICIENT_DATA: ["none-fill", "dim", "not enough data"] } as const;

/** A row for each alarm: its states, each with its word. */
export function drawAlarms(u: uPlot, t: Timeline) {
  const ctx = u.ctx, { top, left, width } = u.bbox, end = Math.min(ms(t.to), ms(t.now));
  t.alarms.forEach((a, i) => {
    const y = top + px(i * 20), h = px(16);
    for (const b of a.bands) {
      const x = place(u, ms(b.from)), w = Math.max(px(2), place(u, b.to ? ms(b.to) : end) - x);
      const [fill, ink, word] = bands[b.state];
      ctx.fillStyle = css(fill);
      ctx.fillRect(x, y, w, h);
      if (b.state === "INSUFFICIENT_DATA") hatch(ctx, x, y, w, h);
      font(ctx, 10, b.state === "ALARM");
      ctx.fillStyle = css(ink);
      const text = [`${a.short} ${word}`, word].find((s) => ctx.measureText(s).width < w - px(6));
      if (text) ctx.fillText(text, x + px(4), y + h / 2);
    }
    if (a.bands.length === 0) {
      font(ctx, 10);
      ctx.fillStyle = css("dim");
      ctx.fillText(`${a.short}: not known in this time`, left + px(4), y + h / 2, width);
    }
  });
}

function hatch(ctx: CanvasRenderingContext2D, x: number, y: number, w: number, h: number) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(x, y, w, h);
  ctx.clip();
  ctx.strokeStyle = css("grid");
  ctx.lineWidth = px(1);
  ctx.beginPath();
  for (let i = -h; i < w; i += px(7)) {
    ctx.moveTo(x + i, y + h);
    ctx.lineTo(x + i + h, y);
  }
  ctx.stroke();
  ctx.restore();
}

const pills: Record<Change["by"], [color: string, sign: string]> = {
  policy: ["load", ""], schedule: ["dim", "◷ "], forecast: ["target", "↗ "], request: ["running", "● "], bounds: ["dim", "↕ "], hand: ["desired", "by hand "], deployment: ["dim", "deploy "],
};

/** The changes as pills with direction and numbers, and how many instances there are at the axis. */
export function drawCapacity(u: uPlot, t: Timeline) {
  const ctx = u.ctx, { top, left } = u.bbox, high = Math.max(1, Math.round((u.scales["y"]?.max ?? 1) / 2.5));
  font(ctx);
  ctx.fillStyle = css("dim");
  ctx.fillText(String(high), left + px(4), u.valToPos(high, "y", true) - px(7));
  bounds(u, t);
  cooldowns(u, t);
  forecast(u, t);
  const free = [-Infinity, -Infinity, -Infinity]; // where each row of pills ends
  for (const c of t.changes) {
    const x = place(u, ms(c.at));
    const [color, sign] = pills[c.by];
    const text = `${sign}${c.to >= c.from ? "▲" : "▼"} ${c.from} → ${c.to}`;
    font(ctx, 10, true);
    const w = ctx.measureText(text).width + px(10), left = Math.min(x + px(2), u.bbox.left + u.bbox.width - w);
    ctx.fillStyle = css(color);
    ctx.fillRect(x, top, px(1), u.bbox.height);
    const row = free.findIndex((end) => left >= end);
    if (row < 0) continue; // there is no room: the events below have it
    const y = top + px(1 + row * 18);
    ctx.beginPath();
    ctx.roundRect(left, y, w, px(16), px(8));
    ctx.fill();
    ctx.fillStyle = css("on-pill");
    ctx.fillText(text, left + px(5), y + px(8.5));
    free[row] = left + w + px(4);
  }
}

/** The least and the largest capacity, each as a line. */
function bounds(u: uPlot, t: Timeline) {
  const ctx = u.ctx, { top, height } = u.bbox;
  t.bounds.forEach((b, i) => {
    const x = place(u, ms(b.at)), until = place(u, ms(t.bounds[i + 1]?.at ?? t.to));
    for (const [name, value] of [["max", b.max], ["min", b.min]] as const) {
      const y = u.valToPos(value, "y", true);
      if (y < top || y > top + height) continue;
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = css("dim");
      ctx.setLineDash([px(1), px(3)]);
      ctx.beginPath();
      ctx.moveTo(x, y);
      ctx.lineTo(until, y);
      ctx.stroke();
      font(ctx, 10);
      ctx.textAlign = "right";
      if (until - x > px(60)) ctx.fillText(`${name} ${value}`, until - px(4), y - px(7));
      ctx.restore();
    }
  });
}

/** Cooldowns as bars at the foot. */
function cooldowns(u: uPlot, t: Timeline) {
  const ctx = u.ctx, { top, height } = u.bbox;
  ctx.fillStyle = css("cooldown");
  for (const c of t.cooldowns) {
    const x = place(u, ms(c.from));
    ctx.fillRect(x, top + height - px(5), Math.max(px(1), place(u, ms(c.to)) - x), px(5));
  }
}

/** What forecasts need, hour by hour, as a dotted step. */
function forecast(u: uPlot, t: Timeline) {
  const ctx = u.ctx;
  ctx.save();
  ctx.strokeStyle = css("target");
  ctx.lineWidth = px(1.5);
  ctx.setLineDash([px(2), px(3)]);
  for (const h of t.forecast) {
    const y = u.valToPos(Math.min(h.capacity, u.scales["y"]?.max ?? h.capacity), "y", true);
    ctx.beginPath();
    ctx.moveTo(place(u, ms(h.at)), y);
    ctx.lineTo(place(u, ms(h.at) + 3_600_000), y);
    ctx.stroke();
  }
  ctx.restore();
}

const markKinds = [["schedule", "dim", "scheduled"], ["hand", "desired", "by hand"], ["deployment", "load", "deployment"], ["forecast", "target", "forecast"]] as const;

const rowsOf = (t: Timeline) => markKinds.filter(([kind]) => t.marks.some((m) => m.kind === kind));

export const marksHeight = (t: Timeline) => rowsOf(t).length * 20 + 2;

/** A row for each kind of action: bars from its moment until its instances were ready, with what it was. */
export function drawMarks(u: uPlot, t: Timeline) {
  const ctx = u.ctx, { top, left, width } = u.bbox, end = Math.min(ms(t.to), ms(t.now));
  rowsOf(t).forEach(([kind, color, word], i) => {
    const y = top + px(i * 20), h = px(16), marks = t.marks.filter((m) => m.kind === kind);
    marks.forEach((m, n) => {
      const changes = kind === "hand" || kind === "deployment", x = place(u, ms(m.at));
      const w = changes ? Math.max(px(3), place(u, m.to ? ms(m.to) : end) - x) : px(3);
      ctx.fillStyle = css(color);
      ctx.fillRect(x, y, w, h);
      font(ctx, 10);
      const next = marks[n + 1], room = (next ? place(u, ms(next.at)) : left + width) - x - w - px(8), text = `${word}: ${m.text}`;
      if (room < px(40)) return;
      ctx.fillStyle = css("dim");
      ctx.fillText(clipped(ctx, text, room), x + w + px(4), y + h / 2);
    });
  });
}

/** The beginning of a text that fits a width. */
function clipped(ctx: CanvasRenderingContext2D, text: string, width: number): string {
  if (ctx.measureText(text).width <= width) return text;
  const part = Math.floor((text.length * width) / ctx.measureText(text).width) - 1;
  return text.slice(0, Math.max(0, part)) + "…";
}

/** Beyond so many instances they are drawn as thin lines. */
const rowsMax = 20;

export function instancesHeight(t: Timeline): number {
  const n = Math.max(1, t.instances.length);
  return n <= rowsMax ? n * 10 + 6 : 206;
}

const states = { starting: "starting", serving: "running", failed: "alarm", draining: "draining" } as const;

/** A bar for each instance: starting, serving, failed, draining; its start by stages. */
export function drawInstances(u: uPlot, t: Timeline) {
  const ctx = u.ctx, { top } = u.bbox, end = Math.min(ms(t.to), ms(t.now));
  const pitch = t.instances.length <= rowsMax ? 10 : 200 / t.instances.length;
  t.instances.forEach((life, i) => {
    const y = top + px(i * pitch), h = px(Math.max(1, pitch - 3));
    for (const s of life.spans) {
      const x = place(u, ms(s.from)), w = Math.max(px(1), place(u, s.to ? ms(s.to) : end) - x);
      ctx.fillStyle = css(states[s.state]);
      ctx.fillRect(x, y, w, h);
      if (s.state === "starting" && life.stages && ms(s.from) === ms(life.from)) stages(ctx, x, y, w, h, life.stages);
      if (s.state === "failed") {
        font(ctx, 11, true);
        ctx.fillStyle = css("alarm");
        ctx.fillText("✕", x - px(4), y + h / 2);
      }
    }
  });
}

const stageColors = ["stage-capacity", "stage-data", "stage-container", "stage-health"];

/** Divides a start into its stages, in proportion. */
function stages(ctx: CanvasRenderingContext2D, x: number, y: number, w: number, h: number, all: { name: string; seconds: number }[]) {
  const total = all.reduce((sum, s) => sum + s.seconds, 0);
  if (total <= 0) return;
  let at = x;
  all.forEach((s, i) => {
    const part = (s.seconds / total) * w;
    ctx.fillStyle = css(stageColors[i] ?? "starting");
    ctx.fillRect(at, y, part, h);
    at += part;
  });
}
