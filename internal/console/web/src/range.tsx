import { clock, duration, ms } from "./format";
import { set, useAddress } from "./router";
import { now } from "./stream";

const hour = 3600;

/** The lengths of time that a button shows, in seconds. */
const lengths: [string, number][] = [["1 h", hour], ["3 h", 3 * hour], ["12 h", 12 * hour], ["24 h", 24 * hour], ["3 d", 72 * hour], ["14 d", 336 * hour]];

/** The time that a page shows, in Unix seconds: one that follows the present, or a fixed one. The address holds it. */
export interface Range {
  fixed: boolean;
  from: number;
  to: number;
  length: number;
}

export function useRange(otherwise = 3 * hour): Range {
  const { query } = useAddress();
  const from = ms(query.get("from") ?? "") / 1000, to = ms(query.get("to") ?? "") / 1000, fixed = from < to;
  const length = fixed ? to - from : lengths.find(([name]) => name.replace(" ", "") === query.get("range"))?.[1] ?? otherwise;
  return { fixed, from: fixed ? from : NaN, to: fixed ? to : NaN, length };
}

/** Buttons for the time shown. */
export function RangeTools({ range, note }: { range: Range; note: string }) {
  return (
    <div class="tools">
      <div class="choice" role="group" aria-label="Time shown">
        {lengths.map(([name, length]) => (
          <button key={name} aria-pressed={!range.fixed && range.length === length} onClick={() => set({ range: name.replace(" ", ""), from: undefined, to: undefined }, false)}>{name}</button>
        ))}
      </div>
      {range.fixed && <span class="dim">{clock(range.from * 1000, now())} to {clock(range.to * 1000, now())}, {duration(range.length * 1000)}</span>}
      {range.fixed && <button onClick={() => set({ from: undefined, to: undefined }, false)}>Follow the present</button>}
      <span class="dim">{note}</span>
    </div>
  );
}
