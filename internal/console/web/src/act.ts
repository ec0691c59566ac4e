import { aws } from "./api";
import { targets, type Operation } from "./operation";

/** Calls an operation. A refusal is AWS's own. */
export const perform = <T,>(op: Operation) => aws<T>(op.region, `${targets[op.service]}.${op.name}`, op.input);

/**
 * Calls operations in order and returns their answers. Where one is refused, those before it are taken back by the operations of undo, the last
 * first, and the refusal is thrown.
 */
export async function performAll(operations: readonly Operation[], undo: readonly (Operation | undefined)[] = []): Promise<unknown[]> {
  const answers: unknown[] = [];
  try {
    for (const op of operations) answers.push(await perform(op));
    return answers;
  } catch (e) {
    for (const op of undo.slice(0, answers.length).reverse()) if (op) await perform(op).catch(() => {}); // the first refusal is the one to show
    throw e;
  }
}
