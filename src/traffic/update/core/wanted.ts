import type { Microservice, Update } from "#/model/index.ts";

/** What templates say now. `map` stays the same object while nothing of it changes: comparing it costs nothing. */
export interface Wanted {
  readonly map: ReadonlyMap<string, string>;
  /** Services of whose template no revision is made yet, and why it cannot be; `undefined`: it is being made, or the template is being written. */
  readonly unmade: ReadonlyMap<string, string | undefined>;
}

/** What templates say, kept up to date as Microservices come, change and go: asked at each look of the leader, it must not cost more where there are more services. */
export class WantedRevisions {
  #map: ReadonlyMap<string, string> = new Map();
  readonly #unmade = new Map<string, string | undefined>();
  /** By Update whose templates are being written: their services. */
  readonly #written = new Map<string, readonly string[]>();
  /** Revision by service where the map has to follow; `undefined`: the service is gone. */
  readonly #changed = new Map<string, string | undefined>();

  /** Takes `service` in place of its former version. */
  put(service: Microservice): void {
    const { name, deletionTimestamp } = service.metadata;
    if (deletionTimestamp !== undefined) return this.remove(name);
    this.#note(name, service.status?.revision);
    if (service.status?.observedGeneration === service.metadata.generation) this.#unmade.delete(name);
    else this.#unmade.set(name, failureOf(service));
  }

  remove(name: string): void {
    this.#note(name, undefined);
    this.#unmade.delete(name);
  }

  /** Takes the Update `name` in place of its former version: until all its templates are written, none of them is what is wanted. */
  putUpdate(name: string, update: Update | undefined): void {
    const { phase, generation, written, revisions = [] } = update?.status ?? {};
    if (phase !== "Preparing" || generation !== undefined || written === true) this.#written.delete(name);
    else
      this.#written.set(
        name,
        revisions.map((one) => one.service),
      );
  }

  now(): Wanted {
    if (this.#changed.size > 0) {
      const map = new Map(this.#map);
      for (const [service, revision] of this.#changed) {
        if (revision === undefined) map.delete(service);
        else map.set(service, revision);
      }
      this.#map = map;
      this.#changed.clear();
    }
    if (this.#written.size === 0) return { map: this.#map, unmade: this.#unmade };
    const written = [...this.#written.values()].flat().map((service) => [service, undefined] as const);
    return { map: this.#map, unmade: new Map([...written, ...this.#unmade]) };
  }

  #note(name: string, revision: string | undefined): void {
    if (this.#map.get(name) === revision) this.#changed.delete(name);
    else this.#changed.set(name, revision);
  }
}

/** Why the revision cannot be made, as its controller has found. */
function failureOf({ status }: Microservice): string | undefined {
  return status?.conditions?.find((condition) => condition.type === "Ready" && condition.reason === "RevisionFailed")?.message;
}
