import { clock, duration } from "./format";

export type AlarmState = "OK" | "ALARM" | "INSUFFICIENT_DATA";

/** A stretch of time in which an alarm was, or would have been, in one state; in Unix seconds. */
export interface TimeBand {
  state: AlarmState;
  from: number;
  to: number;
}

const words: Record<AlarmState, string> = { OK: "OK", ALARM: "ALARM", INSUFFICIENT_DATA: "not enough data" };

/** The states of an alarm below a plot of the same time. The word stands in the band: the state is not told by colour alone. */
export function Bands({ bands, from, to, label, named = false }: { bands: TimeBand[]; from: number; to: number; label: string; named?: boolean }) {
  const shown = bands.filter((b) => b.to > from && b.from < to).map((b) => ({ ...b, from: Math.max(b.from, from), to: Math.min(b.to, to) }));
  return (
    <div class="bandrow">
      {named && <small class="dim" aria-hidden="true">{label.replace("Alarm", "")}</small>}
      <div class="bands" role="img" aria-label={`${label}: ${describe(shown)}`}>
        {shown.map((b) => (
          <span key={b.from} class={"band " + b.state} title={`${b.state} from ${clock(b.from * 1000, NaN)} for ${duration((b.to - b.from) * 1000)}`}
            style={{ left: `${((b.from - from) / (to - from)) * 100}%`, width: `${((b.to - b.from) / (to - from)) * 100}%` }}>
            {(b.to - b.from) / (to - from) > 0.07 && words[b.state]}
          </span>
        ))}
      </div>
    </div>
  );
}

function describe(bands: TimeBand[]): string {
  if (bands.length === 0) return "not known in this time";
  const alarms = bands.filter((b) => b.state === "ALARM");
  return `${bands.at(-1)!.state} at the end; in ALARM ${alarms.length === 1 ? "once" : `${alarms.length} times`}, ${duration(1000 * alarms.reduce((s, b) => s + b.to - b.from, 0))} in all`;
}

/** The word of a state as a badge. */
export function StateBadge({ state }: { state: string }) {
  return <span class={"badge " + (state === "ALARM" ? "failing" : state === "OK" ? "healthy" : "")}>{state === "INSUFFICIENT_DATA" ? "INSUFFICIENT DATA" : state || "no such alarm"}</span>;
}
