import { z } from "zod";

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const PATTERN = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;

/** A span of time as people write it: `500ms`, `5s`, `10m`, `1h30m`, `2d`. */
export const duration = z
  .string()
  .regex(PATTERN, "a duration such as 500ms, 5s, 10m, 1h30m")
  .meta({ description: "A span of time: 500ms, 5s, 10m, 1h30m, 2d.", format: "duration-short" });

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
