import { isDeepStrictEqual } from "node:util";
import { isOrreryError } from "#/base/index.ts";
import {
  findNearest,
  gateway,
  generation,
  host,
  instance,
  type Kind,
  type Microservice,
  microservice,
  resource,
  revision,
  route,
  SITE_NAME,
  type StoredObject,
  site,
  type Template,
  type Update,
  update,
} from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";
import {
  type AskedTarget,
  type Forecast,
  type ForecastScale,
  forecastApplied,
  forecastScales,
  forecastUpdate,
  type SeenSite,
  type ServiceChange,
  withChanges,
} from "#/traffic/update/core/index.ts";
import { readObject } from "./body.ts";
import type { Collection } from "./collection.ts";
import { type Exchange, jsonReply, type Reply } from "./exchange.ts";
import { withoutHidden } from "./hidden-names.ts";
import { checkNamespace } from "./namespaces.ts";
import { versionOf } from "./reads.ts";
import type { Rights } from "./rights.ts";
import { badRequest, failureStatus, isTrue, type Status } from "./status.ts";
import type { Foreseen, Target, Writes } from "./writes.ts";

/** Manifests of one request: as many as a large site has services. */
const MANIFESTS_MAX = 2_000;

/** What would come of one manifest. */
export interface ForeseenObject {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  /** `refused`: `refusal` says why; all else would be done. */
  readonly outcome: "created" | "changed" | "unchanged" | "refused";
  readonly refusal?: Status;
  /** What the write itself would warn of, such as that it waits for others to approve it. */
  readonly warnings?: readonly string[];
}

/** The answer of `POST /forecast`. */
export interface ForecastAnswer {
  readonly kind: "Forecast";
  readonly objects: readonly ForeseenObject[];
  /** What changed templates would come to, and what Updates would do, each as if those before it were made already. */
  readonly updates: readonly (Forecast & { readonly services?: readonly { readonly name: string; readonly to: string }[] })[];
  /** Instances that start and stop without a new version. */
  readonly scales: readonly ForecastScale[];
}

export interface ForecastOptions {
  readonly store: Store;
  readonly kinds: readonly Kind[];
  readonly namespaces: readonly string[];
  readonly collections: readonly Collection[];
  readonly writes: Writes;
  readonly rights: Rights;
  /** Versions that the site's folder offers. Absent: none. */
  readonly offeredTemplate?: (service: string, version: string) => Promise<Template | undefined>;
}

/** `POST /forecast`: what would come of manifests that are written together. Each is tried as its write would be, with the same rights and checks; nothing is written, and the audit is told of refusals alone.
 *  Query: `as=apply` (default; `fieldManager`, `force`) or `as=replace` (whole objects, with the version that was read); `fieldValidation` (default Strict).
 *  @throws api/forbidden: one of them may not be written by whom it is asked */
export async function serveForecast(exchange: Exchange, options: ForecastOptions): Promise<Reply> {
  const as = exchange.query.get("as") ?? "apply";
  if (as !== "apply" && as !== "replace") throw badRequest(`as: found ${JSON.stringify(as.slice(0, 100))}; allowed: apply, replace`);
  const given = manifestsOf(await readObject(exchange));
  const tried: Tried[] = [];
  for (const manifest of given) tried.push(await tryOne(exchange, options, manifest, as));
  return jsonReply(await foretell(exchange, options, tried));
}

interface Tried {
  readonly told: ForeseenObject;
  readonly change?: Foreseen;
}

/** @throws api/bad-request */
function manifestsOf(body: Readonly<Record<string, unknown>>): readonly Readonly<Record<string, unknown>>[] {
  const { kind, items } = body;
  if (kind !== "List") return [body];
  if (!Array.isArray(items) || items.some((one) => typeof one !== "object" || one === null || Array.isArray(one)))
    throw badRequest("items: give a list of manifests, or send one manifest alone");
  if (items.length > MANIFESTS_MAX) throw badRequest(`items: found ${items.length} manifests; allowed: ${MANIFESTS_MAX} at most; ask in parts`);
  return items;
}

