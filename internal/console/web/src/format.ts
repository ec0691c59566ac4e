/** A number for people: at most three significant digits, thousands separated. */
export function number(v: number): string {
  if (!Number.isFinite(v)) return "–";
  const digits = Math.abs(v) >= 100 ? 0 : Math.abs(v) >= 10 ? 1 : 2;
  return v.toLocaleString("en-US", { maximumFractionDigits: digits });
}

/** A time of day; with the date where it is not today's. */
export function clock(t: number, now: number, seconds = true): string {
  const d = new Date(t);
  const time = d.toLocaleTimeString("en-GB", seconds ? {} : { hour: "2-digit", minute: "2-digit" });
  return d.toDateString() === new Date(now).toDateString() ? time : day(t) + " " + time;
}

export function day(t: number): string {
  return new Date(t).toLocaleDateString("en-GB", { day: "numeric", month: "short" });
}

/** A duration as people say it: 41 s, 3 m 10 s, 2 h 5 m, 3 d. */
export function duration(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return s % 60 ? `${Math.floor(s / 60)} m ${s % 60} s` : `${s / 60} m`;
  if (s < 86400) return s % 3600 < 60 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} m`;
  return `${Math.floor(s / 86400)} d`;
}

/** How long ago a moment was. */
export function ago(t: number, now: number): string {
  return now - t < 1000 ? "just now" : duration(now - t) + " ago";
}

/** The name of the browser's time zone, such as UTC or CET. */
export function zone(): string {
  return new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" }).formatToParts().find((p) => p.type === "timeZoneName")?.value ?? "";
}

export const ms = (t: string) => Date.parse(t);

/** A moment in RFC 3339, to the millisecond. */
export const iso = (t: number) => new Date(t).toISOString().replace(".000Z", "Z");
