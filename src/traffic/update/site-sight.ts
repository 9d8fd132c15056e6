import { DEFAULT_NAMESPACE, gateway, generation, instance, microservice, type Resource, revision, type Site, type Update } from "#/model/index.ts";
import type { CopiesOf } from "#/state/reconcile/index.ts";
import type { TableDistribution } from "#/traffic/routing/distribution/index.ts";
import { BackgroundWork } from "./background-work.ts";
import {
  type DrainLedger,
  exclusiveServices,
  GatewayWatch,
  type GenerationMap,
  interlockOf,
  type KnownGateway,
  type Observed,
  observe,
  prepareLedger,
  Reach,
  type SiteState,
  WantedRevisions,
  WishWatch,
} from "./core/index.ts";
import { readinessOf } from "./views.ts";

/** What it looks at. */
export const SIGHT_READS = {
  generations: generation,
  microservices: microservice,
  revisions: revision,
  instances: instance,
  gateways: gateway,
};

export interface SiteSightOptions {
  readonly caches: CopiesOf<typeof SIGHT_READS>;
  readonly distribution: TableDistribution;
  readonly ledger: DrainLedger;
  /** True if the host's agent answers. */
  readonly isHostKnown: (host: string) => boolean;
  /** As which a gateway has said hello; `undefined`: it is not connected. */
  readonly incarnationOf: (gateway: string) => number | undefined;
  readonly resourceOf: (name: string) => Resource | undefined;
}

/** Explicit updates, how generations compare, and how manifests want updates. */
export type Intents = Pick<Observed, "updateFor" | "updateNamed" | "isAskedAgain" | "gateOf" | "howOf">;

/** What a leader sees when it decides about the Site: made of local copies of the objects, which it follows, of what gateways have acknowledged and of what they count. Memory of one leader; the simulation looks through it, too. */
export class SiteSight {
  readonly #options: SiteSightOptions;
  readonly #wanted = new WantedRevisions();
  readonly #wish = new WishWatch();
  readonly #watch = new GatewayWatch();
  readonly #exclusive = new Set<string>();
  readonly #background: BackgroundWork;
  readonly #reach: Reach;

  constructor(options: SiteSightOptions) {
    this.#options = options;
    const { caches } = options;
    this.#background = new BackgroundWork(caches);
    this.#reach = new Reach((name) => {
      const found = caches.revisions.get(keyOf(name));
      return found === undefined ? undefined : (found.spec.template.calls ?? "any");
    });
    caches.microservices.listen((before, after) => {
      if (after?.spec.exclusive === true) this.#exclusive.add(after.metadata.name);
      else if (before !== undefined) this.#exclusive.delete(before.metadata.name);
      if (after !== undefined) this.#wanted.put(after);
      else if (before !== undefined) this.#wanted.remove(before.metadata.name);
    });
  }

  /** An Update has come, changed or gone. */
  putUpdate(name: string, update: Update | undefined): void {
    this.#wanted.putUpdate(name, update);
  }

  /** What is seen now; before that the ledger is told what drains and who counts. `maps`: those of the open generations, as far as they are known. */
  look(
    about: { readonly site: Site; readonly state: SiteState; readonly maps: ReadonlyMap<number, GenerationMap>; readonly intents: Intents },
    nowMs: number,
  ): Observed {
    const { site, state, maps, intents } = about;
    const { caches, distribution, ledger, resourceOf } = this.#options;
    const serviceOf = (name: string) => caches.microservices.get(keyOf(name));
    const gateways = this.#gateways(nowMs);
    ledger.setBusyDeclared((number) => this.#background.instancesOf(state, number, maps.get(number) ?? {}));
    prepareLedger(ledger, { spec: site.spec, state, gateways, distribution, maps, reach: this.#reach }, nowMs);
    return observe(
      {
        spec: site.spec,
        history: state.history,
        ...this.#wish.look(this.#wanted.now(), maps.get(state.stamp?.generation ?? 0), site.spec, nowMs),
        maps,
        readinessOf: (name, claim) => readinessOf(this.#options, DEFAULT_NAMESPACE, name, claim),
        exclusive: exclusiveServices(this.#exclusive, (service) => caches.instances.byIndex("service", keyOf(service))),
        generations: [...caches.generations.values()].filter((one) => one.metadata.namespace === DEFAULT_NAMESPACE),
        gateways,
        distribution,
        ledger,
        ...intents,
        handoverOf: (service, name) =>
          serviceOf(service)?.spec.exclusive === true ? (caches.revisions.get(keyOf(name))?.spec.template.handover ?? "hold") : undefined,
        interlockOf: (services, atMs) => interlockOf(services.map(serviceOf), resourceOf, atMs),
      },
      nowMs,
    );
  }

  /** All that are registered. */
  #gateways(nowMs: number): KnownGateway[] {
    const { caches, distribution, incarnationOf } = this.#options;
    const connectedAs = (name: string): number | undefined => (distribution.isConnected(name) ? incarnationOf(name) : undefined);
    return this.#watch.known(caches.gateways.values(), connectedAs, nowMs).map((one) => {
      const tableFailure = distribution.reportOf(one.name)?.tableFailure;
      return tableFailure === undefined ? one : { ...one, tableFailure };
    });
  }
}

function keyOf(name: string): string {
  return `${DEFAULT_NAMESPACE}/${name}`;
}
