import { useId } from "preact/hooks";
import type { ComponentChildren } from "preact";

/** What a field has besides its control. error is what is wrong with its value; "" is nothing. */
interface Common {
  label: string;
  hint?: ComponentChildren;
  error?: string | undefined;
}

/** A label, a control, a hint and what is wrong; a screen reader reads all of it. */
function Field({ label, hint, error, children }: Common & { children: (a: { id: string; "aria-invalid": boolean; "aria-describedby": string }) => ComponentChildren }) {
  const id = useId();
  return (
    <div class={"field" + (error ? " invalid" : "")}>
      <label for={id}>{label}</label>
      {children({ id, "aria-invalid": !!error, "aria-describedby": `${id}-hint ${id}-error` })}
      <small class="dim" id={id + "-hint"}>{hint}</small>
      <small class="failure" id={id + "-error"} aria-live="polite">{error}</small>
    </div>
  );
}

export function TextField({ value, onValue, rows, placeholder, list, ...common }: Common & {
  value: string; onValue: (v: string) => void; rows?: number; placeholder?: string; list?: readonly string[]; // list: what is suggested
}) {
  const options = useId();
  const input = (e: { currentTarget: { value: string } }) => onValue(e.currentTarget.value);
  return <Field {...common}>{(a) => (
    <>
      {rows ? <textarea {...a} rows={rows} value={value} placeholder={placeholder} spellcheck={false} onInput={input} />
        : <input {...a} value={value} placeholder={placeholder} spellcheck={false} autocomplete="off" list={list && options} onInput={input} />}
      {list && <datalist id={options}>{list.map((x) => <option key={x} value={x} />)}</datalist>}
    </>
  )}</Field>;
}

/** A field for a number; it keeps the text as typed, which numberOf reads. */
export function NumberField({ value, onValue, unit, min, max, step, ...common }: Common & {
  value: string; onValue: (v: string) => void; unit?: string; min?: number; max?: number; step?: number | "any";
}) {
  return <Field {...common}>{(a) => (
    <span class="with-unit">
      <input {...a} type="number" inputMode="decimal" value={value} min={min} max={max} step={step ?? "any"} onInput={(e) => onValue(e.currentTarget.value)} />
      {unit && <span class="dim">{unit}</span>}
    </span>
  )}</Field>;
}

export function SelectField({ value, onValue, options, ...common }: Common & {
  value: string; onValue: (v: string) => void; options: readonly (readonly [value: string, label: string])[];
}) {
  return <Field {...common}>{(a) => (
    <select {...a} value={value} onChange={(e) => onValue(e.currentTarget.value)}>
      {options.map(([v, l]) => <option key={v} value={v}>{l}</option>)}
    </select>
  )}</Field>;
}

export function CheckField({ value, onValue, label, hint }: { value: boolean; onValue: (v: boolean) => void; label: string; hint?: ComponentChildren }) {
  const id = useId();
  return (
    <div class="field check">
      <label><input type="checkbox" checked={value} aria-describedby={id} onChange={(e) => onValue(e.currentTarget.checked)} /> {label}</label>
      <small class="dim" id={id}>{hint}</small>
    </div>
  );
}

/** The number of a field's text; undefined where it is empty or no number. */
export function numberOf(text: string): number | undefined {
  const n = Number(text);
  return text.trim() === "" || !Number.isFinite(n) ? undefined : n;
}
