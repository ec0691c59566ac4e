import { createContext } from "preact";
import type { ButtonHTMLAttributes } from "preact";
import { useContext, useId } from "preact/hooks";
import type { Session } from "./types";

/** Who is signed in. */
export const SessionContext = createContext<Session | null>(null);

/** Why nothing may be changed, as a sentence for people; undefined where changes are allowed. */
export function useReadOnly(): string | undefined {
  const session = useContext(SessionContext);
  return session?.read_only ? `The access key ${session.access_key_id} is read-only: it may change nothing.` : undefined;
}

/**
 * A button that changes something. It does nothing where the key is read-only, or because refuses for a reason of the caller's, and says why: as its
 * title and to screen readers. It stays focusable then, so that one who uses the keyboard learns the reason, too.
 */
export function ChangeButton({ because, onClick, children, ...rest }: { because?: string | undefined } & ButtonHTMLAttributes<HTMLButtonElement>) {
  const id = useId();
  const readOnly = useReadOnly();
  const why = readOnly ?? because;
  if (why === undefined) return <button {...rest} onClick={onClick}>{children}</button>;
  return (
    <>
      <button {...rest} type="button" aria-disabled="true" title={why} aria-describedby={id}>{children}</button>
      <span id={id} class="unseen">{why}</span>
    </>
  );
}
