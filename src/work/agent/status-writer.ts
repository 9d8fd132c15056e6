import { isDeepStrictEqual } from "node:util";
import { backoffDelayMs, type Clock, describeError, isOrreryError, type Log, type Random, sleep } from "#/base/index.ts";
import { type Instance, instance, timestamp } from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";
import { statusInput } from "./core/index.ts";
import type { InstanceStatus } from "./instance-status.ts";

/** Readers may call an Instance's status old after a minute: a third of that. */
const REFRESH_MS = 20_000;
const BACKOFF = { firstMs: 200, maxMs: 10_000 };

export interface StatusWriterOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Keeps one Instance's status in the store like what `submit` says: writes what has changed, one write at a time, the newest only; while the store cannot be reached it tries again. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  #instance: Instance;
  #written: InstanceStatus | undefined;
  #wanted: InstanceStatus | undefined;
  #writing: Promise<void> | undefined;
  #cancelRefresh: () => void = () => {};
  #isGone = false;

  constructor(options: StatusWriterOptions, one: Instance) {
    this.#options = options;
    this.#instance = one;
    this.#written = withoutTime(one.status);
  }

  /** The conditions as last submitted or found, for `setCondition`. */
  get conditions(): InstanceStatus["conditions"] {
    return (this.#wanted ?? this.#written)?.conditions;
  }

  /** The object as it is now in the store. */
  update(one: Instance): void {
    // One's own writes come back in their order, the newest last.
    if (!(Number(one.metadata.resourceVersion) < Number(this.#instance.metadata.resourceVersion))) this.#instance = one;
    // What was written is gone: the store was put back.
    if (this.#wanted !== undefined && one.status?.observedAt === undefined) this.#write();
  }

  submit(status: InstanceStatus): void {
    this.#wanted = status;
    if (isDeepStrictEqual(status, this.#written) && this.#instance.status?.observedAt !== undefined) this.#refreshLater();
    else this.#write();
  }

  /** Resolves when nothing is left to write, after `timeoutMs` at the latest: the store may be out of reach. */
  async flush(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(timeoutMs, resolve);
    await Promise.race([this.#writing, promise]);
    cancel();
  }

  /** The Instance is gone: nothing more is written. */
  end(): void {
    this.#isGone = true;
    this.#cancelRefresh();
  }

  #refreshLater(): void {
    this.#cancelRefresh();
    // What is over does not change, and there may be thousands of them.
    if (this.#written?.outcome !== undefined) return;
    this.#cancelRefresh = this.#options.clock.after(REFRESH_MS, () => this.#write(), { background: true });
  }

  #write(): void {
    const begun = this.#wanted;
    this.#writing ??= this.#writeUntilSame().finally(() => {
      this.#writing = undefined;
      // What is wanted since the moment between its last look and its end.
      if (this.#wanted !== begun && this.#wanted !== this.#written && !this.#isGone && !this.#options.signal.aborted) this.#write();
    });
  }

  async #writeUntilSame(): Promise<void> {
    const { clock, random, log, signal } = this.#options;
    for (let failures = 0; !this.#isGone && !signal.aborted; ) {
      const status = this.#wanted;
      if (status === undefined) return;
      try {
        await this.#writeOnce(status);
        this.#written = status;
        failures = 0;
        if (this.#wanted === status || isDeepStrictEqual(this.#wanted, status)) return this.#refreshLater();
      } catch (error) {
        // Deleted, or made anew under the same name: the watch will say so.
        const isConflict = isOrreryError(error, "store/conflict");
        if (isOrreryError(error, "store/missing") || (isConflict && !(await this.#readAgain()))) return;
        // A conflict is nothing to tell of: its duty is told at any time.
        if (++failures === 1 && !isConflict)
          log.warn(`cannot write the status of ${this.#instance.metadata.name}: ${describeError(error)}`, { instance: this.#instance.metadata.name });
        await sleep(clock, backoffDelayMs(BACKOFF, failures, random), signal).catch(() => {});
      }
    }
  }

  async #writeOnce(status: InstanceStatus): Promise<void> {
    const input = statusInput(this.#instance, { ...status, observedAt: timestamp(this.#options.clock.now()) });
    this.#instance = await this.#options.store.update(
      instance,
      { ...input, spec: this.#instance.spec },
      { subresource: "status", fieldManager: "orrery-agent" },
    );
  }

  /** Its spec has changed, or a write was carried out of which nobody knew. False: it is another Instance now. */
  async #readAgain(): Promise<boolean> {
    const { name, namespace, uid } = this.#instance.metadata;
    try {
      const present = await this.#options.store.get(instance, namespace === undefined ? { name } : { name, namespace });
      if (present?.metadata.uid !== uid) return false;
      this.#instance = present;
    } catch {
      // Tried again with the write.
    }
    return true;
  }
}

function withoutTime(status: Instance["status"]): InstanceStatus | undefined {
  if (status === undefined) return undefined;
  const { observedAt: _observedAt, ...rest } = status;
  return rest;
}
