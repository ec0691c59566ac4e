import { useEffect, useState } from "preact/hooks";
import { tryOut, type Tryout } from "./alarmapi";
import { readQueries, type Grid } from "./alarmdata";
import { comparisons, type Condition } from "./alarmwords";
import { Bands } from "./bands";
import type { DataQuery } from "./cloudwatch";
import { duration, number } from "./format";
import { Plot } from "./plot";
import { now } from "./stream";

const day = 86400;

/** Conditions on the same data: what a form would put. */
export interface Trial {
  name: string; // "" where there is only one
  condition: Condition;
  missing: string;
}

/** A value that follows another, once it has stayed the same for a moment: a form does not ask for each key. */
export function useSettled<T>(value: T, key: string): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const wait = setTimeout(() => setSettled(value), 350);
    return () => clearTimeout(wait);
  }, [key]);
  return settled;
}

/** What alarms would have done over the last day: a sentence for each, and the data with the thresholds. undefined: the form lacks something. */
export function TryoutView({ region, queries, trials }: { region: string; queries: DataQuery[] | undefined; trials: Trial[] | undefined }) {
  const key = JSON.stringify([region, queries, trials]);
  const asked = useSettled(queries && trials ? { queries, trials } : undefined, key);
  const [shown, setShown] = useState<{ key: string; from: number; to: number; grid: Grid; outcomes: Tryout[]; trials: Trial[] }>();
  const [failure, setFailure] = useState("");
  const settled = JSON.stringify(asked);
  useEffect(() => {
    if (!asked) { setShown(undefined); return; }
    const abort = new AbortController(), to = now() / 1000, from = to - day;
    const c = asked.trials[0]!.condition, lead = Math.max(...asked.trials.map((t) => (evaluated(t.condition) - 1) * t.condition.period));
    readQueries(region, asked.queries, c.period, from - lead, to).then(async (grid) => {
      const whole = { ...grid, lines: grid.lines.slice(0, 1) }, values = whole.lines[0]?.values ?? [];
      const outcomes = await Promise.all(asked.trials.map((t) => tryOut({
        comparison: t.condition.comparison, threshold: t.condition.threshold, evaluation_periods: t.condition.n, datapoints_to_alarm: t.condition.m,
        treat_missing_data: t.missing, from: grid.from, step: grid.step, values,
      }, abort.signal)));
      setShown({ key: settled, from, to, grid: whole, outcomes, trials: asked.trials });
      setFailure("");
    }).catch((e: Error) => { if (!abort.signal.aborted) { setShown(undefined); setFailure(e.message); } });
    return () => abort.abort();
  }, [region, settled]);
  if (failure) return <p class="refusal" role="alert">{failure}</p>;
  if (!asked || !shown) return <p class="dim tryout">{asked ? "Reading the last day …" : "When the fields above are filled in, the last day's data with the threshold stands here."}</p>;
  const levels = shown.trials.map((t) => ({
    value: t.condition.threshold, label: `${t.name || "threshold"} ${comparisons[t.condition.comparison].sign} ${number(t.condition.threshold)}`,
    color: comparisons[t.condition.comparison].breach === "above" ? "alarm" : "dim", under: comparisons[t.condition.comparison].breach === "below", breach: shown.trials.length === 1 ? comparisons[t.condition.comparison].breach : undefined,
  }));
  return (
    <div class="tryout" aria-live="polite">
      {shown.trials.map((t, i) => <p key={i}>{t.name && <b>{t.name}: </b>}{outcomeSentence(shown.outcomes[i]!)}</p>)}
      <Plot from={shown.from} to={shown.to} times={shown.grid.times} lines={shown.grid.lines} levels={levels} height={150} label="The last day" legend={false} empty="no data in the last day" />
      {shown.outcomes.map((o, i) => <Bands key={i} bands={o.bands} from={shown.from} to={shown.to} label={shown.trials[i]!.name || "States"} named={shown.trials.length > 1} />)}
    </div>
  );
}

/** How many periods an evaluation looks at. AWS: alarm evaluation range; as recorded for periods under a minute. */
const evaluated = (c: Condition) => c.n + (c.period < 60 ? Math.floor(60 / c.period) : 2);

/** What an alarm would have done over the last day. */
export function outcomeSentence(o: Tryout): string {
  if (o.real === 0) return "There was no data in the last day to try it on.";
  const times = o.alarms === 0 ? "it would not have gone into ALARM" : `it would have gone into ALARM ${o.alarms === 1 ? "once" : `${o.alarms} times`}, for ${duration(o.seconds * 1000)} in all`;
  return `Over the last day ${times}: ${o.breaches} of ${o.real} datapoints ${o.breaches === 1 ? "is" : "are"} beyond the threshold.`;
}
