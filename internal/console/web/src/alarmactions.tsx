import { useState } from "preact/hooks";
import { perform } from "./act";
import { ActionForm } from "./actionform";
import type { CompositeAlarm, MetricAlarm } from "./cloudwatch";
import { CompositeForm } from "./compositeform";
import { CopyAs } from "./copymenu";
import { SelectField, TextField } from "./fields";
import { MetricAlarmForm, putInput } from "./metricalarmform";
import { compositeInput } from "./compositeform";
import { cloudwatch } from "./operation";
import { useRefusals } from "./refusals";
import { go } from "./router";
import { ChangeButton } from "./session";
import { refused, say } from "./toast";

/** What can be done with an alarm. */
export function AlarmActions({ region, metric, composite, onChange }: { region: string; metric?: MetricAlarm; composite?: CompositeAlarm; onChange: () => void }) {
  const [open, setOpen] = useState<"edit" | "state" | "delete">();
  const a = (metric ?? composite)!, name = a.AlarmName, close = () => setOpen(undefined);
  const owned = metric && /^TargetTracking-/.test(name) && /DO NOT EDIT OR DELETE/.test(metric.AlarmDescription ?? "");
  const toggle = cloudwatch(region, a.ActionsEnabled ? "DisableAlarmActions" : "EnableAlarmActions", { AlarmNames: [name] });
  return (
    <div class="buttons">
      <ChangeButton because={owned ? "A target tracking policy made this alarm and replaces it: change the policy." : undefined} onClick={() => setOpen("edit")}>Edit</ChangeButton>
      <ChangeButton onClick={() => void perform(toggle).then(() => { say(a.ActionsEnabled ? "Its actions are switched off." : "Its actions are switched on."); onChange(); }, refused)}>{a.ActionsEnabled ? "Disable actions" : "Enable actions"}</ChangeButton>
      <ChangeButton onClick={() => setOpen("state")}>Set state</ChangeButton>
      <ChangeButton class="danger" onClick={() => setOpen("delete")}>Delete</ChangeButton>
      <CopyAs operations={[metric ? cloudwatch(region, "PutMetricAlarm", putInput(metric)) : cloudwatch(region, "PutCompositeAlarm", compositeInput(composite!))]} />
      {open === "edit" && metric && <MetricAlarmForm region={region} alarm={metric} onClose={close} onDone={onChange} />}
      {open === "edit" && composite && <CompositeForm region={region} alarm={composite} onClose={close} onDone={onChange} />}
      {open === "state" && <SetState region={region} name={name} onClose={close} onDone={onChange} />}
      {open === "delete" && (
        <ActionForm title={`Delete ${name}?`} verb="Delete" danger operations={[cloudwatch(region, "DeleteAlarms", { AlarmNames: [name] })]} done={`${name} was deleted.`} onClose={close} onDone={() => go("/console/alarms")}>
          <p>The alarm is gone at once, its actions with it{owned ? "; the policy that it belongs to no longer scales in this direction" : ""}. Its history stays for 30 days.</p>
        </ActionForm>
      )}
    </div>
  );
}

function SetState({ region, name, onClose, onDone }: { region: string; name: string; onClose: () => void; onDone: () => void }) {
  const [state, setState] = useState("ALARM"), [reason, setReason] = useState("Set by hand in the console");
  const refusals = useRefusals({ reason: /stateReason/i, state: /stateValue/i });
  return (
    <ActionForm title={`Set the state of ${name}`} verb="Set state" done={`${name} was set to ${state}.`} onClose={onClose} onDone={onDone} beside={refusals.beside}
      operations={[cloudwatch(region, "SetAlarmState", { AlarmName: name, StateValue: state, StateReason: reason })]}>
      <SelectField label="State" value={state} onValue={setState} options={[["ALARM", "ALARM"], ["OK", "OK"], ["INSUFFICIENT_DATA", "INSUFFICIENT_DATA"]]} error={refusals.of("state")} />
      <TextField label="Reason" value={reason} onValue={setReason} error={refusals.of("reason")} hint="Stands in the history." />
      <p>The alarm goes to {state} at once and its actions for that state are performed; its next evaluation, within a minute, sets the state that its data gives. A scaling policy that the alarm
        invokes does not scale without fresh data: it needs the datapoints of an evaluation.</p>
    </ActionForm>
  );
}
