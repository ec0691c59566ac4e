import { duration, ms } from "./format";
import { now } from "./stream";

/** A run in words, in the zone of its schedule: "Monday, 30 November, 09:00 CET, in 1 d". */
export function runWords(run: string, zone: string): string {
  let text: string;
  try {
    text = new Date(run).toLocaleString("en-GB", { timeZone: zone || "UTC", weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
  } catch { text = run; } // a zone that the browser does not know
  return `${text}, in ${duration(ms(run) - now())}`;
}
