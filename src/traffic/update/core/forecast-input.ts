import type { Gateway, Generation, Host, Instance, Microservice, Resource, Revision, Route, Site, Template, Update } from "#/model/index.ts";
import type { GenerationMap } from "./state.ts";

/** What is asked of a site, and all that is seen of it. */
export interface ForecastInput {
  /** An Update waits for its turn; changed templates take back what is on its way. */
  readonly by: "update" | "template";
  readonly asked: Pick<Update["spec"], "strategy"> & Partial<Pick<Update["spec"], "ramp" | "gates" | "paused" | "drain">>;
  /** `revision` absent: it is made when the update begins. */
  readonly targets: readonly { readonly service: string; readonly revision?: string; readonly template: Template }[];
  readonly site: Site;
  /** Microservices by name, as they will be. */
  readonly services: ReadonlyMap<string, Microservice>;
  readonly mapOf: (generation: number) => GenerationMap | undefined;
  /** Template of a Revision. */
  readonly templateOf: (revision: string) => Template | undefined;
  readonly generations: readonly Generation[];
  readonly instances: readonly Instance[];
  readonly routes: readonly Route[];
  readonly resources: readonly Resource[];
  readonly hosts: readonly Host[];
  readonly gateways: readonly Gateway[];
  readonly updates: readonly Update[];
}

/** What is read of a site for a forecast. */
export type SeenSite = Pick<ForecastInput, "site" | "generations" | "instances" | "routes" | "resources" | "hosts" | "gateways" | "updates"> & {
  readonly microservices: readonly Microservice[];
  readonly revisions: readonly Revision[];
};

/** What is asked for, put beside what is seen. */
export function forecastInput(asked: Pick<ForecastInput, "by" | "asked" | "targets">, seen: SeenSite): ForecastInput {
  const maps = new Map(seen.generations.map((one) => [one.spec.number, one.spec.map]));
  const templates = new Map(seen.revisions.map((one) => [one.metadata.name, one.spec.template]));
  return {
    ...seen,
    ...asked,
    services: new Map(seen.microservices.map((one) => [one.metadata.name, one])),
    mapOf: (generation) => maps.get(generation),
    templateOf: (revision) => templates.get(revision),
  };
}

/** Instances that a service is to have. */
export function replicasOf(service: Microservice | undefined): number {
  return service === undefined || service.spec.suspended ? 0 : service.spec.replicas;
}
