import type { Instance } from "#/model/index.ts";
import type { GenerationMap } from "#/traffic/update/core/index.ts";

/** An instance that may have work for a generation, and a service that it may call. */
export interface RunOfGeneration {
  readonly instance: string;
  readonly service: string;
}

/** Runs of jobs that are not over, by the generation of their start: they keep it open, since all that they call meets it. */
export class RunsByGeneration {
  readonly #runs = new Map<number, Map<string, Instance>>();

  /** An Instance has come, changed or gone. */
  put(before: Instance | undefined, after: Instance | undefined): void {
    if (before?.spec.generation !== undefined) this.#forget(before.spec.generation, before.metadata.name);
    const { generation, once } = after?.spec ?? {};
    if (after === undefined || once === undefined || generation === undefined || after.status?.outcome !== undefined) return;
    const runs = this.#runs.get(generation) ?? new Map<string, Instance>();
    this.#runs.set(generation, runs.set(after.metadata.name, after));
  }

  /** The runs of `generation`, one entry for each service of its map that a run may call: what is handed over waits for those that can reach it. */
  of(generation: number, map: GenerationMap): readonly RunOfGeneration[] {
    return [...(this.#runs.get(generation)?.values() ?? [])].flatMap(({ metadata, spec }) =>
      Object.keys(map)
        .filter((service) => spec.calls?.includes(service) !== false)
        .map((service) => ({ instance: metadata.name, service })),
    );
  }

  #forget(generation: number, name: string): void {
    const runs = this.#runs.get(generation);
    runs?.delete(name);
    if (runs?.size === 0) this.#runs.delete(generation);
  }
}
