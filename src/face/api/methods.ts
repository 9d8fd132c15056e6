import { isSpokenVersion, OrreryError } from "#/base/index.ts";
import type { Collection } from "./collection.ts";
import type { Request } from "./exchange.ts";
import type { Part } from "./parts.ts";

/** What is read is served for HEAD, too (RFC 9110, 9.1). */
export const READ_METHODS: readonly string[] = ["GET", "HEAD"];

/** Methods with which some resource is served here, and what each asks for in the words of Kubernetes. */
export const VERBS: Readonly<Record<string, string>> = { GET: "get", HEAD: "get", POST: "create", PUT: "update", PATCH: "patch", DELETE: "delete" };

/** Known to every server, served at no resource here. */
const KNOWN_METHODS: ReadonlySet<string> = new Set([...Object.keys(VERBS), "OPTIONS", "TRACE"]);

/** Refuses what no resource serves.
 *  @throws api/http-version, api/unknown-method */
export function checkSpoken({ httpVersion }: Request, method: string, isHttp2: boolean): void {
  if (!isHttp2 && !isSpokenVersion(httpVersion))
    throw new OrreryError("api/http-version", `HTTP/${httpVersion} is not spoken here: use HTTP/1.1, or HTTP/2 as TLS agrees on it (ALPN)`);
  if (!KNOWN_METHODS.has(method))
    throw new OrreryError(
      "api/unknown-method",
      `no resource here has the method ${method.slice(0, 100)}; there are ${Object.keys(VERBS).join(", ")}`,
    );
}

/** Fields of which one alone is believed: with two of them, we and a proxy before us could each believe another. */
const ONCE: ReadonlySet<string> = new Set(["authorization", "host", "origin", "orrery-session", "sec-fetch-site", "sec-websocket-protocol"]);

/** Refuses what says in two ways who asks, or what is asked for.
 *  @throws api/bad-request */
export function checkOnce({ rawHeaders, headers }: Request): void {
  const seen = new Set<string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? "").toLowerCase();
    if (!ONCE.has(name)) continue;
    if (seen.has(name)) throw new OrreryError("api/bad-request", `the field ${name} stands twice in the request: send it once`);
    seen.add(name);
  }
  const authority = headers[":authority"];
  if (authority !== undefined && headers.host !== undefined && headers.host !== authority)
    throw new OrreryError("api/bad-request", "the fields :authority and host name two places: send one of them");
}

/** `what`: what is wished of what.
 *  @throws api/method: `method` is none of `served`, which the answer names (`Allow`: RFC 9110, 15.5.6) */
export function checkMethod(method: string, served: readonly string[], what: () => string): void {
  if (served.includes(method)) return;
  throw new OrreryError("api/method", `${what()}; ${served.join(", ")} ${served.length === 1 ? "is" : "are"}`, { details: { served } });
}

/** For a path that is no object's. */
export function atPath(method: string, path: readonly string[]): () => string {
  return () => `${method} is not served at /${path.join("/").slice(0, 200)}`;
}

/** Methods of a collection as a whole, or of one object in it. */
export function collectionMethods(collection: Collection, isWhole: boolean): readonly string[] {
  return remembered(isWhole ? WHOLES : ONES, collection, ({ verbs }) => {
    const methods = isWhole ? WHOLE : ONE;
    return Object.keys(methods).filter((method) => verbs.includes(methods[method] ?? ""));
  });
}

const WHOLE: Readonly<Record<string, string>> = { GET: "list", HEAD: "list", POST: "create", DELETE: "deletecollection" };
const ONE: Readonly<Record<string, string>> = { GET: "get", HEAD: "get", PUT: "update", PATCH: "patch", DELETE: "delete" };

/** Methods of a subresource. */
export function partMethods(part: Part): readonly string[] {
  return remembered(PARTS, part, ({ verbs }) => Object.keys(VERBS).filter((method) => Object.hasOwn(verbs, VERBS[method] ?? "")));
}

/** Each request asks. */
const WHOLES = new WeakMap<Collection, readonly string[]>();
const ONES = new WeakMap<Collection, readonly string[]>();
const PARTS = new WeakMap<Part, readonly string[]>();

function remembered<T extends object>(known: WeakMap<T, readonly string[]>, of: T, make: (of: T) => readonly string[]): readonly string[] {
  const found = known.get(of);
  if (found !== undefined) return found;
  const made = make(of);
  known.set(of, made);
  return made;
}
