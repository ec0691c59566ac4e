import { useEffect, useState } from "preact/hooks";
import { readPromQL, type Grid } from "./alarmdata";
import { now } from "./stream";
import { Plot } from "./plot";
import { useSettled } from "./tryoutview";

/** What a PromQL query returned over the last day, or why it cannot be asked. */
export function PromPreview({ region, query }: { region: string; query: string }) {
  const asked = useSettled(query.trim(), query.trim());
  const [shown, setShown] = useState<{ grid: Grid; from: number; to: number }>();
  const [failure, setFailure] = useState("");
  useEffect(() => {
    if (!asked) return;
    let gone = false;
    const to = now() / 1000, from = to - 86400;
    readPromQL(region, asked, 60, from, to).then((grid) => { if (!gone) { setShown({ grid, from, to }); setFailure(""); } }, (e: Error) => { if (!gone) { setShown(undefined); setFailure(e.message); } });
    return () => { gone = true; };
  }, [region, asked]);
  if (failure && asked) return <p class="refusal" role="alert">{failure}</p>;
  if (!asked || !shown) return <p class="dim tryout">The series that the query returned over the last day stand here.</p>;
  const minutes = shown.grid.times.filter((_, i) => shown.grid.lines.some((l) => l.values[i] !== null)).length;
  return (
    <div class="tryout" aria-live="polite">
      <p>Over the last day {shown.grid.lines.length === 0 ? "the query returned nothing: the alarm would have stayed OK." : `the query returned ${shown.grid.lines.length} series, in ${minutes} of ${shown.grid.times.length} evaluations.`}</p>
      <Plot from={shown.from} to={shown.to} times={shown.grid.times} lines={shown.grid.lines} height={150} label="The last day" legend={false} empty="no series in the last day" />
    </div>
  );
}
