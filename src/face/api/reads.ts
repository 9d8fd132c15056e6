import { type Clock, OrreryError, type Random } from "#/base/index.ts";
import { jsonOf, type ListOptions } from "#/state/store/index.ts";
import type { Collection, ServedObject } from "./collection.ts";
import { type Exchange, headerOf, JSON_TYPE, type Reply } from "./exchange.ts";
import { type Form, negotiateForm } from "./negotiate.ts";
import { TurnLines } from "./shared-line.ts";
import { badRequest, isTrue } from "./status.ts";
import { partialMetadata, type TableMaker, tableMaker } from "./table.ts";
import { type WatcherCount, watchLines } from "./watch.ts";

/** Watches end after a time, so that clients spread over servers again; kube-apiserver does so after 30 to 60 minutes. */
const WATCH_MS_MIN = 30 * 60_000;
/** A list without a limit is whole; a page is never larger. */
const PAGE_ITEMS_MAX = 10_000;

export interface ReadsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly watchers: WatcherCount;
}

type Shown = "Object" | "Metadata" | "None";

/** get, list and watch of any collection, in the form that the client accepts. */
export class Reads {
  readonly #options: ReadsOptions;
  readonly #tables = new Map<Collection, TableMaker>();
  /** A table's first row brings its columns, and includeObject is each client's own: its lines are nobody else's. */
  readonly #lines = { object: new TurnLines(), metadata: new TurnLines() };

  constructor(options: ReadsOptions) {
    this.#options = options;
  }

  /** One object. @throws store/missing */
  async get(exchange: Exchange, collection: Collection, key: { readonly name: string; readonly namespace?: string }): Promise<Reply> {
    const { query, user } = exchange;
    readVersion(query);
    if (isVersionNamed(query)) checkReached(query, (await collection.list(user, { limit: 1 })).resourceVersion);
    const object = await collection.get(user, key);
    if (object === undefined) throw missing(collection, key.name);
    return this.object(exchange, collection, object);
  }

  /** The reply that shows one object. */
  object(exchange: Exchange, collection: Collection, object: ServedObject, status = 200): Reply {
    const form = negotiateForm(headerOf(exchange.request, "accept"));
    return { status, contentType: JSON_TYPE, text: this.#render(form, collection, shownOf(exchange), object, true) };
  }

  async list(exchange: Exchange, collection: Collection, namespace: string | undefined): Promise<Reply> {
    const { query } = exchange;
    const form = negotiateForm(headerOf(exchange.request, "accept"));
    readVersion(query);
    const list = await collection.list(exchange.user, { ...selection(query, namespace), ...paging(query) });
    // A further page is as old as the first.
    if ((query.get("continue") ?? "") === "") checkReached(query, list.resourceVersion);
    checkExact(query, list.resourceVersion);
    const metadata = {
      resourceVersion: list.resourceVersion,
      ...(list.continue !== undefined && { continue: list.continue }),
      ...(list.remainingItemCount !== undefined && { remainingItemCount: list.remainingItemCount }),
    };
    if (form === "table") {
      const maker = this.#table(collection);
      const shown = shownOf(exchange);
      return {
        status: 200,
        contentType: JSON_TYPE,
        text: maker.table(
          list.items.map((item) => maker.row(item, shown, () => jsonOf(item))),
          { columns: true, metadata },
        ),
      };
    }
    const [apiVersion, kind] =
      form === "metadata" ? ["meta.k8s.io/v1", "PartialObjectMetadataList"] : [versionOf(collection), `${collection.kind}List`];
    const items = form === "metadata" ? list.items.map((item) => JSON.stringify(partialMetadata(item))) : list.items.map((item) => jsonOf(item));
    return {
      status: 200,
      contentType: JSON_TYPE,
      text: `{"kind":"${kind}","apiVersion":"${apiVersion}","metadata":${JSON.stringify(metadata)},"items":[${items.join(",")}]}`,
    };
  }

