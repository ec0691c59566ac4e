import { useState } from "preact/hooks";
import { ActionForm } from "./actionform";
import type { VariantName } from "./api";
import { CheckField, NumberField, numberOf } from "./fields";
import { scaling, variantTarget } from "./operation";
import { useRefusals } from "./refusals";
import type { ScalableTarget, Suspended } from "./scalingapi";

const fields = { min: /minimum capacity|minCapacity/i, max: /maximum capacity|maxCapacity/i };

/** The form of a scalable target: its bounds, and what is suspended. */
export function TargetForm({ v, target, desired, onClose, onDone }: { v: VariantName; target: ScalableTarget | undefined; desired: number | undefined; onClose: () => void; onDone: () => void }) {
  const [min, setMin] = useState(String(target?.MinCapacity ?? 1)), [max, setMax] = useState(String(target?.MaxCapacity ?? 4));
  const [suspended, setSuspended] = useState<Suspended>(target?.SuspendedState ?? {});
  const refusals = useRefusals(fields), low = numberOf(min), high = numberOf(max);
  const flag = (name: keyof Suspended, label: string, hint: string) => <CheckField label={label} hint={hint} value={suspended[name] ?? false} onValue={(x) => setSuspended((s) => ({ ...s, [name]: x }))} />;
  return (
    <ActionForm title={target ? `Bounds of ${v.endpoint} / ${v.variant}` : `Let ${v.endpoint} / ${v.variant} scale`} verb={target ? "Save" : "Register"} onClose={onClose} onDone={onDone} beside={refusals.beside} done={target ? "The target was changed." : "The variant is a scalable target."}
      operations={low === undefined || high === undefined ? undefined : [scaling(v.region, "RegisterScalableTarget", { ...variantTarget(v.endpoint, v.variant), MinCapacity: low, MaxCapacity: high, SuspendedState: { DynamicScalingInSuspended: false, DynamicScalingOutSuspended: false, ScheduledScalingSuspended: false, ...suspended } })]}>
      <div class="fields-in-line">
        <NumberField label="Minimum capacity" value={min} onValue={setMin} min={0} step={1} error={refusals.of("min")} />
        <NumberField label="Maximum capacity" value={max} onValue={setMax} min={0} step={1} error={refusals.of("max")} />
      </div>
      {flag("DynamicScalingOutSuspended", "Suspend scaling out", "Policies do not add instances, forecasts neither.")}
      {flag("DynamicScalingInSuspended", "Suspend scaling in", "Policies do not remove instances.")}
      {flag("ScheduledScalingSuspended", "Suspend scheduled actions", "Their times pass without effect.")}
      {low !== undefined && high !== undefined && <p>{consequence(low, high, desired)}</p>}
    </ActionForm>
  );
}

/** What the bounds do now. */
function consequence(min: number, max: number, desired: number | undefined): string {
  if (min > max) return "";
  const range = `Capacity stays from ${min} to ${max}. `;
  if (desired === undefined) return range;
  if (desired < min) return range + `It is ${desired} now and goes to ${min} at once.`;
  if (desired > max) return range + `It is ${desired} now and goes to ${max} at once.`;
  return range + `It is ${desired} now and stays so until a policy, a schedule or a person changes it.`;
}
