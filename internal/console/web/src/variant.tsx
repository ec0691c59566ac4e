import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { getExplanation, getTimeline, oneAtATime, type VariantName } from "./api";
import { clock, duration, iso, ms, zone } from "./format";
import { Groups } from "./groups";
import { typing } from "./keys";
import { lazy } from "./lazy";
import { Lanes } from "./lanes";
import { Panel } from "./panel";
import { set, useAddress, endpointPath } from "./router";
import { now, useStream } from "./stream";
import type { Explanation, Group, Message, Timeline } from "./types";

const PolicySection = lazy(() => import("./policysection").then((m) => m.PolicySection));

const minute = 60_000;

/** The lengths of time that a button shows. */
export const ranges: [string, number][] = [
  ["10 m", 10 * minute],
  ["1 h", 60 * minute],
  ["6 h", 360 * minute],
  ["24 h", 1440 * minute],
  ["3 d", 3 * 1440 * minute],
  ["14 d", 14 * 1440 * minute],
];

/** A longer range is read again at each change, but without one only each minute: a new point moves it by less than a pixel. */
const shortRange = 60 * minute;

/** What the address says of the time shown: a range that follows the present, or a fixed one; and the moment that is explained. */
function useView() {
  const { query } = useAddress();
  const from = ms(query.get("from") ?? ""), to = ms(query.get("to") ?? ""), at = ms(query.get("at") ?? "");
  const fixed = from < to;
  const length = fixed ? to - from : ranges.find(([name]) => name.replace(" ", "") === query.get("range"))?.[1] ?? 60 * minute;
  return { fixed, from: fixed ? from : NaN, to: fixed ? to : NaN, length, at: Number.isFinite(at) ? at : undefined };
}

export function VariantPage({ region, endpoint, variant }: VariantName) {
  const v = useMemo(() => ({ region, endpoint, variant }), [region, endpoint, variant]);
  const view = useView();
  const [timeline, setTimeline] = useState<Timeline>();
  const [failure, setFailure] = useState("");
  const [policies, showPolicies] = useState(false); // they are read when they are shown

  const load = useMemo(() => oneAtATime((signal) => {
    const range = view.fixed ? { from: iso(view.from), to: iso(view.to) } : { from: iso(now() - view.length) };
    return getTimeline(v, range, signal).then((t) => { setTimeline(t); setFailure(""); }, (e) => { if (e.name !== "AbortError") setFailure(e.message); });
  }), [v, view.fixed, view.from, view.to, view.length]);
  useEffect(() => { load.run(); return load.stop; }, [load]);

  const explanation = useExplanation(v, view.at);
  const refresh = explanation.refresh;
  useStream(useCallback((event: string, m: Message) => {
    if (document.visibilityState !== "visible") return;
    const ours = event !== "change" || m.more || m.variants?.some((x) => x === `${region}/${endpoint}` || x === `${region}/${endpoint}/${variant}`) ||
      m.alarms?.some((x) => timeline?.alarms.some((a) => x === `${region}/${a.name}`));
    if (!ours) return;
    if (!view.fixed && (event === "change" || view.length <= shortRange || now() - ms(timeline?.now ?? "") > minute)) load.run();
    if (view.at === undefined) refresh();
  }, [region, endpoint, variant, timeline, view.fixed, view.at, load, refresh]));

  // A moment of an event is that after it: the server's times are finer than a millisecond.
  const select = useCallback((at: number | undefined) => set({ at: at === undefined ? undefined : iso(Math.floor(at) + 1) }), []);
  const zoom = useCallback((from: number, to: number) => set({ from: iso(from), to: iso(to), range: undefined }, false), []);
  useSteps(timeline, view.at, select);

  const last = timeline?.capacity.at(-1);
  const alarming = timeline?.alarms.some((a) => a.bands.at(-1)?.state === "ALARM" && !a.bands.at(-1)?.to);
  useEffect(() => {
    const state = last ? `${last.running} of ${last.desired}${alarming ? ", ALARM" : ""}` : "";
    document.title = `${endpoint}${state && `: ${state}`} – Bellows`;
  }, [endpoint, last?.running, last?.desired, alarming]);

  return (
    <>
      <Title v={v} x={explanation.present} />
      <div class="tools">
        <div class="choice" role="group" aria-label="Time shown">
          {ranges.map(([name, length]) => (
            <button key={name} aria-pressed={!view.fixed && view.length === length}
              onClick={() => set({ range: name.replace(" ", ""), from: undefined, to: undefined, at: undefined }, false)}>{name}</button>
          ))}
        </div>
        {view.fixed && <span class="dim">{clock(view.from, now())} to {clock(view.to, now())}, {duration(view.length)}</span>}
        {view.fixed && <button onClick={() => set({ from: undefined, to: undefined, at: undefined }, false)}>Follow the present</button>}
        <span class="dim">times in {zone()}</span>
        {timeline?.cut && <span class="warning">events before {clock(ms(timeline.cut), now())} are not shown: there are too many</span>}
      </div>
      {failure && <p class="failure" role="alert">{failure}</p>}
      <div class="split">
        <div class="left">
          <Lanes timeline={timeline} at={view.at} onSelect={select} onZoom={zoom} />
          {timeline && <Groups groups={timeline.groups} at={view.at} onSelect={select} />}
        </div>
        <Panel x={explanation.shown} failure={explanation.failure} at={view.at} group={groupAt(timeline, view.at)} onPresent={() => select(undefined)} />
      </div>
      <details class="more" open={policies} onToggle={(e) => showPolicies(e.currentTarget.open)}>
        <summary>Bounds, policies and scheduled actions</summary>
        {policies && <PolicySection {...v} />}
      </details>
    </>
  );
}

