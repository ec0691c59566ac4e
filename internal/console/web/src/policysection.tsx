import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { ActionForm } from "./actionform";
import { alarmPath, seconds } from "./alarmwords";
import { oneAtATime, type VariantName } from "./api";
import { MetricAlarmForm } from "./metricalarmform";
import { number } from "./format";
import { groups, scaling, variantTarget } from "./operation";
import { PolicyForm } from "./policyform";
import { PolicyPicture } from "./policypicture";
import { useAddress } from "./router";
import { runWords } from "./runs";
import { readScaling, predefined, type Policy, type ScalableTarget, type Scaling, type ScheduledAction } from "./scalingapi";
import { ScheduleForm, useNextRuns } from "./scheduleform";
import { ChangeButton } from "./session";
import { now, useStream } from "./stream";
import { TargetForm } from "./targetform";
import type { Message } from "./types";
import type { Setting } from "./stepform";
import "./pages.css";

/** All that scales a variant: its bounds, its policies and its scheduled actions, and what can be done with them. */
export function PolicySection({ region, endpoint, variant }: VariantName) {
  const v = useMemo(() => ({ region, endpoint, variant }), [region, endpoint, variant]);
  const [x, setX] = useState<Scaling>();
  const [failure, setFailure] = useState("");
  const load = useMemo(() => oneAtATime(() => readScaling(v).then((x) => { setX(x); setFailure(""); }, (e: Error) => setFailure(e.message))), [v]);
  useEffect(() => { load.run(); return load.stop; }, [load]);
  useStream(useCallback((event: string, m: Message) => {
    if (event === "change" && (m.more || m.variants?.some((n) => n === `${region}/${endpoint}` || n === `${region}/${endpoint}/${variant}`))) load.run();
  }, [region, endpoint, variant, load]));
  if (!x) return failure ? <p class="failure" role="alert">{failure}</p> : <p class="dim" role="status">Loading …</p>;
  const { target } = x;
  return (
    <>
      {failure && <p class="failure" role="alert">{failure}</p>}
      <Bounds v={v} x={x} onChange={load.run} />
      <Policies v={v} x={x} target={target} onChange={load.run} />
      <Schedules v={v} x={x} target={target} onChange={load.run} />
    </>
  );
}

interface Part {
  v: VariantName;
  x: Scaling;
  onChange: () => void;
}

const unregistered = "Register the variant as a scalable target first.";

function Bounds({ v, x, onChange }: Part) {
  const [open, setOpen] = useState<"edit" | "deregister">(), t = x.target, close = () => setOpen(undefined);
  return (
    <section class="section">
      <div class="heading">
        <h2>Bounds</h2>
        <div class="buttons">
          <ChangeButton class={t ? "" : "primary"} onClick={() => setOpen("edit")}>{t ? "Edit bounds" : "Register"}</ChangeButton>
          {t && <ChangeButton onClick={() => setOpen("deregister")}>Deregister</ChangeButton>}
        </div>
      </div>
      <p>{boundsSentence(t, x.desired)}</p>
      {open === "edit" && <TargetForm v={v} target={t} desired={x.desired} onClose={close} onDone={onChange} />}
      {open === "deregister" && (
        <ActionForm title={`Deregister ${v.endpoint} / ${v.variant}?`} verb="Deregister" danger onClose={close} onDone={onChange} done="The variant no longer scales."
          operations={[scaling(v.region, "DeregisterScalableTarget", variantTarget(v.endpoint, v.variant))]}>
          <p>Its policies, with the alarms that they own, and its scheduled actions are deleted with it. Capacity stays at {x.desired}.</p>
        </ActionForm>
      )}
    </section>
  );
}

function boundsSentence(t: ScalableTarget | undefined, desired: number | undefined): string {
  if (!t) return `This variant is not a scalable target: it stays at ${desired === undefined ? "its capacity" : desired === 1 ? "1 instance" : `${desired} instances`} until somebody changes that.`;
  const s = t.SuspendedState ?? {};
  const off = [s.DynamicScalingOutSuspended && "scaling out", s.DynamicScalingInSuspended && "scaling in", s.ScheduledScalingSuspended && "scheduled actions"].filter(Boolean);
  return `From ${t.MinCapacity} to ${t.MaxCapacity} instances; ${desired ?? "?"} now. ${off.length ? `Suspended: ${off.join(", ")}.` : "Nothing is suspended."}`;
}

