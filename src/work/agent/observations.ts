import type { Link } from "#/state/link/index.ts";
import type { AgentObservation } from "#/work/probes/index.ts";

const RESOURCES_MAX = 10_000;
const BATCH_MAX = 200;

/** The newest observation of each Resource, sent to the centre as soon as it can be reached; older ones are of no use to anybody. */
export class Observations {
  readonly #link: () => Link | undefined;
  readonly #newest = new Map<string, AgentObservation>();
  readonly #unsent = new Set<string>();
  #sentOver: Link | undefined;

  constructor(link: () => Link | undefined) {
    this.#link = link;
  }

  add(observation: AgentObservation): void {
    const key = `${observation.namespace}/${observation.resource}`;
    if (!this.#newest.has(key) && this.#newest.size >= RESOURCES_MAX) return;
    this.#newest.set(key, observation);
    this.#unsent.add(key);
    this.send();
  }

  /** Forgets what one instance has seen. */
  drop(namespace: string, instance: string): void {
    for (const [key, one] of this.#newest) {
      if (one.namespace !== namespace || one.instance !== instance) continue;
      this.#newest.delete(key);
      this.#unsent.delete(key);
    }
  }

  /** Sends what has not been sent over the present link; a new one gets everything, as the centre behind it may know nothing. */
  send(): void {
    const link = this.#link();
    if (link === undefined) return;
    if (this.#sentOver !== link) {
      this.#sentOver = link;
      for (const key of this.#newest.keys()) this.#unsent.add(key);
    }
    while (this.#unsent.size > 0) {
      const keys = [...this.#unsent].slice(0, BATCH_MAX);
      const batch = keys.flatMap((key) => this.#newest.get(key) ?? []);
      if (!link.notify("agent/observations", batch)) return;
      for (const key of keys) this.#unsent.delete(key);
    }
  }
}
