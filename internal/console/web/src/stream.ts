import { useEffect, useState } from "preact/hooks";
import type { Message } from "./types";

/** The one event stream of the page. It connects again by itself. */
export type State = "connecting" | "live" | "lost";

type Listener = (event: "hello" | "change" | "tick", m: Message) => void;

const listeners = new Set<Listener>();
const watchers = new Set<(s: State) => void>();
let source: EventSource | undefined;
let state: State = "connecting";
let clock = { server: Date.now(), here: performance.now(), speed: 1 };

function become(s: State) {
  state = s;
  for (const f of watchers) f(s);
}

/** Opens the stream. speed is the server's clock speed. */
export function open(speed: number) {
  close();
  clock.speed = speed;
  source = new EventSource("/console/api/stream");
  for (const event of ["hello", "change", "tick"] as const) {
    source.addEventListener(event, (e) => {
      const m = JSON.parse((e as MessageEvent<string>).data) as Message;
      clock = { server: Date.parse(m.now), here: performance.now(), speed: clock.speed };
      become("live");
      for (const f of listeners) f(event, m);
    });
  }
  source.onerror = () => {
    become("lost");
    if (source?.readyState === EventSource.CLOSED) setTimeout(() => source && open(clock.speed), 2000); // the browser gave up
  };
}

export function close() {
  source?.close();
  source = undefined;
}

/** The server's policy time now, in ms. */
export const now = () => clock.server + (performance.now() - clock.here) * clock.speed;

export function useStream(listener: Listener) {
  useEffect(() => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, [listener]);
}

export function useStreamState(): State {
  const [s, update] = useState(state);
  useEffect(() => {
    watchers.add(update);
    return () => void watchers.delete(update);
  }, []);
  return s;
}
