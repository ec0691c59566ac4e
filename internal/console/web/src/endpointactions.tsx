import { useState } from "preact/hooks";
import { ActionForm } from "./actionform";
import { CheckField, NumberField, numberOf } from "./fields";
import { number } from "./format";
import { InvokeForm } from "./invokeform";
import { sagemaker, type Operation } from "./operation";
import { go } from "./router";
import { ChangeButton } from "./session";
import type { Endpoint } from "./types";
import { UpdateForm } from "./updateform";

interface Props {
  x: Endpoint;
  onClose: () => void;
  onDone: () => void;
}

const forms = { invoke: InvokeForm, scale: ScaleForm, weights: WeightsForm, update: UpdateForm, rollback: RollbackForm, delete: DeleteForm };

/** The buttons of an endpoint, each with its form. */
export function EndpointActions({ x, onDone }: { x: Endpoint; onDone: () => void }) {
  const [open, setOpen] = useState<keyof typeof forms>();
  const Form = open && forms[open];
  const back = !x.replaced ? "The endpoint has had no other configuration." : x.replaced_exists ? undefined : `Its configuration before, ${x.replaced}, has been deleted.`;
  return (
    <div class="buttons">
      <ChangeButton class="primary" onClick={() => setOpen("invoke")}>Test</ChangeButton>
      <ChangeButton onClick={() => setOpen("scale")}>Scale by hand</ChangeButton>
      <ChangeButton onClick={() => setOpen("weights")}>Change weights</ChangeButton>
      <ChangeButton onClick={() => setOpen("update")}>Update</ChangeButton>
      <ChangeButton because={back} onClick={() => setOpen("rollback")}>Roll back</ChangeButton>
      <ChangeButton onClick={() => setOpen("delete")}>Delete</ChangeButton>
      {Form && <Form x={x} onClose={() => setOpen(undefined)} onDone={onDone} />}
    </div>
  );
}

const change = (x: Endpoint, of: object[]): Operation[] => [sagemaker(x.region, "UpdateEndpointWeightsAndCapacities", { EndpointName: x.endpoint, DesiredWeightsAndCapacities: of })];

/** The instances of each variant. Numbers that the API refuses are sent, so that its own words say why. */
function ScaleForm({ x, onClose, onDone }: Props) {
  const [counts, setCounts] = useState<Record<string, string>>(() => Object.fromEntries(x.variants.map((v) => [v.variant, String(v.desired)])));
  const wrong = x.variants.filter((v) => !Number.isInteger(numberOf(counts[v.variant] ?? "") ?? NaN));
  const changed = x.variants.filter((v) => numberOf(counts[v.variant] ?? "") !== v.desired);
  return (
    <ActionForm title={`Scale ${x.endpoint} by hand`} verb="Scale" done={`${x.endpoint} scales.`} onClose={onClose} onDone={onDone}
      operations={wrong.length > 0 || changed.length === 0 ? undefined : change(x, changed.map((v) => ({ VariantName: v.variant, DesiredInstanceCount: numberOf(counts[v.variant]!) })))}>
      {x.variants.map((v) => (
        <NumberField key={v.variant} label={`Instances of ${v.variant}`} value={counts[v.variant]!} step={1} onValue={(n) => setCounts({ ...counts, [v.variant]: n })}
          error={wrong.includes(v) ? "A whole number." : undefined}
          hint={v.scaled ? `${v.running} serve now. Policies scale it from ${v.min} to ${v.max}, and may change it again.` : `${v.running} serve now.`} />
      ))}
    </ActionForm>
  );
}

function WeightsForm({ x, onClose, onDone }: Props) {
  const [weights, setWeights] = useState<Record<string, string>>(() => Object.fromEntries(x.variants.map((v) => [v.variant, String(v.desired_weight)])));
  const of = (name: string) => numberOf(weights[name] ?? "");
  const wrong = x.variants.filter((v) => of(v.variant) === undefined);
  const changed = x.variants.filter((v) => of(v.variant) !== v.desired_weight);
  const total = x.variants.reduce((sum, v) => sum + (of(v.variant) ?? 0), 0);
  return (
    <ActionForm title={`Change the weights of ${x.endpoint}`} verb="Change weights" done="The weights change." onClose={onClose} onDone={onDone}
      operations={wrong.length > 0 || changed.length === 0 ? undefined : change(x, changed.map((v) => ({ VariantName: v.variant, DesiredWeight: of(v.variant) })))}>
      {x.variants.map((v) => (
        <NumberField key={v.variant} label={`Weight of ${v.variant}`} value={weights[v.variant]!} onValue={(n) => setWeights({ ...weights, [v.variant]: n })}
          error={wrong.includes(v) ? "A number." : undefined}
          hint={total > 0 && of(v.variant) !== undefined ? `It will take ${number((of(v.variant)! / total) * 100)} % of the requests; now ${number(v.weight)}.` : "It will take no requests."} />
      ))}
    </ActionForm>
  );
}

function RollbackForm({ x, onClose, onDone }: Props) {
  const [keep, setKeep] = useState(true);
  return (
    <ActionForm title={`Roll ${x.endpoint} back`} verb="Roll back" done={`${x.endpoint} goes back to ${x.replaced}.`} onClose={onClose} onDone={onDone}
      operations={[sagemaker(x.region, "UpdateEndpoint", { EndpointName: x.endpoint, EndpointConfigName: x.replaced, ...(keep && { RetainAllVariantProperties: true }) })]}>
      <p>New instances with configuration <b>{x.replaced}</b> start beside those of <b>{x.config}</b>, and take the requests when all are healthy.</p>
      <CheckField label="Keep the numbers of instances and the weights" value={keep} onValue={setKeep} hint="Otherwise they are those of the configuration." />
    </ActionForm>
  );
}

function DeleteForm({ x, onClose, onDone }: Props) {
  const [text, setText] = useState("");
  return (
    <ActionForm title={`Delete ${x.endpoint}`} verb="Delete" danger done={`${x.endpoint} is being deleted.`} onClose={onClose} onDone={() => { onDone(); go("/console/"); }}
      operations={text === x.endpoint ? [sagemaker(x.region, "DeleteEndpoint", { EndpointName: x.endpoint })] : undefined}>
      <p>Its {x.instances.length} {x.instances.length === 1 ? "instance finishes its requests and goes" : "instances finish their requests and go"}; its configuration and its models stay. Requests fail from now on.</p>
      <label class="field">The endpoint's name, to confirm<input value={text} autocomplete="off" spellcheck={false} onInput={(e) => setText(e.currentTarget.value)} /></label>
    </ActionForm>
  );
}
