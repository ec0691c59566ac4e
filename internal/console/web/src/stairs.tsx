import { number } from "./format";
import type { Step } from "./scalingapi";
import { adjusted, adjustmentWords, stepSentence, type Adjusting } from "./stepwords";

/** Steps as a staircase: the metric to the right, the change of capacity upward. */
export function Stairs({ steps, threshold, capacity, adjusting }: { steps: Step[]; threshold: number | undefined; capacity: number; adjusting: Adjusting }) {
  const sorted = [...steps].sort((a, b) => (a.MetricIntervalLowerBound ?? -Infinity) - (b.MetricIntervalLowerBound ?? -Infinity));
  const bounds = sorted.flatMap((s) => [s.MetricIntervalLowerBound, s.MetricIntervalUpperBound]).filter((b) => b !== undefined);
  if (sorted.length === 0) return null;
  const low = Math.min(0, ...bounds), high = Math.max(0, ...bounds), room = (high - low || 1) * 0.35;
  const from = low - room, to = high + room;
  const changes = sorted.map((s) => adjusted(capacity, s.ScalingAdjustment, adjusting) - capacity);
  const top = Math.max(0, ...changes), bottom = Math.min(0, ...changes), span = top - bottom || 1;
  const width = 560, height = 170, left = 12, right = 548, up = 26, down = 132;
  const x = (v: number) => left + ((v - from) / (to - from)) * (right - left), y = (c: number) => down - ((c - bottom) / span) * (down - up);
  const text = sorted.map((s) => stepSentence(s, threshold, capacity, adjusting)).join(" ");
  return (
    <svg class="stairs" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`Steps: ${text}`}>
      <line class="axis" x1={left} x2={right} y1={down + 8} y2={down + 8} />
      <line class="zero" x1={left} x2={right} y1={y(0)} y2={y(0)} />
      {sorted.map((s, i) => {
        const a = x(s.MetricIntervalLowerBound ?? from), b = x(s.MetricIntervalUpperBound ?? to), c = changes[i]!, kind = c > 0 ? "out" : c < 0 ? "in" : "none";
        const next = sorted[i + 1], touches = next && next.MetricIntervalLowerBound === s.MetricIntervalUpperBound;
        return (
          <g key={i}>
            <rect class={kind + "fill"} x={a} width={Math.max(0, b - a)} y={Math.min(y(c), y(0))} height={Math.abs(y(c) - y(0))} fill="none" />
            <path class={`run ${kind}`} d={`M${a} ${y(c)}H${b}${touches ? `V${y(changes[i + 1]!)}` : ""}`} />
            <text class="strong" x={(a + b) / 2} y={y(c) - 6} text-anchor="middle">{`${adjustmentWords(adjusting.type, s.ScalingAdjustment)}: ${capacity} → ${capacity + c}`}</text>
          </g>
        );
      })}
      {[...new Set([0, ...bounds])].map((b) => (
        <g key={b}>
          <line class="axis" x1={x(b)} x2={x(b)} y1={down + 4} y2={down + 12} />
          <text x={x(b)} y={down + 26} text-anchor="middle">{threshold === undefined ? (b === 0 ? "threshold" : (b > 0 ? "+" : "−") + number(Math.abs(b))) : number(threshold + b)}</text>
        </g>
      ))}
    </svg>
  );
}

/** The picture of steps with a sentence for each. */
export function StepsView(p: { steps: Step[]; threshold: number | undefined; capacity: number; adjusting: Adjusting }) {
  return (
    <div class="tryout">
      {p.threshold === undefined && <p class="dim">The bounds count from the threshold of the alarm that invokes the policy.</p>}
      {p.steps.map((s, i) => <p key={i}>{stepSentence(s, p.threshold, p.capacity, p.adjusting)}</p>)}
      <Stairs {...p} />
    </div>
  );
}
