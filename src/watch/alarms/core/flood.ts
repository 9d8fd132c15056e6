/** How many alarms a person can take: more than ten in ten minutes are a flood, until there are fewer than five (ISA-18.2, IEC 62682). */
export const FLOOD_WINDOW_MS = 600_000;
const BEGINS_AT = 10;
const ENDS_BELOW = 5;

export interface FloodFigures {
  /** Raised in the last ten minutes. */
  readonly last10Min: number;
  /** The most in any ten minutes of the time looked at. */
  readonly peak10Min: number;
  /** Mean in ten minutes. */
  readonly mean10Min: number;
  /** Share of the time looked at, 0 to 1. */
  readonly inFlood: number;
  readonly isFlood: boolean;
}

/** Of the times at which alarms were raised, within `overMs` before now, in slots of ten minutes. */
export function floodFigures(raisedMs: readonly number[], overMs: number, nowMs: number): FloodFigures {
  const slots = Math.max(1, Math.floor(overMs / FLOOD_WINDOW_MS));
  const counts = new Array<number>(slots).fill(0);
  for (const atMs of raisedMs) {
    const slot = Math.floor((nowMs - atMs) / FLOOD_WINDOW_MS);
    if (atMs <= nowMs && slot < slots) counts[slot] = (counts[slot] ?? 0) + 1;
  }
  let isFlood = false;
  let flooded = 0;
  for (const count of counts.toReversed()) {
    isFlood = isFlood ? count >= ENDS_BELOW : count >= BEGINS_AT;
    if (isFlood) flooded++;
  }
  const total = counts.reduce((sum, one) => sum + one, 0);
  return { last10Min: counts[0] ?? 0, peak10Min: Math.max(...counts), mean10Min: total / slots, inFlood: flooded / slots, isFlood };
}
