import { z } from "zod";
import { type Clock, isOrreryError, type LastGuard, type Log, OrreryError, type Random } from "#/base/index.ts";
import type { Pages } from "#/face/pages/index.ts";
import { type TableLook, Views } from "#/face/views/index.ts";
import { API_GROUP, DEFAULT_NAMESPACE, type Kind, SITE_NAME, site } from "#/model/index.ts";
import type { Approvals, Authenticate, Authorizer, OnRevoked, Wish } from "#/people/access/index.ts";
import type { Login } from "#/people/login/index.ts";
import type { Hub } from "#/state/link/hub/index.ts";
import { type CentrePart, type PartPath, type PathCaller, servedKinds } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import type { SeriesStore } from "#/watch/series/index.ts";
import { serveAccessLines } from "./access-lines.ts";
import { serveCall, serveDecision } from "./approval-decisions.ts";
import { auditPage, serveAudit } from "./audit-pages.ts";
import { type BodyOptions, readBody } from "./body.ts";
import { type BrowserRules, cookieName, cookieOf } from "./browser.ts";
import { type Collection, storedCollection } from "./collection.ts";
import { serveConsole } from "./console-mount.ts";
import { Discovery, isReview } from "./discovery.ts";
import { newEvents } from "./event-form.ts";
import { EventWrites } from "./event-writes.ts";
import { events } from "./events.ts";
import { type Exchange, headerOf, jsonReply, type Reply } from "./exchange.ts";
import { type ForecastOptions, serveForecast } from "./forecast.ts";
import { type ReadyCheck, serveReady } from "./health.ts";
import { InstanceAccess } from "./instance-access.ts";
import { serveLink } from "./link-mount.ts";
import { serveLive } from "./live.ts";
import { LoginRoutes } from "./login-routes.ts";
import { atPath, checkMethod, collectionMethods, partMethods, READ_METHODS, VERBS } from "./methods.ts";
import type { Metrics } from "./metrics.ts";
import { checkNamespace, namespaces } from "./namespaces.ts";
import { leftOut, notServed } from "./not-served.ts";
import { OpenApi } from "./open-api.ts";
import { findPart, type Part, servePart } from "./parts.ts";
import { PROMETHEUS_PATHS, PROMETHEUS_ROOT, prometheusMethods, prometheusMissing, servePrometheus } from "./prometheus.ts";
import { Reads, versionOf } from "./reads.ts";
import { serveReview } from "./reviews.ts";
import { Rights } from "./rights.ts";
import { readSmallBody } from "./small-body.ts";
import { isTrue, type Subject } from "./status.ts";
import { subresources } from "./subresources.ts";
import type { TrailOptions } from "./trail.ts";
import { ViewsMount, viewedCollection, viewedLogs } from "./views-mount.ts";
import type { WatcherCount } from "./watch.ts";
import { type CheckChange, type CheckDeletion, Writes } from "./writes.ts";

export interface RoutesOptions {
  readonly store: Store;
  readonly kinds: readonly Kind[];
  readonly namespaces: readonly string[];
  readonly hub?: Hub;
  readonly authorizer: Authorizer;
  readonly approvals?: Approvals;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly version: string;
  readonly checks: readonly ReadyCheck[];
  readonly warnings: readonly ReadyCheck[];
  readonly metrics: Metrics;
  readonly watchers: WatcherCount;
  readonly backup?: () => Promise<object>;
  readonly trail?: TrailOptions;
  readonly pages?: Pages;
  readonly series?: SeriesStore;
  readonly login?: { readonly login: Login; readonly browser: BrowserRules };
  readonly checkDeletion?: CheckDeletion;
  readonly checkChange?: CheckChange;
  readonly authenticate: Authenticate;
  readonly onRevoked?: OnRevoked;
  readonly guard?: LastGuard;
  readonly table?: TableLook;
  readonly offeredTemplate?: ForecastOptions["offeredTemplate"];
  /** Paths of parts. */
  readonly paths: readonly PartPath[];
  /** Parts that this site does without. */
  readonly leftOut: readonly Pick<CentrePart, "name" | "kinds" | "topics">[];
  /** Live topics of the parts that there are. */
  readonly topics: readonly string[];
}

