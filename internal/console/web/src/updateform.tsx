import { useEffect, useState } from "preact/hooks";
import { perform } from "./act";
import { ActionForm } from "./actionform";
import { CheckField, NumberField, numberOf, SelectField, TextField } from "./fields";
import { sagemaker, type Operation } from "./operation";
import { now } from "./stream";
import { RefusalNote } from "./toast";
import type { Endpoint } from "./types";

type Variant = Record<string, unknown> & { VariantName: string; ModelName: string; InstanceType: string; InitialInstanceCount: number; InitialVariantWeight?: number };

/** What of a configuration is carried over to an edited one. */
const carried = ["ProductionVariants", "KmsKeyId", "ExecutionRoleArn", "EnableNetworkIsolation", "VpcConfig", "DataCaptureConfig"];

/** Another endpoint config: one that exists, or the present one, edited. */
export function UpdateForm({ x, onClose, onDone }: { x: Endpoint; onClose: () => void; onDone: () => void }) {
  const [how, setHow] = useState<"edit" | "choose">("edit");
  const [configs, setConfigs] = useState<string[]>([]);
  const [models, setModels] = useState<string[]>([]);
  const [present, setPresent] = useState<Record<string, unknown>>();
  const [variants, setVariants] = useState<(Variant & { count: string; weight: string })[]>([]);
  const [name, setName] = useState(() => `${x.endpoint.slice(0, 40)}-${new Date(now()).toISOString().slice(0, 19).replace(/[^0-9]/g, "")}`);
  const [chosen, setChosen] = useState("");
  const [keep, setKeep] = useState(true);
  const [failure, setFailure] = useState<unknown>();
  useEffect(() => {
    const list = <T,>(operation: string) => perform<T>(sagemaker(x.region, operation, { MaxResults: 100, SortBy: operation === "ListModels" ? "Name" : "CreationTime" }));
    list<{ EndpointConfigs: { EndpointConfigName: string }[] }>("ListEndpointConfigs").then((out) => {
      const others = out.EndpointConfigs.map((c) => c.EndpointConfigName).filter((n) => n !== x.config);
      setConfigs(others);
      setChosen(others[0] ?? "");
    }, setFailure);
    list<{ Models: { ModelName: string }[] }>("ListModels").then((out) => setModels(out.Models.map((m) => m.ModelName)), setFailure);
    perform<Record<string, unknown> & { ProductionVariants: Variant[] }>(sagemaker(x.region, "DescribeEndpointConfig", { EndpointConfigName: x.config })).then((c) => {
      setPresent(c);
      setVariants(c.ProductionVariants.map((v) => ({ ...v, count: String(v.InitialInstanceCount), weight: String(v.InitialVariantWeight ?? 1) })));
    }, setFailure);
  }, [x.region, x.config]);

  const edit = (i: number, change: Partial<(typeof variants)[number]>) => setVariants(variants.map((v, n) => (n === i ? { ...v, ...change } : v)));
  const update = (config: string) => sagemaker(x.region, "UpdateEndpoint", { EndpointName: x.endpoint, EndpointConfigName: config, ...(keep && { RetainAllVariantProperties: true }) });
  let operations: Operation[] | undefined, undo: Operation[] = [];
  if (how === "choose") operations = chosen ? [update(chosen)] : undefined;
  else if (present && name && variants.every((v) => numberOf(v.count) !== undefined && numberOf(v.weight) !== undefined)) {
    const made = Object.fromEntries(Object.entries(present).filter(([k]) => carried.includes(k)));
    operations = [sagemaker(x.region, "CreateEndpointConfig", {
      ...made, EndpointConfigName: name,
      ProductionVariants: variants.map(({ count, weight, ...v }) => ({ ...v, InitialInstanceCount: numberOf(count), InitialVariantWeight: numberOf(weight) })),
    }), update(name)];
    undo = [sagemaker(x.region, "DeleteEndpointConfig", { EndpointConfigName: name })];
  }
  return (
    <ActionForm title={`Update ${x.endpoint}`} verb="Update" wide operations={operations} undo={undo} done={`${x.endpoint} is being updated.`} onClose={onClose} onDone={onDone}>
      <div class="choice" role="group" aria-label="Configuration">
        <button type="button" aria-pressed={how === "edit"} onClick={() => setHow("edit")}>Edit {x.config}</button>
        <button type="button" aria-pressed={how === "choose"} onClick={() => setHow("choose")}>Choose another</button>
      </div>
      <RefusalNote error={failure} />
      {how === "choose" && (configs.length > 0
        ? <SelectField label="Endpoint configuration" value={chosen} onValue={setChosen} options={configs.map((c) => [c, c] as const)} hint="The newest are first." />
        : <p class="dim">There is no other endpoint configuration in {x.region}.</p>)}
      {how === "edit" && <>
        <TextField label="Name of the new configuration" value={name} onValue={setName} error={name ? undefined : "It needs a name."} hint={`${x.config} stays as it is, to roll back to.`} />
        {variants.map((v, i) => (
          <fieldset class="variantform" key={v.VariantName}>
            <legend>{v.VariantName}</legend>
            <TextField label="Model" value={v.ModelName} list={models} onValue={(ModelName) => edit(i, { ModelName })} />
            <TextField label="Instance type" value={v.InstanceType} onValue={(InstanceType) => edit(i, { InstanceType })} />
            <NumberField label="Initial instances" value={v.count} onValue={(count) => edit(i, { count })} error={numberOf(v.count) === undefined ? "A number." : undefined} />
            <NumberField label="Initial weight" value={v.weight} onValue={(weight) => edit(i, { weight })} error={numberOf(v.weight) === undefined ? "A number." : undefined} />
          </fieldset>
        ))}
      </>}
      <CheckField label="Keep the numbers of instances and the weights" value={keep} onValue={setKeep} hint="Otherwise each variant begins with those of the configuration." />
      <p class="dim">New instances start beside the present ones, and take the requests when all are healthy. If one does not start, the endpoint stays as it is.</p>
    </ActionForm>
  );
}
