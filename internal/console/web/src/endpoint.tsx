import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { getEndpoint, oneAtATime, type EndpointName } from "./api";
import { EndpointActions } from "./endpointactions";
import { EndpointCharts } from "./endpointcharts";
import { ago, clock, duration, iso, ms, number } from "./format";
import { Logs } from "./logs";
import { variantPath } from "./router";
import { now, useStream } from "./stream";
import type { Endpoint, EndpointVariant, Instance, Message } from "./types";
import "./endpoint.css";

/** An endpoint: its variants and instances, what it did in the last hour, what happened to it, and what can be done with it. */
export function EndpointPage({ region, endpoint }: EndpointName) {
  const name = useMemo(() => ({ region, endpoint }), [region, endpoint]);
  const [x, setX] = useState<Endpoint>();
  const [failure, setFailure] = useState("");
  const load = useMemo(() => oneAtATime((signal) =>
    getEndpoint(name, signal).then((e) => { setX(e); setFailure(""); }, (e) => { if (e.name !== "AbortError") setFailure(e.message); })), [name]);
  useEffect(() => { load.run(); return load.stop; }, [load]);
  useStream(useCallback((event: string, m: Message) => {
    if (document.visibilityState !== "visible") return;
    if (event !== "change" || m.more || m.variants?.some((v) => v === `${region}/${endpoint}` || v.startsWith(`${region}/${endpoint}/`))) load.run();
  }, [region, endpoint, load]));
  useEffect(() => { document.title = `${endpoint}${x ? `: ${x.status}` : ""} – Bellows`; }, [endpoint, x?.status]);

  if (!x) return <p class="notice" role={failure ? "alert" : "status"}>{failure || "Loading …"} {failure && <a href="/console/">All endpoints</a>}</p>;
  const health = x.variants.some((v) => v.health === "failing") ? "failing" : x.variants.some((v) => v.health === "degraded") ? "degraded" : "healthy";
  const last = x.history.find((h) => h.kind === "failure");
  return (
    <>
      <div class="title">
        <h1>{x.endpoint}</h1>
        <span class={"badge " + (x.status === "InService" ? health : x.status === "Failed" ? "failing" : "")}>{x.status}</span>
        <p class="dim">{x.region} · configuration {x.config} · created {ago(ms(x.created), now())} · changed {ago(ms(x.modified), now())}</p>
        {x.deployment && <p class="warning">An update to {x.deployment.config} has been under way for {duration(now() - ms(x.deployment.started))}{x.deployment.retire_at && "; traffic has moved to it"}.</p>}
        {x.waiting && <p class="warning">{x.waiting}</p>}
        {x.failure && <p class="warning">{x.failure}</p>}
        {failure && <p class="failure" role="alert">{failure}</p>}
      </div>
      <EndpointActions x={x} onDone={load.run} />
      <section class="part" aria-labelledby="variants"><h2 id="variants">Variants</h2><Variants x={x} /></section>
      <section class="part" aria-labelledby="hour"><EndpointCharts x={x} /></section>
      <section class="part" aria-labelledby="instances">
        <h2 id="instances">Instances <small class="dim">{x.instances.length}</small></h2>
        {last && <p class="dim">Last failure, {ago(ms(last.at), now())}: {last.text}{last.why && `: ${last.why}`}</p>}
        <Instances x={x} />
      </section>
      <section class="part" aria-labelledby="logs"><h2 id="logs">Logs</h2><Logs x={x} /></section>
      <section class="part" aria-labelledby="history"><h2 id="history">History</h2><History x={x} /></section>
    </>
  );
}

function Variants({ x }: { x: Endpoint }) {
  const total = x.variants.reduce((sum, v) => sum + v.weight, 0);
  return (
    <div class="scrolled" tabIndex={0} role="group" aria-label="Table of variants">
      <table class="list">
        <thead><tr>{["Variant", "Health", "Model", "Weight", "Instances", "Load", "Errors", "Alarms"].map((h) => <th key={h}>{h}</th>)}</tr></thead>
        <tbody>{x.variants.map((v) => <VariantLine key={v.variant} v={v} total={total} />)}</tbody>
      </table>
    </div>
  );
}

