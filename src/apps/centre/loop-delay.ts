import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Clock } from "#/base/index.ts";

/** Each look wakes the process: every 20 ms they cost 0.2 % of a core, a fifth of what a whole site may use at rest. A delay shorter than this may go unseen, a longer one is told too short by at most this. */
const RESOLUTION_MS = 100;
/** What is looked at begins anew after so long; with the part before, the last 10 to 20 s are known. */
const PART_MS = 10_000;
/** Who waits longer than this for a turn thinks that the process is gone: links are given up after 15 s without a word. */
const READY_MS_MAX = 5_000;

/** Of node:perf_hooks: nanoseconds. */
interface Delays {
  readonly max: number;
  percentile(percent: number): number;
  enable(): void;
  reset(): void;
}

/** How long what is due waits for the thread that carries requests, links and health. */
export class LoopDelay {
  readonly #clock: Clock;
  readonly #histogram: Delays;
  #formerMaxMs = 0;
  #former = { p50: 0, p99: 0 };
  #beganMs: number;

  constructor(clock: Clock, histogram: Delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })) {
    this.#clock = clock;
    this.#histogram = histogram;
    this.#histogram.enable();
    this.#beganMs = clock.monotonic();
  }

  /** Seconds by quantile; `1` is the longest. Of the last 10 to 20 s. */
  quantiles(): Readonly<Record<"0.5" | "0.99" | "1", number>> {
    this.#turn();
    // The timer's own interval is no delay.
    const delayMs = (nanoseconds: number): number => (Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS) : 0);
    const [p50, p99] = [delayMs(this.#histogram.percentile(50)), delayMs(this.#histogram.percentile(99))];
    return {
      "0.5": Math.max(p50, this.#former.p50) / 1_000,
      "0.99": Math.max(p99, this.#former.p99) / 1_000,
      "1": Math.max(delayMs(this.#histogram.max), this.#formerMaxMs) / 1_000,
    };
  }

  /** For /readyz. @throws Error: the thread was held for too long */
  check(): void {
    const longest = this.quantiles()["1"];
    if (longest * 1_000 > READY_MS_MAX)
      throw new Error(`the process was busy for ${longest.toFixed(1)} s without a break in the last seconds; allowed: ${READY_MS_MAX / 1_000} s`);
  }

  #turn(): void {
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#beganMs < PART_MS) return;
    const isRecent = nowMs - this.#beganMs < 2 * PART_MS;
    const part = (value: number): number => (isRecent && Number.isFinite(value) ? Math.max(0, value / 1e6 - RESOLUTION_MS) : 0);
    this.#formerMaxMs = part(this.#histogram.max);
    this.#former = { p50: part(this.#histogram.percentile(50)), p99: part(this.#histogram.percentile(99)) };
    this.#histogram.reset();
    this.#beganMs = nowMs;
  }
}
