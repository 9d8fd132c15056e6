/** What happens on a site during a change, as a watcher of the API sees it. Times are Unix ms. */
import { generation, type Instance, instance, type Site, site } from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";
import { nowMs } from "./load.ts";

interface Life {
  readonly revision: string;
  readonly fromMs: number;
  /** When its agent was seen to end its process. */
  stoppingMs?: number;
  goneMs?: number;
}

/** A change that takes longer has failed. */
const PATIENCE_MS = 60_000;

export class Timeline {
  readonly #store: Store;
  readonly #service: string;
  readonly #stopping = new AbortController();
  readonly #lives = new Map<string, Life>();
  readonly #instances = new Map<string, Instance>();
  /** `<generation> <phase>` to when it began. */
  readonly #phases = new Map<string, number>();
  #site: Site | undefined;
  #wake = (): void => {};

  constructor(store: Store, service: string) {
    this.#store = store;
    this.#service = service;
    const ignoreEnd = (error: unknown): void => {
      if (!this.#stopping.signal.aborted) throw error;
    };
    this.#followSite(store).catch(ignoreEnd);
    this.#followInstances(store).catch(ignoreEnd);
  }

  get site(): Site | undefined {
    return this.#site;
  }

  /** When `generation` entered `phase`. */
  phaseMs(generation: number, phase: string): number | undefined {
    return this.#phases.get(`${generation} ${phase}`);
  }

  /** Instances of the service that are there now, ready ones only or all. */
  instances(isReady?: boolean): Instance[] {
    return [...this.#instances.values()].filter(
      (one) => isReady === undefined || (one.status?.ready === true && one.metadata.deletionTimestamp === undefined) === isReady,
    );
  }

  /** Instances beyond `count` times how long they were there, in seconds, from `fromMs` to `toMs`. */
  extraInstanceSeconds(count: number, fromMs: number, toMs: number): number {
    const all = [...this.#lives.values()].reduce(
      (sum, life) => sum + Math.max(0, Math.min(life.goneMs ?? toMs, toMs) - Math.max(life.fromMs, fromMs)),
      0,
    );
    return (all - count * (toMs - fromMs)) / 1000;
  }

  /** When the last instance that is gone since `sinceMs` was told to end, and when it was gone. */
  lastEnd(sinceMs: number): { readonly stoppingMs: number; readonly goneMs: number } {
    const ended = [...this.#lives.values()].filter((life) => (life.goneMs ?? 0) >= sinceMs);
    return {
      stoppingMs: Math.max(...ended.map((life) => life.stoppingMs ?? life.goneMs ?? 0)),
      goneMs: Math.max(...ended.map((life) => life.goneMs ?? 0)),
    };
  }

  /** Resolves when `isSo` holds; looks at each change. */
  async until(what: string, isSo: () => boolean): Promise<void> {
    const deadlineMs = nowMs() + PATIENCE_MS;
    while (!isSo()) {
      if (nowMs() > deadlineMs) throw new Error(`not within ${PATIENCE_MS / 1000} s: ${what}; ${await this.#describe()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 200);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** What the open generations wait for. */
  async #describe(): Promise<string> {
    const { items } = await this.#store.list(generation);
    const open = items
      .filter((one) => one.status?.phase !== "Closed")
      .map((one) => `${one.metadata.name} ${one.status?.phase}: ${one.status?.waits?.map((wait) => wait.message).join("; ")}`);
    return `${JSON.stringify(this.#site?.status?.conditions)} ${open.join(" | ")}`;
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #followSite(store: Store): Promise<void> {
    for await (const event of store.watch(site, { signal: this.#stopping.signal })) {
      if (event.type === "BOOKMARK") continue;
      this.#site = event.object;
      for (const { number, phase, since } of event.object.status?.generations ?? []) this.#phases.set(`${number} ${phase}`, Date.parse(since));
      this.#wake();
    }
  }

  async #followInstances(store: Store): Promise<void> {
    const options = { labelSelector: `orrery.dev/service=${this.#service}`, signal: this.#stopping.signal };
    for await (const event of store.watch(instance, options)) {
      if (event.type === "BOOKMARK") continue;
      const { metadata, spec, status } = event.object;
      const life = this.#lives.get(metadata.uid) ?? { revision: spec.revision ?? "", fromMs: nowMs() };
      this.#lives.set(metadata.uid, life);
      if (status?.conditions?.some((one) => one.type === "Ready" && one.reason === "Stopping") === true) life.stoppingMs ??= nowMs();
      if (event.type === "DELETED") {
        life.goneMs = nowMs();
        this.#instances.delete(metadata.name);
      } else this.#instances.set(metadata.name, event.object);
      this.#wake();
    }
  }
}
