import { useMemo } from "preact/hooks";
import type { EventFilter } from "./api";
import { iso, ms } from "./format";
import { set, useAddress } from "./router";
import { now } from "./stream";

const kinds = [
  ["change", "Changes"],
  ["held", "Did not scale"],
  ["alarm", "Alarms"],
  ["schedule", "Schedules"],
  ["endpoint", "Endpoints"],
  ["failure", "Failures"],
  ["write", "API writes"],
  ["refused", "Refused"],
] as const;

const hour = 3600_000;
const lengths: [string, string, number][] = [["1h", "the last hour", hour], ["24h", "the last 24 hours", 24 * hour], ["3d", "the last 3 days", 72 * hour], ["14d", "the last 14 days", 336 * hour]];

/** What the address says of the entries that are shown. */
export function useEventFilter(): { filter: EventFilter; length: number | undefined; empty: boolean } {
  const { query } = useAddress();
  const text = query.toString();
  return useMemo(() => {
    const [endpoint = "", variant = ""] = (query.get("endpoint") ?? "").trim().split("/");
    const valid = (name: string) => { const t = ms(query.get(name) ?? ""); return Number.isFinite(t) ? iso(t) : undefined; };
    const from = valid("from"), to = valid("to");
    const length = lengths.find(([id]) => id === query.get("range"))?.[2];
    return {
      length, empty: text === "",
      filter: {
        query: { kind: query.get("kind") ?? "", endpoint, variant, user: query.get("user")?.trim() ?? "", q: query.get("q")?.trim() ?? "", to },
        since: (l) => (l === undefined ? from : iso(Math.floor(now() - l))),
      },
    };
  }, [text]);
}

/** A moment as an input of the browser has it, in local time. */
function local(t: string | null): string {
  const at = ms(t ?? "");
  if (!Number.isFinite(at)) return "";
  return new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export function EventFilters() {
  const { query } = useAddress();
  const chosen = (query.get("kind") ?? "").split(",").filter(Boolean);
  const between = query.has("from") || query.has("to");
  const toggle = (kind: string) => set({ kind: (chosen.includes(kind) ? chosen.filter((k) => k !== kind) : [...chosen, kind]).join(",") });
  const moment = (name: "from" | "to", label: string) => (
    <input type="datetime-local" aria-label={label} value={local(query.get(name))}
      onChange={(e) => set({ [name]: e.currentTarget.value ? iso(new Date(e.currentTarget.value).getTime()) : undefined, range: undefined })} />
  );
  return (
    <>
      <div class="tools">
        <input type="search" id="search" placeholder="Search ( / )" aria-label="Search what happened" value={query.get("q") ?? ""} onInput={(e) => set({ q: e.currentTarget.value })} />
        <input type="search" placeholder="endpoint or endpoint/variant" aria-label="Endpoint or endpoint/variant" value={query.get("endpoint") ?? ""} onInput={(e) => set({ endpoint: e.currentTarget.value })} />
        <input type="search" placeholder="user or access key ID" aria-label="User or access key ID" value={query.get("user") ?? ""} onInput={(e) => set({ user: e.currentTarget.value })} />
        <label>Time <select value={between ? "between" : query.get("range") ?? ""} onChange={(e) => {
          const v = e.currentTarget.value;
          if (v === "between") set({ range: undefined, from: iso(Math.floor(now() / 60_000) * 60_000 - 24 * hour), to: iso(Math.ceil(now() / 60_000) * 60_000) });
          else set({ range: v, from: undefined, to: undefined });
        }}>
          <option value="">all that is kept</option>
          {lengths.map(([id, name]) => <option key={id} value={id}>{name}</option>)}
          <option value="between">between …</option>
        </select></label>
        {between && <>{moment("from", "From")}<span class="dim">to</span>{moment("to", "To")}</>}
      </div>
      <div class="choice" role="group" aria-label="Kinds shown">
        <button aria-pressed={chosen.length === 0} onClick={() => set({ kind: undefined })}>All</button>
        {kinds.map(([id, name]) => <button key={id} aria-pressed={chosen.includes(id)} onClick={() => toggle(id)}>{name}</button>)}
      </div>
    </>
  );
}
