/** Figures of calls as people read them, and how bad they are. Pure. */
import type { CallFigures, Severity } from "../../../src/face/views/protocol.ts";

/** So many of a hundred that fail need a person now. */
const BAD_SHARE = 0.05;
/** A second is felt. */
const SLOW_MS = 1_000;

/** The part of what was asked for that came to nothing: failed, or refused by a gateway. */
export function failedShare({ rate, errorShare, refusedRate }: CallFigures): number {
  const asked = rate + refusedRate;
  return asked === 0 ? 0 : Math.min(1, (rate * errorShare + refusedRate) / asked);
}

/** How bad it is; undefined: nothing to look at. */
export function hurtOf(figures: CallFigures): Severity | undefined {
  const failed = failedShare(figures);
  if (failed >= BAD_SHARE) return "critical";
  if (failed > 0) return "major";
  return figures.p95Ms === null || (figures.p95Ms ?? 0) > SLOW_MS ? "minor" : undefined;
}

/** How many calls a second come to nothing. */
export function failedRate({ rate, errorShare, refusedRate }: CallFigures): number {
  return rate * errorShare + refusedRate;
}

/** `6.2 %`, with a thin space; never 0 % of what is there, never 100 % of less. */
export function formatPart(part: number): string {
  const percent = part * 100;
  if (percent > 0 && percent < 0.01) return "< 0.01\u2009%";
  return `${percent < 100 && percent > 99 ? "> 99" : trim(percent)}\u2009%`;
}

/** A second: `1.2k`, `340`, `12`, `0.3`; the unit stands in the header or behind it. */
export function formatRate(rate: number): string {
  if (rate >= 999_500) return `${trim(rate / 1_000_000)}M`;
  if (rate >= 999.5) return `${trim(rate / 1_000)}k`;
  return trim(rate);
}

/** `≤ 20 ms`, `≤ 2 s`, `> 30 s` for null, `–` for undefined: an upper bound of what is counted. */
export function formatUntil(ms: number | null | undefined, longestMs = 30_000): string {
  if (ms === undefined) return "–";
  return ms === null ? `> ${formatMs(longestMs)}` : `≤ ${formatMs(ms)}`;
}

/** `4.2 ms`, `340 ms`, `1.2 s`, with a thin space. */
export function formatMs(ms: number): string {
  return ms >= 1_000 ? `${trim(ms / 1_000)}\u2009s` : `${trim(ms)}\u2009ms`;
}

/** Two digits, three where they come before the point. */
function trim(value: number): string {
  if (value === 0) return "0";
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(2)));
}
