import { DEFAULT_NAMESPACE, type instance, type revision } from "#/model/index.ts";
import type { CopiesOf } from "#/state/reconcile/index.ts";
import { type BusyDeclared, busyRevisions, type GenerationMap, type SiteState } from "./core/index.ts";
import { RunsByGeneration } from "./runs-by-generation.ts";

/** Instances that may have work for a generation that no call shows: those whose template says how to ask, and runs of jobs. */
export class BackgroundWork {
  readonly #instances: CopiesOf<{ readonly instances: typeof instance }>["instances"];
  readonly #declared = new Map<string, { readonly name: string; readonly service: string }>();
  readonly #runs = new RunsByGeneration();

  constructor({ revisions, instances }: CopiesOf<{ readonly revisions: typeof revision; readonly instances: typeof instance }>) {
    this.#instances = instances;
    revisions.listen((before, after) => {
      const { name = "" } = after?.metadata ?? {};
      if (after?.spec.template.drain.busy !== undefined) this.#declared.set(name, { name, service: after.spec.service });
      else if (before !== undefined) this.#declared.delete(before.metadata.name);
    });
    instances.listen((before, after) => this.#runs.put(before, after));
  }

  instancesOf(state: SiteState, generation: number, map: GenerationMap): readonly BusyDeclared[] {
    return [
      ...busyRevisions(state, generation, map, this.#declared.values()).flatMap(({ name, service }) =>
        [...this.#instances.byIndex("revision", `${DEFAULT_NAMESPACE}/${name}`)].map((one) => ({
          instance: one.metadata.name,
          service,
          createdMs: Date.parse(one.metadata.creationTimestamp),
        })),
      ),
      ...this.#runs.of(generation, map),
    ];
  }
}