function Policies({ v, x, target, onChange }: Part & { target: ScalableTarget | undefined }) {
  const [making, make] = useState(false);
  const setting = { min: target?.MinCapacity ?? 0, max: target?.MaxCapacity ?? 10_000, capacity: x.desired ?? 1, threshold: undefined };
  return (
    <section class="section">
      <div class="heading"><h2>Policies</h2><ChangeButton because={target ? undefined : unregistered} onClick={() => make(true)}>Create policy</ChangeButton></div>
      {x.policies.length === 0 && <p class="dim">No policy: capacity changes only by schedule or by hand.</p>}
      <div class="cards">{x.policies.map((p) => <Card key={p.arn} v={v} x={x} policy={p} setting={setting} onChange={onChange} />)}</div>
      {making && <PolicyForm v={v} types={x.types} setting={setting} onClose={() => make(false)} onDone={onChange} />}
    </section>
  );
}

const typeNames: Record<string, string> = { TargetTrackingScaling: "target tracking", StepScaling: "steps", PredictiveScaling: "predictive", SimpleScaling: "simple" };

function Card({ v, x, policy, setting, onChange }: Part & { policy: Policy; setting: Setting }) {
  const [open, setOpen] = useState<"edit" | "delete" | "alarm">(), close = () => setOpen(undefined);
  const chosen = useAddress().query.get("policy") === policy.name;
  const [threshold, setThreshold] = useState<number>();
  const attachable = policy.type === "StepScaling" || policy.type === "SimpleScaling";
  const remove = policy.group ? groups(v.region, "DeletePolicy", { AutoScalingGroupName: `${v.endpoint}.${v.variant}`, PolicyName: policy.name })
    : scaling(v.region, "DeleteScalingPolicy", { ...variantTarget(v.endpoint, v.variant), PolicyName: policy.name });
  return (
    <article class={"card" + (chosen ? " chosen" : "")} aria-label={`Policy ${policy.name}`}>
      <div class="heading">
        <h3>{policy.name} <span class="badge">{typeNames[policy.type] ?? policy.type}</span>{policy.group && <span class="badge">of the group</span>}</h3>
        <div class="buttons">
          {attachable && <ChangeButton onClick={() => setOpen("alarm")}>Attach alarm</ChangeButton>}
          <ChangeButton because={policy.group?.TargetTrackingConfiguration ? "Target tracking of the group is changed through EC2 Auto Scaling's own API." : undefined} onClick={() => setOpen("edit")}>Edit</ChangeButton>
          <ChangeButton onClick={() => setOpen("delete")}>Delete</ChangeButton>
        </div>
      </div>
      <p>{policySentence(policy)}</p>
      <PolicyPicture v={v} policy={policy} setting={setting} onThreshold={setThreshold} />
      {policy.alarms.length > 0 ? <p class="dim">Alarms: {policy.alarms.map((a, i) => <>{i > 0 && ", "}<a key={a} href={alarmPath(v.region, a)}>{/^TargetTracking-.*-(AlarmHigh|AlarmLow)-/.exec(a)?.[1] ?? a}</a></>)}</p>
        : attachable && <p class="warning">No alarm invokes it: it never acts.</p>}
      {open === "edit" && <PolicyForm v={v} policy={policy} types={x.types} setting={{ ...setting, threshold }} onClose={close} onDone={onChange} />}
      {open === "alarm" && <MetricAlarmForm region={v.region} rows={[]} action={policy.arn} onClose={close} onDone={onChange} />}
      {open === "delete" && (
        <ActionForm title={`Delete ${policy.name}?`} verb="Delete" danger operations={[remove]} done={`${policy.name} was deleted.`} onClose={close} onDone={onChange}>
          <p>{policy.type === "TargetTrackingScaling" ? "Its alarms are deleted with it." : "Alarms that invoke it stay, and do nothing then."} Capacity stays as it is.</p>
        </ActionForm>
      )}
    </article>
  );
}

