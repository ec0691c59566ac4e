import { useCallback, useContext, useEffect, useMemo, useState } from "preact/hooks";
import { getVariants, oneAtATime, type VariantName } from "./api";
import { policiesPath } from "./alarmwords";
import { PolicySection } from "./policysection";
import { set, useAddress, variantPath } from "./router";
import { allPolicies } from "./scalingapi";
import { SessionContext } from "./session";
import { useStream } from "./stream";
import type { Variant } from "./types";
import "./pages.css";

/** The rows of one page of the list. */
const pageRows = 100;

interface Listed {
  variants: Variant[];
  total: number;
  policies: Map<string, { PolicyName: string; PolicyType: string }[]>; // by region and resource ID
}

/** What scales each variant. */
export function PoliciesPage() {
  const { query } = useAddress(), session = useContext(SessionContext)!;
  const q = query.get("q") ?? "", page = Math.max(0, Number(query.get("page")) || 0);
  const [list, setList] = useState<Listed>();
  const [failure, setFailure] = useState("");
  const load = useMemo(() => oneAtATime(async (signal) => {
    try {
      const [found, ...regions] = await Promise.all([
        getVariants({ q, sort: "name", offset: page * pageRows, limit: pageRows }, signal), ...session.regions.map((r) => allPolicies(r).then((all) => all.map((p) => ({ ...p, region: r })))),
      ]);
      const policies: Listed["policies"] = new Map();
      for (const p of regions.flat()) policies.set(p.region + p.ResourceId, [...(policies.get(p.region + p.ResourceId) ?? []), p]);
      setList({ variants: found.variants, total: found.total, policies });
      setFailure("");
    } catch (e) { if ((e as Error).name !== "AbortError") setFailure((e as Error).message); }
  }), [q, page, session]);
  useEffect(() => { load.run(); return load.stop; }, [load]);
  useStream(useCallback((event: string) => { if (event === "change" && document.visibilityState === "visible") load.run(); }, [load]));
  useEffect(() => { document.title = "Policies – Bellows"; }, []);
  if (!list) return failure ? <p class="notice" role="alert">{failure}</p> : <p class="notice" role="status">Loading …</p>;
  const last = Math.max(0, Math.ceil(list.total / pageRows) - 1);
  return (
    <>
      <h1>Policies</h1>
      {failure && <p class="failure" role="alert">{failure}</p>}
      <div class="tools">
        <input type="search" id="search" placeholder="Search ( / )" aria-label="Search variants" value={q} onInput={(e) => set({ q: e.currentTarget.value, page: undefined })} />
        {last > 0 && <>
          <button disabled={page === 0} onClick={() => set({ page: String(page - 1) })}>Previous</button><span class="dim">{page * pageRows + 1} to {Math.min(list.total, (page + 1) * pageRows)} of {list.total}</span>
          <button disabled={page >= last} onClick={() => set({ page: String(page + 1) })}>Next</button>
        </>}
      </div>
      <div class="scrolled" tabIndex={0} role="group" aria-label="Policies of variants">
        <table class="querytable figures left">
          <thead><tr><th>Variant</th><th>Bounds</th><th>Policies</th></tr></thead>
          <tbody>{list.variants.map((v) => {
            const policies = list.policies.get(`${v.region}endpoint/${v.endpoint}/variant/${v.variant}`) ?? [];
            return (
              <tr key={v.region + v.endpoint + v.variant}>
                <td><a href={policiesPath(v)}><b>{v.endpoint}</b> / {v.variant}</a><small class="dim">{v.region}</small></td>
                <td>{v.scaled ? `${v.min} to ${v.max}` : <span class="dim">not scaled</span>}<small class="dim">{v.desired} now</small></td>
                <td>{policies.map((p) => <a class="badge" key={p.PolicyName} href={policiesPath(v, p.PolicyName)} title={p.PolicyType}>{p.PolicyName}</a>)}{policies.length === 0 && <span class="dim">none</span>}</td>
              </tr>
            );
          })}</tbody>
        </table>
      </div>
      {list.total === 0 && <p class="notice">{q ? "No variant matches." : "There is no variant yet: policies belong to the variants of endpoints."} {q && <button onClick={() => set({ q: undefined })}>Show all</button>}</p>}
    </>
  );
}

/** The policies of one variant. */
export function VariantPoliciesPage(v: VariantName) {
  useEffect(() => { document.title = `Policies of ${v.endpoint} – Bellows`; }, [v.endpoint]);
  return (
    <>
      <div class="title"><h1>{v.endpoint} <span class="dim">/ {v.variant}</span></h1><p class="dim"><a href="/console/policies">Policies</a> · {v.region} · <a href={variantPath(v)}>timeline</a></p></div>
      <PolicySection {...v} />
    </>
  );
}