/** What a request asks for, and how it is answered. */
export interface Route {
  /** What must be allowed. */
  readonly wish: Wish;
  /** `open`: for everybody, also who is not known; `known`: for everybody who is. Absent: as the authorizer says. */
  readonly access?: "open" | "known";
  /** For messages, metrics and the audit. */
  readonly subject: Subject;
  /** `resources`, `instances/status`, `/live`: a bounded set of words. */
  readonly resource: string;
  /** Streams take no place among the requests in flight. */
  readonly isStream: boolean;
  readonly serve: (exchange: Exchange) => Promise<Reply> | Reply;
}

/** Of what is posted to the path of a part. */
const PATH_BODY: BodyOptions = { bytesMax: 1024 * 1024 };
const NO_SETTINGS = z.strictObject({});
const REVIEW_GROUPS: readonly string[] = ["authentication.k8s.io", "authorization.k8s.io"];

/** The place in the API that a path names. */
interface Place {
  readonly collection: Collection;
  readonly namespace?: string;
  readonly name?: string;
  readonly part?: string;
  readonly argument?: string;
}

const ANY_KIND = { group: API_GROUP, plural: "*" };

/** What fails in the middle is told as the last line. */
async function* jsonLines(items: AsyncIterable<object>): AsyncGenerator<string, void, undefined> {
  try {
    for await (const item of items) yield `${JSON.stringify(item)}\n`;
  } catch (error) {
    if (!isOrreryError(error)) throw error;
    yield `${JSON.stringify({ error: { code: error.code, message: error.message } })}\n`;
  }
}

/** All that is served, by path and method. */
export class Routes {
  readonly #options: RoutesOptions;
  readonly #collections: readonly Collection[];
  readonly #rights: Rights;
  readonly #reads: Reads;
  readonly #writes: Writes;
  readonly #discovery: Discovery;
  readonly #openApi: OpenApi;
  readonly #parts: readonly Part[];
  readonly #access: InstanceAccess | undefined;
  readonly #viewsMount: ViewsMount;
  /** What consoles look at. */
  readonly views: Views;
  readonly #login: LoginRoutes | undefined;

