import { readWrittenPath } from "#/model/index.ts";
import type { RouteEntry } from "#/traffic/routing/index.ts";
import type { Authority } from "./authority.ts";
import { compileFilters, type FilterChain } from "./filters.ts";

/** A route, made ready for matching. */
export interface CompiledRoute {
  readonly entry: RouteEntry;
  readonly filters: FilterChain;
}

/** What a route is matched by. `headers`: names and values in turn. */
export interface RouteRequest {
  readonly method: string;
  readonly authority: Authority | undefined;
  /** Key of the path, as `readPath` gives it. */
  readonly key: string;
  readonly headers: readonly string[];
}

/** Finds the most specific route: exact path, longest prefix (whole segments), host, methods, headers, then the older one. */
export class RouteMatcher {
  readonly #exact = new Map<string, CompiledRoute[]>();
  readonly #prefixes = new Map<string, CompiledRoute[]>();
  /** Length of the longest prefix: no longer one is looked for, however long the path. */
  #prefixLengthMax = 0;

  constructor(entries: Iterable<RouteEntry>) {
    for (const entry of entries) {
      if (entry.tcp !== undefined) continue;
      const { exact, prefix = "/" } = entry.path ?? {};
      const written = readWrittenPath(exact ?? prefix);
      // Of a release that let such paths pass; no request has one.
      if (typeof written !== "string") continue;
      const key = exact === undefined ? withoutFinalSlash(written) : written;
      const route: CompiledRoute = { entry, filters: compileFilters(entry.filters, entry.path ?? {}) };
      const map = exact === undefined ? this.#prefixes : this.#exact;
      if (exact === undefined) this.#prefixLengthMax = Math.max(this.#prefixLengthMax, key.length);
      const list = map.get(key);
      if (list === undefined) map.set(key, [route]);
      else list.push(route);
    }
    for (const map of [this.#exact, this.#prefixes]) for (const list of map.values()) list.sort(bySpecificity);
  }

  find(request: RouteRequest): CompiledRoute | undefined {
    const { key } = request;
    const exact = this.#exact.size === 0 ? undefined : firstMatch(this.#exact.get(key), request);
    if (exact !== undefined) return exact;
    const longest = this.#prefixLengthMax;
    for (
      let end = key.length <= longest ? key.length : key.lastIndexOf("/", longest);
      end >= 0;
      end = end === 0 ? -1 : key.lastIndexOf("/", end - 1)
    ) {
      const found = firstMatch(this.#prefixes.get(key.slice(0, end)), request);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function firstMatch(list: readonly CompiledRoute[] | undefined, request: RouteRequest): CompiledRoute | undefined {
  return list?.find(
    ({ entry }) =>
      hostRank(entry.host, request.authority?.host) > 0 &&
      (entry.methods === undefined || entry.methods.includes(request.method)) &&
      hasHeaders(entry, request.headers),
  );
}

function hasHeaders(entry: RouteEntry, headers: readonly string[]): boolean {
  return entry.headers.every(({ name, value }) => {
    const lower = name.toLowerCase();
    for (let index = 0; index < headers.length; index += 2) if (headers[index + 1] === value && headers[index]?.toLowerCase() === lower) return true;
    return false;
  });
}

/** 3 the very host, 2 a wildcard of it, 1 any host asked for, 0 no match. */
function hostRank(pattern: string | undefined, host: string | undefined): number {
  if (pattern === undefined) return 1;
  if (host === undefined) return 0;
  const lower = pattern.toLowerCase();
  if (!lower.startsWith("*.")) return lower === host ? 3 : 0;
  const dot = host.indexOf(".");
  return dot > 0 && host.slice(dot) === lower.slice(1) ? 2 : 0;
}

function patternRank(pattern: string | undefined): number {
  return pattern === undefined ? 1 : pattern.startsWith("*.") ? 2 : 3;
}

function bySpecificity({ entry: a }: CompiledRoute, { entry: b }: CompiledRoute): number {
  return (
    patternRank(b.host) - patternRank(a.host) ||
    Number(b.methods !== undefined) - Number(a.methods !== undefined) ||
    b.headers.length - a.headers.length ||
    a.createdMs - b.createdMs ||
    (a.name < b.name ? -1 : 1)
  );
}

function withoutFinalSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}
