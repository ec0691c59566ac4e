import type { Grid } from "./alarmdata";
import { iso, number } from "./format";

/** Curves as CSV: a row for each time, a column for each curve; what is missing is empty. */
export function csv(grid: Grid): string {
  const cell = (s: string) => (/[",\r\n]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s);
  const rows = grid.times.map((t, i) => [iso(t * 1000), ...grid.lines.map((l) => l.values[i] ?? "")].join(","));
  return [["time", ...grid.lines.map((l) => cell(l.label))].join(","), ...rows, ""].join("\r\n");
}

/** A plot as a picture with its legend, on the page's own background. */
export function picture(plot: HTMLCanvasElement, grid: Grid): Promise<Blob | null> {
  const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const scale = devicePixelRatio, line = 18 * scale, margin = 16 * scale;
  const canvas = document.createElement("canvas");
  canvas.width = plot.width + 2 * margin;
  canvas.height = plot.height + 2 * margin + line * grid.lines.length;
  const ctx = canvas.getContext("2d")!;
  ctx.fillStyle = css("bg");
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.drawImage(plot, margin, margin);
  ctx.font = `${12 * scale}px system-ui, sans-serif`;
  ctx.textBaseline = "middle";
  grid.lines.forEach((l, i) => {
    const y = margin + plot.height + line * (i + 0.5), last = l.values.filter((v) => v !== null).at(-1);
    ctx.strokeStyle = css(l.color);
    ctx.lineWidth = 2 * scale;
    ctx.setLineDash((l.dash ?? []).map((d) => d * scale));
    ctx.beginPath();
    ctx.moveTo(margin, y);
    ctx.lineTo(margin + 24 * scale, y);
    ctx.stroke();
    ctx.fillStyle = css("text");
    ctx.fillText(`${l.label}${last === undefined ? "" : `, last ${number(last)}`}`, margin + 32 * scale, y);
  });
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

/** Saves a file from the page. */
export function save(name: string, content: Blob) {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(content);
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 10_000);
}
