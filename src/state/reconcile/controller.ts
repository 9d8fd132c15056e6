import { type BackoffOptions, type Clock, describeError, isOrreryError, type Log, type Random } from "#/base/index.ts";
import { WorkQueue } from "./work-queue.ts";

/** What a reconcile may ask for; nothing: it is content until the next change. */
export interface ReconcileResult {
  /** Come again after so many milliseconds, even without a change. */
  readonly requeueAfterMs?: number;
}

export interface ControllerOptions {
  /** Such as `microservice-controller`; stands in logs and Events. */
  readonly name: string;
  /** Makes the world match for `key`, from what is seen now, whatever happened before (level-triggered). Throwing means: again after a growing delay;
   *  an error whose `retry` is `after-reread` comes again soon and is not logged, since a newer version is on its way. */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<ReconcileResult | undefined>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Keys worked on at the same time; default 1. */
  readonly concurrency?: number;
  /** Every key seen so far comes again this often, in case a change was missed; default 5 min, 0 = never. */
  readonly resyncMs?: number;
  readonly backoff?: BackoffOptions;
}

/** A work queue and those who work on it. Sources call `enqueue`. */
export class Controller {
  readonly name: string;
  readonly #options: ControllerOptions;
  readonly #queue: WorkQueue;
  readonly #known = new Set<string>();
  #unexpected = 0;

  constructor(options: ControllerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#queue = new WorkQueue(options);
  }

  /** Reconciles that threw something else than an OrreryError. */
  get unexpected(): number {
    return this.#unexpected;
  }

  /** `key` may have changed. `delayMs` gathers bursts: of many calls within it one reconcile follows. */
  enqueue(key: string, delayMs = 0): void {
    this.#known.add(key);
    if (delayMs > 0) this.#queue.addAfter(key, delayMs);
    else this.#queue.add(key);
  }

  /** `key` is gone for good: no more resync. */
  forget(key: string): void {
    this.#known.delete(key);
  }

  /** Works until `signal` aborts; resolves when the reconciles under way have ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, concurrency = 1, resyncMs = 300_000 } = this.#options;
    let cancelResync = (): void => {};
    const scheduleResync = (): void => {
      if (resyncMs === 0) return;
      cancelResync = clock.after(
        resyncMs,
        () => {
          for (const key of this.#known) this.#queue.add(key);
          scheduleResync();
        },
        { background: true },
      );
    };
    scheduleResync();
    const onAbort = (): void => this.#queue.close();
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) this.#queue.close();
    await Promise.all(Array.from({ length: concurrency }, () => this.#work(signal)));
    signal.removeEventListener("abort", onAbort);
    cancelResync();
  }

  async #work(signal: AbortSignal): Promise<void> {
    const { reconcile, log } = this.#options;
    for (;;) {
      const key = await this.#queue.take();
      if (key === undefined) return;
      try {
        const result = await reconcile(key, signal);
        this.#queue.done(key);
        if (result?.requeueAfterMs !== undefined) this.#queue.addAfter(key, result.requeueAfterMs);
      } catch (error) {
        const failures = this.#queue.failed(key);
        if (!isOrreryError(error) && !signal.aborted) this.#unexpected++;
        const isExpected = isOrreryError(error) && error.retry === "after-reread";
        if (!signal.aborted && !(isExpected && failures < 10))
          log.warn(`${this.name}: ${key}: ${describeError(error)}`, {
            controller: this.name,
            key,
            failures,
            stack: isOrreryError(error) ? undefined : (error as Error).stack,
          });
      }
    }
  }
}
