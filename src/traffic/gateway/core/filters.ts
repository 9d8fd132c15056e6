import { encodePath, endOfSegments, type Filter, readWrittenPath } from "#/model/index.ts";
import type { RouteEntry } from "#/traffic/routing/index.ts";
import { hostBack, pathsBack } from "./answer-address.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { pathOf } from "./request-target.ts";

/** A request on its way through the filters of its route; they may change it. */
export interface FilteredRequest {
  readonly method: string;
  /** With the query. */
  path: string;
  /** Value of Host. */
  host: string;
  /** Value of Host as the client wrote it. */
  readonly clientHost?: string | undefined;
  /** How the client came: `http` or `https`. */
  readonly scheme?: string | undefined;
  /** Names and values in turn. */
  headers: string[];
  /** Body bytes as announced; `undefined` if unknown (chunked). */
  readonly contentLength: number | undefined;
  /** Body bytes at most; more end the request with 413. */
  requestBytesMax: number;
}

/** One step that a request and its answer pass. A new kind of filter is one more function in `compile`. */
interface CompiledFilter {
  readonly request?: (request: FilteredRequest) => Refusal | undefined;
  /** Changes the answer's headers, names and values in turn. */
  readonly response?: (headers: string[], request: FilteredRequest) => void;
  /** Headers of the request, and of the answer, that it sets or removes: no trailer may bring them back. */
  readonly decides?: { readonly request?: ReadonlySet<string>; readonly response?: ReadonlySet<string> };
}

/** The filters of one route, in order. */
export class FilterChain {
  readonly #filters: readonly CompiledFilter[];
  readonly changesResponse: boolean;
  readonly isEmpty: boolean;

  constructor(filters: readonly CompiledFilter[]) {
    this.#filters = filters;
    this.isEmpty = filters.length === 0;
    this.changesResponse = filters.some((one) => one.response !== undefined);
  }

  /** Passes a request through; the first refusal ends it. */
  request(request: FilteredRequest): Refusal | undefined {
    for (const filter of this.#filters) {
      const refusal = filter.request?.(request);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  /** Passes the answer to `request` through. */
  response(headers: string[], request: FilteredRequest): void {
    for (const filter of this.#filters) filter.response?.(headers, request);
  }

  /** What of `trailers` (names and values in turn) may go on: they come after everything has been decided, so that none may say what a filter has set or removed. */
  trailers(trailers: readonly string[], of: "request" | "response"): readonly string[] {
    if (trailers.length === 0 || this.isEmpty) return trailers;
    return trailers.filter(
      (_, index) => !this.#filters.some((one) => one.decides?.[of]?.has(meantName(trailers[index - (index % 2)] as string)) === true),
    );
  }
}

/** `matched` is the path that the route matches by. */
export function compileFilters(filters: readonly Filter[], matched: NonNullable<RouteEntry["path"]>): FilterChain {
  return new FilterChain(filters.map((filter) => compile(filter, matched)));
}

function compile(filter: Filter, matched: NonNullable<RouteEntry["path"]>): CompiledFilter {
  if (filter.requestHeaders !== undefined) {
    const { edit, decided } = headerEdit(filter.requestHeaders);
    return {
      request(request) {
        edit(request.headers);
        return undefined;
      },
      decides: { request: decided },
    };
  }
  if (filter.responseHeaders !== undefined) {
    const { edit, decided } = headerEdit(filter.responseHeaders);
    return { response: edit, decides: { response: decided } };
  }
  if (filter.rewritePath !== undefined) return rewritePath(filter.rewritePath.prefix, matched);
  if (filter.rewriteHost !== undefined) {
    const { host } = filter.rewriteHost;
    if (!isSendable(host)) return {};
    return {
      request(request) {
        request.host = host;
        return undefined;
      },
      response: hostBack,
    };
  }
  const requestBytesMax = filter.sizeLimit?.requestBytes ?? Number.POSITIVE_INFINITY;
  return {
    request(request) {
      request.requestBytesMax = Math.min(request.requestBytesMax, requestBytesMax);
      if ((request.contentLength ?? 0) <= requestBytesMax) return undefined;
      return refuse("gateway/too-large", `the body has ${request.contentLength} bytes; this route takes ${requestBytesMax}`);
    },
  };
}

/** Takes `to` for the segments that were matched, and puts them back in what the answer says of paths. */
function rewritePath(to: string, matched: NonNullable<RouteEntry["path"]>): CompiledFilter {
  if (!isSendable(to)) return {};
  const written = readWrittenPath(matched.exact ?? matched.prefix ?? "/");
  const count = typeof written === "string" ? written.split("/").filter((one) => one !== "").length : 0;
  const replacement = withoutFinalSlash(to);
  const original = withoutFinalSlash(encodePath(matched.exact ?? matched.prefix ?? "/") ?? "/");
  return {
    request(request) {
      // Of OPTIONS: it asks about no path.
      if (request.path === "*") return undefined;
      const path = pathOf(request.path);
      const rest = matched.exact === undefined ? path.slice(endOfSegments(path, count)).replace(/^\/{2,}/, "/") : "";
      const rewritten = replacement + rest;
      request.path = (rewritten.startsWith("/") ? rewritten : `/${rewritten}`) + request.path.slice(path.length);
      return undefined;
    },
    response: (headers, request) => pathsBack(headers, request, replacement, original),
  };
}
function withoutFinalSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

/** False for what HTTP refuses as a path or host: of a release that let such values pass. Its filter does nothing, instead of ending what it is used in. */
function isSendable(text: string): boolean {
  return /^[!-~]+$/.test(text);
}

/** Headers that belong to the connection or to the trace, which no filter may touch. The model refuses them; a table of an older release may have them. */
const PROTECTED = new Set([
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
  "upgrade",
  "keep-alive",
  "te",
  "trailer",
  "expect",
  "via",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "traceparent",
  "tracestate",
  "b3",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-sampled",
  "x-orrery-generation",
]);

function headerEdit(edit: { readonly set: Readonly<Record<string, string>>; readonly remove: readonly string[] }): {
  readonly edit: (headers: string[]) => void;
  readonly decided: ReadonlySet<string>;
} {
  const set = Object.entries(edit.set).filter(([name, value]) => !PROTECTED.has(name.toLowerCase()) && /^[\t -~]*$/.test(value));
  const removed = new Set([...set.map(([name]) => name), ...edit.remove].map((name) => name.toLowerCase()).filter((name) => !PROTECTED.has(name)));
  const decided = new Set([...removed].map(meantName));
  return {
    decided,
    edit(headers) {
      for (let index = headers.length - 2; index >= 0; index -= 2) if (decided.has(meantName(headers[index] as string))) headers.splice(index, 2);
      for (const [name, value] of set) headers.push(name, value);
    },
  };
}

/** The name that a program means that reads `_` and `.` as `-`: who removes X-Admin does not let X_Admin pass. */
function meantName(name: string): string {
  return name.toLowerCase().replaceAll(/[_.]/g, "-");
}
