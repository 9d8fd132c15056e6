/** The services of a site as a watcher of the API sees them. */
import { type Microservice, microservice } from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";

/** Longest wait for anything that is measured. */
export const PATIENCE_MS = 300_000;

/** True if `count` instances of what is wanted are ready. */
export function isReady(one: Microservice | undefined, count: number): boolean {
  const { status } = one ?? {};
  return (
    status?.readyReplicas === count &&
    status.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True" && condition.reason === "Ready") === true
  );
}

/** All Microservices as a watcher of the API sees them. */
export class ServiceWatch {
  readonly #services = new Map<string, Microservice>();
  readonly #stopping = new AbortController();
  #wake = (): void => {};

  constructor(store: Store) {
    void this.#follow(store).catch((error: unknown) => {
      if (!this.#stopping.signal.aborted) throw error;
    });
  }

  async #follow(store: Store): Promise<void> {
    for await (const event of store.watch(microservice, { signal: this.#stopping.signal })) {
      if (event.type === "BOOKMARK") continue;
      this.#services.set(event.object.metadata.name, event.object);
      this.#wake();
    }
  }

  get(name: string): Microservice | undefined {
    return this.#services.get(name);
  }

  readyCount(count: number): number {
    let ready = 0;
    for (const one of this.#services.values()) if (isReady(one, count)) ready++;
    return ready;
  }

  async until(isSo: () => boolean, what: string, sofar: () => string = () => "not yet"): Promise<void> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    while (!isSo()) {
      if (performance.now() > deadlineMs) throw new Error(`not within ${PATIENCE_MS / 1000} s: ${what}: ${sofar()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  stop(): void {
    this.#stopping.abort();
  }
}
