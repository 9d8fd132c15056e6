import { describeError, OrreryError } from "./errors.ts";

/** Collects what was started and stops it in reverse order. Whoever starts a thing adds its stop here. */
export class Lifecycle {
  readonly #stops: { readonly name: string; readonly stop: () => unknown }[] = [];
  readonly #controller = new AbortController();
  #stopping: Promise<void> | undefined;

  /** Aborted when `stop` begins: hand it to everything that waits. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Registers `stop` under `name`. */
  add(name: string, stop: () => unknown): void {
    this.#stops.push({ name, stop });
  }

  /** Stops everything, last added first; every stop is tried. Repeated calls give the same promise.
   *  @throws base/stop: one or more stops failed; `details.failures` names them */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    this.#controller.abort(new OrreryError("base/stopped", "the process is stopping"));
    const failures: string[] = [];
    for (const { name, stop } of this.#stops.reverse()) {
      try {
        await stop();
      } catch (error) {
        failures.push(`${name}: ${describeError(error)}`);
      }
    }
    if (failures.length > 0) throw new OrreryError("base/stop", `could not stop ${failures.join("; ")}`, { details: { failures } });
  }
}
