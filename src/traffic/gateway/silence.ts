/** A call between services, or to a host outside the site, whose answer has not begun. */
export interface Awaited {
  /** The instance that waits. */
  readonly callerInstance: string;
  readonly traceId: string;
  /** Who is to answer: an instance, or a host outside. */
  readonly name: string;
  readonly isOutside: boolean;
  /** Monotonic ms. */
  readonly sinceMs: number;
}

/** Names of a chain of calls that can be told; no real one is longer. */
const CALLS_MAX = 20;

/** Finds out who is silent behind an instance that does not answer: whom it has called for the same transaction, and whom that one has called. It knows the calls that go through this gateway, by their trace: those of the instances of its host that carry on the trace context. */
export class Silence {
  readonly #open: () => Iterable<{ readonly awaited?: Awaited | undefined }>;
  #byCaller = new Map<string, Awaited>();
  #atMs = Number.NaN;

  /** `open`: all that is under way. */
  constructor(open: () => Iterable<{ readonly awaited?: Awaited | undefined }>) {
    this.#open = open;
  }

  /** The calls that `instance` waits for in this transaction, the nearest first: the last of them is silent by itself, as far as is known here. Empty: `instance` is. Looks at all that is under way once for each `nowMs`, however many ask. */
  behind(instance: string, traceId: string, nowMs: number): readonly Awaited[] {
    if (nowMs !== this.#atMs) this.#look(nowMs);
    const chain: Awaited[] = [];
    const seen = new Set<string>();
    for (let at = instance; chain.length < CALLS_MAX && !seen.has(at); ) {
      seen.add(at);
      const next = this.#byCaller.get(keyOf(at, traceId));
      if (next === undefined) break;
      chain.push(next);
      at = next.name;
    }
    return chain;
  }

  #look(nowMs: number): void {
    this.#atMs = nowMs;
    this.#byCaller = new Map();
    for (const { awaited } of this.#open()) {
      if (awaited === undefined) continue;
      const key = keyOf(awaited.callerInstance, awaited.traceId);
      const known = this.#byCaller.get(key);
      // Of several the one that has been waited for longest.
      if (known === undefined || awaited.sinceMs < known.sinceMs) this.#byCaller.set(key, awaited);
    }
  }
}

function keyOf(instance: string, traceId: string): string {
  return `${traceId} ${instance}`;
}
