import type { Random } from "./random.ts";

export interface BackoffOptions {
  /** Delay after the first failure. */
  readonly firstMs: number;
  /** Upper bound of the delay. */
  readonly maxMs: number;
  /** Growth for each further failure; default 2. */
  readonly factor?: number;
  /** Share of the delay that is random, 0 to 1; default 0.2. */
  readonly jitter?: number;
}

/** The delay in milliseconds after `failures` failures in a row (1 = the first): exponential, bounded, with jitter taken off, so that `maxMs` holds. */
export function backoffDelayMs(options: BackoffOptions, failures: number, random: Random): number {
  const factor = options.factor ?? 2;
  const jitter = options.jitter ?? 0.2;
  const exponent = Math.min(Math.max(0, failures - 1), 64);
  const full = Math.min(options.maxMs, options.firstMs * factor ** exponent);
  return full * (1 - jitter * random.next());
}