/** What a policy does. */
export function policySentence(p: Policy): string {
  if (p.tracking) {
    const t = p.tracking, custom = t.CustomizedMetricSpecification, watched = custom?.Metrics?.find((m) => m.ReturnData !== false);
    const what = custom ? custom.Metrics ? watched?.Label || watched?.Expression || "an expression" : `the ${custom.Statistic?.toLowerCase()} of ${custom.MetricName}` : predefined[t.PredefinedMetricSpecification?.PredefinedMetricType ?? ""]?.label ?? t.PredefinedMetricSpecification?.PredefinedMetricType ?? "a metric";
    return `Keeps ${what} at ${number(t.TargetValue)}. Cooldowns: ${seconds(t.ScaleOutCooldown ?? 300)} out, ${seconds(t.ScaleInCooldown ?? 300)} in.${t.DisableScaleIn ? " It never scales in." : ""}`;
  }
  if (p.step) return `Changes capacity in ${p.step.StepAdjustments.length === 1 ? "one step" : `${p.step.StepAdjustments.length} steps`} by how far its alarm's metric is beyond the threshold. Cooldown: ${seconds(p.step.Cooldown ?? 300)}.`;
  if (p.predictive) return `Forecasts each hour's load and ${p.predictive.Mode === "ForecastAndScale" ? `asks for the capacity ${seconds(p.predictive.SchedulingBufferTime ?? 300)} before it` : "only shows what it would do"}.`;
  const g = p.group;
  if (g?.TargetTrackingConfiguration) return `Keeps a metric of the group at ${number(g.TargetTrackingConfiguration.TargetValue)}.`;
  if (g) return `${g.PolicyType === "SimpleScaling" ? "Makes one change for an alarm" : "Changes capacity in steps"}${g.Cooldown === undefined ? "" : `, then none for ${seconds(g.Cooldown)}`}.${g.Enabled === false ? " It is disabled." : ""}`;
  return Object.entries(p.settings ?? {}).map(([k, x]) => `${k} ${x}`).join(", ") || "A type of this server's own.";
}

function Schedules({ v, x, target, onChange }: Part & { target: ScalableTarget | undefined }) {
  const [making, make] = useState(false);
  return (
    <section class="section">
      <div class="heading"><h2>Scheduled actions</h2><ChangeButton because={target ? undefined : unregistered} onClick={() => make(true)}>Create scheduled action</ChangeButton></div>
      {x.schedules.length === 0 && <p class="dim">None.</p>}
      <div class="cards">{x.schedules.map((a) => <Schedule key={a.ScheduledActionName} v={v} action={a} onChange={onChange} />)}</div>
      {making && <ScheduleForm v={v} onClose={() => make(false)} onDone={onChange} />}
    </section>
  );
}

function Schedule({ v, action, onChange }: { v: VariantName; action: ScheduledAction; onChange: () => void }) {
  const [open, setOpen] = useState<"edit" | "delete">(), close = () => setOpen(undefined);
  const range = action.ScalableTargetAction ?? {}, iso = (t: number) => new Date(t * 1000).toISOString();
  const next = useNextRuns(v.region, {
    schedule: action.Schedule, ...(action.Timezone && { timezone: action.Timezone }), ...(range.MinCapacity !== undefined && { min: range.MinCapacity }), ...(range.MaxCapacity !== undefined && { max: range.MaxCapacity }),
    ...(action.StartTime && { start: iso(action.StartTime) }), ...(action.EndTime && { end: iso(action.EndTime) }),
  });
  return (
    <article class="card" aria-label={`Scheduled action ${action.ScheduledActionName}`}>
      <div class="heading">
        <h3>{action.ScheduledActionName}</h3>
        <div class="buttons"><ChangeButton onClick={() => setOpen("edit")}>Edit</ChangeButton><ChangeButton onClick={() => setOpen("delete")}>Delete</ChangeButton></div>
      </div>
      <p>Sets {[range.MinCapacity !== undefined && `the minimum to ${range.MinCapacity}`, range.MaxCapacity !== undefined && `the maximum to ${range.MaxCapacity}`].filter(Boolean).join(" and ")}: <code>{action.Schedule}</code> in {action.Timezone ?? "UTC"}.</p>
      {/^rate/.test(action.Schedule) && !action.StartTime ? <p class="dim">It counts from when it was put.</p>
        : next.runs && (next.runs.length === 0 ? <p class="warning">It is never due again.</p> : <ol class="runs">{next.runs.map((r) => <li key={r}>{ms(r) > now() ? runWords(r, action.Timezone ?? "") : r}</li>)}</ol>)}
      {open === "edit" && <ScheduleForm v={v} action={action} onClose={close} onDone={onChange} />}
      {open === "delete" && (
        <ActionForm title={`Delete ${action.ScheduledActionName}?`} verb="Delete" danger onClose={close} onDone={onChange} done={`${action.ScheduledActionName} was deleted.`}
          operations={[scaling(v.region, "DeleteScheduledAction", { ...variantTarget(v.endpoint, v.variant), ScheduledActionName: action.ScheduledActionName })]}>
          <p>It no longer runs. The bounds that it set stay.</p>
        </ActionForm>
      )}
    </article>
  );
}

const ms = (t: string) => Date.parse(t);
