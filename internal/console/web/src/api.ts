import type { AuditPage, Endpoint, Explanation, Feed, Session, Timeline, VariantList } from "./types";

/** A refusal of the server, or of an AWS API: its code and its message. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

const root = "/console/api/";

/** Is called when the server no longer knows the session. */
let onSignedOut = () => {};
export function whenSignedOut(f: () => void) {
  onSignedOut = f;
}

/** Calls the console's API. */
export async function call<T>(path: string, init: RequestInit = {}): Promise<T> {
  const response = await fetch(root + path, { ...init, headers: { Accept: "application/json", ...init.headers } });
  if (response.status === 204) return undefined as T;
  if (response.ok) return (await response.json()) as T;
  const body = await response.json().catch(() => ({})); // a proxy's answer may be no JSON
  if (response.status === 401) onSignedOut();
  const { code = "InternalFailure", message = `The server answered ${response.status}.` } = body.error ?? {};
  throw new Refusal(response.status, code, message);
}

type Parameters = Record<string, string | number | undefined>;

/** The parameters of an address; those that are undefined or empty are left out. */
export function query(parameters: Parameters): string {
  const given = Object.entries(parameters).filter(([, v]) => v !== undefined && v !== "");
  return "?" + new URLSearchParams(given.map(([k, v]) => [k, String(v)])).toString();
}

export const getSession = () => call<Session>("session");
export const signOut = () => call<void>("session", { method: "DELETE" });

export function signIn(id: string, secret: string) {
  const body = JSON.stringify({ access_key_id: id, secret_access_key: secret });
  return call<Session>("session", { method: "POST", body, headers: { "Content-Type": "application/json" } });
}

export const getVariants = (p: { q?: string; state?: string; sort?: string; offset?: number; limit?: number }, signal?: AbortSignal) =>
  call<VariantList>("variants" + query(p), signal ? { signal } : {});

export interface VariantName {
  region: string;
  endpoint: string;
  variant: string;
}

export const getTimeline = (v: VariantName, range: { from?: string; to?: string; points?: number }, signal?: AbortSignal) =>
  call<Timeline>("timeline" + query({ ...v, ...range }), signal ? { signal } : {});

export const getExplanation = (v: VariantName, at: string | undefined, signal?: AbortSignal) =>
  call<Explanation>("explain" + query({ ...v, at }), signal ? { signal } : {});

/** Who changed what, newest first; with after, what came since, oldest first. */
export const getAudit = (
  p: { user?: string; operation?: string; source?: string; q?: string; failed?: string; from?: string; to?: string; limit?: number; token?: string; after?: string },
  signal?: AbortSignal,
) => call<AuditPage>("audit" + query(p), signal ? { signal } : {});

export interface EndpointName {
  region: string;
  endpoint: string;
}

export const getEndpoint = (e: EndpointName, signal?: AbortSignal) => call<Endpoint>("endpoint" + query({ ...e }), signal ? { signal } : {});

/** An answer of InvokeEndpoint. Statuses other than 200 are answers, too. */
export interface Answer {
  status: number;
  headers: [string, string][];
  body: Uint8Array<ArrayBuffer>;
  took: number; // ms, as seen here
}

/** Invokes an endpoint through the gateway, by the account of the session. */
export async function invoke(e: EndpointName, headers: Record<string, string>, body: BodyInit, signal: AbortSignal): Promise<Answer> {
  const started = performance.now();
  const response = await fetch(root + "invoke" + query({ ...e }), { method: "POST", headers, body, signal });
  const read = new Uint8Array(await response.arrayBuffer());
  if (response.status === 401) onSignedOut();
  return { status: response.status, headers: [...response.headers], body: read, took: performance.now() - started };
}

/** Which entries of what happened are shown; since says from when, for a length of time that follows the present. */
export interface EventFilter {
  query: { kind: string; endpoint: string; variant: string; user: string; q: string; to: string | undefined };
  since: (length: number | undefined) => string | undefined;
}

/** What happened, newest first. */
export const getEvents = (p: EventFilter["query"] & { from?: string | undefined; cursor?: string }, signal?: AbortSignal) =>
  call<Feed>("events" + query(p), signal ? { signal } : {});

/** Calls an operation of an AWS API, such as SageMaker.ListEndpoints, and returns its answer. A refusal is AWS's own. */
export async function aws<T>(region: string, target: string, input: object): Promise<T> {
  const response = await fetch(root + "aws" + query({ region }), {
    method: "POST",
    body: JSON.stringify(input),
    headers: { "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target },
  });
  if (response.ok) return (await response.json()) as T;
  const body = await response.json().catch(() => ({}));
  if (response.status === 401) onSignedOut();
  const type: string = body.__type ?? body.error?.code ?? "InternalFailure";
  throw new Refusal(response.status, type.replace(/^.*#/, ""), body.message ?? body.Message ?? body.error?.message ?? "The call failed.");
}

/**
 * Runs one request at a time: what is asked for meanwhile runs after it, once, so that frequent changes do not keep an answer from coming.
 * stop ends the one under way.
 */
export function oneAtATime(request: (signal: AbortSignal) => Promise<void>) {
  let abort: AbortController | undefined;
  let again = false, stopped = false;
  const run = () => {
    if (stopped) return;
    if (abort) { again = true; return; }
    abort = new AbortController();
    void request(abort.signal).finally(() => {
      abort = undefined;
      if (again) { again = false; run(); }
    });
  };
  return { run, stop: () => { stopped = true; abort?.abort(); } };
}
