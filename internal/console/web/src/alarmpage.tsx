import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { getRule, type RulePart } from "./alarmapi";
import { AlarmActions } from "./alarmactions";
import { readAlarm, readHistory, type Grid } from "./alarmdata";
import { actionOf, alarmPath, comparisons, conditionOf, conditionSentence, missingSentence, promSentence, statistic } from "./alarmwords";
import { oneAtATime } from "./api";
import { Bands, StateBadge, type TimeBand } from "./bands";
import { contributorsOf, describeAlarm, parentsOf, type CompositeAlarm, type HistoryItem, type MetricAlarm } from "./cloudwatch";
import { ago, clock, iso, number, zone } from "./format";
import { Plot } from "./plot";
import { set } from "./router";
import { RangeTools, useRange } from "./range";
import { RuleTree } from "./ruletree";
import { now, useStream } from "./stream";
import type { Message } from "./types";
import "./pages.css";

/** What the page shows of an alarm. */
interface Shown {
  metric?: MetricAlarm;
  composite?: CompositeAlarm;
  from: number;
  to: number;
  grid?: Grid;
  bands: TimeBand[];
  items: HistoryItem[];
  rule?: RulePart;
  parents: string[];
  contributors: Awaited<ReturnType<typeof contributorsOf>>;
  failure?: string; // to read the datapoints
}

async function read(region: string, name: string, from: number, to: number): Promise<Shown | undefined> {
  const { metric, composite } = await describeAlarm(region, name), alarm = metric ?? composite;
  if (!alarm) return undefined;
  let failure = "";
  const [grid, history, rule, parents, contributors] = await Promise.all([
    metric ? readAlarm(region, metric, from, to).catch((e: Error) => { failure = e.message; return undefined; }) : undefined,
    readHistory(region, alarm, from, to),
    composite ? getRule(region, composite.AlarmRule) : undefined,
    parentsOf(region, name),
    metric?.EvaluationCriteria?.PromQLCriteria ? contributorsOf(region, name) : [],
  ]);
  return { ...(metric && { metric }), ...(composite && { composite }), from, to, ...(grid && { grid }), ...history, ...(rule && { rule }), parents, contributors, ...(failure && { failure }) };
}

/** One alarm: its datapoints with the threshold, its states, its history, and what it leads to. */
export function AlarmPage({ region, name }: { region: string; name: string }) {
  const range = useRange();
  const [x, setX] = useState<Shown | null>();
  const [failure, setFailure] = useState("");
  const load = useMemo(() => oneAtATime(() => {
    const to = range.fixed ? range.to : now() / 1000;
    return read(region, name, range.fixed ? range.from : to - range.length, to).then((x) => { setX(x ?? null); setFailure(""); }, (e: Error) => setFailure(e.message));
  }), [region, name, range.fixed, range.from, range.to, range.length]);
  useEffect(() => { load.run(); return load.stop; }, [load]);
  useStream(useCallback((event: string, m: Message) => {
    if (document.visibilityState !== "visible") return;
    if (event !== "change" ? !range.fixed : m.more || m.alarms?.includes(`${region}/${name}`)) load.run();
  }, [region, name, range.fixed, load]));
  const alarm = x?.metric ?? x?.composite;
  useEffect(() => { document.title = `${name}${alarm ? `: ${alarm.StateValue}` : ""} – Bellows`; }, [name, alarm?.StateValue]);

  if (x === null) return <p class="notice">There is no alarm {name} in {region}. <a href="/console/alarms">All alarms</a></p>;
  if (!x || !alarm) return failure ? <p class="notice" role="alert">{failure}</p> : <p class="notice" role="status">Loading …</p>;
  return (
    <>
      <div class="heading">
        <div class="title">
          <h1>{alarm.AlarmName}</h1>
          <StateBadge state={alarm.StateValue} />
          {!alarm.ActionsEnabled && <span class="badge degraded">actions switched off</span>}
          <p class="dim"><a href="/console/alarms">Alarms</a> · {region}{alarm.StateTransitionedTimestamp && ` · ${alarm.StateValue} for ${ago(alarm.StateTransitionedTimestamp * 1000, now()).replace(" ago", "")}`}</p>
        </div>
        <AlarmActions region={region} {...(x.metric ? { metric: x.metric } : { composite: x.composite! })} onChange={load.run} />
      </div>
      {failure && <p class="failure" role="alert">{failure}</p>}
      {alarm.AlarmDescription && <p>{alarm.AlarmDescription}</p>}
      {x.metric ? <Sentences a={x.metric} /> : <p>ALARM while the rule below is true, else OK. It is evaluated whenever an alarm in it changes its state.</p>}
      {alarm.StateReason && <p class="dim">{alarm.StateReason}</p>}
      <RangeTools range={range} note={`times in ${zone()}`} />
      {x.metric ? <Datapoints x={x} a={x.metric} /> : <Bands bands={x.bands} from={x.from} to={x.to} label="States" />}
      <div class="columns">
        <div>
          {x.rule && <Section title="Rule"><RuleTree region={region} rule={x.rule} /></Section>}
          {x.composite?.ActionsSuppressor && <Section title="Suppression"><Suppression region={region} a={x.composite} /></Section>}
          {x.contributors.length > 0 && <Section title="Contributors in ALARM"><ul class="plain">{x.contributors.map((c) => <li key={c.ContributorId}>{Object.entries(c.ContributorAttributes).map(([k, v]) => `${k} ${v}`).join(", ")}<small class="dim">{c.StateReason}</small></li>)}</ul></Section>}
          <Section title="Actions"><Actions a={alarm} /></Section>
          {x.parents.length > 0 && <Section title="Part of"><ul class="plain">{x.parents.map((p) => <li key={p}><a href={alarmPath(region, p)}>{p}</a></li>)}</ul></Section>}
        </div>
        <Section title="History"><History items={x.items} /></Section>
      </div>
    </>
  );
}

