import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { oneAtATime, aws } from "./api";
import { ago, iso } from "./format";
import { save } from "./save";
import { RefusalNote } from "./toast";
import type { Endpoint } from "./types";

interface Stream {
  logStreamName: string;
  lastEventTimestamp?: number;
}

interface Line {
  logStreamName: string;
  timestamp: number;
  message: string;
  eventId: string;
}

/** So many lines are shown, the newest. */
const linesMax = 2000;

/** How often, in ms, new lines are asked for while they are followed. */
const followEvery = 2000;

const spans = [["15 m", 15 * 60_000], ["1 h", 3_600_000], ["24 h", 86_400_000], ["all", 0]] as const;

/** A search is for a text; what begins as a filter pattern of CloudWatch Logs does is one. */
const patternOf = (search: string) => (/^[{[?%"-]/.test(search) || search === "" ? search : `"${search.replaceAll('"', '\\"')}"`);

const call = <T,>(x: Endpoint, operation: string, input: object) => aws<T>(x.region, "Logs_20140328." + operation, { logGroupName: "/aws/sagemaker/Endpoints/" + x.endpoint, ...input });

/** Reads lines from a time on, the newest linesMax of them. */
async function read(x: Endpoint, stream: string, pattern: string, from: number, before: Line[]): Promise<Line[]> {
  let lines = before, token: string | undefined;
  const known = new Set(before.slice(-500).map((l) => l.eventId));
  do {
    const page: { events: Line[]; nextToken?: string } = await call(x, "FilterLogEvents", {
      ...(stream && { logStreamNames: [stream] }), ...(pattern && { filterPattern: pattern }), startTime: from, limit: 1000, ...(token && { nextToken: token }),
    });
    lines = [...lines, ...page.events.filter((e) => !known.has(e.eventId))].slice(-linesMax);
    token = page.nextToken;
  } while (token);
  return lines;
}

/** The logs of an endpoint's instances, of those that are gone, too: search, follow, save. Their times are wall time. */
export function Logs({ x }: { x: Endpoint }) {
  const { region, endpoint } = x;
  const [streams, setStreams] = useState<Stream[]>([]);
  const [stream, setStream] = useState(""), [search, setSearch] = useState(""), [pattern, setPattern] = useState("");
  const [span, setSpan] = useState<number>(3_600_000);
  const [follow, setFollow] = useState(true);
  const [lines, setLines] = useState<Line[]>();
  const [failure, setFailure] = useState<unknown>();
  const box = useRef<HTMLPreElement>(null), newest = useRef<Line[]>([]);

  const list = useCallback(() => {
    void call<{ logStreams: Stream[] }>(x, "DescribeLogStreams", { orderBy: "LastEventTime", descending: true }).then((out) => setStreams(out.logStreams), setFailure);
  }, [region, endpoint]);
  useEffect(list, [list, x.instances.map((i) => i.id).join()]);
  const load = useMemo(() => {
    newest.current = [];
    return oneAtATime(async (signal) => {
      const last = newest.current.at(-1);
      await read(x, stream, pattern, last?.timestamp ?? (span ? Date.now() - span : 0), newest.current).then((all) => {
        if (signal.aborted) return;
        newest.current = all;
        setLines(all);
        setFailure(undefined);
      }, (e) => { if (!signal.aborted) { setFailure(e); setLines([]); } });
    });
  }, [region, endpoint, stream, pattern, span]);
  useEffect(() => { setLines(undefined); load.run(); return load.stop; }, [load]);
  useEffect(() => {
    if (!follow) return;
    const timer = setInterval(() => { if (document.visibilityState === "visible") load.run(); }, followEvery);
    return () => clearInterval(timer);
  }, [follow, load]);
  useEffect(() => { if (follow && box.current) box.current.scrollTop = box.current.scrollHeight; }, [lines, follow]);
  useEffect(() => { const timer = setTimeout(() => setPattern(patternOf(search.trim())), 300); return () => clearTimeout(timer); }, [search]);

  const text = useMemo(() => (lines ?? []).map((l) => `${iso(l.timestamp)} ${l.logStreamName} ${l.message}`).join("\n"), [lines]);
  const here = new Set(x.instances.map((i) => `${i.variant}/${i.id}`));
  const name = (s: Stream) => `${s.logStreamName}${here.has(s.logStreamName) ? "" : s.lastEventTimestamp ? `, gone, last line ${ago(s.lastEventTimestamp, Date.now())}` : ", gone"}`;
  return (
    <>
      <div class="tools">
        <select aria-label="Instance" value={stream} onChange={(e) => setStream(e.currentTarget.value)}>
          <option value="">all instances</option>
          {streams.map((s) => <option key={s.logStreamName} value={s.logStreamName}>{name(s)}</option>)}
        </select>
        <input type="search" aria-label="Search the logs" placeholder="Search, or a filter pattern" value={search} onInput={(e) => setSearch(e.currentTarget.value)} />
        <div class="choice" role="group" aria-label="Time of the logs">
          {spans.map(([label, ms]) => <button key={label} aria-pressed={span === ms} onClick={() => setSpan(ms)}>{label}</button>)}
        </div>
        <label><input type="checkbox" checked={follow} onChange={(e) => setFollow(e.currentTarget.checked)} /> follow</label>
        <button onClick={() => save(`${endpoint}${stream && "-" + stream.replace("/", "-")}.log`, new Blob([text + "\n"], { type: "text/plain" }))}>Save</button>
      </div>
      <RefusalNote error={failure} />
      <pre class="code logs" tabIndex={0} ref={box} aria-label="Lines of the logs">
        {lines === undefined ? "Loading …" : lines.length === 0 ? (pattern ? "No line matches." : "No line in this time.")
          : lines.map((l) => <div key={l.eventId}><span class="dim" title={l.logStreamName}>{iso(l.timestamp).slice(11, 23)} {stream ? "" : l.logStreamName.slice(-8)}</span> {l.message}</div>)}
      </pre>
      {lines !== undefined && lines.length === linesMax && <p class="dim">Only the newest {linesMax} lines are shown.</p>}
    </>
  );
}