  constructor(options: RoutesOptions) {
    const { store, kinds, clock, hub, version } = options;
    this.#options = options;
    const rights = new Rights(options);
    this.#rights = rights;
    const writes = new EventWrites({ ...options, rights });
    this.#collections = [
      namespaces({ names: options.namespaces, createdMs: clock.now() }),
      events({ store, kinds, clock, writes, rights }),
      events({ store, kinds, clock, writes, rights, form: newEvents }),
      ...kinds.map((kind) => storedCollection(kind, store, rights)),
    ];
    this.#reads = new Reads(options);
    this.#writes = new Writes(store, this.#reads, { ...options, rights });
    this.#access = hub === undefined ? undefined : new InstanceAccess({ store, hub, clock, rights });
    this.#parts = subresources({
      store,
      reads: this.#reads,
      writes: this.#writes,
      rights,
      ...(this.#access !== undefined && { access: this.#access }),
    });
    this.#login = options.login === undefined ? undefined : new LoginRoutes({ ...options.login, authorizer: options.authorizer, store, clock });
    this.#discovery = new Discovery(this.#collections, this.#parts);
    this.#openApi = new OpenApi(this.#collections, version);
    this.views = new Views({
      ...options,
      checks: [...options.checks, ...options.warnings],
      kinds: this.#collections.map(viewedCollection),
      ...(hub !== undefined && { board: hub.board }),
      ...(this.#access !== undefined && { openLog: viewedLogs(this.#access, clock) }),
    });
    const browser = options.login?.browser;
    this.#viewsMount = new ViewsMount({
      ...options,
      views: this.views,
      sessionCookie: (request) => (browser === undefined ? headerOf(request, "cookie") : cookieOf(request, cookieName(browser, request))),
    });
  }

  /** The route of a request.
   *  @throws api/missing, api/left-out, api/method */
  find(method: string, path: readonly string[], query: URLSearchParams): Route {
    const [root = "", group, version] = path;
    if (root === "api" && path.length > 2) return this.#object(this.#place("", path.slice(2), group), method, query, path);
    if (root === "apis" && path.length > 3) {
      if (REVIEW_GROUPS.includes(group ?? "")) return this.#review(method, path);
      return this.#object(this.#place(group ?? "", path.slice(3), version), method, query, path);
    }
    if (root === "link") return this.#pathRoute(method, path, (exchange) => serveLink(exchange, this.#hub()), { verb: "post", isStream: true });
    if (root === "logs" && path.length === 1 && this.#access !== undefined) {
      const access = this.#access;
      return this.#pathRoute(method, path, (exchange) => access.logs(exchange), { isStream: true });
    }
    if (root === "access-lines" && path.length === 1) return this.#pathRoute(method, path, (exchange) => serveAccessLines(exchange, this.#hub()));
    if (root === "views" && path.length === 1)
      return this.#pathRoute(method, path, (exchange) => this.#viewsMount.serve(exchange), { isStream: true });
    if (root === "forecast" && path.length === 1) {
      const { offeredTemplate, ...rest } = this.#options;
      const options = {
        ...rest,
        ...(offeredTemplate !== undefined && { offeredTemplate }),
        collections: this.#collections,
        writes: this.#writes,
        rights: this.#rights,
      };
      // What each manifest is about is asked for one by one, as its write would be; it is no write.
      const more = { access: "known", subject: { verb: "review" } } as const;
      return { ...this.#pathRoute(method, path, (exchange) => serveForecast(exchange, options), { verb: "post" }), ...more };
    }
    const { backup } = this.#options;
    if (root === "backup" && backup !== undefined)
      return this.#pathRoute(method, path, (exchange) => this.#backup(exchange, backup), { verb: "post", isStream: true });
    const { pages } = this.#options;
    if (root === "console" && pages !== undefined) return this.#pathRoute(method, path, (exchange) => serveConsole(exchange, pages));
    const { approvals } = this.#options;
    if (root === "approvals" && approvals !== undefined && path.length === 3) {
      if (path[2] === "call") return this.#pathRoute(method, path, (exchange) => serveCall(exchange, approvals, this.#rights));
      return this.#pathRoute(method, path, (exchange) => serveDecision(exchange, approvals), { verb: "post" });
    }
    const login = this.#login?.find(method, path);
    if (login !== undefined) {
      const { isWrite = false, ...found } = login;
      const serve: Route["serve"] = (exchange) => {
        // Logging in tells of itself.
        if (!isWrite) exchange.trail.hold();
        return found.serve(exchange);
      };
      return { ...found, wish: { verb: login.subject.verb, path: `/${path.join("/")}` }, isStream: false, serve };
    }
    const { trail, ...options } = this.#options;
    const page = root === "audit" && trail !== undefined ? auditPage(path) : undefined;
    if (page !== undefined && trail !== undefined)
      return this.#pathRoute(method, path, (exchange) => serveAudit(exchange, { trail, ...options }), page);
    const { series } = this.#options;
    if (root === "prometheus" && series !== undefined) return this.#prometheusRoute(method, path, series);
    const own = this.#partRoute(method, path);
    if (own !== undefined) return own;
    if (!ROOTS.has(root)) return notServed(path);
    return this.#pathRoute(method, path, (exchange) => this.#page(exchange));
  }

  async #backup(exchange: Exchange, backup: () => Promise<object>): Promise<Reply> {
    // It has no settings: who sends some believes in what is not done.
    await readSmallBody(exchange, NO_SETTINGS);
    const one = await this.#options.store.get(site, { name: SITE_NAME });
    if (one !== undefined) await this.#rights.checkCall(exchange, "backup", [one], "backup");
    await exchange.trail.begin("backup");
    return jsonReply(await backup(), 201);
  }

  /** Whatever its method, it reads: so whoever may GET it may POST it. */
  #prometheusRoute(method: string, path: readonly string[], series: SeriesStore): Route {
    const methods = prometheusMethods(path);
    if (methods !== undefined) checkMethod(method, methods, atPath(method, path));
    const { version } = this.#options;
    return {
      wish: { verb: "get", path: `/${path.join("/")}` },
      subject: { verb: "get" },
      resource: `/${PROMETHEUS_ROOT}`,
      isStream: false,
      serve: (exchange) => (methods === undefined ? prometheusMissing(path) : servePrometheus(exchange, { series, version })),
    };
  }

  #pathRoute(
    method: string,
    path: readonly string[],
    serve: Route["serve"],
    options: { readonly verb?: string; readonly isStream?: boolean } = {},
  ): Route {
    const text = `/${path.join("/")}`;
    const verb = options.verb ?? "get";
    checkMethod(method, verb === "post" ? ["POST"] : READ_METHODS, atPath(method, path));
    return {
      wish: { verb, path: text },
      subject: { verb },
      resource: `/${path[0] ?? ""}`,
      isStream: options.isStream ?? false,
      serve,
    };
  }

  /** A path that a part serves. */
  #partRoute(method: string, path: readonly string[]): Route | undefined {
    const text = `/${path.join("/")}`;
    const served = this.#options.paths.filter((one) => one.path === text);
    if (served.length === 0) return undefined;
    checkMethod(
      method,
      served.flatMap((one) => (one.method === "GET" ? READ_METHODS : [one.method])),
      atPath(method, path),
    );
    const wanted = method === "HEAD" ? "GET" : method;
    const found = served.find((one) => one.method === wanted) as PartPath;
    const verb = wanted.toLowerCase();
    return {
      wish: { verb, path: text },
      ...(found.isByObject === true && { access: "known" as const }),
      subject: { verb },
      resource: text,
      isStream: found.isStream === true,
      serve: async (exchange) => {
        const body = method === "POST" ? await readBody(exchange, PATH_BODY) : undefined;
        if (method === "POST" && found.isByObject !== true) await exchange.trail.begin(path.join("-"));
        const caller: PathCaller = {
          name: exchange.user.name,
          sees: (kind, object, reading) => this.#rights.shows(exchange.user, kind, object, reading),
          seesAll: (kind, reading) => this.#rights.seesAll(exchange.user, kind === "*" ? ANY_KIND : kind, reading),
          act: async (action, object, { reason } = {}) => {
            const { kind, metadata } = object;
            await this.#rights.checkCall(exchange, action, [object], action);
            await exchange.trail.begin(action, {
              object: { kind, ...(metadata.namespace !== undefined && { namespace: metadata.namespace }), name: metadata.name, uid: metadata.uid },
              ...(reason !== undefined && { reason }),
            });
          },
        };
        const answer = await found.serve({ query: exchange.query, body, signal: exchange.signal, caller });
        if (found.isStream !== true) return jsonReply(answer);
        return { status: 200, contentType: "application/x-ndjson", chunks: jsonLines(answer as AsyncIterable<object>) };
      },
    };
  }

  async #page(exchange: Exchange): Promise<Reply> {
    const { checks, metrics, version } = this.#options;
    switch (exchange.path[0]) {
      case undefined:
        return jsonReply({
          paths: [
            "/api",
            "/apis",
            ...this.#collections.map((collection) => `/${collection.group === "" ? "api" : "apis"}/${versionOf(collection)}`).filter(isFirst),
            "/forecast",
            "/healthz",
            "/live",
            "/livez",
            "/metrics",
            "/openapi/v2",
            "/openapi/v3",
            ...(this.#options.series === undefined ? [] : PROMETHEUS_PATHS),
            "/readyz",
            "/version",
            "/views",
          ],
        });
      case "healthz":
      case "livez":
        return await serveReady([], exchange.query.has("verbose"));
      case "readyz":
        return await serveReady(
          [{ name: "store", check: () => this.#readStore() }, ...checks],
          exchange.query.has("verbose"),
          this.#options.warnings,
        );
      case "version":
        return jsonReply(versionInfo(version));
      case "metrics":
        return { status: 200, contentType: metrics.contentType, text: await metrics.text() };
      case "live": {
        const topic = exchange.path[1] ?? "";
        const without = this.#options.leftOut.find(({ topics = [] }) => topics.includes(topic));
        if (without !== undefined) throw leftOut(`/live/${topic}`, without.name);
        const { store, kinds, topics } = this.#options;
        return await serveLive(exchange, this.#hub(), { rights: this.#rights, store, kinds, topics });
      }
      default:
        return this.#discovery.serve(exchange) ?? this.#openApi.serve(exchange) ?? notServed(exchange.path);
    }
  }

  async #readStore(): Promise<void> {
    const [kind] = this.#options.kinds;
    if (kind !== undefined) await this.#options.store.list(kind, { limit: 1 });
  }

  #hub(): Hub {
    if (this.#options.hub === undefined) throw new OrreryError("api/missing", "this server has no live data");
    return this.#options.hub;
  }

  #review(method: string, path: readonly string[]): Route {
    const [, group = "", version = "", plural = ""] = path;
    if (path.length > 4 || !isReview(group, version, plural)) return notServed(path);
    checkMethod(method, ["POST"], atPath(method, path));
    return {
      wish: { verb: "create", group, resource: plural },
      subject: { verb: "review", plural, group },
      resource: "reviews",
      isStream: false,
      serve: (exchange) => serveReview(exchange, this.#options, plural),
    };
  }

  /** @throws api/missing, api/left-out */
  #place(group: string, rest: readonly string[], version: string | undefined): Place | undefined {
    const isScoped = rest[0] === "namespaces" && rest.length > 2;
    const [plural, name, part, argument, ...more] = isScoped ? rest.slice(2) : rest;
    const collection = this.#collections.find((one) => one.group === group && one.version === version && one.plural === plural);
    const without = this.#options.leftOut.find(({ kinds }) =>
      servedKinds([{ kinds }]).some((kind) => kind.group === group && kind.plural === plural),
    );
    if (without !== undefined) throw leftOut(plural ?? "", without.name);
    if (collection === undefined || more.length > 0 || collection.isNamespaced !== (isScoped || (collection.isNamespaced && name === undefined)))
      return undefined;
    return {
      collection,
      ...(isScoped && rest[1] !== undefined && { namespace: rest[1] }),
      ...(name !== undefined && { name }),
      ...(part !== undefined && { part }),
      ...(argument !== undefined && { argument }),
    };
  }

  #object(place: Place | undefined, method: string, query: URLSearchParams, path: readonly string[]): Route {
    if (place === undefined) return notServed(path);
    const { collection, namespace, name } = place;
    const part = place.part === undefined ? undefined : findPart(this.#parts, collection, place.part, place.argument);
    if (place.part !== undefined && part === undefined) return notServed(path);
    const isRead = method === "GET" || method === "HEAD";
    const isWatch = method === "GET" && name === undefined && isTrue(query, "watch");
    const verb =
      name === undefined
        ? method === "DELETE"
          ? "deletecollection"
          : isRead
            ? isWatch
              ? "watch"
              : "list"
            : (VERBS[method] ?? "")
        : method === "POST"
          ? "create"
          : (VERBS[method] ?? "");
    checkMethod(method, part === undefined ? collectionMethods(collection, name === undefined) : partMethods(part), () => {
      const of = part !== undefined ? `/${part.name}` : name === undefined ? " as a whole" : ` (${name.slice(0, 200)})`;
      return `${verb || method} is not served for ${collection.plural}${of}`;
    });
    return {
      wish: {
        verb,
        group: collection.group,
        resource: collection.plural,
        ...(part !== undefined && { subresource: part.name }),
        ...(namespace !== undefined && { namespace }),
        ...(name !== undefined && { name }),
      },
      subject: { verb, kind: collection.kind, plural: collection.plural, group: collection.group, ...(name !== undefined && { name }) },
      resource: part === undefined ? collection.plural : `${collection.plural}/${part.name}`,
      isStream: isWatch || part?.isStream === true,
      serve: (exchange) => (part === undefined ? this.#serve(exchange, place, verb) : this.#servePart(exchange, place, part, verb)),
    };
  }

  async #serve(exchange: Exchange, { collection, namespace, name }: Place, verb: string): Promise<Reply> {
    if (verb === "list") return await this.#reads.list(exchange, collection, namespace);
    if (verb === "watch") return await this.#reads.watch(exchange, collection, namespace);
    if (verb === "get" && name !== undefined)
      return await this.#reads.get(exchange, collection, { name, ...(namespace !== undefined && { namespace }) });
    const { stored, writes } = collection;
    if (verb === "create" && name === undefined && writes !== undefined) return await writes.create(exchange, namespace);
    if ((verb === "update" || verb === "patch") && name !== undefined && writes !== undefined) return await writes[verb](exchange, namespace, name);
    if (verb === "delete" && name !== undefined && writes !== undefined) return await writes.delete(exchange, namespace, name);
    if (verb === "deletecollection" && writes !== undefined) return await writes.deleteCollection(exchange, namespace);
    if (stored === undefined) return notServed(exchange.path);
    const target = { collection, kind: stored, ...(collection.isNamespaced && { namespace: namespace ?? DEFAULT_NAMESPACE }) };
    if (verb === "create") {
      checkNamespace(this.#options.namespaces, target.namespace);
      return await this.#writes.create(exchange, target);
    }
    if (name === undefined) return await this.#writes.deleteCollection(exchange, target);
    if (verb === "update") return await this.#writes.update(exchange, target, name);
    if (verb === "delete") return await this.#writes.delete(exchange, target, name);
    // Applying may create.
    checkNamespace(this.#options.namespaces, target.namespace);
    return await this.#writes.patch(exchange, target, name);
  }

  async #servePart(exchange: Exchange, { collection, namespace, name = "", argument = "" }: Place, part: Part, verb: string): Promise<Reply> {
    const { stored } = collection;
    if (stored === undefined) return notServed(exchange.path);
    const target = { collection, kind: stored, ...(collection.isNamespaced && { namespace: namespace ?? DEFAULT_NAMESPACE }) };
    return await servePart(part, verb)(exchange, target, name, argument);
  }
}

const ROOTS: ReadonlySet<string> = new Set([
  "",
  "access-lines",
  "api",
  "apis",
  "audit",
  "approvals",
  "backup",
  "console",
  "forecast",
  "healthz",
  "live",
  "livez",
  "link",
  "logs",
  "metrics",
  "openapi",
  "readyz",
  "version",
  "views",
]);

function isFirst<T>(item: T, index: number, list: readonly T[]): boolean {
  return list.indexOf(item) === index;
}

/** The Kubernetes release whose conventions are followed, and our own. */
function versionInfo(version: string): object {
  return {
    major: "1",
    minor: "34",
    gitVersion: `v1.34.0+orrery.${version}`,
    gitCommit: "",
    gitTreeState: "clean",
    buildDate: "1970-01-01T00:00:00Z",
    goVersion: "",
    compiler: "node",
    platform: `${process.platform}/${process.arch}`,
    orrery: version,
  };
}