function Section({ title, children }: { title: string; children: ComponentChildren }) {
  return <section class="section"><h2>{title}</h2>{children}</section>;
}

/** What the alarm compares, and what missing data does. */
function Sentences({ a }: { a: MetricAlarm }) {
  const prom = a.EvaluationCriteria?.PromQLCriteria, c = conditionOf(a);
  if (prom) return <><p>{promSentence(prom.PendingPeriod ?? 0, prom.RecoveryPeriod ?? 0)}</p><pre class="code">{prom.Query}</pre></>;
  return (
    <>
      <p>{c && conditionSentence(c)} {missingSentence(a.TreatMissingData, a.Namespace)}</p>
      {a.Metrics?.length ? <ul class="plain dim">{a.Metrics.map((q) => <li key={q.Id}><code>{q.Id}</code> = {q.Expression ?? `${statistic(q.MetricStat?.Stat ?? "")} of ${q.MetricStat?.Metric.MetricName}`}</li>)}</ul>
        : <p class="dim">{a.Namespace} · {a.MetricName}{a.Dimensions?.map((d) => ` · ${d.Name} ${d.Value}`).join("")}{a.Unit && ` · ${a.Unit}`}</p>}
      {a.EvaluateLowSampleCountPercentile === "ignore" && <p class="dim">Periods with too few samples for the percentile do not change the state.</p>}
      {a.EvaluationState && a.EvaluationState !== "EVALUATED" && <p class="warning">{a.EvaluationState.replaceAll("_", " ").toLowerCase()}</p>}
    </>
  );
}

function Datapoints({ x, a }: { x: Shown; a: MetricAlarm }) {
  if (!x.grid) return <p class="failure" role="alert">The datapoints could not be read: {x.failure}</p>;
  const c = conditionOf(a);
  const levels = c ? [{ value: c.threshold, label: `threshold ${comparisons[c.comparison].sign} ${number(c.threshold)}`, color: "alarm", breach: comparisons[c.comparison].breach }] : [];
  return (
    <>
      <Plot from={x.from} to={x.to} times={x.grid.times} lines={x.grid.lines} levels={levels} label="Datapoints"
        onZoom={(from, to) => set({ from: iso(from * 1000), to: iso(to * 1000), range: undefined }, false)} />
      <Bands bands={x.bands} from={x.from} to={x.to} label="States" />
    </>
  );
}

function Suppression({ region, a }: { region: string; a: CompositeAlarm }) {
  const name = a.ActionsSuppressor!.replace(/^arn:.*:alarm:/, "");
  return (
    <>
      <p>Actions wait up to {a.ActionsSuppressorWaitPeriod} s for <a href={alarmPath(region, name)}>{name}</a> to go into ALARM; they are suppressed while it is there, and {a.ActionsSuppressorExtensionPeriod} s longer.</p>
      {a.ActionsSuppressedBy && <p class="warning">Suppressed now: {a.ActionsSuppressedReason ?? a.ActionsSuppressedBy}</p>}
    </>
  );
}

function Actions({ a }: { a: MetricAlarm | CompositeAlarm }) {
  const rows = ([["ALARM", a.AlarmActions], ["OK", a.OKActions], ["INSUFFICIENT_DATA", a.InsufficientDataActions]] as const).flatMap(([on, arns]) => arns.map((arn) => ({ on, arn, ...actionOf(arn) })));
  if (rows.length === 0) return <p class="dim">None: it changes its state and nothing else happens.</p>;
  return (
    <>
      {!a.ActionsEnabled && <p class="warning">Switched off: none of these is performed.</p>}
      <ul class="plain">{rows.map((r) => <li key={r.on + r.arn}><StateBadge state={r.on} /> {r.href ? <a href={r.href}>{r.text}</a> : r.text}<small class="dim" title={r.arn}>{r.arn}</small></li>)}</ul>
    </>
  );
}

const kinds: Record<string, string> = { StateUpdate: "state", ConfigurationUpdate: "change", Action: "action", AlarmContributorStateUpdate: "contributor", AlarmContributorAction: "contributor" };

function History({ items }: { items: HistoryItem[] }) {
  const [kind, setKind] = useState("");
  const shown = items.filter((i) => !kind || kinds[i.HistoryItemType] === kind);
  return (
    <>
      <div class="choice" role="group" aria-label="Kind of history">
        {["", "state", "action", "change"].map((k) => <button key={k} aria-pressed={kind === k} onClick={() => setKind(k)}>{k || "all"}</button>)}
      </div>
      {shown.length === 0 ? <p class="dim">Nothing happened in this time.</p>
        : <ul class="plain history" tabIndex={0} aria-label="History">{shown.map((i, n) => <li key={n}><time class="dim" title={iso(i.Timestamp * 1000)}>{clock(i.Timestamp * 1000, now())}</time> {i.HistorySummary}</li>)}</ul>}
    </>
  );
}
