import { useRef, useState } from "preact/hooks";
import { Refusal } from "./api";

/**
 * Places an API's refusals beside the fields that they are about: fields are the names of a form's fields, each with the members of the input, and
 * other words, that a message about it has. A message is about the field whose word comes first. beside is for ActionForm.
 */
export function useRefusals(fields: Readonly<Record<string, RegExp>>) {
  const [error, setError] = useState<{ field: string; text: string }>();
  const shown = useRef(new Set<string>()); // the fields that the form has now: a refusal must not be placed beside one that it has not
  shown.current.clear();
  const beside = (e: unknown) => {
    const field = e instanceof Refusal ? fieldOf(e.message, Object.fromEntries(Object.entries(fields).filter(([name]) => shown.current.has(name)))) : undefined;
    setError(field === undefined ? undefined : { field, text: `${(e as Refusal).code}: ${(e as Refusal).message}` });
    return field !== undefined;
  };
  const of = (field: string) => {
    shown.current.add(field);
    return error?.field === field ? error.text : undefined;
  };
  return { beside, of };
}

/** The field that a message is about; undefined where it names none. */
export function fieldOf(message: string, fields: Readonly<Record<string, RegExp>>): string | undefined {
  const found = Object.entries(fields).map(([name, words]) => [name, message.search(words)] as const).filter(([, at]) => at >= 0);
  return found.sort((a, b) => a[1] - b[1])[0]?.[0];
}
