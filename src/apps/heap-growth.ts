import { flushCompileCache } from "node:module";
import { setFlagsFromString } from "node:v8";
import type { Clock } from "#/base/index.ts";

/** Old space may grow by so much over what was in use before it is collected: V8's own measure is up to four times. */
const GROWTH_PERCENT = 40;
/** A start is over by then: what it leaves behind is collected once, and not over and over while it goes on. */
const START_MS = 10_000;

/** Bounds the growth of old space between two collections, once this process has started. Not by an option of its command line: code that was compiled with other options is not taken from a cache, also that of Node.js itself, which would cost each process 30 ms and more. */
export function boundHeapGrowthSoon(clock: Clock): void {
  clock.after(START_MS, boundHeapGrowth, { background: true });
}

/** The same now. What has been compiled so far is kept for the next start, by the options of a start. */
export function boundHeapGrowth(): void {
  flushCompileCache();
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}
