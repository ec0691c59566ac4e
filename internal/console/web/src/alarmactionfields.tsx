import { useEffect, useState } from "preact/hooks";
import { aws } from "./api";
import { actionOf } from "./alarmwords";

/** The actions of an alarm, by state. */
export interface ActionLists {
  AlarmActions: string[];
  OKActions: string[];
  InsufficientDataActions: string[];
}

const states = [["AlarmActions", "ALARM"], ["OKActions", "OK"], ["InsufficientDataActions", "INSUFFICIENT_DATA"]] as const;

/** Rows of state and ARN. Scaling policies of the region are suggested. */
export function AlarmActionFields({ region, value, onValue, error }: { region: string; value: ActionLists; onValue: (v: ActionLists) => void; error?: string | undefined }) {
  const [policies, setPolicies] = useState<string[]>([]);
  useEffect(() => {
    aws<{ Policies: { PolicyARN: string }[] }>(region, "Bellows.DescribePolicies", {}).then((out) => setPolicies(out.Policies.map((p) => p.PolicyARN)), () => {}); // only suggestions
  }, [region]);
  const rows = states.flatMap(([list, state]) => value[list].map((arn, i) => ({ list, state, arn, i })));
  const put = (list: keyof ActionLists, arns: string[]) => onValue({ ...value, [list]: arns });
  return (
    <fieldset class="group-of-fields">
      <legend>Actions</legend>
      {rows.map((r) => (
        <div class="line" key={r.list + r.i}>
          <span class="dim">on {r.state}</span>
          <input class="wide" value={r.arn} aria-label={`Action on ${r.state}`} list="policies" placeholder="ARN of a scaling policy or topic" onInput={(e) => put(r.list, value[r.list].map((x, n) => (n === r.i ? e.currentTarget.value : x)))} />
          <button type="button" class="link" aria-label="Remove action" onClick={() => put(r.list, value[r.list].filter((_, n) => n !== r.i))}>✕</button>
          <small class="dim">{r.arn && actionOf(r.arn).text !== r.arn ? actionOf(r.arn).text : ""}</small>
        </div>
      ))}
      <datalist id="policies">{policies.map((arn) => <option key={arn} value={arn}>{actionOf(arn).text}</option>)}</datalist>
      <div class="tools">{states.map(([list, state]) => <button type="button" key={list} onClick={() => put(list, [...value[list], ""])}>Add on {state}</button>)}</div>
      {error && <small class="failure" role="alert">{error}</small>}
    </fieldset>
  );
}

/** The actions of an input; empty lists where there are none. */
export const listsOf = (a: Partial<ActionLists> | undefined): ActionLists =>
  ({ AlarmActions: a?.AlarmActions ?? [], OKActions: a?.OKActions ?? [], InsufficientDataActions: a?.InsufficientDataActions ?? [] });

/** The lists that are not empty, as an input has them. */
export const givenLists = (l: ActionLists) => Object.fromEntries(Object.entries(l).map(([k, v]) => [k, v.filter(Boolean)] as const).filter(([, v]) => v.length > 0));
