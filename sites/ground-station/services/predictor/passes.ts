import type { Satellite } from "./elements.ts";
import { type Look, lookAt } from "./sky.ts";
import type { Station } from "./station.ts";

/** One pass above the station's lowest elevation. Times are milliseconds since 1970, exact to about 10 ms (of the model, not of the sky). */
export interface Pass {
  readonly riseMs: number;
  readonly peakMs: number;
  readonly setMs: number;
  readonly rise: Look;
  readonly peak: Look;
  readonly set: Look;
  /** True: it was up before, or stays up after, the time that was searched (a satellite that stays in the sky for hours). */
  readonly isClipped: boolean;
}

export interface Search {
  readonly satellite: Satellite;
  readonly station: Station;
  readonly fromMs: number;
  readonly untilMs: number;
  /** Between two looks, 1,000 to 120,000. A pass shorter than a step is still found, by its peak. */
  readonly stepMs: number;
}

/** How far a pass that runs at an end of the window is followed outside it. */
const BEYOND_MS = 2 * 3_600_000;
const PRECISION_MS = 10;

/** All passes of which some part lies between `fromMs` and `untilMs`, in order of time. Throws UnusableElements. */
export function findPasses(search: Search): Pass[] {
  const { fromMs, untilMs, stepMs } = search;
  const passes: Pass[] = [];
  const height = heightOver(search);
  let timeMs = fromMs - stepMs;
  let [before, here] = [height(timeMs - stepMs), height(timeMs)];
  while (timeMs <= untilMs) {
    const after = height(timeMs + stepMs);
    if (here >= before && here > after) {
      const peakMs = highest(height, timeMs - stepMs, timeMs + stepMs);
      const pass = height(peakMs) > 0 ? around(search, height, peakMs) : undefined;
      if (pass !== undefined && pass.setMs > fromMs && pass.riseMs < untilMs) passes.push(pass);
    }
    [before, here] = [here, after];
    timeMs += stepMs;
  }
  return joined(withEnds(search, height, passes));
}

/** A pass at an end of the window has its peak outside it, where the walk above does not look. */
function withEnds(search: Search, height: (timeMs: number) => number, passes: readonly Pass[]): Pass[] {
  const found = [...passes];
  for (const endMs of [search.fromMs, search.untilMs]) {
    if (height(endMs) <= 0 || found.some((pass) => pass.riseMs <= endMs && pass.setMs >= endMs)) continue;
    found.push(around(search, height, endMs));
  }
  return found.sort((one, other) => one.riseMs - other.riseMs);
}

/** A high orbit may have several peaks in one pass: such findings are the same pass. */
function joined(passes: readonly Pass[]): Pass[] {
  const result: Pass[] = [];
  for (const pass of passes) {
    const last = result.at(-1);
    if (last === undefined || pass.riseMs > last.setMs) result.push(pass);
    else if (pass.peak.elevation > last.peak.elevation) result[result.length - 1] = { ...last, peak: pass.peak, peakMs: pass.peakMs };
  }
  return result;
}

/** The pass that is running at `upMs`. */
function around(search: Search, height: (timeMs: number) => number, upMs: number): Pass {
  const { satellite, station, stepMs, fromMs, untilMs } = search;
  const earliestMs = Math.min(upMs, fromMs) - BEYOND_MS;
  const latestMs = Math.max(upMs, untilMs) + BEYOND_MS;
  let downBeforeMs = upMs;
  while (downBeforeMs > earliestMs && height(downBeforeMs) > 0) downBeforeMs -= stepMs;
  let downAfterMs = upMs;
  while (downAfterMs < latestMs && height(downAfterMs) > 0) downAfterMs += stepMs;
  const isClipped = height(downBeforeMs) > 0 || height(downAfterMs) > 0;
  const riseMs = height(downBeforeMs) > 0 ? downBeforeMs : crossing(height, downBeforeMs, Math.min(downBeforeMs + stepMs, upMs));
  const setMs = height(downAfterMs) > 0 ? downAfterMs : crossing(height, downAfterMs, Math.max(downAfterMs - stepMs, upMs));
  const peakMs = highest(height, riseMs, setMs);
  const look = (timeMs: number): Look => lookAt(satellite, station, timeMs);
  return { riseMs, peakMs, setMs, rise: look(riseMs), peak: look(peakMs), set: look(setMs), isClipped };
}

/** Bisection between a time below and a time above the lowest elevation, in either order. */
function crossing(height: (timeMs: number) => number, downMs: number, upMs: number): number {
  let [below, above] = [downMs, upMs];
  while (Math.abs(above - below) > PRECISION_MS) {
    const middle = (below + above) / 2;
    if (height(middle) > 0) above = middle;
    else below = middle;
  }
  return above;
}

/** Golden-section search for the highest point between two times. */
function highest(height: (timeMs: number) => number, fromMs: number, untilMs: number): number {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [fromMs, untilMs];
  let [left, right] = [high - ratio * (high - low), low + ratio * (high - low)];
  let [atLeft, atRight] = [height(left), height(right)];
  while (high - low > PRECISION_MS) {
    if (atLeft > atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - ratio * (high - low);
      atLeft = height(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + ratio * (high - low);
      atRight = height(right);
    }
  }
  return (low + high) / 2;
}

/** Elevation above the station's lowest, in degrees. */
function heightOver({ satellite, station }: Search): (timeMs: number) => number {
  return (timeMs) => lookAt(satellite, station, timeMs).elevation - station.minElevation;
}
