import { type Clock, OrreryError } from "#/base/index.ts";

/** How often something may fail before it has to wait, and how long at most. */
interface Allowance {
  readonly free: number;
  readonly waitMsMax: number;
}

/** A browser that has logged this user in before. */
const KNOWN: Allowance = { free: 10, waitMsMax: 30_000 };
/** Any other, from one address. */
const ADDRESS: Allowance = { free: 5, waitMsMax: 60_000 };
/** All others together: guesses from a thousand addresses. */
const OTHERS: Allowance = { free: 50, waitMsMax: 30_000 };
const FORGOTTEN_MS = 15 * 60_000;
const BUCKETS_MAX = 10_000;

interface Bucket {
  failures: number;
  lastMs: number;
  untilMs: number;
}

export interface Attempt {
  /** As it was typed. */
  readonly user: string;
  /** Hash of what a browser keeps that has logged this user in before. */
  readonly browser?: string;
  readonly address: string;
}

/** Slows down who guesses passwords. A browser that has logged a user in before has a bucket of its own (OWASP's device cookies): whatever others do, from the same address too, never keeps it out. Nobody is ever locked out, only made to wait. */
export class Throttle {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Counts an attempt as failed until `succeeded` says otherwise, so that many at once are as slow as one after the other.
   *  @throws login/wait (backoff): `details.retryAfterSeconds` */
  begin(attempt: Attempt): void {
    const nowMs = this.#clock.monotonic();
    const buckets = bucketsOf(attempt);
    const untilMs = Math.max(...buckets.map(({ key }) => this.#at(key, nowMs)?.untilMs ?? 0));
    if (untilMs > nowMs) {
      const seconds = Math.ceil((untilMs - nowMs) / 1_000);
      throw new OrreryError(
        "login/wait",
        `too many wrong passwords: wait ${seconds} s; or use a one-time link, which is made on the machine itself with: orrery login-link`,
        { retry: "backoff", details: { retryAfterSeconds: seconds } },
      );
    }
    for (const { key, allowance } of buckets) this.#fail(key, allowance, nowMs);
  }

  /** The password was right: what was counted against this attempt's own buckets is forgotten. */
  succeeded(attempt: Attempt): void {
    for (const { key, allowance } of bucketsOf(attempt)) {
      // One who gets in says nothing of the others who try.
      const bucket = this.#buckets.get(key);
      if (allowance !== OTHERS) this.#buckets.delete(key);
      else if (bucket !== undefined) {
        bucket.failures -= 1;
        bucket.untilMs = 0;
      }
    }
  }

  /** It was not looked at: it does not count. */
  forgive(attempt: Attempt): void {
    for (const { key } of bucketsOf(attempt)) {
      const bucket = this.#buckets.get(key);
      if (bucket === undefined) continue;
      bucket.failures -= 1;
      bucket.untilMs = 0;
    }
  }

  /** How often it has failed so far, by the bucket that is slowed down first. */
  failures(attempt: Attempt): number {
    const [first] = bucketsOf(attempt);
    return first === undefined ? 0 : (this.#at(first.key, this.#clock.monotonic())?.failures ?? 0);
  }

  #at(key: string, nowMs: number): Bucket | undefined {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined || nowMs - bucket.lastMs < FORGOTTEN_MS) return bucket;
    this.#buckets.delete(key);
    return undefined;
  }

  #fail(key: string, { free, waitMsMax }: Allowance, nowMs: number): void {
    const failures = (this.#at(key, nowMs)?.failures ?? 0) + 1;
    const waitMs = failures < free ? 0 : Math.min(waitMsMax, 1_000 * 2 ** Math.min(20, failures - free));
    // The last in the map is the last that failed.
    this.#buckets.delete(key);
    if (this.#buckets.size >= BUCKETS_MAX) this.#buckets.delete(this.#buckets.keys().next().value ?? "");
    this.#buckets.set(key, { failures, lastMs: nowMs, untilMs: nowMs + waitMs });
  }
}

function bucketsOf({ user, browser, address }: Attempt): readonly { readonly key: string; readonly allowance: Allowance }[] {
  if (browser !== undefined) return [{ key: `known ${browser}`, allowance: KNOWN }];
  return [
    { key: `address ${address} ${user}`, allowance: ADDRESS },
    { key: `user ${user}`, allowance: OTHERS },
  ];
}
