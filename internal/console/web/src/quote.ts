/** Quotes a word for a POSIX shell. */
export const shell = (s: string) => (/^[A-Za-z0-9_.,:=/@%+-]+$/.test(s) ? s : `'${s.replaceAll("'", `'\\''`)}'`);

/** An operation's or member's name with words separated, as botocore derives them: PutOKActions is put_ok_actions. */
export function words(name: string, separator: "_" | "-"): string {
  return name.replace(/(.)([A-Z][a-z]+)/g, "$1_$2").replace(/([a-z])([0-9]+)/g, "$1_$2").replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase().replaceAll("_", separator);
}

const instants = new Set(["StartTime", "EndTime", "Timestamp", "StateUpdatedTimestamp"]);

/** Times are seconds in calls of the API, and texts everywhere else. */
export const readable = (name: string, v: unknown) => (instants.has(name) && typeof v === "number" ? new Date(v * 1000).toISOString() : v);