async function tryOne(
  exchange: Exchange,
  options: ForecastOptions,
  manifest: Readonly<Record<string, unknown>>,
  as: "apply" | "replace",
): Promise<Tried> {
  const { kind: kindName, apiVersion, metadata } = manifest;
  const { name, generateName, namespace } = (typeof metadata === "object" && metadata !== null ? metadata : {}) as Record<string, unknown>;
  const title = {
    kind: typeof kindName === "string" ? kindName.slice(0, 100) : "",
    ...(typeof namespace === "string" && { namespace }),
    name: typeof name === "string" ? name.slice(0, 253) : typeof generateName === "string" ? `${generateName.slice(0, 253)}…` : "",
  };
  const subject = { verb: "update", ...(title.kind !== "" && { kind: title.kind }), ...(title.name !== "" && { name: title.name }) };
  const dry = dryExchange(exchange);
  const more = (): Pick<ForeseenObject, "warnings"> => (dry.warnings.length === 0 ? {} : { warnings: dry.warnings });
  try {
    const target = targetOf(options, kindName, apiVersion, namespace);
    if (title.name === "") throw badRequest("metadata.name: give a name");
    const change = await options.writes.foresee(dry, target, manifest, {
      as: typeof name === "string" ? as : "create",
      force: isTrue(exchange.query, "force"),
      name: title.name,
    });
    const { before, after } = change;
    const outcome = before === undefined ? "created" : isSameWish(before, after) ? "unchanged" : "changed";
    return { told: { ...title, outcome, ...more() }, change };
  } catch (error) {
    // Whoever may not do all of it is told nothing of it; and the audit is told of that.
    if (!isOrreryError(error) || error.code === "api/forbidden" || error.code.startsWith("access/")) throw error;
    return { told: { ...title, outcome: "refused", refusal: failureStatus(error, subject), ...more() } };
  }
}

/** The same request as a dry run of one of its manifests. */
function dryExchange(exchange: Exchange): Exchange {
  const query = new URLSearchParams(exchange.query);
  query.set("dryRun", "All");
  if (!query.has("fieldValidation")) query.set("fieldValidation", "Strict");
  const { request, response, method, path, user, address, clock, yaml, trail } = exchange;
  return {
    ...{ request, response, method, path, query, user, address, clock, yaml, trail, warnings: [] },
    get signal() {
      return exchange.signal;
    },
  };
}

/** @throws api/bad-request, api/missing */
function targetOf({ collections, namespaces }: ForecastOptions, kindName: unknown, apiVersion: unknown, namespace: unknown): Target {
  const collection = collections.find((one) => one.stored !== undefined && one.kind === kindName && versionOf(one) === apiVersion);
  if (collection?.stored === undefined) {
    const near = typeof kindName === "string" ? findNearest(kindName, [...new Set(collections.map((one) => one.kind))]) : undefined;
    throw badRequest(
      `there is no kind ${JSON.stringify(kindName)?.slice(0, 100) ?? "(none given)"} in ${JSON.stringify(apiVersion)?.slice(0, 100) ?? "no apiVersion"}${near === undefined ? "" : `; did you mean ${near}?`}`,
    );
  }
  const place = collection.isNamespaced ? (typeof namespace === "string" && namespace !== "" ? namespace : "default") : undefined;
  if (place !== undefined) checkNamespace(namespaces, place);
  return { collection, kind: collection.stored, ...(place !== undefined && { namespace: place }) };
}

/** True if somebody wishes the same in both: a version of its status may have come between. */
function isSameWish(before: StoredObject, after: StoredObject): boolean {
  return isDeepStrictEqual(wishOf(before), wishOf(after));
}

function wishOf({
  metadata: { resourceVersion: _version, managedFields: _managed, generation: _generation, ...metadata },
  spec,
}: StoredObject): object {
  return { metadata, spec };
}

