import { useState } from "preact/hooks";
import { clock, iso, ms } from "./format";
import { Arrow } from "./home";
import { now } from "./stream";
import type { Group } from "./types";

const kinds = [
  ["", "All"],
  ["change", "Changes"],
  ["held", "Did not scale"],
  ["alarm", "Alarms"],
  ["failure", "Failures"],
  ["endpoint", "Endpoint"],
] as const;

/** The events of the timeline in units of meaning: a row opens to its raw events. */
export function Groups({ groups, at, onSelect }: { groups: Group[]; at: number | undefined; onSelect: (at: number) => void }) {
  const [kind, setKind] = useState("");
  const [open, setOpen] = useState<Set<string>>(new Set());
  const present = kinds.filter(([id]) => id === "" || groups.some((g) => g.kind === id));
  const toggle = (id: string) => setOpen((before) => { const after = new Set(before); if (!after.delete(id)) after.add(id); return after; });
  return (
    <section aria-label="Events">
      <div class="choice" role="group" aria-label="Events shown">
        {present.map(([id, label]) => <button key={id} aria-pressed={kind === id} onClick={() => setKind(id)}>{label}</button>)}
      </div>
      {groups.length === 0 && <p class="dim">Nothing happened in this time.</p>}
      <ul class="groups">
        {groups.filter((g) => kind === "" || g.kind === kind).map((g) => (
          <li key={g.id} class={at !== undefined && Math.abs(ms(g.at) - at) < 1000 ? "selected" : ""}>
            <div class="group">
              <button class="link" title={iso(ms(g.at))} onClick={() => onSelect(ms(g.at))}>{clock(ms(g.at), now())}</button>
              <span class={"what " + g.kind}>{g.from !== undefined && g.to !== undefined ? <Arrow from={g.from} to={g.to} /> : g.title}</span>
              <span class="cause">{g.policy ? `${g.policy}: ` : ""}{g.cause}</span>
              <span class="dim">{g.result}</span>
              {g.events.length > 0 && <button class="link" aria-expanded={open.has(g.id)} onClick={() => toggle(g.id)}>{open.has(g.id) ? "less" : `${g.events.length} ${g.events.length === 1 ? "event" : "events"}`}</button>}
            </div>
            {open.has(g.id) && <ol class="events">
              {g.events.map((e, i) => <li key={i}><time dateTime={e.at}>{clock(ms(e.at), now())}</time> <span class="dim">{e.kind}</span> {e.text}</li>)}
            </ol>}
          </li>
        ))}
      </ul>
    </section>
  );
}
