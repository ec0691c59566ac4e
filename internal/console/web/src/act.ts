import { aws } from "./api";
import { targets, type Operation } from "./operation";

/** Calls an operation. A refusal is AWS's own. */
export const perform = <T,>(op: Operation) => aws<T>(op.region, `${targets[op.service]}.${op.name}`, op.input);
