import { useState } from "preact/hooks";
import { clock, iso, ms, number } from "./format";
import { now } from "./stream";
import type { Explanation, Group } from "./types";

/** Explains the moment of the cursor: what was decided and why, or what held. */
export function Panel({ x, failure, at, group, onPresent }: {
  x: Explanation | undefined; failure: string; at: number | undefined; group: Group | undefined; onPresent: () => void;
}) {
  return (
    <aside class="panel" aria-live="polite" aria-label="Explanation">
      <p class="dim">
        {at === undefined ? "now" : <time dateTime={iso(at)} title={iso(at)}>{clock(at, now())}</time>}
        {group && ` · ${group.kind === "change" ? "decision" : group.kind}`}
        {at !== undefined && <button class="link" onClick={onPresent}>back to the present</button>}
      </p>
      {failure ? <p class="failure" role="alert">{failure}</p> : x ? <Moment x={x} group={group} /> : <p class="dim">…</p>}
    </aside>
  );
}

function Moment({ x, group }: { x: Explanation; group: Group | undefined }) {
  const m = x.moment;
  return (
    <>
      <h2>{headline(x, group)}</h2>
      {group?.cause && <p>{group.cause}</p>}
      {group?.result && <p class="dim">{group.result}</p>}
      {m.trouble && !group && <p class="warning">{m.trouble}</p>}
      <dl class="facts">
        {m.policies.map((p) => (
          <div key={p.name + p.type}>
            <dt title={p.type}>{p.name}</dt>
            <dd>{p.says.length > 0 ? p.says.map((s) => <p key={s}>{s}</p>) : <p>No alarm invokes it.</p>}</dd>
          </div>
        ))}
        {m.scaled && <div><dt>Limits</dt><dd><p>{limits(x)}</p></dd></div>}
        <div><dt>Load</dt><dd><p>{number(m.invocations_per_minute)} invocations a minute over the last five minutes</p></dd></div>
        {m.alarms.map((a) => <div key={a.name}><dt>{a.state}</dt><dd><p title={a.name}>{a.short} since {clock(ms(a.since), now())}: {a.reason}</p></dd></div>)}
      </dl>
      {m.decision && !group && <p class="dim">Last decision, {clock(ms(m.decision.at), now())}: {m.decision.text}</p>}
      <Copy text={x.text} label="Copy as text" />
      <Copy text={command(x)} label="Copy as command" />
    </>
  );
}

function headline(x: Explanation, group: Group | undefined): string {
  const m = x.moment;
  if (group) return group.title;
  if (m.gone) return "There was no such variant";
  if (m.current !== m.desired) return `${m.current} of ${m.desired} instances serve`;
  return m.scaled ? `Nothing to do: ${m.desired} ${m.desired === 1 ? "instance" : "instances"}` : `${m.desired} ${m.desired === 1 ? "instance" : "instances"}, not scaled`;
}

function limits(x: Explanation): string {
  const m = x.moment, parts = [`range ${m.min} to ${m.max}`];
  if (m.desired >= m.max) parts.push("at the maximum");
  else if (m.desired <= m.min) parts.push("at the minimum");
  if (m.dry_run) parts.push("dry run");
  if (m.suspended?.length) parts.push("suspended: " + m.suspended.join(", "));
  return parts.join("; ");
}

function command(x: Explanation): string {
  const at = x.moment.source === "past" ? ` --at ${iso(ms(x.moment.at))}` : "";
  return `bellows explain ${x.endpoint}/${x.variant} --region ${x.region}${at}`;
}

export function Copy({ text, label }: { text: string; label: string }) {
  const [done, setDone] = useState(false);
  return <button onClick={() => void navigator.clipboard?.writeText(text).then(() => { setDone(true); setTimeout(() => setDone(false), 1500); })}>
    {done ? "Copied" : label}</button>;
}
