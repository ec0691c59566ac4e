import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { getSession, Refusal, signOut, whenSignedOut } from "./api";
import { Home } from "./home";
import { lazy } from "./lazy";
import { followLinks, useAddress } from "./router";
import { SessionContext } from "./session";
import { SignIn } from "./signin";
import * as stream from "./stream";
import { Toasts } from "./toast";
import type { Session } from "./types";
import { VariantPage } from "./variant";
import { Keys } from "./keys";
import "uplot/dist/uPlot.min.css";
import "./style.css";

function App() {
  const [session, setSession] = useState<Session | null | undefined>(undefined); // undefined: not known yet
  const [failure, setFailure] = useState("");
  useEffect(() => {
    whenSignedOut(() => setSession(null));
    getSession().then(setSession, (e) => {
      if (e instanceof Refusal && e.status === 401) setSession(null);
      else setFailure(e instanceof Refusal ? e.message : "The server does not answer.");
    });
  }, []);
  useEffect(() => {
    if (!session) return;
    stream.open(session.clock_speed);
    return stream.close;
  }, [session]);
  if (failure) return <p class="notice" role="alert">{failure} <button onClick={() => location.reload()}>Try again</button></p>;
  if (session === undefined) return null;
  if (session === null) return <SignIn onSignedIn={setSession} />;
  return (
    <SessionContext.Provider value={session}>
      <Header session={session} onSignedOut={() => setSession(null)} />
      <main><Page session={session} /></main>
      <Toasts />
      <Keys />
    </SessionContext.Provider>
  );
}

const pages = [["/console/", "Endpoints"], ["/console/alarms", "Alarms"], ["/console/policies", "Policies"], ["/console/metrics", "Metrics"], ["/console/events", "What happened"]] as const;

const AlarmListPage = lazy(() => import("./alarmlist").then((m) => m.AlarmListPage));
const AlarmPage = lazy(() => import("./alarmpage").then((m) => m.AlarmPage));
const PoliciesPage = lazy(() => import("./policies").then((m) => m.PoliciesPage));
const VariantPoliciesPage = lazy(() => import("./policies").then((m) => m.VariantPoliciesPage));
const EndpointPage = lazy(() => import("./endpoint").then((m) => m.EndpointPage));
const EventsPage = lazy(() => import("./events").then((m) => m.EventsPage));
const MetricsPage = lazy(() => import("./metrics").then((m) => m.MetricsPage));

function Header({ session, onSignedOut }: { session: Session; onSignedOut: () => void }) {
  return (
    <header>
      <a class="name" href="/console/">Bellows</a>
      <nav aria-label="Pages">{pages.map(([path, name]) => <a key={path} href={path}>{name}</a>)}</nav>
      <Live />
      {session.clock_speed !== 1 && <span class="dim" title="Times on these pages are policy time: alarms, cooldowns and schedules pass this many times as fast as the wall clock">policy time ×{session.clock_speed}</span>}
      <span class="who">{session.open ? "no authentication" : session.access_key_id}{session.read_only && ", read-only"}</span>
      {!session.open && <button onClick={() => void signOut().then(onSignedOut, () => location.reload())}>Sign out</button>}
    </header>
  );
}

function Live() {
  const state = stream.useStreamState();
  const text = { live: "live", connecting: "connecting …", lost: "connection lost, reconnecting …" }[state];
  return <span class={"live " + state} role="status">{text}</span>;
}

function Page({ session }: { session: Session }) {
  const { path } = useAddress();
  const [, , kind, ...rest] = path.split("/");
  if (kind === "variants" && rest.length === 3) {
    const [region = "", endpoint = "", variant = ""] = rest.map(decoded);
    return <VariantPage key={path} region={region} endpoint={endpoint} variant={variant} />;
  }
  if (kind === "endpoints" && rest.length === 2) return <EndpointPage key={path} region={decoded(rest[0]!)} endpoint={decoded(rest[1]!)} />;
  if (kind === "alarms" && rest.length === 0) return <AlarmListPage />;
  if (kind === "alarms" && rest.length === 2) return <AlarmPage key={path} region={decoded(rest[0]!)} name={decoded(rest[1]!)} />;
  if (kind === "policies" && rest.length === 0) return <PoliciesPage />;
  if (kind === "policies" && rest.length === 3) return <VariantPoliciesPage key={path} region={decoded(rest[0]!)} endpoint={decoded(rest[1]!)} variant={decoded(rest[2]!)} />;
  if (kind === "events" && rest.length === 0) return <EventsPage />;
  if (kind === "metrics" && rest.length === 0) return <MetricsPage />;
  if (path === "/" || path === "/console/" || path === "/console") return <Home session={session} />;
  return <p class="notice">There is no such page. <a href="/console/">All endpoints</a></p>;
}

/** A part of a path; as it is where it is not encoded as it should be. */
function decoded(part: string): string {
  try { return decodeURIComponent(part); } catch { return part; }
}

followLinks();
render(<App />, document.getElementById("app")!);
