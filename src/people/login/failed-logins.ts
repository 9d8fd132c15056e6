import { createHmac } from "node:crypto";
import type { Clock } from "#/base/index.ts";

/** Told one by one; those that follow are counted. */
const TOLD_MAX = 3;
const WITHIN_MS = 15 * 60_000;
const KEYS_MAX = 1_000;

export interface FailedLogin {
  readonly user: string;
  readonly from: string;
  readonly why: string;
}

interface Seen {
  readonly sample: FailedLogin;
  readonly sinceMs: number;
  told: number;
  pending: number;
}

/** Tells of failed logins without letting a flood of them fill the audit: the first few of a user and address one by one, the others as a number, each minute. */
export class FailedLogins {
  readonly #clock: Clock;
  readonly #key: Uint8Array;
  readonly #tell: (login: FailedLogin & { readonly count: number }) => void;
  readonly #seen = new Map<string, Seen>();

  constructor(options: {
    readonly clock: Clock;
    readonly key: Uint8Array;
    readonly tell: (login: FailedLogin & { readonly count: number }) => void;
  }) {
    this.#clock = options.clock;
    this.#key = options.key;
    this.#tell = options.tell;
  }

  /** A name that nobody has may be a password, typed into the wrong field: it stands in no record. Equal ones look equal, as long as this process lives. */
  hideName(typed: string): string {
    return `unknown-${createHmac("sha256", this.#key).update(typed).digest("hex").slice(0, 12)}`;
  }

  add(login: FailedLogin): void {
    const nowMs = this.#clock.monotonic();
    // Beyond the bound all others are one.
    const own = `${login.from} ${login.user}`;
    const key = this.#seen.has(own) || this.#seen.size < KEYS_MAX ? own : "others";
    let seen = this.#seen.get(key);
    if (seen === undefined || nowMs - seen.sinceMs > WITHIN_MS) {
      this.#flush(seen);
      seen = { sample: key === own ? login : { ...login, user: "others", from: "several" }, sinceMs: nowMs, told: 0, pending: 0 };
      this.#seen.set(key, seen);
    }
    if (seen.told >= TOLD_MAX) {
      seen.pending += 1;
      return;
    }
    seen.told += 1;
    this.#tell({ ...login, count: 1 });
  }

  /** Tells what was only counted so far. Call it each minute, and at the end. */
  flush(): void {
    const nowMs = this.#clock.monotonic();
    for (const [key, seen] of this.#seen) {
      this.#flush(seen);
      if (nowMs - seen.sinceMs > WITHIN_MS) this.#seen.delete(key);
    }
  }

  #flush(seen: Seen | undefined): void {
    if (seen === undefined || seen.pending === 0) return;
    this.#tell({ ...seen.sample, count: seen.pending });
    seen.pending = 0;
  }
}
