import { useEffect, useState } from "preact/hooks";
import { Refusal } from "./api";

/** A message at the foot of the page. */
interface Toast {
  id: number;
  text: string;
  code?: string; // of a refusal
}

let toasts: Toast[] = [];
let next = 1;
const listeners = new Set<() => void>();

function update(after: Toast[]) {
  toasts = after;
  for (const f of listeners) f();
}

const dismiss = (id: number) => update(toasts.filter((t) => t.id !== id));

/** Says that something was done. */
export function say(text: string) {
  const id = next++;
  update([...toasts.slice(-3), { id, text }]);
  setTimeout(() => dismiss(id), 6000);
}

/** Shows why something was not done: the server's, or AWS's, own code and words. It stays until it is dismissed. */
export function refused(e: unknown) {
  const { code, message } = reason(e);
  update([...toasts.slice(-3), { id: next++, text: message, code }]);
}

function reason(e: unknown): { code: string; message: string } {
  if (e instanceof Refusal) return { code: e.code, message: e.message };
  return { code: "No answer", message: e instanceof Error ? `The server does not answer: ${e.message}` : "The server does not answer." };
}

/** The messages; the page has it once. */
export function Toasts() {
  const [, render] = useState(0);
  useEffect(() => {
    const f = () => render((n) => n + 1);
    listeners.add(f);
    return () => void listeners.delete(f);
  }, []);
  return (
    <div class="toasts" role="status">
      {toasts.map((t) => (
        <div key={t.id} class={t.code ? "toast refused" : "toast"} role={t.code ? "alert" : undefined}>
          <span>{t.code && <b>{t.code}</b>} {t.text}</span>
          <button class="link" aria-label="Dismiss" onClick={() => dismiss(t.id)}>✕</button>
        </div>
      ))}
    </div>
  );
}

/** A refusal within a form or page; nothing where there is none. */
export function RefusalNote({ error }: { error: unknown }) {
  if (error === undefined || error === null) return null;
  const { code, message } = reason(error);
  return <p class="refusal" role="alert"><b>{code}</b> {message}</p>;
}
