import { useEffect, useState } from "preact/hooks";
import { ActionForm } from "./actionform";
import { getSchedule } from "./alarmapi";
import { Refusal, type VariantName } from "./api";
import { NumberField, numberOf, SelectField, TextField } from "./fields";
import { ms } from "./format";
import { scaling, variantTarget } from "./operation";
import { fieldOf, useRefusals } from "./refusals";
import { runWords } from "./runs";
import type { ScheduledAction } from "./scalingapi";
import { now } from "./stream";
import { useSettled } from "./tryoutview";

const fields = { name: /ScheduledActionName/i, zone: /timezone/i, min: /minimum capacity|MinCapacity/i, max: /maximum capacity|MaxCapacity/i, start: /StartTime/, end: /EndTime/, schedule: /schedule expression|schedule frequency|Schedule must|schedule'/i };

type Kind = "at" | "rate" | "cron";

function parts(a: ScheduledAction | undefined) {
  const m = /^(at|rate|cron)\((.*)\)$/.exec(a?.Schedule ?? "cron(0 9 ? * MON-FRI *)"), kind = (m?.[1] ?? "cron") as Kind, inner = m?.[2] ?? "";
  const tomorrow = new Date(now() + 86400_000).toISOString().slice(0, 11) + "09:00:00";
  return { kind, at: kind === "at" ? inner : tomorrow, rate: kind === "rate" ? inner : "1 day", cron: kind === "cron" ? inner : "0 9 ? * MON-FRI *" };
}

const local = (t: number | undefined) => (t === undefined ? "" : new Date(t * 1000).toISOString().slice(0, 19));

/** The form of a scheduled action: when it runs, in words and as its next five runs. */
export function ScheduleForm({ v, action, onClose, onDone }: { v: VariantName; action?: ScheduledAction; onClose: () => void; onDone: () => void }) {
  const [name, setName] = useState(action?.ScheduledActionName ?? ""), [when, setWhen] = useState(() => parts(action));
  const [zone, setZone] = useState(action?.Timezone ?? ""), [start, setStart] = useState(local(action?.StartTime)), [end, setEnd] = useState(local(action?.EndTime));
  const [min, setMin] = useState(String(action?.ScalableTargetAction?.MinCapacity ?? "")), [max, setMax] = useState(String(action?.ScalableTargetAction?.MaxCapacity ?? ""));
  const refusals = useRefusals(fields);
  const schedule = `${when.kind}(${when[when.kind]})`, low = numberOf(min), high = numberOf(max);
  const from = ms(start + "Z"), to = ms(end + "Z");
  const next = useNextRuns(v.region, { schedule, ...(zone && { timezone: zone }), ...(Number.isFinite(from) && { start: start + "Z" }), ...(Number.isFinite(to) && { end: end + "Z" }), ...(low !== undefined && { min: low }), ...(high !== undefined && { max: high }) });
  const of = (field: string) => (next.refusal && fieldOf(next.refusal, fields) === field ? next.refusal : refusals.of(field));
  const input = name ? {
    ...variantTarget(v.endpoint, v.variant), ScheduledActionName: name, Schedule: schedule, ...(zone && { Timezone: zone }), ...(Number.isFinite(from) && { StartTime: from / 1000 }), ...(Number.isFinite(to) && { EndTime: to / 1000 }),
    ScalableTargetAction: { ...(low !== undefined && { MinCapacity: low }), ...(high !== undefined && { MaxCapacity: high }) },
  } : undefined;
  return (
    <ActionForm title={action ? `Edit ${action.ScheduledActionName}` : "Create a scheduled action"} verb={action ? "Save" : "Create"} wide onClose={onClose} onDone={onDone} beside={refusals.beside}
      operations={input && [scaling(v.region, "PutScheduledAction", input)]} done={action ? `${name} was changed.` : `${name} was created.`}>
      {!action && <TextField label="Name" value={name} onValue={setName} error={refusals.of("name")} />}
      <div class="fields-in-line">
        <SelectField label="Runs" value={when.kind} onValue={(kind) => setWhen((w) => ({ ...w, kind: kind as Kind }))} options={[["at", "once"], ["rate", "at equal intervals"], ["cron", "by the calendar"]]} />
        <TextField label={{ at: "Time", rate: "Interval", cron: "Cron expression" }[when.kind]} value={when[when.kind]} onValue={(x) => setWhen((w) => ({ ...w, [w.kind]: x }))} error={of("schedule")}
          hint={{ at: "yyyy-mm-ddThh:mm:ss in the time zone", rate: "such as 30 minutes, 1 hour, 7 days", cron: "minute hour day month weekday year" }[when.kind]} />
        <TextField label="Time zone" value={zone} onValue={setZone} list={Intl.supportedValuesOf("timeZone")} placeholder="UTC" error={of("zone")} />
      </div>
      <div class="fields-in-line">
        <NumberField label="Set the minimum to" value={min} onValue={setMin} min={0} step={1} hint="empty: as it is" error={of("min")} />
        <NumberField label="Set the maximum to" value={max} onValue={setMax} min={0} step={1} hint="empty: as it is" error={of("max")} />
        <TextField label="Not before" value={start} onValue={setStart} placeholder="yyyy-mm-ddThh:mm:ss" hint="UTC; empty: at once" error={start && !Number.isFinite(from) ? "This is no time." : of("start")} />
        <TextField label="Not after" value={end} onValue={setEnd} placeholder="yyyy-mm-ddThh:mm:ss" hint="UTC; empty: for ever" error={end && !Number.isFinite(to) ? "This is no time." : of("end")} />
      </div>
      <div class="tryout" aria-live="polite">
        <p>Each run sets {[low !== undefined && `the minimum to ${low}`, high !== undefined && `the maximum to ${high}`].filter(Boolean).join(" and ") || "nothing yet: give a minimum or a maximum"}; a capacity outside the new bounds moves to them.</p>
        {next.runs && (next.runs.length === 0 ? <p class="warning">It is never due: its time has passed.</p> : <><p>{next.runs.length < 5 ? "Its runs:" : "Its next five runs:"}</p><ol class="runs">{next.runs.map((r) => <li key={r}>{runWords(r, zone)}</li>)}</ol></>)}
      </div>
    </ActionForm>
  );
}

/** The next runs of a schedule, or why PutScheduledAction would refuse it. */
export function useNextRuns(region: string, p: Omit<Parameters<typeof getSchedule>[0], "region">): { runs?: string[]; refusal?: string } {
  const key = JSON.stringify([region, p]), asked = useSettled(p, key);
  const [out, setOut] = useState<{ runs?: string[]; refusal?: string }>({});
  useEffect(() => {
    const abort = new AbortController();
    getSchedule({ region, ...asked }, abort.signal).then((x) => setOut({ runs: x.runs }), (e) => { if (!abort.signal.aborted) setOut(e instanceof Refusal ? { refusal: e.message } : {}); });
    return () => abort.abort();
  }, [region, asked]);
  return out;
}
