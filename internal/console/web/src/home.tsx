import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { getVariants, oneAtATime } from "./api";
import { ago, ms, number } from "./format";
import { lazy } from "./lazy";
import { endpointPath, set, useAddress, variantPath } from "./router";
import { now, useStream } from "./stream";
import type { Session, Variant, VariantList } from "./types";

/** Rows are fetched in pages, as they are scrolled to. */
const pageRows = 100;
const rowHeight = 57;

const filters = [
  ["", "All"],
  ["failing", "Failing"],
  ["degraded", "Degraded"],
  ["in_alarm", "In ALARM"],
  ["changing", "Changing"],
  ["warned", "Warnings"],
] as const;

const sorts = [
  ["", "worst first"],
  ["name", "name"],
  ["load", "load"],
  ["errors", "errors"],
  ["capacity", "capacity"],
] as const;

export function Home({ session }: { session: Session }) {
  const { query } = useAddress();
  const q = query.get("q") ?? "", state = query.get("state") ?? "", sort = query.get("sort") ?? "";
  const [list, setList] = useState<VariantList>();
  const [rows, setRows] = useState<Map<number, Variant>>(new Map());
  const [failure, setFailure] = useState("");
  const [deploying, setDeploying] = useState(false); // the page stays until it is done
  const [top, setTop] = useState(0);
  const table = useRef<HTMLDivElement>(null);

  const first = Math.max(0, Math.floor(top / rowHeight) - 10);
  const count = Math.ceil((globalThis.innerHeight || 800) / rowHeight) + 20;
  const page = Math.floor(first / pageRows);

  const load = useMemo(() => oneAtATime((signal) => {
    const offset = page * pageRows;
    return getVariants({ q, state, sort, offset, limit: 2 * pageRows }, signal).then((l) => {
      setList(l);
      setRows((before) => {
        const after = new Map([...before].filter(([i]) => i < l.total));
        l.variants.forEach((v, i) => after.set(offset + i, v));
        return after;
      });
      setFailure("");
    }, (e) => { if (e.name !== "AbortError") setFailure(e.message); });
  }), [q, state, sort, page]);

  useEffect(() => setRows(new Map()), [q, state, sort]);
  useEffect(() => { load.run(); return load.stop; }, [load]); // an answer to an earlier search must not come after a later one's
  useStream(useCallback(() => { if (document.visibilityState === "visible") load.run(); }, [load]));
  useEffect(() => {
    const f = () => setTop(Math.max(0, scrollY - (table.current?.offsetTop ?? 0)));
    addEventListener("scroll", f, { passive: true });
    return () => removeEventListener("scroll", f);
  }, []);
  useEffect(() => {
    const bad = (list?.counts.failing ?? 0) + (list?.counts.in_alarm ?? 0);
    document.title = list ? `${list.all} variants${bad ? `, ${bad} need attention` : ""} – Bellows` : "Bellows";
  }, [list]);

  if (failure && !list) return <p class="notice" role="alert">{failure}</p>;
  if (!list) return <p class="notice" role="status">Loading …</p>;
  if (list.all === 0 || deploying) return <Empty session={session} onBusy={setDeploying} />;
  const shown = [...Array(Math.max(0, Math.min(count, list.total - first))).keys()].map((i) => first + i);
  return (
    <>
      <h1>Endpoints</h1>
      {list.trouble && <p class="warning" role="alert">{list.trouble}</p>}
      <Warnings list={list.warnings ?? []} />
      <div class="tools">
        <input type="search" id="search" placeholder="Search ( / )" aria-label="Search endpoints" value={q}
          onInput={(e) => set({ q: e.currentTarget.value })} />
        <div class="choice" role="group" aria-label="Show">
          {filters.map(([id, label]) => {
            const n = id === "" ? list.all : list.counts[id] ?? 0;
            return <button key={id} aria-pressed={state === id} onClick={() => set({ state: id })}>{label} <small>{n}</small></button>;
          })}
        </div>
        <label class="sort">Order <select value={sort} onChange={(e) => set({ sort: e.currentTarget.value })}>
          {sorts.map(([id, label]) => <option key={id} value={id}>{label}</option>)}
        </select></label>
      </div>
      <div class="table" role="table" aria-label="Variants" aria-rowcount={list.total} ref={table}>
        <div class="row head" role="row">
          {["Endpoint / variant", "Status", "Load", "Instances", "Alarms", "Last change"].map((h) => <span role="columnheader" key={h}>{h}</span>)}
        </div>
        <div class="rows" role="rowgroup" style={{ height: `${list.total * rowHeight}px` }}>
          {shown.map((i) => <Row key={i} index={i} v={rows.get(i)} />)}
        </div>
      </div>
      {list.total === 0 && <p class="notice">No variant matches. <button onClick={() => set({ q: "", state: "" })}>Show all</button></p>}
    </>
  );
}

