import { type Authority, parseAuthority } from "./authority.ts";
import type { RequestHead } from "./request-head.ts";

/** What the request line asks for. `path` begins with one `/` (or is `*`), with the query. */
export type RequestTarget =
  | { readonly form: "origin"; readonly path: string }
  | { readonly form: "absolute"; readonly authority: Authority; readonly text: string; readonly path: string; readonly isHttps: boolean }
  | { readonly form: "bad"; readonly reason: string };

/** Reads a request target strictly; CONNECT's authority form is read elsewhere. An https URL is for who has taken the TLS off: the edge, or a proxy before it. */
export function parseTarget(method: string, target: string): RequestTarget {
  if (target.includes("#")) return { form: "bad", reason: "a fragment in the request target" };
  if (target.charCodeAt(0) === SLASH) return { form: "origin", path: withOneSlash(target) };
  if (target === "*" && method === "OPTIONS") return { form: "origin", path: target };
  const match = /^http(s?):\/\/([^/?]*)(.*)$/i.exec(target);
  if (match?.[2] === undefined) return { form: "bad", reason: "the request target is neither a path nor an http URL" };
  const authority = parseAuthority(match[2]);
  if (authority === undefined) return { form: "bad", reason: "the request target's host is malformed" };
  const rest = match[3] ?? "";
  return { form: "absolute", authority, text: match[2], path: withOneSlash(rest), isHttps: match[1] !== "" };
}

/** What is wrong between a request's target and its Host, `authority` (`undefined`: it has none, or cannot be read). */
export function findViolation(head: RequestHead, target: RequestTarget, authority: Authority | undefined): string | undefined {
  if (target.form === "bad") return target.reason;
  if (head.host !== undefined && authority === undefined) return "the Host is malformed";
  if (target.form !== "absolute" || head.host === undefined) return undefined;
  const defaultPort = target.isHttps ? HTTPS_PORT : HTTP_PORT;
  const isSame = authority?.host === target.authority.host && (authority.port ?? defaultPort) === (target.authority.port ?? defaultPort);
  return isSame ? undefined : "the Host differs from the request target's";
}

/** The path without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
}

/** `//host` at the beginning is the name of a host to those who read a path as a reference (RFC 3986, 4.2). */
function withOneSlash(path: string): string {
  if (path.charCodeAt(0) !== SLASH) return `/${path}`;
  let start = 0;
  while (path.charCodeAt(start + 1) === SLASH) start++;
  return start === 0 ? path : path.slice(start);
}

const SLASH = 47;
const HTTP_PORT = 80;
const HTTPS_PORT = 443;