  /** What is wrong with the wish itself is refused; what becomes of the watch is told within it.
   *  @throws api/bad-request, store/invalid, api/busy */
  async watch(exchange: Exchange, collection: Collection, namespace: string | undefined): Promise<Reply> {
    const { clock, random, watchers } = this.#options;
    const { query, user, signal } = exchange;
    const form = negotiateForm(headerOf(exchange.request, "accept"));
    const shown = shownOf(exchange);
    const wantsInitial = isTrue(query, "sendInitialEvents");
    const resourceVersion = query.get("resourceVersion") ?? "";
    const fromNothing = wantsInitial || resourceVersion === "" || resourceVersion === "0";
    const bookmarks = isTrue(query, "allowWatchBookmarks");
    readVersion(query);
    collection.check(selection(query, namespace));
    const timeoutMs = secondsOf(query, "timeoutSeconds") ?? WATCH_MS_MIN * (1 + random.next());
    // The signal fires at the end of every exchange, also of one whose client left before the first line.
    signal.addEventListener("abort", watchers.enter(user.name), { once: true });
    const lines = watchLines({
      open: (ending) =>
        collection.watch(user, {
          ...selection(query, namespace),
          ...(fromNothing ? {} : { resourceVersion }),
          bookmarks: bookmarks || wantsInitial,
          signal: ending,
        }),
      render: (object, isFirst) => this.#render(form, collection, shown, object, isFirst),
      ...(form !== "table" && { shared: this.#lines[form] }),
      apiVersion: form === "table" ? "meta.k8s.io/v1" : versionOf(collection),
      kind: form === "table" ? "Table" : collection.kind,
      bookmarks,
      marksInitialEnd: wantsInitial,
      timeoutMs,
      clock,
      signal,
    });
    return { status: 200, contentType: JSON_TYPE, chunks: lines };
  }

  #render(form: Form, collection: Collection, shown: Shown, object: ServedObject, withColumns: boolean): string {
    if (form === "metadata") return JSON.stringify(partialMetadata(object));
    if (form === "object") return jsonOf(object);
    const maker = this.#table(collection);
    return maker.table([maker.row(object, shown, () => jsonOf(object))], {
      columns: withColumns,
      metadata: { resourceVersion: object.metadata.resourceVersion },
    });
  }

  #table(collection: Collection): TableMaker {
    const known = this.#tables.get(collection);
    if (known !== undefined) return known;
    const made = tableMaker(collection.columns, () => this.#options.clock.now());
    this.#tables.set(collection, made);
    return made;
  }
}

/** store/missing in the words of Kubernetes. */
export function missing(collection: Collection, name: string): OrreryError {
  return new OrreryError("store/missing", `${collection.plural}${collection.group === "" ? "" : `.${collection.group}`} "${name}" not found`, {
    details: { kind: collection.kind, name },
  });
}

export function versionOf(collection: { readonly group: string; readonly version: string }): string {
  return collection.group === "" ? collection.version : `${collection.group}/${collection.version}`;
}

/** Namespace and selectors of a query. */
export function selection(query: URLSearchParams, namespace: string | undefined): Pick<ListOptions, "namespace" | "labelSelector" | "fieldSelector"> {
  const labelSelector = query.get("labelSelector");
  const fieldSelector = query.get("fieldSelector");
  return {
    ...(namespace !== undefined && { namespace }),
    ...(labelSelector !== null && { labelSelector }),
    ...(fieldSelector !== null && { fieldSelector }),
  };
}

function paging(query: URLSearchParams): Pick<ListOptions, "limit" | "continue"> {
  const limit = numberOf(query, "limit");
  const next = query.get("continue");
  return {
    ...(limit !== undefined && limit !== 0 && { limit: Math.min(limit, PAGE_ITEMS_MAX) }),
    ...(next !== null && next !== "" && { continue: next }),
  };
}

/** @throws store/invalid: what is no version; api/bad-request: another wish than there is */
function readVersion(query: URLSearchParams): void {
  const version = query.get("resourceVersion") ?? "";
  if (!/^[0-9]*$/.test(version)) throw unreadableVersion(`found ${JSON.stringify(version.slice(0, 200))}; give one as it came, or none`);
  const match = query.get("resourceVersionMatch") ?? "";
  if (!["", "Exact", "NotOlderThan"].includes(match))
    throw badRequest(`resourceVersionMatch: found ${JSON.stringify(match.slice(0, 200))}; allowed: Exact, NotOlderThan`);
  if (match === "Exact" && !isVersionNamed(query))
    throw badRequest("resourceVersionMatch: Exact needs a resourceVersion other than 0: which one is meant?");
}

/** In the words of the store, which says the same where it is asked without the API. */
function unreadableVersion(message: string): OrreryError {
  return new OrreryError("store/invalid", `the wish is not valid: resourceVersion: ${message}`, {
    details: { causes: [{ field: "resourceVersion", message }] },
  });
}

function isVersionNamed(query: URLSearchParams): boolean {
  return !/^0*$/.test(query.get("resourceVersion") ?? "");
}

/** Whoever has seen a version must not be shown less. Clients of Kubernetes know this refusal by its cause, and ask again without a version: so they find the way back after a store was put back.
 *  @throws api/too-large-version */
function checkReached(query: URLSearchParams, present: string): void {
  const version = query.get("resourceVersion") ?? "";
  if (!isVersionNamed(query) || BigInt(version) <= BigInt(present)) return;
  const shown = version.replace(/^0+/, "").slice(0, 100);
  throw new OrreryError("api/too-large-version", `Timeout: Too large resource version: ${shown}, current: ${present}`, { retry: "backoff" });
}

/** A list at an exact version is served only if that is the present one: former ones are not kept. */
function checkExact(query: URLSearchParams, present: string): void {
  if (query.get("resourceVersionMatch") !== "Exact" || query.get("resourceVersion") === present) return;
  throw new OrreryError(
    "store/gone",
    `resourceVersion ${query.get("resourceVersion")} is not the present one, ${present}, and no other is kept; list without resourceVersionMatch=Exact`,
    { retry: "after-reread" },
  );
}

function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  if (!/^-?\d{1,9}$/.test(text)) throw badRequest(`${name}: found ${JSON.stringify(text)}; give a whole number`);
  return Number(text);
}

function secondsOf(query: URLSearchParams, name: string): number | undefined {
  const seconds = numberOf(query, name);
  return seconds === undefined || seconds === 0 ? undefined : seconds * 1_000;
}

function shownOf(exchange: Exchange): Shown {
  const wanted = exchange.query.get("includeObject");
  return wanted === "Object" || wanted === "None" ? wanted : "Metadata";
}
