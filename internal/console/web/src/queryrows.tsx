import { MetricPicker } from "./metricpicker";
import { useState } from "preact/hooks";
import { newID, metricWords, statistics, type Row } from "./queries";

/** A table of queries: metrics with their statistics, and expressions on them. one: exactly one row is shown, as alarms have it. */
export function QueryRows({ region, rows, onRows, one = false }: { region: string; rows: Row[]; onRows: (rows: Row[]) => void; one?: boolean }) {
  const [picking, pick] = useState(rows.length === 0);
  const change = (i: number, part: Partial<Row>) => onRows(rows.map((r, n) => (n === i ? { ...r, ...part } : r)));
  const show = (i: number, shown: boolean) => onRows(rows.map((r, n) => (n === i ? { ...r, hidden: !shown } : one && shown ? { ...r, hidden: true } : r)));
  const add = (r: Omit<Row, "hidden">) => onRows([...rows.map((x) => (one ? { ...x, hidden: true } : x)), { ...r, hidden: false }]);
  return (
    <div class="queries">
      {rows.length > 0 && (
        <table class="querytable">
          <thead><tr><th>{one ? "Watch" : "Show"}</th><th>ID</th><th>Metric or expression</th><th>Statistic</th><th>Label</th><th><span class="unseen">Remove</span></th></tr></thead>
          <tbody>{rows.map((r, i) => (
            <tr key={i}>
              <td><input type={one ? "radio" : "checkbox"} name="watched" checked={!r.hidden} aria-label={`${one ? "Watch" : "Show"} ${r.id}`} onChange={(e) => show(i, e.currentTarget.checked)} /></td>
              <td><input class="id" value={r.id} aria-label={`ID of row ${i + 1}`} onInput={(e) => change(i, { id: e.currentTarget.value })} /></td>
              <td>{r.metric ? <span title={`${r.metric.Namespace} ${r.metric.Dimensions?.map((d) => `${d.Name}=${d.Value}`).join(" ") ?? ""}`}>{metricWords(r.metric)}<small class="dim">{r.metric.Namespace}</small></span>
                : <input class="wide" value={r.expression} aria-label={`Expression ${r.id}`} placeholder="m1 / m2, SUM(METRICS()), IF(m1 > 5, m1, 0)" onInput={(e) => change(i, { expression: e.currentTarget.value })} />}</td>
              <td>{r.metric && <input value={r.stat} list="statistics" size={9} aria-label={`Statistic of ${r.id}`} onInput={(e) => change(i, { stat: e.currentTarget.value })} />}</td>
              <td><input value={r.label} size={12} aria-label={`Label of ${r.id}`} onInput={(e) => change(i, { label: e.currentTarget.value })} /></td>
              <td><button type="button" class="link" aria-label={`Remove ${r.id}`} onClick={() => onRows(rows.filter((_, n) => n !== i))}>✕</button></td>
            </tr>
          ))}</tbody>
        </table>
      )}
      <datalist id="statistics">{statistics.map((s) => <option key={s} value={s} />)}</datalist>
      <div class="tools">
        <button type="button" aria-expanded={picking} onClick={() => pick(!picking)}>Add a metric</button>
        <button type="button" onClick={() => add({ id: newID(rows, "e"), label: "", expression: "" })}>Add an expression</button>
      </div>
      {picking && <MetricPicker region={region} onPick={(metric) => { add({ id: newID(rows, "m"), label: "", metric, stat: usual(metric.MetricName) }); if (one) pick(false); }} />}
    </div>
  );
}

/** The statistic in which a metric is usually read. */
export function usual(name: string): string {
  return /^(Invocation.*Errors|Invocations|ScalingActivities|NoCapacity.*)$/.test(name) || /InvocationsPerInstance/.test(name) ? "Sum" : "Average";
}
