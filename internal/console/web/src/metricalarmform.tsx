import { useState } from "preact/hooks";
import { ActionForm } from "./actionform";
import { AlarmActionFields, givenLists, listsOf } from "./alarmactionfields";
import { comparisons, conditionSentence, missingSentence, promSentence, statistic, type Condition } from "./alarmwords";
import type { Comparison, MetricAlarm } from "./cloudwatch";
import { CheckField, NumberField, numberOf, SelectField, TextField } from "./fields";
import { cloudwatch } from "./operation";
import { PromPreview } from "./prompreview";
import { metricWords, periods, queriesOfRows, rowsOfQueries, statistics, type Row } from "./queries";
import { QueryRows } from "./queryrows";
import { useRefusals } from "./refusals";
import { TryoutView } from "./tryoutview";
import { queriesOf } from "./alarmdata";

const members = [
  "AlarmName", "AlarmDescription", "ActionsEnabled", "OKActions", "AlarmActions", "InsufficientDataActions", "Namespace", "MetricName", "Dimensions", "Statistic", "ExtendedStatistic", "Period",
  "Unit", "EvaluationPeriods", "DatapointsToAlarm", "Threshold", "ComparisonOperator", "TreatMissingData", "EvaluateLowSampleCountPercentile", "Metrics", "EvaluationInterval", "EvaluationCriteria",
  "EvaluationWindow", "WarmUpConfiguration",
] as const;

/** The input of PutMetricAlarm that makes an alarm as it is. */
export function putInput(a: MetricAlarm): Record<string, unknown> {
  const empty = (v: unknown) => v === undefined || (Array.isArray(v) && v.length === 0);
  return Object.fromEntries(members.map((m) => [m, a[m]] as const).filter(([, v]) => !empty(v)));
}

type Kind = "metric" | "math" | "promql";

function start(a: MetricAlarm | undefined, rows: Row[] | undefined, period: number | undefined, action: string | undefined) {
  const kind: Kind = a?.EvaluationCriteria ? "promql" : a?.Metrics?.length || (rows?.length ?? 0) > 1 || rows?.[0]?.expression !== undefined ? "math" : "metric";
  const prom = a?.EvaluationCriteria?.PromQLCriteria;
  const queries = a && kind !== "promql" ? rowsOfQueries(queriesOf(a)) : rows ?? [];
  return {
    kind, name: a?.AlarmName ?? "", description: a?.AlarmDescription ?? "", rows: queries, enabled: a?.ActionsEnabled ?? true, actions: listsOf(a ?? (action ? { AlarmActions: [action] } : undefined)),
    period: String(a?.Period ?? queriesOf(a ?? {})[0]?.MetricStat?.Period ?? period ?? 60), unit: a?.Unit ?? "",
    comparison: a?.ComparisonOperator ?? "GreaterThanThreshold" as Comparison, threshold: a?.Threshold === undefined ? "" : String(a.Threshold),
    n: String(a?.EvaluationPeriods ?? 3), m: a?.DatapointsToAlarm === undefined ? "" : String(a.DatapointsToAlarm), missing: a?.TreatMissingData ?? "missing",
    query: prom?.Query ?? "", pending: String(prom?.PendingPeriod ?? 0), recovery: String(prom?.RecoveryPeriod ?? 0), interval: String(a?.EvaluationInterval ?? 60),
  };
}

type Form = ReturnType<typeof start>;

