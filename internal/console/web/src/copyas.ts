import { bellows } from "./copybellows";
import { terraform } from "./copyterraform";
import type { Operation } from "./operation";
import { readable, shell, words } from "./quote";

/** The forms in which an operation can be copied. */
export const forms = ["AWS CLI", "boto3", "Terraform", "bellows"] as const;
export type Form = (typeof forms)[number];

/** Writes operations, done one after the other, in a form. A text that begins with # only explains why there is nothing to copy. */
export function copyAs(form: Form, operations: readonly Operation[]): string {
  const ours = form === "bellows" ? undefined : operations.find((op) => op.service === "bellows");
  if (ours) return `# AWS has no operation for this: ${ours.name} is Bellows' own. The command of bellows does it.`;
  switch (form) {
    case "AWS CLI": return operations.map(cli).join("\n");
    case "boto3": return boto3(operations);
    case "Terraform": return terraform(operations);
    case "bellows": return bellows(operations) ?? `eval "$(bellows env)"\n` + operations.map(cli).join("\n");
  }
}

const given = (input: object) => Object.entries(input).filter(([, v]) => v !== undefined);

/** One command of the AWS CLI. */
function cli(op: Operation): string {
  const head = `aws ${op.service} ${words(op.name, "-")} --region ${shell(op.region)}`;
  if (op.service === "sagemaker-runtime") return invokeCLI(head, op);
  const members = given(op.input).map(([name, v]) => [name, readable(name, v)] as const);
  // The CLI reads a value that begins so from a file, and takes an item of a list that begins with a dash for an option.
  const odd = members.some(([, v]) => (Array.isArray(v) ? v.some((x) => /^-/.test(String(x))) : typeof v === "string" && /^(fileb?|https?):/.test(v)));
  if (odd) return `${head} \\\n  --cli-input-json ${shell(JSON.stringify(Object.fromEntries(members)))}`;
  return [head, ...members.map(([name, v]) => option(name, v))].join(" \\\n  ");
}

function option(name: string, v: unknown): string {
  const flag = "--" + words(name, "-");
  if (typeof v === "boolean") return v ? flag : flag.replace("--", "--no-");
  if (Array.isArray(v) && v.length > 0 && v.every((x) => typeof x === "string")) return [flag, ...v.map(shell)].join(" ");
  const text = typeof v === "object" ? JSON.stringify(v) : String(v);
  return `${flag}${text.startsWith("-") ? "=" : " "}${shell(text)}`; // an argument with a dash would be an option
}

/** The body comes from standard input: versions 1 and 2 of the CLI take it differently as an argument. */
function invokeCLI(head: string, op: Operation): string {
  const { Body = "", ...rest } = op.input;
  return [`printf %s ${shell(String(Body))} | ${head}`, ...given(rest).map(([name, v]) => option(name, v)), "--body fileb:///dev/stdin /dev/stdout"].join(" \\\n  ");
}

function boto3(operations: readonly Operation[]): string {
  const clients = [...new Map(operations.map((op) => [`${variable(op)} ${op.region}`, op])).values()];
  return [
    "import boto3",
    "",
    ...clients.map((op) => `${variable(op)} = boto3.client(${python(op.service)}, region_name=${python(op.region)})`),
    ...operations.map(call),
  ].join("\n");
}

const variable = (op: Operation) => op.service.replaceAll("-", "_");

function call(op: Operation): string {
  const members = given(op.input).map(([name, v]) => `    ${name}=${name === "Body" ? python(String(v)) + ".encode()" : python(readable(name, v), 1)},\n`);
  const text = `${variable(op)}.${words(op.name, "_")}(\n${members.join("")})`;
  return op.name === "InvokeEndpoint" ? `answer = ${text}\nprint(answer["Body"].read())` : text;
}

/** A literal of Python. */
function python(v: unknown, depth = 0): string {
  if (v === null || v === undefined) return "None";
  if (typeof v === "boolean") return v ? "True" : "False";
  if (typeof v === "number") return String(v);
  if (typeof v === "string") return JSON.stringify(v).replaceAll("\u007f", "\\u007f"); // its escapes are Python's, too
  const items = Array.isArray(v) ? v.map((x) => python(x, depth + 1)) : given(v).map(([name, x]) => `${python(name)}: ${python(x, depth + 1)}`);
  const [open, close] = Array.isArray(v) ? "[]" : "{}";
  const flat = open! + items.join(", ") + close!;
  if (flat.length < 100 && !flat.includes("\n")) return flat;
  const pad = "    ".repeat(depth + 1);
  return `${open}\n${items.map((x) => `${pad}${x},\n`).join("")}${"    ".repeat(depth)}${close}`;
}
