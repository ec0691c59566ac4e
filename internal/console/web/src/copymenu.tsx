import { useState } from "preact/hooks";
import { copyAs, forms, type Form } from "./copyas";
import { Dialog } from "./dialog";
import type { Operation } from "./operation";
import { Copy } from "./panel";

let last: Form = "AWS CLI"; // what was chosen last is shown first

/** A button that shows operations as commands and code, ready to copy. It stands beside the button that does them. */
export function CopyAs({ operations, label = "Copy as" }: { operations: readonly Operation[]; label?: string }) {
  const [open, setOpen] = useState(false);
  const [form, setForm] = useState(last);
  const choose = (f: Form) => { last = f; setForm(f); };
  const text = open ? copyAs(form, operations) : "";
  return (
    <>
      <button type="button" class="copyas" onClick={() => { setForm(last); setOpen(true); }}>{label}</button>
      {open && (
        <Dialog title="Copy as" wide onClose={() => setOpen(false)}>
          <div class="choice" role="group" aria-label="Form">
            {forms.map((f) => <button type="button" key={f} aria-pressed={f === form} onClick={() => choose(f)}>{f}</button>)}
          </div>
          <pre class="code" tabIndex={0} aria-label={form}>{text}</pre>
          {form === "bellows" || <p class="dim">{notes[form]}</p>}
          <Copy text={text} label="Copy" />
        </Dialog>
      )}
    </>
  );
}

const notes: Record<Exclude<Form, "bellows">, string> = {
  "AWS CLI": "In a shell in which eval \"$(bellows env)\" ran, it goes to this server.",
  boto3: "With the variables that bellows env prints, it goes to this server.",
  Terraform: "A resource of the aws provider. With the variables that bellows env prints, it goes to this server.",
};