const warningsShown = 2;

/** Warnings that belong to no variant: the first ones, and the others on request. */
function Warnings({ list }: { list: NonNullable<VariantList["warnings"]> }) {
  const line = (w: (typeof list)[number]) => <p class="warning" key={w.region + w.text}>{w.text} <small>{w.region}</small></p>;
  return (
    <>
      {list.slice(0, warningsShown).map(line)}
      {list.length > warningsShown && (
        <details><summary>{list.length - warningsShown} more {list.length === warningsShown + 1 ? "warning" : "warnings"}</summary>{list.slice(warningsShown).map(line)}</details>
      )}
    </>
  );
}

function Row({ v, index }: { v: Variant | undefined; index: number }) {
  const place = { transform: `translateY(${index * rowHeight}px)` };
  if (!v) return <div class="row" role="row" style={place} aria-rowindex={index + 1}><span role="cell">…</span></div>;
  const note = v.trouble || v.warnings[0];
  return (
    <div class={"row " + v.health} role="row" style={place} aria-rowindex={index + 1}>
      <span role="cell">
        <a href={variantPath(v)}>{v.endpoint} <span class="dim">/ {v.variant}</span></a>
        <small class="dim"><a class="plain" href={endpointPath(v)} aria-label={`Endpoint ${v.endpoint}`}>endpoint</a> · {v.region} · {v.instance_type}</small>
      </span>
      <span role="cell">
        <span class={"badge " + v.health}>{v.health === "healthy" ? v.status : v.health}</span>
        {note && <small class="note" title={note}>{note}</small>}
      </span>
      <span role="cell"><Spark values={v.load} /><small>{number(v.invocations_per_minute)} / min{v.errors > 0 && <b class="bad"> · {number(v.errors)} errors</b>}</small></span>
      <span role="cell"><b>{v.running}</b> of {v.desired}<small class="dim">{v.scaled ? `range ${v.min} to ${v.max}` : "not scaled"}{v.starting && ` · ${v.starting}`}</small></span>
      <span role="cell">{v.in_alarm.length > 0 ? <span class="badge failing">ALARM</span> : <span class="dim">none</span>}<small class="dim">{v.in_alarm.join(", ")}</small></span>
      <span role="cell">{v.changed ? <>
        <Arrow from={v.changed.from} to={v.changed.to} /> <span class="dim">{ago(ms(v.changed.at), now())}</span>
        <small class="dim note" title={v.changed.why}>{v.changed.why}</small></> : <span class="dim">none known</span>}</span>
    </div>
  );
}

/** A change of capacity: direction and numbers. */
export function Arrow({ from, to }: { from: number; to: number }) {
  return <span class={to >= from ? "out" : "in"}>{to >= from ? "▲" : "▼"} {from} → {to}</span>;
}

function Spark({ values }: { values: number[] }) {
  if (values.length === 0) return <span class="spark dim">no load</span>;
  const high = Math.max(1, ...values), width = 96, height = 22;
  const points = values.map((v, i) => `${((i / Math.max(1, values.length - 1)) * width).toFixed(1)},${(height - 1 - (v / high) * (height - 2)).toFixed(1)}`);
  return <svg class="spark" width={width} height={height} role="img" aria-label={`invocations of the last ${values.length} minutes, at most ${number(high)} a minute`}>
    <polyline points={points.join(" ")} /></svg>;
}

const DeployDemo = lazy(() => import("./deploydemo").then((m) => m.DeployDemo));

function Empty({ session, onBusy }: { session: Session; onBusy: (busy: boolean) => void }) {
  const commands = `eval "$(bellows env)"
aws sagemaker create-model --model-name iris --execution-role-arn arn:aws:iam::${session.account}:role/any \\
  --primary-container Image=bellows/demo-model
aws sagemaker create-endpoint-config --endpoint-config-name iris \\
  --production-variants VariantName=AllTraffic,ModelName=iris,InitialInstanceCount=1,InstanceType=ml.m5.large
aws sagemaker create-endpoint --endpoint-name iris --endpoint-config-name iris`;
  return (
    <section class="empty">
      <h1>No endpoint yet</h1>
      <p>An endpoint serves a model on instances of this machine, and policies scale it. The server has a small trained model built in: a button makes an endpoint of it that scales.</p>
      <DeployDemo session={session} onBusy={onBusy} />
      <p>Or in a shell:</p>
      <pre>{commands}</pre>
      <button onClick={() => void navigator.clipboard?.writeText(commands)}>Copy</button>
    </section>
  );
}