/** The form of a metric alarm: on one metric, on metric math, or on PromQL. rows and action, on ALARM, are what a new one begins with. */
export function MetricAlarmForm({ region, alarm, rows, period, action, onClose, onDone }: {
  region: string; alarm?: MetricAlarm; rows?: Row[]; period?: number; action?: string; onClose: () => void; onDone: (name: string) => void;
}) {
  const [form, setForm] = useState(() => start(alarm, rows, period, action));
  const change = (part: Partial<Form>) => setForm((f) => ({ ...f, ...part }));
  const refusals = useRefusals(fields);
  const input = inputOf(form, alarm);
  return (
    <ActionForm title={alarm ? `Edit ${alarm.AlarmName}` : "Create an alarm"} verb={alarm ? "Save" : "Create alarm"} wide onClose={onClose} beside={refusals.beside}
      operations={input && [cloudwatch(region, "PutMetricAlarm", input)]} done={alarm ? `${form.name} was changed.` : `${form.name} was created.`} onDone={() => onDone(form.name)}>
      {!alarm && <TextField label="Name" value={form.name} onValue={(name) => change({ name })} error={refusals.of("name")} />}
      <TextField label="Description" value={form.description} onValue={(description) => change({ description })} error={refusals.of("description")} />
      <div class="choice" role="group" aria-label="What is watched">
        {([["metric", "One metric"], ["math", "Metric math"], ["promql", "PromQL"]] as const).map(([k, label]) => <button type="button" key={k} aria-pressed={form.kind === k} onClick={() => change({ kind: k })}>{label}</button>)}
      </div>
      {form.kind === "promql" ? <PromFields form={form} change={change} of={refusals.of} region={region} /> : <MetricFields form={form} change={change} of={refusals.of} region={region} />}
      <AlarmActionFields region={region} value={form.actions} onValue={(actions) => change({ actions })} error={refusals.of("actions")} />
      <CheckField label="Perform the actions" value={form.enabled} onValue={(enabled) => change({ enabled })} />
    </ActionForm>
  );
}

const fields = {
  name: /alarmName/i, description: /alarmDescription/i, rows: /metrics list|Metrics|MetricName|Namespace|Dimensions|expression|Statistic|Query\b|PromQL/i, period: /period(?!s)|EvaluationInterval/i,
  n: /EvaluationPeriods/i, m: /DatapointsToAlarm/i, threshold: /Threshold/, comparison: /ComparisonOperator/i, missing: /TreatMissingData/i, actions: /Actions?\b|invalid arn|arn syntax/i,
};

interface Part {
  form: Form;
  change: (part: Partial<Form>) => void;
  of: (field: string) => string | undefined;
  region: string;
}

function MetricFields({ form, change, of, region }: Part) {
  const condition = conditionOfForm(form);
  const rows = form.kind === "metric" ? form.rows.filter((r) => r.metric).slice(0, 1) : form.rows;
  const put = (rows: Row[]) => change({ rows: form.kind === "metric" ? rows.slice(-1).map((r) => ({ ...r, id: "m1", hidden: false })) : rows });
  return (
    <>
      <QueryRows region={region} rows={rows} onRows={put} one />
      {of("rows") && <small class="failure" role="alert">{of("rows")}</small>}
      <div class="fields-in-line">
        <SelectField label="ALARM when it is" value={form.comparison} onValue={(v) => change({ comparison: v as Comparison })} options={Object.entries(comparisons).map(([k, c]) => [k, c.words] as const)} error={of("comparison")} />
        <NumberField label="Threshold" value={form.threshold} onValue={(threshold) => change({ threshold })} error={of("threshold")} />
        <SelectField label="Period" value={form.period} onValue={(period) => change({ period })} options={periods.filter(([p]) => p !== "1")} error={of("period")} />
        <NumberField label="Periods looked at (N)" value={form.n} onValue={(n) => change({ n })} min={1} step={1} error={of("n")} />
        <NumberField label="Of them beyond it (M)" value={form.m} onValue={(m) => change({ m })} min={1} step={1} hint="empty: all" error={of("m")} />
        <SelectField label="Missing data" value={form.missing} onValue={(missing) => change({ missing })} error={of("missing")}
          options={[["missing", "is left out"], ["ignore", "keeps the state"], ["breaching", "is beyond the threshold"], ["notBreaching", "is within the threshold"]]} />
      </div>
      <p>{condition && conditionSentence(condition)} {missingSentence(form.missing)}</p>
      <TryoutView region={region} queries={rows.length > 0 ? queriesOfRows(rows, Number(form.period)) : undefined} trials={condition && rows.length > 0 ? [{ name: "", condition, missing: form.missing }] : undefined} />
    </>
  );
}

