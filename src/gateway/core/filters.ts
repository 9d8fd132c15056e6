import type { Filter } from "#/model/index.ts";
import { type Refusal, refuse } from "./refusal.ts";

/** A request on its way through the filters of its route; they may change it. */
export interface FilteredRequest {
  readonly method: string;
  /** With the query. */
  path: string;
  /** Value of Host. */
  host: string;
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
  readonly response?: (headers: string[]) => void;
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

  response(headers: string[]): void {
    for (const filter of this.#filters) filter.response?.(headers);
  }
}

/** `matched` is the path prefix or path that the route matched by. */
export function compileFilters(filters: readonly Filter[], matched: string): FilterChain {
  return new FilterChain(filters.map((filter) => compile(filter, matched)));
}

function compile(filter: Filter, matched: string): CompiledFilter {
  if (filter.requestHeaders !== undefined) {
    const edit = headerEdit(filter.requestHeaders);
    return {
      request(request) {
        edit(request.headers);
        return undefined;
      },
    };
  }
  if (filter.responseHeaders !== undefined) return { response: headerEdit(filter.responseHeaders) };
  if (filter.rewritePath !== undefined) {
    const replacement = filter.rewritePath.prefix === "/" ? "" : filter.rewritePath.prefix.replace(/\/$/, "");
    return {
      request(request) {
        const path = replacement + request.path.slice(matched.length);
        request.path = path.startsWith("/") ? path : `/${path}`;
        return undefined;
      },
    };
  }
  if (filter.rewriteHost !== undefined) {
    const { host } = filter.rewriteHost;
    return {
      request(request) {
        request.host = host;
        return undefined;
      },
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

/** Headers that belong to the connection or to the trace, which no filter may touch. */
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
  "traceparent",
  "tracestate",
  "b3",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-sampled",
  "x-orrery-generation",
]);

function headerEdit(edit: { readonly set: Readonly<Record<string, string>>; readonly remove: readonly string[] }): (headers: string[]) => void {
  const set = Object.entries(edit.set).filter(([name]) => !PROTECTED.has(name.toLowerCase()));
  const removed = new Set([...set.map(([name]) => name), ...edit.remove].map((name) => name.toLowerCase()).filter((name) => !PROTECTED.has(name)));
  return (headers) => {
    for (let index = headers.length - 2; index >= 0; index -= 2) if (removed.has((headers[index] as string).toLowerCase())) headers.splice(index, 2);
    for (const [name, value] of set) headers.push(name, value);
  };
}
