import type { Operation } from "./operation";
import { shell } from "./quote";

/** Commands of bellows for operations; undefined where it has none of its own for one of them. */
export function bellows(operations: readonly Operation[]): string | undefined {
  const all = operations.map(command);
  return all.every((c) => c !== undefined) ? all.join("\n") : undefined;
}

function command(op: Operation): string | undefined {
  const variants = op.input["DesiredWeightsAndCapacities"] as { VariantName: string; DesiredInstanceCount?: number; DesiredWeight?: number }[] | undefined;
  switch (op.name) {
    case "UpdateEndpointWeightsAndCapacities":
      if (!variants?.every((v) => v.DesiredInstanceCount !== undefined && v.DesiredWeight === undefined)) return undefined;
      return variants.map((v) => `bellows scale ${shell(`${String(op.input["EndpointName"])}/${v.VariantName}`)} ${v.DesiredInstanceCount} --region ${shell(op.region)}`).join("\n");
    case "PutPolicy": {
      const { PolicyName, ResourceId, PolicyType, Settings } = op.input as { PolicyName: string; ResourceId: string; PolicyType: string; Settings: Record<string, string> };
      const on = ResourceId.replace(/^endpoint\/(.*)\/variant\/(.*)$/, "$1/$2");
      return [`bellows policy put ${shell(PolicyName)} --on ${shell(on)} --type ${shell(PolicyType)}`, ...Object.entries(Settings).map(([k, v]) => shell(`${k}=${v}`)), `--region ${shell(op.region)}`].join(" ");
    }
    case "InvokeEndpoint": {
      const { EndpointName, TargetVariant, ContentType, Accept, CustomAttributes, SessionId, Body } = op.input as Record<string, string | undefined>;
      if (SessionId) return undefined;
      const flags = [["--content-type", ContentType], ["--accept", Accept], ["--custom-attributes", CustomAttributes], ["--region", op.region]].flatMap(([f, v]) => (v ? [`${f}=${shell(v)}`] : []));
      const body = Body?.startsWith("@") ? `printf %s ${shell(Body)} | ` : "", argument = body ? [] : [`--body=${shell(Body ?? "")}`];
      return body + [`bellows invoke ${shell(EndpointName + (TargetVariant ? "/" + TargetVariant : ""))}`, ...argument, ...flags].join(" ");
    }
    case "DeleteEndpoint":
      return `bellows delete ${shell(String(op.input["EndpointName"]))} --endpoint-only --yes --region ${shell(op.region)}`;
    default:
      return undefined;
  }
}
