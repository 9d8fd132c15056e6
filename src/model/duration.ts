import { z } from "zod";

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const PATTERN = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;

const SHAPE = "a duration such as 500ms, 5s, 10m, 1h30m";
/** Ten years: what is added to a time of today is still a time that can be written. */
const LONGEST = "3650d";

/** A span of time as people write it: `500ms`, `5s`, `10m`, `1h30m`, `2d`; from nothing to ten years. */
export const duration = durationFrom("0ms");

/** As `duration`, but longer than nothing: of what has to take some time, a limit or a rhythm. */
export const someDuration = durationFrom("1ms");

function durationFrom(least: string) {
  const bounds = least === "0ms" ? `a duration of at most ${LONGEST}` : `a duration from ${least} to ${LONGEST}`;
  return z
    .string()
    .max(40, "at most 40 characters, such as 1h30m")
    .regex(PATTERN, SHAPE)
    .refine((text) => !PATTERN.test(text) || (durationMs(text) >= durationMs(least) && durationMs(text) <= durationMs(LONGEST)), bounds)
    .meta({ description: "A span of time: 500ms, 5s, 10m, 1h30m, 2d.", format: "duration-short" });
}

/** Milliseconds of a duration that the model has accepted. Asserts on anything else. */
export function durationMs(text: string): number {
  if (!PATTERN.test(text)) throw new RangeError(`not a duration: ${text}`);
  let totalMs = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) totalMs += Number(count) * (UNITS_MS[unit ?? ""] ?? Number.NaN);
  return totalMs;
}

/** A duration for people: at most two units, `1m5s`, `3d4h`, `250ms`. */
export function formatDuration(totalMs: number): string {
  if (totalMs < 1000) return `${Math.max(0, Math.round(totalMs))}ms`;
  const parts: string[] = [];
  let rest = Math.floor(totalMs / 1000) * 1000;
  for (const unit of ["d", "h", "m", "s"] as const) {
    const size = UNITS_MS[unit] ?? 1;
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count}${unit}`);
    if (parts.length === 2) break;
  }
  return parts.join("") || "0s";
}

/** The longest time for one delivery: who waits for it waits no longer. */
const TIMEOUT_MAX_MS = 300_000;

/** How long something that others wait for may take. */
export const shortTimeout = someDuration.refine((text) => !PATTERN.test(text) || durationMs(text) <= TIMEOUT_MAX_MS, "at most 5m");

/** Far above any use. */
const MIN_READY_MAX_MS = 3_600_000;

/** How long something new has to stay ready. */
export const minReady = duration.refine((text) => !PATTERN.test(text) || durationMs(text) <= MIN_READY_MAX_MS, "at most 1h");
