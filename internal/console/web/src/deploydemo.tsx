import { useEffect, useRef, useState } from "preact/hooks";
import { perform } from "./act";
import { getEndpoint } from "./api";
import { CopyAs } from "./copymenu";
import { sagemaker, scaling, variantTarget, type Operation } from "./operation";
import { endpointPath, go } from "./router";
import { ChangeButton } from "./session";
import { RefusalNote, say } from "./toast";
import type { Session } from "./types";

const name = "iris", variant = "AllTraffic";

interface Step {
  what: string;
  operation?: Operation; // none: it waits for the endpoint
  undo?: Operation;
}

/** What deploys the built-in model with a policy that scales it. */
function stepsOf({ region, account }: Session): Step[] {
  const target = variantTarget(name, variant);
  return [
    {
      what: "Model", undo: sagemaker(region, "DeleteModel", { ModelName: name }),
      operation: sagemaker(region, "CreateModel", { ModelName: name, ExecutionRoleArn: `arn:aws:iam::${account}:role/any`, PrimaryContainer: { Image: "bellows/demo-model" } }),
    },
    {
      what: "Endpoint configuration", undo: sagemaker(region, "DeleteEndpointConfig", { EndpointConfigName: name }),
      operation: sagemaker(region, "CreateEndpointConfig", {
        EndpointConfigName: name, ProductionVariants: [{ VariantName: variant, ModelName: name, InitialInstanceCount: 1, InstanceType: "ml.m5.large", InitialVariantWeight: 1 }],
      }),
    },
    { what: "Endpoint", operation: sagemaker(region, "CreateEndpoint", { EndpointName: name, EndpointConfigName: name }), undo: sagemaker(region, "DeleteEndpoint", { EndpointName: name }) },
    { what: "Its instance starts" },
    {
      what: "Scalable target, 1 to 4 instances", undo: scaling(region, "DeregisterScalableTarget", target),
      operation: scaling(region, "RegisterScalableTarget", { ...target, MinCapacity: 1, MaxCapacity: 4 }),
    },
    {
      what: "Policy, 600 invocations a minute and instance", undo: scaling(region, "DeleteScalingPolicy", { ...target, PolicyName: "iris-600" }),
      operation: scaling(region, "PutScalingPolicy", {
        ...target, PolicyName: "iris-600", PolicyType: "TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration: { TargetValue: 600, PredefinedMetricSpecification: { PredefinedMetricType: "SageMakerVariantInvocationsPerInstance" } },
      }),
    },
  ];
}

/** How often, in ms, the status of the endpoint is read while it starts; the browser's event stream would not tell of one that fails at once. */
const pollEvery = 500;

/** Deploys the built-in model at a click, step by step, and takes all back where a step fails or it is cancelled. */
export function DeployDemo({ session, onBusy }: { session: Session; onBusy: (busy: boolean) => void }) {
  const steps = stepsOf(session);
  const [at, setAt] = useState<number>(); // the step under way
  const [note, setNote] = useState("");
  const [failure, setFailure] = useState<unknown>();
  const cancelled = useRef(false);
  useEffect(() => () => { cancelled.current = true; }, []);

  const wait = async () => {
    for (;;) {
      const e = await getEndpoint({ region: session.region, endpoint: name });
      if (e.status === "InService") return;
      if (e.status === "Failed") throw new Error(e.failure ?? "The endpoint failed.");
      setNote(e.waiting ?? "");
      if (cancelled.current) return;
      await new Promise((f) => setTimeout(f, pollEvery));
    }
  };
  const deploy = async () => {
    onBusy(true);
    cancelled.current = false;
    setFailure(undefined);
    const undo: Operation[] = [];
    try {
      for (const [i, step] of steps.entries()) {
        setAt(i);
        if (step.operation) await perform(step.operation);
        else await wait();
        if (step.undo) undo.unshift(step.undo);
        if (cancelled.current) throw new Error("It was cancelled.");
      }
    } catch (e) {
      setNote("What was made is being taken back …");
      for (const op of undo) await perform(op).catch(() => {}); // the first refusal is the one to show
      setFailure(e);
      setAt(undefined);
      setNote("");
      onBusy(false);
      return;
    }
    say("iris serves, and scales from 1 to 4 instances.");
    onBusy(false);
    go(endpointPath({ region: session.region, endpoint: name }));
  };
  return (
    <div class="deploy">
      <div class="actions">
        <ChangeButton class="primary" because={at !== undefined ? "It is under way." : undefined} onClick={() => void deploy()}>Deploy the built-in model</ChangeButton>
        {at !== undefined && <button onClick={() => { cancelled.current = true; }}>Cancel</button>}
        <CopyAs operations={steps.flatMap((s) => (s.operation ? [s.operation] : []))} />
      </div>
      {at !== undefined && (
        <ol class="steps" aria-live="polite">
          {steps.map((s, i) => <li key={s.what} class={i < at ? "done" : i === at ? "now" : "dim"}>{i < at ? "✓" : i === at ? "…" : "·"} {s.what}{i === at && note && <small class="dim">{note}</small>}</li>)}
        </ol>
      )}
      {failure !== undefined && (failure instanceof Error && failure.name === "Error" && !("code" in failure) ? <p class="refusal" role="alert">{failure.message} What was made was taken back.</p> : <RefusalNote error={failure} />)}
    </div>
  );
}
