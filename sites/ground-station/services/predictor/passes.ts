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

/** Elevation above the station's lowest, in degrees, at a time. */
type Height = (timeMs: number) => number;

/** How far a pass that runs at an end of the window is followed outside it. */
const BEYOND_MS = 2 * 3_600_000;
const PRECISION_MS = 10;

/** All passes of which some part lies between `fromMs` and `untilMs`, in order of time. Throws UnusableElements. */
export function findPasses(search: Search): Pass[] {
  const { satellite, station, fromMs, untilMs } = search;
  const look = (timeMs: number): Look => lookAt(satellite, station, timeMs);
  const passes: Pass[] = [];
  for (const { riseMs, peakMs, setMs, isClipped } of spansUp(heightOver(search), search)) {
    if (setMs > fromMs && riseMs < untilMs)
      passes.push({ riseMs, peakMs, setMs, rise: look(riseMs), peak: look(peakMs), set: look(setMs), isClipped });
  }
  return passes;
}

type Span = Pick<Pass, "riseMs" | "peakMs" | "setMs" | "isClipped">;

/** Walks over the window step by step, and beyond its ends while the satellite is up there. */
function* spansUp(height: Height, { fromMs, untilMs, stepMs }: Search): Generator<Span> {
  let timeMs = fromMs - stepMs;
  while (height(timeMs) > 0 && timeMs > fromMs - BEYOND_MS) timeMs -= stepMs;
  let [before, here] = [height(timeMs - stepMs), height(timeMs)];
  let open = here > 0 ? startAt(timeMs, true) : undefined;
  while (timeMs <= untilMs || (open !== undefined && timeMs <= untilMs + BEYOND_MS)) {
    const after = height(timeMs + stepMs);
    const isPeak = here >= before && here > after;
    if (open === undefined && here <= 0 && isPeak) {
      // It may rise and set within two steps.
      const peakMs = highest(height, timeMs - stepMs, timeMs + stepMs);
      if (height(peakMs) > 0)
        yield {
          riseMs: crossing(height, timeMs - stepMs, peakMs),
          peakMs,
          setMs: after > 0 ? peakMs : crossing(height, timeMs + stepMs, peakMs),
          isClipped: false,
        };
    }
    if (open !== undefined) {
      if (isPeak && here > 0) open.peaksMs.push(timeMs);
      const lowMs = here > 0 && after > 0 && here <= before && here < after ? lowest(height, timeMs - stepMs, timeMs + stepMs) : undefined;
      // It may be down for less than two steps.
      if (lowMs !== undefined && height(lowMs) <= 0) {
        yield close(open, height, crossing(height, lowMs, timeMs - stepMs), stepMs, false);
        open = startAt(crossing(height, lowMs, timeMs + stepMs), false);
      }
    }
    if (open === undefined && here <= 0 && after > 0) open = startAt(crossing(height, timeMs, timeMs + stepMs), false);
    else if (open !== undefined && here > 0 && after <= 0) {
      yield close(open, height, crossing(height, timeMs + stepMs, timeMs), stepMs, false);
      open = undefined;
    }
    [before, here] = [here, after];
    timeMs += stepMs;
  }
  if (open !== undefined) yield close(open, height, timeMs, stepMs, true);
}

interface OpenSpan {
  readonly riseMs: number;
  readonly isClipped: boolean;
  /** Looks that were higher than both their neighbours. */
  readonly peaksMs: number[];
}

function startAt(riseMs: number, isClipped: boolean): OpenSpan {
  return { riseMs, isClipped, peaksMs: [] };
}

/** A high orbit may have several peaks in one pass, or stand highest at an end of what was seen of it. */
function close({ riseMs, isClipped, peaksMs }: OpenSpan, height: Height, setMs: number, stepMs: number, isCut: boolean): Span {
  const around = peaksMs.length > 0 ? peaksMs : [(riseMs + setMs) / 2];
  const widthMs = peaksMs.length > 0 ? stepMs : (setMs - riseMs) / 2;
  const tops = around.map((timeMs) => highest(height, Math.max(riseMs, timeMs - widthMs), Math.min(setMs, timeMs + widthMs)));
  if (isClipped || isCut) tops.push(riseMs, setMs);
  const peakMs = tops.reduce((best, timeMs) => (height(timeMs) > height(best) ? timeMs : best));
  return { riseMs, peakMs, setMs, isClipped: isClipped || isCut };
}

/** Bisection between a time below and a time above the lowest elevation, in either order. */
function crossing(height: Height, downMs: number, upMs: number): number {
  let [below, above] = [downMs, upMs];
  while (Math.abs(above - below) > PRECISION_MS) {
    const middle = (below + above) / 2;
    if (height(middle) > 0) above = middle;
    else below = middle;
  }
  return above;
}

/** Golden-section search for the highest point between two times. */
function highest(height: Height, fromMs: number, untilMs: number): number {
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

function lowest(height: Height, fromMs: number, untilMs: number): number {
  return highest((timeMs) => -height(timeMs), fromMs, untilMs);
}

/** Elevation above the station's lowest, in degrees. */
function heightOver({ satellite, station }: Search): Height {
  return (timeMs) => lookAt(satellite, station, timeMs).elevation - station.minElevation;
}
