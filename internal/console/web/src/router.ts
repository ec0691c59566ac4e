import { useEffect, useState } from "preact/hooks";

/** The page's address: what is shown, so that a link shows the same. */
export interface Address {
  path: string;
  query: URLSearchParams;
}

function current(): Address {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

const listeners = new Set<() => void>();

/** Goes to another address; replace leaves no entry in the browser's history. */
export function go(to: string, replace = false) {
  if (to === location.pathname + location.search) return;
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  for (const f of listeners) f();
}

/** Changes parameters of the address; undefined removes one. */
export function set(parameters: Record<string, string | undefined>, replace = true) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  go(location.pathname + (text ? "?" + text : ""), replace);
}

export function useAddress(): Address {
  const [address, update] = useState(current);
  useEffect(() => {
    const f = () => update(current());
    listeners.add(f);
    addEventListener("popstate", f);
    return () => {
      listeners.delete(f);
      removeEventListener("popstate", f);
    };
  }, []);
  return address;
}

/** Makes links of the console change the page without loading it. */
export function followLinks() {
  document.addEventListener("click", (e) => {
    const a = (e.target as Element).closest?.("a");
    if (!a || e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || a.target || a.origin !== location.origin) return;
    if (a.pathname !== "/" && !a.pathname.startsWith("/console/")) return;
    e.preventDefault();
    go(a.pathname + a.search);
  });
}

export function variantPath(v: { region: string; endpoint: string; variant: string }): string {
  return "/console/variants/" + [v.region, v.endpoint, v.variant].map(encodeURIComponent).join("/");
}

export function endpointPath(e: { region: string; endpoint: string }): string {
  return "/console/endpoints/" + [e.region, e.endpoint].map(encodeURIComponent).join("/");
}
