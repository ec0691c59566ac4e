import type { RulePart } from "./alarmapi";
import { alarmPath } from "./alarmwords";
import { StateBadge } from "./bands";

/** A composite alarm's rule as a tree, with each alarm's state and each part's value. */
export function RuleTree({ region, rule }: { region: string; rule: RulePart }) {
  return <ul class="ruletree" aria-label="Rule as a tree"><Part region={region} part={rule} /></ul>;
}

function Part({ region, part }: { region: string; part: RulePart }) {
  const value = <span class={"truth " + (part.holds ? "yes" : "no")}>{part.holds ? "true" : "false"}</span>;
  return (
    <li>
      <div class="rulepart">{value} <Words region={region} part={part} /></div>
      {part.parts && <ul>{part.parts.map((p, i) => <Part key={i} region={region} part={p} />)}</ul>}
      {part.op === "AT_LEAST" && <ul>{part.alarms?.map((a, i) => <li key={i}><div class="rulepart"><Child region={region} alarm={a} /></div></li>)}</ul>}
    </li>
  );
}

function Words({ region, part }: { region: string; part: RulePart }) {
  switch (part.op) {
    case "AND": return <b>all of</b>;
    case "OR": return <b>any of</b>;
    case "NOT": return <b>not</b>;
    case "AT_LEAST": return <b>at least {part.count} of {part.alarms?.length} {part.except ? "not " : ""}in {part.want}</b>;
    case "STATE": return <><Child region={region} alarm={part.alarms![0]!} /> <span class="dim">is in {part.want}</span></>;
    default: return <b>{part.op}</b>;
  }
}

function Child({ region, alarm }: { region: string; alarm: { name: string; state?: string; exists: boolean } }) {
  return <>{alarm.exists ? <a href={alarmPath(region, alarm.name)}>{alarm.name}</a> : <span>{alarm.name}</span>} <StateBadge state={alarm.state ?? ""} /></>;
}
