import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { getEvents, oneAtATime, type EventFilter } from "./api";
import { EventFilters, useEventFilter } from "./eventfilters";
import { EventRow } from "./eventrow";
import { day, ms } from "./format";
import { useStream } from "./stream";
import type { FeedEntry } from "./types";
import "./pages.css";

/** At most this often the newest entries are read again, in ms. */
const refreshEvery = 1000;

/** Scrolled down less than this, new entries come in by themselves. */
const atTop = 120;

interface Entries {
  list: FeedEntry[];
  next?: string | undefined; // cursor of what is older
  from?: string | undefined; // of the query, for the pages after the first
}

/** The newest page before what is known: it holds for the time that it covers. */
function merge(fresh: Entries, known: Entries): Entries {
  const last = fresh.list.at(-1);
  if (!last || !fresh.next) return fresh;
  const ids = new Set(fresh.list.map((x) => x.id));
  const older = known.list.filter((x) => ms(x.at) <= ms(last.at) && !ids.has(x.id));
  const joined = known.list.some((x) => ids.has(x.id)); // else there may be others between them
  return joined ? { ...known, list: [...fresh.list, ...older] } : fresh;
}

function useEntries(filter: EventFilter, length: number | undefined) {
  const [known, setKnown] = useState<Entries>();
  const [waiting, setWaiting] = useState<Entries>();
  const [failure, setFailure] = useState("");
  const key = JSON.stringify([filter, length]);
  const fail = (e: Error) => { if (e.name !== "AbortError") setFailure(e.message); };

  const top = useMemo(() => oneAtATime((signal) => {
    const from = filter.since(length);
    return getEvents({ ...filter.query, from }, signal).then((page) => {
      const fresh = { list: page.events, next: page.next, from };
      setFailure("");
      setKnown((before) => {
        if (!before || scrollY < atTop) { setWaiting(undefined); return before ? merge(fresh, before) : fresh; }
        setWaiting(fresh);
        const byId = new Map(fresh.list.map((x) => [x.id, x]));
        return { ...before, list: before.list.map((x) => byId.get(x.id) ?? x) };
      });
    }, fail);
  }), [key]);
  useEffect(() => { setKnown(undefined); setWaiting(undefined); top.run(); return top.stop; }, [top]);

  const due = useRef(0);
  useEffect(() => () => clearTimeout(due.current), [top]);
  useStream(useCallback((event: string) => {
    if (filter.query.to || event === "tick" || document.visibilityState !== "visible") return;
    clearTimeout(due.current);
    due.current = window.setTimeout(top.run, refreshEvery);
  }, [top]));

  const older = useMemo(() => oneAtATime((signal) => {
    let cursor: string | undefined, from: string | undefined;
    setKnown((before) => { cursor = before?.next; from = before?.from; return before; });
    if (!cursor) return Promise.resolve();
    return getEvents({ ...filter.query, from, cursor }, signal).then((page) => setKnown((before) => {
      if (!before || before.next !== cursor) return before;
      const ids = new Set(before.list.map((x) => x.id));
      return { ...before, list: [...before.list, ...page.events.filter((x) => !ids.has(x.id))], next: page.next };
    }), fail);
  }), [key]);
  useEffect(() => older.stop, [older]);

  const show = () => {
    if (waiting) setKnown((before) => (before ? merge(waiting, before) : waiting));
    setWaiting(undefined);
    scrollTo({ top: 0 });
  };
  const ids = new Set(known?.list.map((x) => x.id));
  return { known, failure, older: older.run, show, fresh: waiting?.list.filter((x) => !ids.has(x.id)).length ?? 0, all: waiting && known && !waiting.list.some((x) => ids.has(x.id)) };
}

/** What happened in the account: one stream, newest first, back through the whole history as one scrolls. */
export function EventsPage() {
  const { filter, length, empty } = useEventFilter();
  const { known, failure, older, show, fresh, all } = useEntries(filter, length);
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => { document.title = "What happened – Bellows"; }, []);
  useEffect(() => { // an observer says at once whether the end can be seen, so that short pages are followed by the next
    if (!known?.next || !end.current) return;
    const o = new IntersectionObserver((x) => { if (x.some((e) => e.isIntersecting)) older(); }, { rootMargin: "600px" });
    o.observe(end.current);
    return () => o.disconnect();
  }, [known?.next, older]);
  useEffect(() => { // back at the top, what waits comes in
    const f = () => { if (scrollY < atTop / 2 && fresh > 0) show(); };
    addEventListener("scroll", f, { passive: true });
    return () => removeEventListener("scroll", f);
  });
  return (
    <>
      <h1>What happened</h1>
      <EventFilters />
      {failure && <p class="failure" role="alert">{failure}</p>}
      {fresh > 0 && <button class="primary fresh" onClick={show}>{fresh}{all ? " or more" : ""} new</button>}
      {!known && !failure && <p class="notice" role="status">Loading …</p>}
      {known && known.list.length === 0 && !known.next && <p class="notice">{empty ? "Nothing has happened yet: create an endpoint, and its story is told here." : "Nothing of this kind happened."}</p>}
      {known && <Days list={known.list} />}
      {known?.next && <div ref={end} class="dim more-events" role="status">Reading what is older …</div>}
      {known && !known.next && known.list.length > 0 && <p class="dim more-events">This is the beginning of what is kept.</p>}
    </>
  );
}

function Days({ list }: { list: FeedEntry[] }) {
  const days: [string, FeedEntry[]][] = [];
  for (const x of list) {
    const name = day(ms(x.at)), last = days.at(-1);
    if (last?.[0] === name) last[1].push(x);
    else days.push([name, [x]]);
  }
  return <>{days.map(([name, entries]) => (
    <section key={name} aria-label={name}>
      <h2 class="dayname">{name}</h2>
      <ul class="groups events-list">{entries.map((x) => <EventRow key={x.id} x={x} />)}</ul>
    </section>
  ))}</>;
}
