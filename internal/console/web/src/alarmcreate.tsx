import { useContext, useState } from "preact/hooks";
import { alarmPath } from "./alarmwords";
import { CompositeForm } from "./compositeform";
import { MetricAlarmForm } from "./metricalarmform";
import { go } from "./router";
import { ChangeButton, SessionContext } from "./session";

/** Buttons that make an alarm. */
export function CreateAlarm() {
  const region = useContext(SessionContext)!.region;
  const [form, open] = useState<"metric" | "composite">();
  const made = (name: string) => go(alarmPath(region, name));
  return (
    <div class="buttons">
      <ChangeButton class="primary" onClick={() => open("metric")}>Create alarm</ChangeButton>
      <ChangeButton onClick={() => open("composite")}>Create composite alarm</ChangeButton>
      {form === "metric" && <MetricAlarmForm region={region} onClose={() => open(undefined)} onDone={made} />}
      {form === "composite" && <CompositeForm region={region} onClose={() => open(undefined)} onDone={made} />}
    </div>
  );
}
