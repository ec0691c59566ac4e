import { useState } from "preact/hooks";
import { clock, iso, ms } from "./format";
import { Arrow } from "./home";
import { endpointPath, variantPath } from "./router";
import type { FeedEntry } from "./types";

/** How much of a variant's timeline a link shows on each side of its moment, in ms. */
const around = 20 * 60_000;

/** The moment of an entry in its variant's timeline, on its alarm's page, or its endpoint; undefined where it is about none. */
function link(x: FeedEntry): string | undefined {
  const at = Math.floor(ms(x.at)) + 1; // the server's times are finer than a millisecond
  if (x.endpoint && x.variant) return `${variantPath({ region: x.region, endpoint: x.endpoint, variant: x.variant })}?from=${iso(at - around)}&to=${iso(at + around)}&at=${iso(at)}`;
  if (x.alarm) return "/console/alarms/" + [x.region, x.alarm].map(encodeURIComponent).join("/");
  return x.endpoint ? endpointPath({ region: x.region, endpoint: x.endpoint }) : undefined;
}

/** An entry: it opens to what it consists of. */
export function EventRow({ x }: { x: FeedEntry }) {
  const [open, setOpen] = useState(false);
  const at = ms(x.at), to = link(x), w = x.write;
  const time = <time dateTime={x.at} title={iso(at)}>{clock(at, at)}</time>;
  const label = open ? "less" : `${x.events.length} ${x.events.length === 1 ? "event" : "events"}`;
  const pure = x.kind === "write" || x.kind === "refused";
  return (
    <li class={x.kind}>
      <div class="group event">
        {to ? <a href={to}>{time}</a> : time}
        <span class="where">{x.endpoint ? <>{x.endpoint}{x.variant && <span class="dim"> / {x.variant}</span>}</> : <span class="dim">{x.alarm ? "alarm" : "account"}</span>}<small class="dim">{x.region}</small></span>
        <span class={"what " + (x.kind === "alarm" && !x.title.endsWith("ALARM") ? "" : x.kind)}>{x.from !== undefined && x.to !== undefined ? <Arrow from={x.from} to={x.to} /> : x.title}</span>
        <span class="cause">
          {w && <><b>{w.user || w.access_key_id || "someone without a key"}</b>{!pure && <> {w.operation}</>}{w.error && <span class="bad"> {w.error}</span>}
            <span class="dim"> {w.console ? "in the console" : w.source_ip && `from ${w.source_ip}`}</span>{x.cause && ": "}</>}
          {x.policy && !w && `${x.policy}: `}{x.cause}
        </span>
        <span class="dim result">{x.result}</span>
        {x.events.length > 0 && <button class="link" aria-expanded={open} aria-label={`${label} of ${x.title}, ${clock(at, at)}`} onClick={() => setOpen(!open)}>
          {label}</button>}
      </div>
      {open && <ol class="events">
        {x.events.map((e, i) => <li key={i}><time dateTime={e.at}>{clock(ms(e.at), at)}</time> <span class="dim">{e.kind === "write" ? "request" : e.kind}</span> {e.text}</li>)}
      </ol>}
    </li>
  );
}