/** The explanation of the moment that is selected, and of the present. */
function useExplanation(v: VariantName, at: number | undefined) {
  const [present, setPresent] = useState<Explanation>();
  const [past, setPast] = useState<{ at: number; x?: Explanation; failure?: string }>();
  const [failure, setFailure] = useState("");
  const latest = useMemo(() => oneAtATime((signal) =>
    getExplanation(v, undefined, signal).then((x) => { setPresent(x); setFailure(""); }, (e) => { if (e.name !== "AbortError") setFailure(e.message); })), [v]);
  useEffect(() => { latest.run(); return latest.stop; }, [latest]);
  useEffect(() => {
    if (at === undefined) return;
    const abort = new AbortController();
    getExplanation(v, iso(at), abort.signal).then(
      (x) => setPast({ at, x }),
      (e) => { if (e.name !== "AbortError") setPast({ at, failure: e.message }); },
    );
    return () => abort.abort();
  }, [v, at]);
  const selected = at === undefined ? undefined : past?.at === at ? past : { at };
  return {
    present,
    shown: selected ? selected.x : present,
    failure: selected ? selected.failure ?? "" : failure,
    refresh: latest.run,
  };
}

function groupAt(t: Timeline | undefined, at: number | undefined): Group | undefined {
  return at === undefined ? undefined : t?.groups.find((g) => Math.abs(ms(g.at) - at) < 1000);
}

/** ← and → step through the groups of events; Escape goes back to the present. */
function useSteps(t: Timeline | undefined, at: number | undefined, select: (at: number | undefined) => void) {
  useEffect(() => {
    const f = (e: KeyboardEvent) => {
      if (typing(e) || e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]")) return;
      const times = (t?.groups ?? []).map((g) => ms(g.at)).sort((a, b) => a - b);
      const here = at ?? Infinity;
      if (e.key === "ArrowLeft") { const x = times.filter((x) => x < here - 999).at(-1); if (x !== undefined) select(x); }
      else if (e.key === "ArrowRight") select(times.find((x) => x > here + 999));
      else if (e.key === "Escape") select(undefined);
      else return;
      e.preventDefault();
    };
    addEventListener("keydown", f);
    return () => removeEventListener("keydown", f);
  }, [t, at, select]);
}

function Title({ v, x }: { v: VariantName; x: Explanation | undefined }) {
  const m = x?.moment;
  return (
    <div class="title">
      <h1><a class="plain" href={endpointPath(v)}>{v.endpoint}</a> <span class="dim">/ {v.variant}</span></h1>
      {m && !m.gone && <span class={"badge " + (m.health ?? "")}>{m.health === "healthy" ? m.status : m.health}</span>}
      {m?.gone && <span class="badge">deleted</span>}
      <p class="dim">
        {v.region}
        {m && !m.gone && ` · ${m.current} of ${m.desired} instances · ${m.scaled ? `range ${m.min} to ${m.max} · ${m.policies.length} ${m.policies.length === 1 ? "policy" : "policies"}` : "not a scalable target"}`}
      </p>
      {m?.outage && <p class="warning" role="alert">{m.outage.text} What is shown is the last state that was recorded, of {clock(ms(m.outage.state), now())}.</p>}
      {m?.trouble && <p class="warning">{m.trouble}</p>}
      {m?.warnings?.map((w) => <p class="warning" key={w.text}>{w.text}</p>)}
    </div>
  );
}
