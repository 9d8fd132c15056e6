import type { CacheListener, LocalCopy, PartKind } from "#/state/reconcile/index.ts";
import { servicesPart } from "#/work/controllers/index.ts";
import type { Cache } from "./cache.ts";
import type { KindName, Kinds } from "./store.ts";

/** A leader's local copies, one for each kind. */
export type Caches = { readonly [K in KindName]: Cache<K> };

/** The same as the product's controllers know them. */
export interface Copies {
  readonly sites: LocalCopy<Kinds["Site"]>;
  readonly generations: LocalCopy<Kinds["Generation"]>;
  readonly revisions: LocalCopy<Kinds["Revision"]>;
  readonly instances: LocalCopy<Kinds["Instance"]>;
  readonly microservices: LocalCopy<Kinds["Microservice"]>;
  readonly gateways: LocalCopy<Kinds["Gateway"]>;
  readonly routes: LocalCopy<Kinds["Route"]>;
}

export function copiesOf(caches: Caches): Copies {
  return {
    sites: copyOf(caches.Site),
    generations: copyOf(caches.Generation),
    revisions: copyOf(caches.Revision, "Revision"),
    instances: copyOf(caches.Instance, "Instance"),
    microservices: copyOf(caches.Microservice),
    gateways: copyOf(caches.Gateway),
    routes: copyOf(caches.Route),
  };
}

/** `indexed`: the kind whose indexes it has, as its part declares them. */
function copyOf<K extends KindName>(cache: Cache<K>, indexed?: K): LocalCopy<Kinds[K]> {
  const part = servicesPart.kinds.find((one) => one.kind.kind === indexed) as Pick<PartKind, "indexes"> | undefined;
  return {
    // All namespaced objects are in one namespace here.
    get: (key: string) => cache.get(key.slice(key.indexOf("/") + 1)),
    values: () => cache.values(),
    byIndex(name: string, key: string) {
      const keyOf = part?.indexes?.[name] as ((object: Kinds[K]) => string | undefined) | undefined;
      if (keyOf === undefined) throw new RangeError(`there is no index ${name}`);
      return [...cache.values()].filter((one) => keyOf(one) === key);
    },
    listen: (listener: CacheListener<Kinds[K]>) => cache.listen(listener),
  };
}
