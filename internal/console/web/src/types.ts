// What the console's API answers with; openapi.yaml describes it.

export interface Session {
  account: string;
  access_key_id?: string;
  user?: string;
  read_only: boolean;
  expires?: string;
  open: boolean;
  region: string;
  regions: string[];
  version: string;
  policy_time: string;
  clock_speed: number;
}

export interface Variant {
  region: string;
  endpoint: string;
  variant: string;
  status: string;
  health: "healthy" | "degraded" | "failing";
  trouble?: string;
  instance_type: string;
  desired: number;
  running: number;
  starting?: string;
  scaled: boolean;
  min: number;
  max: number;
  invocations_per_minute: number;
  errors: number;
  in_alarm: string[];
  warnings: string[];
  load: number[];
  changed?: { at: string; from: number; to: number; why: string };
}

export interface VariantList {
  now: string;
  trouble?: string;
  all: number;
  total: number;
  counts: Partial<Record<"failing" | "degraded" | "in_alarm" | "warned" | "changing", number>>;
  variants: Variant[];
  warnings?: { region: string; target: string; text: string }[];
}

export interface Series {
  id: string;
  label: string;
  unit: string;
  target?: number;
  from: number;
  step: number;
  values: (number | null)[];
  highs?: (number | null)[];
  periods: number;
}

export interface Alarm {
  name: string;
  short: string;
  policy?: string;
  condition?: string;
  threshold?: number;
  load?: string;
  high: boolean;
  owned: boolean;
  bands: { state: "OK" | "ALARM" | "INSUFFICIENT_DATA"; from: string; to?: string }[];
}

export interface Change {
  at: string;
  from: number;
  to: number;
  by: "policy" | "schedule" | "forecast" | "request" | "bounds" | "hand" | "deployment";
  cause: string;
}

export interface Mark {
  at: string;
  to?: string;
  kind: "schedule" | "hand" | "deployment" | "forecast";
  text: string;
}

export interface Life {
  id: string;
  from: string;
  to?: string;
  spans: { state: "starting" | "serving" | "failed" | "draining"; from: string; to?: string; reason?: string }[];
  stages?: { name: string; seconds: number }[];
}

export interface Group {
  id: string;
  at: string;
  kind: "change" | "held" | "alarm" | "schedule" | "endpoint" | "failure";
  title: string;
  cause: string;
  result: string;
  status?: string;
  by?: Change["by"];
  policy?: string;
  alarm?: string;
  from?: number;
  to?: number;
  events: { at: string; kind: string; text: string }[];
}

export interface Timeline {
  region: string;
  endpoint: string;
  variant: string;
  from: string;
  to: string;
  now: string;
  loads: Series[];
  latency: Series[];
  errors: Series[];
  alarms: Alarm[];
  capacity: { at: string; desired: number; running: number }[];
  bounds: { at: string; min: number; max: number }[];
  changes: Change[];
  marks: Mark[];
  forecast: { at: string; capacity: number; policy: string; acts: boolean }[];
  cooldowns: { policy: string; out: boolean; from: string; to: string }[];
  instances: Life[];
  groups: Group[];
  cut?: string;
}

export interface EndpointVariant extends Variant {
  model: string;
  weight: number;
  desired_weight: number;
}

export interface Instance {
  id: string;
  variant: string;
  generation: number;
  state: "Pending" | "InService" | "Terminating";
  started: string;
  copies: number;
  ready: number;
  failures: number;
  reason?: string;
  reason_at?: string;
  unhealthy?: string;
  ejected?: string;
  stages: { name: string; seconds: number }[];
}

export interface Endpoint {
  now: string;
  region: string;
  endpoint: string;
  status: string;
  config: string;
  replaced?: string;
  replaced_exists: boolean;
  created: string;
  modified: string;
  failure?: string;
  waiting?: string;
  deployment?: { config: string; started: string; retire_at?: string };
  variants: EndpointVariant[];
  instances: Instance[];
  history: { at: string; kind: "status" | "failure" | "routing"; text: string; why?: string }[];
}

export interface Explanation {
  region: string;
  endpoint: string;
  variant: string;
  text: string;
  moment: {
    at: string;
    source: "present" | "past";
    gone?: boolean;
    scaled: boolean;
    min: number;
    max: number;
    desired: number;
    current: number;
    status?: string;
    health?: string;
    trouble?: string;
    invocations_per_minute: number;
    suspended?: string[];
    dry_run?: boolean;
    policies: { name: string; type: string; group?: boolean; says: string[] }[];
    alarms: { name: string; short: string; state: string; since: string; reason: string }[];
    warnings?: { kind: string; policy?: string; text: string }[];
    outage?: { since: string; text: string; state: string };
    clock?: { policy_time: string; wall_time: string; speed: number };
    decision?: { at: string; text: string };
  };
}

/** A unit of what happened in the account. */
export interface FeedEntry extends Omit<Group, "kind"> {
  kind: Group["kind"] | "write" | "refused";
  region: string;
  endpoint?: string;
  variant?: string;
  write?: { operation: string; user?: string; access_key_id?: string; source_ip?: string; console: boolean; error?: string; message?: string };
}

export interface Feed {
  now: string;
  events: FeedEntry[];
  next?: string;
}

/** What was changed or refused; the names are CloudTrail's. */
export interface AuditRecord {
  eventID: string;
  eventTime: string;
  eventType: "AwsApiCall" | "AwsConsoleAction" | "AwsConsoleSignIn";
  eventSource: string;
  eventName: string;
  awsRegion: string;
  userIdentity: { type: "IAMUser" | "Unknown"; arn?: string; accountId?: string; accessKeyId?: string; userName?: string };
  sourceIPAddress: string;
  userAgent?: string;
  sessionCredentialFromConsole?: "true";
  requestID?: string;
  requestParameters?: Record<string, unknown>;
  responseElements?: Record<string, unknown>;
  resources?: { ARN: string }[];
  errorCode?: string;
  errorMessage?: string;
  readOnly: boolean;
  additionalEventData?: { recordsNotKept?: number };
  recipientAccountId: string;
}

export interface AuditPage {
  now: string;
  records: AuditRecord[];
  next?: string;
  newest: string;
}

export interface Message {
  now: string;
  variants?: string[];
  alarms?: string[];
  more?: boolean;
  audit?: boolean;
  version?: string;
}
