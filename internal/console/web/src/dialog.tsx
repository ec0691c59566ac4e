import { useEffect, useId, useRef } from "preact/hooks";
import type { ComponentChildren } from "preact";

/**
 * A modal dialog: the browser keeps the focus within it and gives it back, and Escape closes it. It is shown as long as it is rendered.
 * wide is for forms and texts that need it.
 */
export function Dialog({ title, onClose, wide = false, children }: { title: string; onClose: () => void; wide?: boolean; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const d = dialog.current!;
    if (!d.open) d.showModal();
    return () => d.close();
  }, []);
  return (
    <dialog ref={dialog} class={wide ? "modal wide" : "modal"} aria-labelledby={id}
      onCancel={(e) => { e.preventDefault(); onClose(); }}
      onClick={(e) => { if (e.target === dialog.current) onClose(); }}>
      <div class="modal-body">
        <div class="modal-head">
          <h2 id={id}>{title}</h2>
          <button class="link" onClick={onClose} aria-label="Close">✕</button>
        </div>
        {children}
      </div>
    </dialog>
  );
}
