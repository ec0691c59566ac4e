import { useEffect, useState } from "preact/hooks";
import { ActionForm } from "./actionform";
import { AlarmActionFields, givenLists, listsOf } from "./alarmactionfields";
import { getAlarms, getRule, type RulePart } from "./alarmapi";
import type { CompositeAlarm } from "./cloudwatch";
import { CheckField, NumberField, numberOf, TextField } from "./fields";
import { cloudwatch } from "./operation";
import { useRefusals } from "./refusals";
import { RuleTree } from "./ruletree";
import { useSettled } from "./tryoutview";

const members = [
  "AlarmName", "AlarmDescription", "AlarmRule", "ActionsEnabled", "OKActions", "AlarmActions", "InsufficientDataActions", "ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod",
] as const;

/** The input of PutCompositeAlarm that makes an alarm as it is. */
export const compositeInput = (a: CompositeAlarm): Record<string, unknown> =>
  Object.fromEntries(members.map((m) => [m, a[m]] as const).filter(([, v]) => v !== undefined && !(Array.isArray(v) && v.length === 0)));

const fields = { rule: /AlarmRule|alarm ?rule|depend/i, name: /alarmName/i, suppressor: /suppressor/i, description: /alarmDescription/i, actions: /Actions?\b|invalid arn|arn syntax/i };

/** The form of a composite alarm. The rule is checked as it is written. */
export function CompositeForm({ region, alarm, onClose, onDone }: { region: string; alarm?: CompositeAlarm; onClose: () => void; onDone: (name: string) => void }) {
  const [name, setName] = useState(alarm?.AlarmName ?? ""), [description, setDescription] = useState(alarm?.AlarmDescription ?? "");
  const [rule, setRule] = useState(alarm?.AlarmRule ?? ""), [actions, setActions] = useState(listsOf(alarm)), [enabled, setEnabled] = useState(alarm?.ActionsEnabled ?? true);
  const [suppressor, setSuppressor] = useState(alarm?.ActionsSuppressor ?? ""), [wait, setWait] = useState(String(alarm?.ActionsSuppressorWaitPeriod ?? 60)), [extension, setExtension] = useState(String(alarm?.ActionsSuppressorExtensionPeriod ?? 60));
  const refusals = useRefusals(fields), names = useAlarmNames();
  const input = name && rule.trim() ? {
    AlarmName: name, ...(description && { AlarmDescription: description }), AlarmRule: rule.trim(), ActionsEnabled: enabled, ...givenLists(actions),
    ...(suppressor && { ActionsSuppressor: suppressor, ActionsSuppressorWaitPeriod: numberOf(wait), ActionsSuppressorExtensionPeriod: numberOf(extension) }),
  } : undefined;
  return (
    <ActionForm title={alarm ? `Edit ${alarm.AlarmName}` : "Create a composite alarm"} verb={alarm ? "Save" : "Create alarm"} wide onClose={onClose} beside={refusals.beside} onDone={() => onDone(name)}
      operations={input && [cloudwatch(region, "PutCompositeAlarm", input)]} done={alarm ? `${name} was changed.` : `${name} was created.`}>
      {!alarm && <TextField label="Name" value={name} onValue={setName} error={refusals.of("name")} />}
      <TextField label="Description" value={description} onValue={setDescription} error={refusals.of("description")} />
      <RuleField region={region} rule={rule} onRule={setRule} names={names} error={refusals.of("rule")} />
      <TextField label="Suppressor" value={suppressor} onValue={setSuppressor} list={names} error={refusals.of("suppressor")} hint="While this alarm is in ALARM, actions are not performed." />
      {suppressor && (
        <div class="fields-in-line">
          <NumberField label="Wait for it" unit="s" value={wait} onValue={setWait} />
          <NumberField label="Stay suppressed after it" unit="s" value={extension} onValue={setExtension} />
        </div>
      )}
      <AlarmActionFields region={region} value={actions} onValue={setActions} error={refusals.of("actions")} />
      <CheckField label="Perform the actions" value={enabled} onValue={setEnabled} />
    </ActionForm>
  );
}

function RuleField({ region, rule, onRule, names, error }: { region: string; rule: string; onRule: (r: string) => void; names: string[]; error: string | undefined }) {
  const asked = useSettled(rule.trim(), rule.trim());
  const [tree, setTree] = useState<RulePart>();
  const [wrong, setWrong] = useState("");
  useEffect(() => {
    setWrong("");
    if (!asked) { setTree(undefined); return; }
    const abort = new AbortController();
    getRule(region, asked, abort.signal).then(setTree, (e: Error) => { if (!abort.signal.aborted) { setTree(undefined); setWrong(e.message); } });
    return () => abort.abort();
  }, [region, asked]);
  const add = (a: string) => onRule(`${rule.trim()}${rule.trim() ? " AND " : ""}ALARM("${a.replace(/[\\"]/g, "\\$&")}")`);
  return (
    <>
      <TextField label="Rule" rows={4} value={rule} onValue={onRule} error={wrong || error} placeholder='ALARM("busy") AND NOT ALARM("deploying")' hint="ALARM, OK and INSUFFICIENT_DATA of alarms, joined by AND, OR, NOT and AT_LEAST." />
      <label class="line">Add an alarm <select value="" onChange={(e) => { if (e.currentTarget.value) add(e.currentTarget.value); e.currentTarget.value = ""; }}>
        <option value="">choose …</option>{names.map((n) => <option key={n} value={n}>{n}</option>)}
      </select></label>
      {tree && <><p>With the present states the alarm {tree.holds ? "would be in ALARM" : "would be OK"}.</p><RuleTree region={region} rule={tree} /></>}
    </>
  );
}

/** The names of alarms that can be chosen: the first thousand. */
function useAlarmNames(): string[] {
  const [names, setNames] = useState<string[]>([]);
  useEffect(() => { getAlarms({ sort: "name", limit: 1000 }).then((l) => setNames(l.alarms.map((a) => a.name)), () => {}); }, []); // only suggestions
  return names;
}
