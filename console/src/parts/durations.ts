/** Lengths of time as people read them: one unit, two where the first is small. Pure. */

export interface Spell {
  readonly unit: "s" | "min" | "h" | "d";
  readonly amount: number;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `12 s`, `3 min`, `5 h`, `9 d`: the largest unit of which there is one; from two hours and two days on. Negative lengths, of clocks that differ, are 0. */
export function spellOut(ms: number): Spell {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 2 * MINUTE) return { unit: "s", amount: seconds };
  if (seconds < 2 * HOUR) return { unit: "min", amount: Math.floor(seconds / MINUTE) };
  if (seconds < 2 * DAY) return { unit: "h", amount: Math.floor(seconds / HOUR) };
  return { unit: "d", amount: Math.floor(seconds / DAY) };
}

/** `2026-11-30 18:33:02`, in UTC. */
export function utcText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}

/** Of the year, from 1: 30 November 2026 is 334. */
export function dayOfYear(ms: number): number {
  const date = new Date(ms);
  return (
    Math.floor((Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()) - Date.UTC(date.getUTCFullYear(), 0, 1)) / (DAY * 1_000)) + 1
  );
}
