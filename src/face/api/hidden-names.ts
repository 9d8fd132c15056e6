import { gateway, host, instance, microservice, resource, revision, route, type StoredObject, update } from "#/model/index.ts";
import type { Identity, VisibleKind } from "#/people/access/index.ts";
import type { Store } from "#/state/store/index.ts";
import type { Forecast, ForecastScale, SeenSite } from "#/traffic/update/core/index.ts";
import type { Rights } from "./rights.ts";

/** In place of what names something that may not be seen. */
const HIDDEN_TEXT = "it has to do with something that you may not see; whoever sees all of the site can say what";
const HIDDEN = "(hidden)";

interface Told {
  readonly updates: readonly Forecast[];
  readonly scales: readonly ForecastScale[];
}

/** A forecast of the whole site as `who` may see it: what would happen stays true, the names of what they may not see are taken out of it. What they themselves change is theirs to see. */
export function withoutHidden(who: Identity, rights: Rights, seen: SeenSite, told: Told): Told {
  const hidden = hiddenNames(who, rights, seen);
  if (hidden.size === 0) return told;
  return { scales: told.scales, updates: told.updates.map((one) => cut(one, hidden)) };
}

function hiddenNames(who: Identity, rights: Rights, seen: SeenSite): ReadonlySet<string> {
  const names = new Set<string>();
  const add = (kind: VisibleKind, objects: readonly StoredObject[]): void => {
    const shows = rights.authorizer.visible(who, kind, { verb: "get" });
    if (shows !== undefined) for (const one of objects) if (!shows(one)) names.add(one.metadata.name);
  };
  add(microservice, seen.microservices);
  add(revision, seen.revisions);
  add(instance, seen.instances);
  add(route, seen.routes);
  add(resource, seen.resources);
  add(host, seen.hosts);
  add(gateway, seen.gateways);
  add(update, seen.updates);
  return names;
}

function cut(one: Forecast, hidden: ReadonlySet<string>): Forecast {
  // A service that somebody changes is named as they name it, and so are its revisions.
  const own = new Set(one.changes.flatMap(({ service, from, to }) => [service, from ?? service, to ?? service]));
  const isHidden = (name: string): boolean => hidden.has(name) && !own.has(name);
  const text = (given: string): string => ((given.match(WORDS) ?? []).some(isHidden) ? HIDDEN_TEXT : given);
  const names = (list: readonly string[]): readonly string[] => list.map((name) => (isHidden(name) ? HIDDEN : name));
  const { held, replaces, problem } = one;
  return {
    ...one,
    alongside: names(one.alongside),
    ...(replaces !== undefined && { replaces: { ...replaces, services: names(replaces.services) } }),
    stops: one.stops.map((stop) => ({ ...stop, message: text(stop.message) })),
    ...(held !== undefined && {
      held: {
        ...held,
        services: names(held.services),
        routes: held.routes.map((way) => ({ ...way, route: names([way.route])[0] ?? HIDDEN, path: names(way.path) })),
        otherRoutes: names(held.otherRoutes),
      },
    }),
    waits: one.waits.map((wait) => ({
      ...wait,
      object: text(wait.object) === wait.object ? wait.object : HIDDEN,
      message: text(wait.message),
    })),
    notPromised: one.notPromised.map((what) => ({ ...what, message: text(what.message) })),
    ...(problem !== undefined && { problem: text(problem) }),
  };
}

/** What may be the name of an object. */
const WORDS = /[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/g;

/** What may hold names of others in what is told of a deletion. */
const NAMED_KINDS = [microservice, instance, route, update, resource];

/** Cuts sentences that name what `who` may not see; `own` are names that they gave themselves. Whoever sees all is told all, at no cost. */
export async function hiding(who: Identity, rights: Rights, store: Store, own: readonly string[]): Promise<(text: string) => string> {
  const hidden = new Set<string>();
  for (const kind of NAMED_KINDS) {
    const shows = rights.authorizer.visible(who, kind, { verb: "get" });
    if (shows === undefined) continue;
    for (const one of (await store.list(kind)).items) if (!shows(one) && !own.includes(one.metadata.name)) hidden.add(one.metadata.name);
  }
  return (text) => ((text.match(WORDS) ?? []).some((word) => hidden.has(word)) ? HIDDEN_TEXT : text);
}
