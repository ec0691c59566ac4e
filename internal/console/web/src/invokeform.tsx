import { useEffect, useRef, useState } from "preact/hooks";
import { invoke, type Answer } from "./api";
import { CopyAs } from "./copymenu";
import { Dialog } from "./dialog";
import { SelectField, TextField } from "./fields";
import { number } from "./format";
import type { Operation } from "./operation";
import { save } from "./save";
import { ChangeButton } from "./session";
import { RefusalNote } from "./toast";
import type { Endpoint } from "./types";

/** So many bytes of an answer are shown; the rest can be saved. */
const shownMax = 100_000;

const types = ["application/json", "text/csv", "text/plain", "application/jsonlines", "application/octet-stream"];

/** Sends a request to the endpoint and shows what comes back. */
export function InvokeForm({ x, onClose }: { x: Endpoint; onClose: () => void }) {
  const [body, setBody] = useState("5.1,3.5,1.4,0.2"), [file, setFile] = useState<File>();
  const [type, setType] = useState("text/csv"), [accept, setAccept] = useState("");
  const [variant, setVariant] = useState(""), [attributes, setAttributes] = useState(""), [session, setSession] = useState("");
  const [answer, setAnswer] = useState<Answer>();
  const [failure, setFailure] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const abort = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => abort.current?.abort(), []);

  const input = { EndpointName: x.endpoint, ContentType: type || undefined, Accept: accept || undefined, TargetVariant: variant || undefined, CustomAttributes: attributes || undefined, SessionId: session || undefined };
  const headers = Object.fromEntries(([
    ["Content-Type", type], ["Accept", accept], ["X-Amzn-SageMaker-Target-Variant", variant], ["X-Amzn-SageMaker-Custom-Attributes", attributes], ["X-Amzn-SageMaker-Session-Id", session],
  ] as const).filter(([, v]) => v !== ""));
  const send = async (e: Event) => {
    e.preventDefault();
    if (busy) return;
    abort.current = new AbortController();
    setBusy(true);
    setFailure(undefined);
    setAnswer(undefined);
    await invoke({ region: x.region, endpoint: x.endpoint }, headers, file ?? body, abort.current.signal).then(setAnswer, setFailure);
    setBusy(false);
  };
  const operation: Operation = { service: "sagemaker-runtime", name: "InvokeEndpoint", region: x.region, input: { ...input, Body: body } };
  return (
    <Dialog title={`Test ${x.endpoint}`} wide onClose={onClose}>
      <form class="fields" onSubmit={(e) => void send(e)}>
        {file ? <p>The body is {file.name}, {number(file.size)} bytes. <button type="button" class="link" onClick={() => setFile(undefined)}>Write it instead</button></p>
          : <TextField label="Body" rows={5} value={body} onValue={setBody} />}
        <label class="field">Or a file as the body<input type="file" onChange={(e) => setFile(e.currentTarget.files?.[0])} /></label>
        <div class="variantform">
          <TextField label="Content type" value={type} onValue={setType} list={types} />
          <TextField label="Accept" value={accept} onValue={setAccept} list={types} />
          <SelectField label="Target variant" value={variant} onValue={setVariant} options={[["", "by weight"], ...x.variants.map((v) => [v.variant, v.variant] as const)]} />
          <TextField label="Custom attributes" value={attributes} onValue={setAttributes} />
          <TextField label="Session ID" value={session} onValue={setSession} />
        </div>
        <div class="actions">
          <ChangeButton type="submit" class="primary" because={busy ? "It waits for the answer." : undefined}>Send</ChangeButton>
          {busy && <button type="button" onClick={() => abort.current?.abort()}>Stop waiting</button>}
          {!file && <CopyAs operations={[operation]} />}
        </div>
      </form>
      <div aria-live="polite">
        {failure !== undefined && ((failure as Error).name === "AbortError" ? <p class="dim">Stopped.</p> : <RefusalNote error={failure} />)}
        {answer && <AnswerView answer={answer} name={x.endpoint} />}
      </div>
    </Dialog>
  );
}

function AnswerView({ answer, name }: { answer: Answer; name: string }) {
  const header = (h: string) => answer.headers.find(([k]) => k === h)?.[1];
  const ok = answer.status === 200, type = header("content-type") ?? "";
  const text = textOf(answer.body.subarray(0, shownMax));
  const error = !ok ? errorOf(text) : undefined;
  const ending = /json/.test(type) ? "json" : /csv/.test(type) ? "csv" : /^text/.test(type) ? "txt" : "bin";
  return (
    <section class="answer" aria-label="Answer">
      <p><span class={"badge " + (ok ? "healthy" : "failing")}>{answer.status}</span> in <b>{number(answer.took)} ms</b>, {answer.body.length.toLocaleString("en-US")} bytes{header("x-amzn-invoked-production-variant") && ` from ${header("x-amzn-invoked-production-variant")}`}</p>
      {error && <p class="refusal"><b>{header("x-amzn-errortype") ?? "Error"}</b> {error}</p>}
      <dl>{answer.headers.map(([k, v]) => [<dt key={k} class="dim">{k}</dt>, <dd key={k + "="}>{v}</dd>])}</dl>
      <pre class="code" tabIndex={0} aria-label="Body of the answer">{text === undefined ? hexdump(answer.body.subarray(0, 512)) : pretty(text, type)}</pre>
      {answer.body.length > (text === undefined ? 512 : shownMax) && <p class="dim">Only the beginning is shown{text === undefined ? ": the answer is binary" : ""}.</p>}
      <button onClick={() => save(`${name}-answer.${ending}`, new Blob([answer.body], { type: "application/octet-stream" }))}>Save the answer</button>
    </section>
  );
}

/** The text of bytes; undefined where they are no UTF-8. The last character may be cut. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return text.includes("\0") ? undefined : text;
  } catch { return undefined; }
}

/** What went wrong, of the gateway's error. */
function errorOf(text: string | undefined): string | undefined {
  try {
    const e = JSON.parse(text ?? "") as Record<string, unknown>;
    return String(e["Message"] ?? e["message"] ?? "") || undefined;
  } catch { return undefined; }
}

function pretty(text: string, type: string): string {
  if (!/json/.test(type) || text.length >= shownMax) return text;
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

function hexdump(bytes: Uint8Array): string {
  const rows = [];
  for (let i = 0; i < bytes.length; i += 16) {
    const part = [...bytes.subarray(i, i + 16)];
    rows.push(`${i.toString(16).padStart(6, "0")}  ${part.map((b) => b.toString(16).padStart(2, "0")).join(" ").padEnd(47)}  ${part.map((b) => (b > 31 && b < 127 ? String.fromCharCode(b) : ".")).join("")}`);
  }
  return rows.join("\n");
}
