import type { Program } from "./program.ts";
import type { Scheduler } from "./scheduler.ts";
import type { KindName, Kinds, SimulatedStore } from "./store.ts";

type Listener<T> = (before: T | undefined, after: T | undefined) => void;

/** A process's copy of one kind: a list, then events in order, each some time after its write. */
export class Cache<K extends KindName> {
  readonly #objects = new Map<string, Kinds[K]>();
  readonly #listeners: Listener<Kinds[K]>[] = [];
  readonly #unlisten: () => void;
  /** When the last event comes. */
  #lastMs = 0;

  /** Fills itself from what is there now. `lagMs` rolls the delay of each event, `relistMs` that of an event that came while the process was stopped. */
  constructor(options: {
    readonly kind: K;
    readonly store: SimulatedStore;
    readonly scheduler: Scheduler;
    readonly program: Program;
    readonly lagMs: () => number;
    readonly relistMs: () => number;
  }) {
    const { kind, store, scheduler, program, lagMs, relistMs } = options;
    for (const one of store.list(kind)) this.#objects.set(one.metadata.name, one);
    // Whatever becomes of their times, events are taken in their order.
    let waiting: (() => void)[] = [];
    const next = (queue: (() => void)[]): void => {
      if (queue === waiting) waiting.shift()?.();
    };
    store.onPutBack(() => {
      if (!program.isAlive) return;
      // What comes until it lists again is in that list.
      waiting = [];
      const listAgain = (): void => {
        waiting = [];
        const present = new Map(store.list(kind).map((one) => [one.metadata.name, one]));
        for (const [name, former] of [...this.#objects]) if (!present.has(name)) this.#take(former, undefined);
        // Also what is unchanged: whoever has written it since then writes it again, sooner or later.
        for (const [name, one] of present) this.#take(this.#objects.get(name), one);
      };
      // It dials with growing pauses.
      this.#lastMs = Math.max(scheduler.elapsedMs, store.stalledUntilMs) + 5 * relistMs();
      scheduler.after(this.#lastMs - scheduler.elapsedMs, () => program.deliver(listAgain));
    });
    this.#unlisten = store.listen((changed, before, after) => {
      if ((changed as KindName) !== kind) return;
      if (!program.isAlive) return this.#unlisten();
      const queue = waiting;
      waiting.push(() => this.#take(before as Kinds[K] | undefined, after as Kinds[K] | undefined));
      this.#lastMs = Math.max(this.#lastMs, scheduler.elapsedMs + lagMs());
      scheduler.after(this.#lastMs - scheduler.elapsedMs, () => {
        const wasPaused = program.isPaused;
        program.deliver(() => {
          // Its watch has broken off meanwhile, and has to be begun again.
          if (wasPaused) program.after(relistMs(), () => next(queue));
          else next(queue);
        });
      });
    });
  }

  /** The watch breaks off, and what happens now is heard when it has been begun again, at `untilMs`. */
  breakOff(untilMs: number): void {
    this.#lastMs = Math.max(this.#lastMs, untilMs);
  }

  #take(before: Kinds[K] | undefined, after: Kinds[K] | undefined): void {
    const name = (after ?? before)?.metadata.name ?? "";
    const former = this.#objects.get(name);
    if (after === undefined) this.#objects.delete(name);
    else this.#objects.set(name, after);
    for (const listener of this.#listeners) listener(former, after);
  }

  get(name: string): Kinds[K] | undefined {
    return this.#objects.get(name);
  }

  values(): Iterable<Kinds[K]> {
    return this.#objects.values();
  }

  /** Calls `listener` at each change from now on, and at once for each object that is there. */
  listen(listener: Listener<Kinds[K]>): void {
    this.#listeners.push(listener);
    for (const one of this.#objects.values()) listener(undefined, one);
  }
}
