import { useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { performAll } from "./act";
import { CopyAs } from "./copymenu";
import { Dialog } from "./dialog";
import type { Operation } from "./operation";
import { ChangeButton } from "./session";
import { RefusalNote, say } from "./toast";

/**
 * A dialog with a form for an action: its fields, what it will do in a sentence, the button, "copy as", and AWS's refusal. operations are what
 * it does, in order; undefined while the fields are not right.
 */
export function ActionForm({ title, verb, operations, undo, done, danger = false, wide = false, onClose, onDone, beside, children }: {
  title: string;
  verb: string; // of the button
  operations: readonly Operation[] | undefined;
  undo?: readonly (Operation | undefined)[]; // what takes each operation back, where a later one is refused
  done: string; // what is said after it was done
  danger?: boolean;
  wide?: boolean;
  onClose: () => void;
  onDone?: (answers: unknown[]) => void;
  beside?: (refusal: unknown) => boolean; // shows a refusal beside the field that it is about; false where it is about none of them
  children: ComponentChildren;
}) {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const fail = (e: unknown) => setFailure(beside?.(e) ? undefined : e);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (!operations || busy) return;
    setBusy(true);
    fail(undefined);
    try {
      const answers = await performAll(operations, undo);
      say(done);
      onDone?.(answers);
      onClose();
    } catch (e) {
      fail(e);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} wide={wide} onClose={onClose}>
      <form class="fields" onSubmit={(e) => void submit(e)} noValidate>
        {children}
        <RefusalNote error={failure} />
        <div class="actions">
          <ChangeButton type="submit" class={danger ? "danger" : "primary"}
            because={busy ? "It is under way." : operations ? undefined : "A field is missing or wrong."}>{verb}</ChangeButton>
          <button type="button" onClick={onClose}>Cancel</button>
          {operations && <CopyAs operations={operations} />}
        </div>
      </form>
    </Dialog>
  );
}
