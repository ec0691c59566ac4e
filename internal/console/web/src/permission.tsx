import { createContext, type ComponentChildren } from "preact";
import { useContext, useId } from "preact/hooks";
import type { Session } from "./types";

/** The session of the page. */
export const SessionContext = createContext<Session | undefined>(undefined);

export const useSession = () => useContext(SessionContext);

/** Why this session may change nothing; "" where it may. */
export function useForbidden(): string {
  return useSession()?.read_only ? "This access key is read-only: it sees everything and changes nothing." : "";
}

/**
 * A button for an action that changes something. Where the session may not, or because says why it is impossible now, it is disabled, stays
 * reachable by keyboard, and says why.
 */
export function ActionButton({ onClick, children, because = "", primary = false, danger = false, submit = false }: {
  onClick?: () => void; children: ComponentChildren; because?: string; primary?: boolean; danger?: boolean; submit?: boolean;
}) {
  const id = useId(), why = useForbidden() || because;
  return (
    <span class="action">
      <button type={submit ? "submit" : "button"} class={(primary ? "primary" : "") + (danger ? "danger" : "")} aria-disabled={why ? "true" : undefined} title={why || undefined}
        aria-describedby={why ? id : undefined} onClick={(e) => { if (why) e.preventDefault(); else onClick?.(); }}>{children}</button>
      {why && <span class="unseen" id={id}>{why}</span>}
    </span>
  );
}
