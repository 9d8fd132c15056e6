/** Which time plots show: live, up to now, or fixed. Pure. */

export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
  /** It ends now, and goes on. */
  readonly isLive: boolean;
}

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** What is offered: how long before now. */
export const SPANS = ["15m", "1h", "6h", "24h", "7d", "30d"] as const;
export const USUAL_SPAN = "1h";
const SPAN_MS_MIN = 60_000;
/** Of what is kept the longest: 2 years. */
const SPAN_MS_MAX = 732 * UNIT_MS.d;

/** `1h` in milliseconds; undefined for what is no span. */
export function spanMs(text: string): number | undefined {
  const found = /^(\d{1,5})([mhd])$/.exec(text);
  if (found === null) return undefined;
  const ms = Number(found[1]) * UNIT_MS[found[2] as keyof typeof UNIT_MS];
  return ms < SPAN_MS_MIN || ms > SPAN_MS_MAX ? undefined : ms;
}

/** The words of an address: `from` a span before now (live), or `from` and `to` in RFC 3339 (fixed). What makes no sense is the last hour. */
export function readRange(from: string, to: string, nowMs: number): TimeRange {
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
  if (to !== "" && toMs - fromMs >= 1_000 && toMs - fromMs <= SPAN_MS_MAX) return { fromMs, toMs, isLive: false };
  const ms = spanMs(from) ?? (spanMs(USUAL_SPAN) as number);
  return { fromMs: nowMs - ms, toMs: nowMs, isLive: true };
}

/** As the words of an address. */
export function writeRange({ fromMs, toMs }: Pick<TimeRange, "fromMs" | "toMs">): { readonly from: string; readonly to: string } {
  return { from: new Date(Math.round(fromMs)).toISOString(), to: new Date(Math.round(toMs)).toISOString() };
}

/** Twice, half as long around its middle (`by` 2, 0.5): never after now, never shorter than a minute. */
export function zoomed({ fromMs, toMs }: TimeRange, by: number, nowMs: number): TimeRange {
  const span = Math.min(SPAN_MS_MAX, Math.max(SPAN_MS_MIN, (toMs - fromMs) * by));
  const end = Math.min(nowMs, (fromMs + toMs) / 2 + span / 2);
  return { fromMs: end - span, toMs: end, isLive: false };
}

/** Earlier or later by a part of itself: -0.5 goes back by half. Never after now. */
export function moved({ fromMs, toMs }: TimeRange, part: number, nowMs: number): TimeRange {
  const by = Math.min((toMs - fromMs) * part, nowMs - toMs);
  return { fromMs: fromMs + by, toMs: toMs + by, isLive: false };
}

const SCRAPE_MS = 15_000;
const STEPS_MAX = 11_000;
/** Evaluations for each place of a plot, of which the least and the greatest are drawn. */
const PER_PLACE = 4;

export interface Grid {
  /** The first step. */
  readonly beginMs: number;
  readonly stepMs: number;
  readonly steps: number;
  /** Places across the plot for which two values are kept. */
  readonly places: number;
}

/** Which values are asked for where a plot is `width` pixels wide: steps stand at multiples of their length, so that a live plot does not tremble. */
export function gridOf({ fromMs, toMs }: Pick<TimeRange, "fromMs" | "toMs">, width: number): Grid {
  const places = Math.min(2_000, Math.max(50, Math.round(width)));
  const span = toMs - fromMs;
  const wanted = Math.max(span / (places * PER_PLACE), span / STEPS_MAX, SCRAPE_MS);
  const stepMs = Math.ceil(wanted / SCRAPE_MS) * SCRAPE_MS;
  const beginMs = Math.ceil(fromMs / stepMs) * stepMs;
  return { beginMs, stepMs, steps: Math.max(1, Math.floor((toMs - beginMs) / stepMs) + 1), places };
}

/** A time over which rate() makes sense: four samples, two steps, and twice what is still kept of the beginning. */
export function rateRangeMs(fromMs: number, stepMs: number, nowMs: number): number {
  const age = nowMs - fromMs;
  const kept = age > 30 * UNIT_MS.d ? 2 * UNIT_MS.h : age > UNIT_MS.d ? 2 * UNIT_MS.m : 0;
  return Math.max(4 * SCRAPE_MS, 2 * stepMs, kept);
}

/** How far back a sample may lie that stands for a time: what was not observed is a gap. */
export function lookbackMs(fromMs: number, stepMs: number, nowMs: number): number {
  const age = nowMs - fromMs;
  const kept = age > 30 * UNIT_MS.d ? UNIT_MS.h : age > UNIT_MS.d ? UNIT_MS.m : 0;
  return Math.max(3 * SCRAPE_MS, stepMs, kept * 1.5);
}

const pad = (value: number): string => String(value).padStart(2, "0");

/** Marks of the axis, in UTC: as fine as `everyMs` needs; the day where a new one begins. */
export function tickText(atMs: number, everyMs: number, isFirst: boolean): string {
  const at = new Date(atMs);
  const day = `${pad(at.getUTCMonth() + 1)}-${pad(at.getUTCDate())}`;
  if (everyMs >= UNIT_MS.d) return day;
  const time = `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}${everyMs < UNIT_MS.m ? `:${pad(at.getUTCSeconds())}` : ""}`;
  return (isFirst && everyMs >= UNIT_MS.h) || (at.getUTCHours() === 0 && at.getUTCMinutes() === 0 && at.getUTCSeconds() === 0)
    ? `${day} ${time}`
    : time;
}
