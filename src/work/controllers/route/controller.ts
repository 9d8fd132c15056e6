import type { Clock, Log, Random } from "#/base/index.ts";
import { type ConditionInput, findShadows, matchKey, microservice, type Route, route, setCondition } from "#/model/index.ts";
import { type CachesOf, Controller, objectKey } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import { writeStatus } from "../status-writer.ts";

/** What it looks at. */
export const ROUTE_READS = { routes: route, microservices: microservice };

export interface RouteControllerOptions {
  readonly store: Store;
  readonly caches: CachesOf<typeof ROUTE_READS>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Says of each Route whether it can be used. Key: namespace/name. */
export function createRouteController(options: RouteControllerOptions): Controller {
  const { store, caches, clock, random, log } = options;
  const controller = new Controller({
    name: "route-controller",
    clock,
    random,
    log,
    async reconcile(key) {
      const one = caches.routes.get(key);
      if (one === undefined) return undefined;
      const condition = { ...acceptedCondition(one, caches), observedGeneration: one.metadata.generation };
      await writeStatus(store, route, one, { ...one.status, conditions: [...setCondition(one.status?.conditions, condition, clock.now())] });
      return undefined;
    },
  });
  caches.routes.listen((before, after) => {
    if (after === undefined && before !== undefined) controller.forget(objectKey(before));
    else if (after !== undefined) controller.enqueue(objectKey(after));
    if (before !== undefined && after !== undefined && before.metadata.generation === after.metadata.generation) return;
    // What one Route takes, others get no more, or get again.
    for (const one of [before, after]) for (const other of one === undefined ? [] : sameMatch(one, caches)) controller.enqueue(objectKey(other), 50);
  });
  caches.microservices.listen((before, after) => {
    if (before !== undefined && after !== undefined && before.metadata.generation === after.metadata.generation) return;
    for (const one of caches.routes.byIndex("service", objectKey(after ?? (before as NonNullable<typeof before>))))
      controller.enqueue(objectKey(one));
  });
  return controller;
}

/** Routes that match the same, `one` among them. */
function sameMatch(one: Route, caches: RouteControllerOptions["caches"]): readonly Route[] {
  const key = matchKey(one.spec);
  return key === undefined ? [] : [...caches.routes.byIndex("match", key)];
}

function acceptedCondition(one: Route, caches: RouteControllerOptions["caches"]): ConditionInput {
  const no = (reason: string, message: string): ConditionInput => ({ type: "Accepted", status: "False", reason, message });
  const { service, port, tcp } = one.spec;
  const target = caches.microservices.get(`${one.metadata.namespace}/${service}`);
  if (target === undefined) return no("ServiceMissing", `there is no Microservice ${service}; requests are answered 503 until there is one`);
  const { ports } = target.spec.template;
  const chosen = port === undefined ? ports[0] : ports.find((candidate) => candidate.name === port);
  if (ports.length === 0)
    return no("PortMissing", `${service} takes no calls: its template says \`ports: []\` (a worker); give it a port, or delete this Route`);
  if (chosen === undefined)
    return no("PortMissing", `${service} has no port ${port ?? ""}; it has ${ports.map((candidate) => candidate.name).join(", ") || "none"}`);
  if (tcp === undefined && chosen.protocol !== "http")
    return no("WrongProtocol", `port ${chosen.name} of ${service} speaks ${chosen.protocol}; a Route without tcp needs http`);
  if (matchKey(one.spec) === undefined) return no("NeverMatches", "its path is refused in requests, so that none has it");
  const shadows = findShadows(one, sameMatch(one, caches)).map((other) => other.metadata.name);
  if (shadows.length > 0)
    return no(
      "Shadowed",
      `nothing is left for it: Route ${shadows.join(", ")} ${shadows.length === 1 ? "gets" : "get"} all that it matches; delete one, or let it match something else`,
    );
  return { type: "Accepted", status: "True", reason: "Accepted", message: `leads to port ${chosen.name} of ${service}` };
}
