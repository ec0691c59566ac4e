import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { getAlarms, type AlarmList, type ListedAlarm } from "./alarmapi";
import { alarmPath } from "./alarmwords";
import { CreateAlarm } from "./alarmcreate";
import { oneAtATime } from "./api";
import { StateBadge } from "./bands";
import { ago, iso, ms } from "./format";
import { set, useAddress, variantPath } from "./router";
import { now, useStream } from "./stream";
import "./pages.css";

/** Rows are fetched in pages, as they are scrolled to. */
const pageRows = 100;
const rowHeight = 57;

const states = [["", "All"], ["ALARM", "In ALARM"], ["INSUFFICIENT_DATA", "No data"], ["OK", "OK"], ["disabled", "Actions off"]] as const;
const kinds = [["", "every kind"], ["metric", "one metric"], ["math", "metric math"], ["promql", "PromQL"], ["composite", "composite"]] as const;
const sorts = [["", "ALARM first"], ["changed", "latest change"], ["name", "name"], ["watches", "what is watched"]] as const;

/** All alarms of the account. */
export function AlarmListPage() {
  const { query } = useAddress();
  const q = query.get("q") ?? "", state = query.get("state") ?? "", kind = query.get("kind") ?? "", sort = query.get("sort") ?? "";
  const [list, setList] = useState<AlarmList>();
  const [rows, setRows] = useState<Map<number, ListedAlarm>>(new Map());
  const [failure, setFailure] = useState("");
  const [top, setTop] = useState(0);
  const table = useRef<HTMLDivElement>(null);
  const first = Math.max(0, Math.floor(top / rowHeight) - 10);
  const count = Math.ceil((globalThis.innerHeight || 800) / rowHeight) + 20;
  const page = Math.floor(first / pageRows);

  const load = useMemo(() => oneAtATime((signal) => {
    const offset = page * pageRows;
    return getAlarms({ q, state, kind, sort, offset, limit: 2 * pageRows }, signal).then((l) => {
      setList(l);
      setRows((before) => {
        const after = new Map([...before].filter(([i]) => i < l.total));
        l.alarms.forEach((a, i) => after.set(offset + i, a));
        return after;
      });
      setFailure("");
    }, (e) => { if (e.name !== "AbortError") setFailure(e.message); });
  }), [q, state, kind, sort, page]);
  useEffect(() => setRows(new Map()), [q, state, kind, sort]);
  useEffect(() => { load.run(); return load.stop; }, [load]);
  useStream(useCallback(() => { if (document.visibilityState === "visible") load.run(); }, [load]));
  useEffect(() => {
    const f = () => setTop(Math.max(0, scrollY - (table.current?.offsetTop ?? 0)));
    addEventListener("scroll", f, { passive: true });
    return () => removeEventListener("scroll", f);
  }, []);
  useEffect(() => {
    const n = list?.counts.ALARM ?? 0;
    document.title = list ? `${list.all} alarms${n ? `, ${n} in ALARM` : ""} – Bellows` : "Alarms – Bellows";
  }, [list]);

  if (!list) return failure ? <p class="notice" role="alert">{failure}</p> : <p class="notice" role="status">Loading …</p>;
  const shown = [...Array(Math.max(0, Math.min(count, list.total - first))).keys()].map((i) => first + i);
  return (
    <>
      <div class="heading"><h1>Alarms</h1><CreateAlarm /></div>
      {failure && <p class="failure" role="alert">{failure}</p>}
      <div class="tools">
        <input type="search" id="search" placeholder="Search ( / )" aria-label="Search alarms" value={q} onInput={(e) => set({ q: e.currentTarget.value })} />
        <div class="choice" role="group" aria-label="State">
          {states.map(([id, label]) => (
            <button key={id} aria-pressed={state === id} onClick={() => set({ state: id })}>{label} <small>{id === "" ? list.all : list.counts[id] ?? 0}</small></button>
          ))}
        </div>
        <label class="sort">Kind <select value={kind} onChange={(e) => set({ kind: e.currentTarget.value })}>{kinds.map(([id, l]) => <option key={id} value={id}>{l}</option>)}</select></label>
        <label class="sort">Order <select value={sort} onChange={(e) => set({ sort: e.currentTarget.value })}>{sorts.map(([id, l]) => <option key={id} value={id}>{l}</option>)}</select></label>
      </div>
      {list.all === 0 ? <Empty /> : (
        <div class="table" role="table" aria-label="Alarms" aria-rowcount={list.total} ref={table}>
          <div class="row head alarmrow" role="row">{["Alarm", "State", "Threshold", "Last change", "Actions"].map((h) => <span role="columnheader" key={h}>{h}</span>)}</div>
          <div class="rows" role="rowgroup" style={{ height: `${list.total * rowHeight}px` }}>{shown.map((i) => <Row key={i} index={i} a={rows.get(i)} />)}</div>
        </div>
      )}
      {list.all > 0 && list.total === 0 && <p class="notice">No alarm matches. <button onClick={() => set({ q: "", state: "", kind: "" })}>Show all</button></p>}
    </>
  );
}

function Row({ a, index }: { a: ListedAlarm | undefined; index: number }) {
  const place = { transform: `translateY(${index * rowHeight}px)` };
  if (!a) return <div class="row alarmrow" role="row" style={place} aria-rowindex={index + 1}><span role="cell">…</span></div>;
  const condition = a.kind === "composite" ? a.watches : a.kind === "promql" ? `a series of ${a.watches}` : `${a.watches} ${a.condition}`;
  return (
    <div class="row alarmrow" role="row" style={place} aria-rowindex={index + 1}>
      <span role="cell">
        <a href={alarmPath(a.region, a.name)} title={a.name}>{a.short}</a>
        <small class="dim note">{a.endpoint ? <a class="quiet" href={variantPath({ region: a.region, endpoint: a.endpoint, variant: a.variant ?? "" })}>{a.endpoint} / {a.variant}</a> : kindName(a.kind)} · {a.region}{a.owned && " · of a policy"}</small>
      </span>
      <span role="cell"><StateBadge state={a.state} /></span>
      <span role="cell"><span class="clamp" title={condition}>{condition}</span></span>
      <span role="cell"><time dateTime={iso(ms(a.since))} title={iso(ms(a.since))}>{ago(ms(a.since), now())}</time><small class="dim note" title={a.reason}>{a.reason}</small></span>
      <span role="cell">{a.actions === 0 ? <span class="dim">none</span> : a.actions}{!a.actions_enabled && <small class="note">switched off</small>}</span>
    </div>
  );
}

const kindName = (k: ListedAlarm["kind"]) => kinds.find(([id]) => id === k)?.[1] ?? k;

function Empty() {
  return (
    <section class="empty">
      <p>There is no alarm yet. An alarm watches a metric, an expression or a PromQL query, and invokes scaling policies or posts to a webhook when its state changes.
        A target tracking policy makes its own two; <a href="/console/policies">policies</a> are here.</p>
    </section>
  );
}