function VariantLine({ v, total }: { v: EndpointVariant; total: number }) {
  return (
    <tr>
      <td><a href={variantPath(v)}><b>{v.variant}</b></a><small class="dim">{v.instance_type}</small></td>
      <td><span class={"badge " + v.health}>{v.health}</span>{v.trouble && <small>{v.trouble}</small>}{v.warnings.map((w) => <small class="warning" key={w}>{w}</small>)}</td>
      <td>{v.model}</td>
      <td><b>{number(v.weight)}</b>{v.desired_weight !== v.weight && ` → ${number(v.desired_weight)}`}<small class="dim">{total > 0 ? `${number((v.weight / total) * 100)} % of requests` : "no requests"}</small></td>
      <td><b>{v.running}</b> of {v.desired}<small class="dim">{v.scaled ? `range ${v.min} to ${v.max}` : "not scaled"}{v.starting && ` · ${v.starting}`}</small></td>
      <td>{number(v.invocations_per_minute)} / min</td>
      <td class={v.errors > 0 ? "bad" : ""}>{number(v.errors)}<small class="dim">in 5 minutes</small></td>
      <td>{v.in_alarm.length > 0 ? <><span class="badge failing">ALARM</span><small class="dim">{v.in_alarm.join(", ")}</small></> : <span class="dim">none</span>}</td>
    </tr>
  );
}

const stateWords = { Pending: "starting", InService: "serving", Terminating: "draining" } as const;

/** Beyond so many instances the table opens at a click. */
const shownAtFirst = 20;

function Instances({ x }: { x: Endpoint }) {
  const [all, setAll] = useState(false);
  const slowest = Math.max(...x.instances.map(startup), 0.001);
  const shown = all ? x.instances : x.instances.slice(0, shownAtFirst);
  if (x.instances.length === 0) return <p class="dim">There is no instance.</p>;
  return (
    <>
      <div class="scrolled" tabIndex={0} role="group" aria-label="Table of instances">
        <table class="list">
          <thead><tr>{["Instance", "State", "Age", "Start-up", "Failures"].map((h) => <th key={h}>{h}</th>)}</tr></thead>
          <tbody>{shown.map((i) => <InstanceLine key={i.id} i={i} slowest={slowest} />)}</tbody>
        </table>
      </div>
      {shown.length < x.instances.length && <button onClick={() => setAll(true)}>Show all {x.instances.length}</button>}
    </>
  );
}

const startup = (i: Instance) => i.stages.reduce((sum, s) => sum + s.seconds, 0);

function InstanceLine({ i, slowest }: { i: Instance; slowest: number }) {
  const bad = i.state !== "Terminating" && (i.ejected || (i.state === "Pending" && i.failures > 0));
  const why = i.ejected ?? (i.state === "Pending" ? i.unhealthy : undefined);
  return (
    <tr>
      <td><code>{i.id}</code><small class="dim">{i.variant} · fleet {i.generation}</small></td>
      <td><span class={"badge " + (bad ? "failing" : i.state === "InService" ? "healthy" : "")}>{i.ejected ? "not routed to" : stateWords[i.state]}</span>
        {i.copies > 1 && <small class="dim">{i.ready} of {i.copies} copies ready</small>}{why && <small>{why}</small>}</td>
      <td title={iso(ms(i.started))}>{duration(now() - ms(i.started))}</td>
      <td><StartUp i={i} slowest={slowest} /></td>
      <td>{i.failures > 0 ? <b class="bad">{i.failures}</b> : "0"}{i.reason && <small title={i.reason_at}>{i.reason}</small>}</td>
    </tr>
  );
}

/** The start of an instance by its stages, to scale with the slowest. */
function StartUp({ i, slowest }: { i: Instance; slowest: number }) {
  if (i.stages.length === 0) return <span class="dim">not known</span>;
  let at = 0;
  const text = i.stages.filter((s) => s.seconds >= 0.05).map((s) => `${s.name} ${number(s.seconds)} s`).join(" · ");
  return (
    <>
      <svg class="startup" viewBox="0 0 200 8" preserveAspectRatio="none" aria-hidden="true">
        {i.stages.map((s) => { const x = at; at += (s.seconds / slowest) * 200; return <rect key={s.name} class={"stage " + s.name.replace("model ", "")} x={x} width={Math.max(0, at - x)} height="8" />; })}
      </svg>
      <small>{number(startup(i))} s<span class="dim">{text && `: ${text}`}</span></small>
    </>
  );
}

function History({ x }: { x: Endpoint }) {
  if (x.history.length === 0) return <p class="dim">Nothing happened in the last two weeks.</p>;
  return (
    <ol class="happened">
      {x.history.map((h, i) => (
        <li key={i}><time dateTime={h.at} title={h.at}>{clock(ms(h.at), now())}</time><span class={h.kind === "failure" ? "bad" : ""}>{h.text}</span><span class="dim">{h.why}</span></li>
      ))}
    </ol>
  );
}
