import { useEffect, useState } from "preact/hooks";
import { aws } from "./api";
import type { Metric } from "./cloudwatch";

/** At most this many pages of 500 metrics are read; the search narrows the rest. */
const pagesMax = 10;
const shownMax = 80;

async function listMetrics(region: string, namespace: string, signal: AbortSignal): Promise<{ metrics: Metric[]; more: boolean }> {
  const metrics: Metric[] = [];
  let token: string | undefined;
  for (let page = 0; page < pagesMax && !signal.aborted; page++) {
    const out: { Metrics: Metric[]; NextToken?: string } = await aws(region, "GraniteServiceVersion20100801.ListMetrics", {
      ...(namespace && { Namespace: namespace }), ...(token && { NextToken: token }),
    });
    metrics.push(...out.Metrics);
    token = out.NextToken;
    if (!token) break;
  }
  return { metrics, more: !!token };
}

/** Browses namespaces, metrics and dimensions. */
export function MetricPicker({ region, onPick }: { region: string; onPick: (m: Metric) => void }) {
  const [namespace, setNamespace] = useState("");
  const [search, setSearch] = useState("");
  const [namespaces, setNamespaces] = useState<string[]>([]);
  const [found, setFound] = useState<{ metrics: Metric[]; more: boolean }>();
  const [failure, setFailure] = useState("");
  useEffect(() => {
    const abort = new AbortController();
    listMetrics(region, namespace, abort.signal).then((x) => {
      if (abort.signal.aborted) return;
      setFound(x);
      setFailure("");
      if (!namespace) setNamespaces([...new Set(x.metrics.map((m) => m.Namespace))].sort());
    }, (e: Error) => { if (!abort.signal.aborted) setFailure(e.message); });
    return () => abort.abort();
  }, [region, namespace]);
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const match = (found?.metrics ?? []).filter((m) => {
    const text = `${m.Namespace} ${m.MetricName} ${m.Dimensions?.map((d) => `${d.Name}=${d.Value}`).join(" ") ?? ""}`.toLowerCase();
    return words.every((w) => text.includes(w));
  });
  return (
    <div class="picker" role="group" aria-label="Metrics">
      <div class="tools">
        <label>Namespace <select value={namespace} onChange={(e) => setNamespace(e.currentTarget.value)}>
          <option value="">all</option>{namespaces.map((n) => <option key={n} value={n}>{n}</option>)}
        </select></label>
        <input type="search" aria-label="Search metrics" placeholder="name or dimension, such as iris latency" value={search} onInput={(e) => setSearch(e.currentTarget.value)} />
        <span class="dim">{found ? `${match.length}${found.more ? " or more" : ""} metrics` : "Loading …"}</span>
      </div>
      {failure && <p class="failure" role="alert">{failure}</p>}
      {found && match.length === 0 && <p class="dim">{found.metrics.length ? "No metric matches." : "There are no metrics yet: an endpoint publishes its own, PutMetricData and Prometheus' remote write bring others."}</p>}
      <ul class="metriclist" tabIndex={0} aria-label="Metrics found">{match.slice(0, shownMax).map((m) => (
        <li key={m.Namespace + m.MetricName + m.Dimensions?.map((d) => d.Name + d.Value).join()}>
          <button type="button" onClick={() => onPick({ Namespace: m.Namespace, MetricName: m.MetricName, ...(m.Dimensions?.length && { Dimensions: m.Dimensions }) })}>
            <b>{m.MetricName}</b> <span class="dim">{m.Dimensions?.map((d) => `${d.Name} ${d.Value}`).join(" · ") || "no dimensions"} · {m.Namespace}</span>
          </button>
        </li>
      ))}</ul>
      {match.length > shownMax && <p class="dim">The first {shownMax} are shown: search for more.</p>}
    </div>
  );
}