async function foretell(exchange: Exchange, options: ForecastOptions, tried: readonly Tried[]): Promise<ForecastAnswer> {
  const changes = tried.flatMap(({ change }) => (change === undefined ? [] : [change]));
  const services = changes.filter((one): one is ServiceChange => one.after.kind === microservice.kind);
  const asked = changes.flatMap(({ after, before }) => (after.kind === update.kind && before === undefined ? [after as Update] : []));
  const objects = tried.map(({ told }) => told);
  if (services.length === 0 && asked.length === 0) return { kind: "Forecast", objects, updates: [], scales: [] };
  const seen = await seeSite(options.store);
  if (seen === undefined) return { kind: "Forecast", objects, updates: [], scales: [] };
  const nowMs = exchange.clock.now();
  const would: SeenSite = { ...seen, microservices: withChanges(seen.microservices, services) };
  const updates: ForecastAnswer["updates"][number][] = [...forecastApplied(services, seen, nowMs)];
  const queue = [...seen.updates];
  for (const one of asked) {
    const found = await findTargets(one, would, options);
    const told = "problem" in found ? found : forecastUpdate(one, found.targets, { ...would, updates: queue }, nowMs);
    updates.push({ services: one.spec.services, ...("outcome" in told ? told : unfit(one, told.problem)) });
    queue.push(one);
  }
  const told = withoutHidden(exchange.user, options.rights, seen, { updates, scales: forecastScales(services, seen) });
  return { kind: "Forecast", objects, ...told };
}

function unfit(one: Update, problem: string): Forecast {
  const empty = { changes: [], alongside: [], starts: [], stops: [], waits: [], notPromised: [], refusals: [] };
  return { outcome: "unfit", strategy: one.spec.strategy ?? "consistent", ...empty, problem };
}

/** The versions that an Update names: Revisions by name, the newest of that version, what the site's folder offers, what the manifest says. */
async function findTargets(
  one: Update,
  { microservices, revisions }: Pick<SeenSite, "microservices" | "revisions">,
  { offeredTemplate }: ForecastOptions,
): Promise<{ readonly targets: readonly AskedTarget[] } | { readonly problem: string }> {
  const targets: AskedTarget[] = [];
  for (const { name, to } of one.spec.services) {
    const service = microservices.find(({ metadata }) => metadata.name === name);
    if (service === undefined) return { problem: `there is no microservice called ${name}` };
    const known = revisions
      .filter(({ spec }) => spec.service === name)
      .toSorted((a, b) => Number(b.metadata.resourceVersion) - Number(a.metadata.resourceVersion));
    const found = known.find(({ metadata }) => metadata.name === to) ?? known.find(({ spec }) => spec.template.version === to);
    const offered = found === undefined ? await offeredTemplate?.(name, to) : undefined;
    const present = service.spec.template;
    const template = found?.spec.template ?? offered ?? (present.version === to ? present : undefined);
    if (template === undefined) return { problem: `${name} has no version or revision ${to}: no Revision has it, and the site's folder offers none` };
    targets.push({ service: name, asked: to, ...(found === undefined ? {} : { revision: found.metadata.name }), template });
  }
  return { targets };
}

/** All of the site: what is told of it is cut to what may be seen afterwards. A forecast over a part of it would be wrong. */
async function seeSite(store: Store): Promise<SeenSite | undefined> {
  const list = async <K extends Kind>(kind: K): Promise<readonly K["$object"][]> => (await store.list(kind)).items;
  const [one, microservices, revisions, generations, instances, routes, resources, hosts, gateways, updates] = await Promise.all([
    store.get(site, { name: SITE_NAME }),
    list(microservice),
    list(revision),
    list(generation),
    list(instance),
    list(route),
    list(resource),
    list(host),
    list(gateway),
    list(update),
  ]);
  if (one === undefined) return undefined;
  return {
    site: one,
    microservices: microservices as readonly Microservice[],
    revisions,
    generations,
    instances,
    routes,
    resources,
    hosts,
    gateways,
    updates,
  };
}
