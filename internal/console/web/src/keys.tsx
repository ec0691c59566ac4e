import { useEffect, useRef } from "preact/hooks";

/** Keys of the console; pages handle theirs, ← and →, by themselves. */
const keys = [
  ["/", "search"],
  ["← →", "previous and next event of the timeline"],
  ["Esc", "back to the present"],
  ["?", "this list"],
];

/** Whether an event is typed into a field. */
export function typing(e: KeyboardEvent): boolean {
  return e.target instanceof HTMLInputElement || e.target instanceof HTMLSelectElement || e.target instanceof HTMLTextAreaElement;
}

export function Keys() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const f = (e: KeyboardEvent) => {
      if (typing(e) || e.ctrlKey || e.metaKey || e.altKey) return;
      const search = document.getElementById("search");
      if (e.key === "?") dialog.current?.showModal();
      else if (e.key === "/" && search) { e.preventDefault(); search.focus(); }
    };
    addEventListener("keydown", f);
    return () => removeEventListener("keydown", f);
  }, []);
  return (
    <dialog ref={dialog} aria-label="Keys">
      <h2>Keys</h2>
      <dl>{keys.map(([k, what]) => <div key={k}><dt><kbd>{k}</kbd></dt><dd>{what}</dd></div>)}</dl>
      <form method="dialog"><button>Close</button></form>
    </dialog>
  );
}