function PromFields({ form, change, of, region }: Part) {
  return (
    <>
      <TextField label="PromQL query" rows={3} value={form.query} onValue={(query) => change({ query })} error={of("rows")} placeholder="rate(aws_sagemaker_invocations_sum[5m]) > 2" hint="It returns the series that are wrong: each is a contributor." />
      <div class="fields-in-line">
        <NumberField label="Evaluated each" unit="s" value={form.interval} onValue={(interval) => change({ interval })} error={of("period")} />
        <NumberField label="Pending period" unit="s" value={form.pending} onValue={(pending) => change({ pending })} />
        <NumberField label="Recovery period" unit="s" value={form.recovery} onValue={(recovery) => change({ recovery })} />
      </div>
      <p>{promSentence(numberOf(form.pending) ?? 0, numberOf(form.recovery) ?? 0)}</p>
      <PromPreview region={region} query={form.query} />
    </>
  );
}

/** The condition that the form describes; undefined while something is missing. */
function conditionOfForm(f: Form): Condition | undefined {
  const threshold = numberOf(f.threshold), n = numberOf(f.n), m = f.m ? numberOf(f.m) : n;
  if (threshold === undefined || !n || !m || !Number.isInteger(n) || !Number.isInteger(m) || m > n) return undefined;
  const watched = f.rows.find((r) => !r.hidden);
  const what = f.kind === "metric" && watched?.metric ? `the ${statistic(watched.stat ?? "")} of ${metricWords(watched.metric)}` : watched?.label || watched?.expression || (watched?.metric ? metricWords(watched.metric) : "it");
  return { what, comparison: f.comparison, threshold, n, m, period: Number(f.period) };
}

/** The input of PutMetricAlarm; undefined while something that it cannot do without is missing. Whatever else is wrong, the API refuses. */
function inputOf(f: Form, before: MetricAlarm | undefined): Record<string, unknown> | undefined {
  if (!f.name) return undefined;
  const common = {
    AlarmName: f.name, ...(f.description && { AlarmDescription: f.description }), ActionsEnabled: f.enabled, ...givenLists(f.actions),
    ...(before?.EvaluationWindow ? { EvaluationWindow: before.EvaluationWindow } : {}), ...(before?.WarmUpConfiguration ? { WarmUpConfiguration: before.WarmUpConfiguration } : {}),
  };
  if (f.kind === "promql") {
    if (!f.query.trim()) return undefined;
    return {
      ...common, EvaluationInterval: numberOf(f.interval),
      EvaluationCriteria: { PromQLCriteria: { Query: f.query, PendingPeriod: numberOf(f.pending), RecoveryPeriod: numberOf(f.recovery) } },
    };
  }
  const threshold = numberOf(f.threshold), row = f.rows.find((r) => r.metric);
  if (threshold === undefined || f.rows.length === 0 || (f.kind === "metric" && !row)) return undefined;
  const rule = {
    ComparisonOperator: f.comparison, Threshold: threshold, EvaluationPeriods: numberOf(f.n), ...(f.m && { DatapointsToAlarm: numberOf(f.m) }), TreatMissingData: f.missing,
    ...(before?.EvaluateLowSampleCountPercentile && { EvaluateLowSampleCountPercentile: before.EvaluateLowSampleCountPercentile }),
  };
  if (f.kind === "math") return { ...common, ...rule, Metrics: queriesOfRows(f.rows, Number(f.period)) };
  const stat = row!.stat ?? "Average", plain = (statistics.slice(0, 5) as readonly string[]).includes(stat);
  return { ...common, ...rule, ...row!.metric, ...(plain ? { Statistic: stat } : { ExtendedStatistic: stat }), Period: Number(f.period), ...(f.unit && { Unit: f.unit }) };
}
