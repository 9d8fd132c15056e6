import { type AddressRanges, parseAddress, plainAddress } from "./address.ts";
import { parseAuthority } from "./authority.ts";

/** Who asks, and how: as the connection says, or as a trusted proxy tells of it. */
export interface Origin {
  /** The client's address: for logs, for balancing by `client`. */
  readonly client: string;
  readonly scheme: "http" | "https";
  /** The host that the client asked. */
  readonly host: string | undefined;
  /** Forwarded and X-Forwarded-*, names and values in turn, as they go to an instance. */
  readonly headers: readonly string[];
}

/** A proxy chain of more hops is not one. */
const HOPS_MAX = 50;

export interface OriginInput {
  /** Address of the other end of the connection. */
  readonly peer: string;
  readonly isTls: boolean;
  readonly host: string | undefined;
  /** Forwarded, X-Forwarded-* and their like, as they came; names and values in turn. */
  readonly forwarded: readonly string[];
  readonly trusted: AddressRanges;
}

/** Reads who asks. What is said of it is believed only if it comes from a trusted proxy, and of the chain of addresses only as far as each has been told by one. */
export function readOrigin({ peer, isTls, host, forwarded, trusted }: OriginInput): Origin {
  const own = { client: plainAddress(peer), scheme: isTls ? ("https" as const) : ("http" as const), host };
  if (forwarded.length === 0 || !trusted.has(peer)) return { ...own, headers: writeOne(own.client, own.scheme, host) };
  const told = valuesOf(forwarded, "x-forwarded-for");
  const chain = told.length > 0 ? listOf(told).map((one) => nodeOf(one)) : undefined;
  const standard = valuesOf(forwarded, "forwarded").join(",");
  const elements = chain === undefined ? readForwarded(standard) : [];
  const hops = believed(chain ?? elements.map((one) => one.for), trusted, own.client);
  const isWhole = chain === undefined && elements.length > 0 && hops.length === elements.length + 1;
  const element = chain === undefined ? elements[Math.max(0, elements.length + 1 - hops.length)] : undefined;
  const scheme = schemeOf(valuesOf(forwarded, "x-forwarded-proto")[0] ?? element?.proto) ?? own.scheme;
  const asked = valuesOf(forwarded, "x-forwarded-host")[0]?.split(",", 1)[0]?.trim() ?? element?.host;
  const clientHost = asked !== undefined && parseAuthority(asked) !== undefined ? asked : host;
  const client = firstUntrusted(hops, trusted);
  const headers = write(hops, scheme, clientHost, isWhole ? standard : undefined);
  const port = portOf(valuesOf(forwarded, "x-forwarded-port"));
  if (port !== undefined) headers.push("x-forwarded-port", port);
  return { client, scheme, host: clientHost, headers };
}

/** The end of the chain that can be believed, the peer last: an address counts if the one that told it is trusted. */
function believed(chain: readonly (string | undefined)[], trusted: AddressRanges, peer: string): string[] {
  const hops = [peer];
  for (const hop of chain.toReversed()) {
    if (hop === undefined || hops.length > HOPS_MAX || !trusted.has(hops[0] as string)) break;
    hops.unshift(hop);
  }
  return hops;
}

function firstUntrusted(hops: readonly string[], trusted: AddressRanges): string {
  return hops.findLast((hop) => !trusted.has(hop)) ?? (hops[0] as string);
}

/** An address as proxies write it, some with a port; `undefined` for `unknown`, `_hidden` and anything else. */
function nodeOf(text: string): string | undefined {
  const node = text.trim();
  const bracketed = /^\[([^\]]*)\](?::[0-9]{1,5})?$/.exec(node)?.[1];
  const address = bracketed ?? /^([0-9.]+):[0-9]{1,5}$/.exec(node)?.[1] ?? node;
  return parseAddress(address) === undefined ? undefined : plainAddress(address);
}

interface Element {
  readonly for: string | undefined;
  readonly proto: string | undefined;
  readonly host: string | undefined;
}

const PAIR = /\s*([A-Za-z0-9-]+)=(?:"((?:[^"\\]|\\.)*)"|([^;,"\s]*))\s*/y;

/** Elements of Forwarded (RFC 7239), in order; none if any of it is malformed. */
function readForwarded(text: string): readonly Element[] {
  const elements: Element[] = [];
  let pairs: Record<string, string> = {};
  let index = 0;
  while (index < text.length) {
    PAIR.lastIndex = index;
    const match = PAIR.exec(text);
    if (match === null) return [];
    pairs[(match[1] as string).toLowerCase()] = match[2]?.replace(/\\(.)/g, "$1") ?? match[3] ?? "";
    index = PAIR.lastIndex;
    const separator = text[index];
    if (separator !== undefined && separator !== ";" && separator !== ",") return [];
    if (separator !== ";") {
      elements.push({ for: pairs["for"] === undefined ? undefined : nodeOf(pairs["for"]), proto: pairs["proto"], host: pairs["host"] });
      pairs = {};
    }
    index++;
  }
  return elements;
}

/** The port that the client asked, as the first proxy tells it; `undefined` for what is none. */
function portOf(values: readonly string[]): string | undefined {
  const text = values[0]?.split(",", 1)[0]?.trim() ?? "";
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  return port === 0 || port > 65_535 ? undefined : String(port);
}

/** Some proxies tell `ws` and `wss` of WebSockets. */
const SCHEMES: Readonly<Record<string, "http" | "https">> = { http: "http", ws: "http", https: "https", wss: "https" };

function schemeOf(text: string | undefined): "http" | "https" | undefined {
  const first = text?.split(",", 1)[0]?.trim().toLowerCase() ?? "";
  return Object.hasOwn(SCHEMES, first) ? SCHEMES[first] : undefined;
}

/** Elements of a list in a header; empty ones do not count (RFC 9110, 5.6.1). */
function listOf(values: readonly string[]): readonly string[] {
  return values.flatMap((value) => value.split(",")).filter((one) => one.trim() !== "");
}

function valuesOf(headers: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let index = 0; index < headers.length; index += 2) if (headers[index]?.toLowerCase() === name) values.push(headers[index + 1] as string);
  return values;
}

/** The same as `write` for the one hop that most requests have. */
function writeOne(client: string, scheme: string, host: string | undefined): string[] {
  const node = quoted(client);
  if (host === undefined) return ["x-forwarded-for", client, "x-forwarded-proto", scheme, "forwarded", `for=${node};proto=${scheme}`];
  const forwarded = host.includes(":") ? `for=${node};host="${host}";proto=${scheme}` : `for=${node};host=${host};proto=${scheme}`;
  return ["x-forwarded-for", client, "x-forwarded-proto", scheme, "x-forwarded-host", host, "forwarded", forwarded];
}

/** `before`: a Forwarded that is kept, and added to. */
function write(hops: readonly string[], scheme: string, host: string | undefined, before: string | undefined): string[] {
  const headers = ["x-forwarded-for", hops.join(", "), "x-forwarded-proto", scheme];
  if (host !== undefined) headers.push("x-forwarded-host", host);
  const about = `${host === undefined ? "" : `;host=${host.includes(":") ? `"${host}"` : host}`};proto=${scheme}`;
  const own =
    before === undefined ? hops.map((hop, index) => `for=${quoted(hop)}${index === 0 ? about : ""}`) : [before, `for=${quoted(hops.at(-1) ?? "")}`];
  headers.push("forwarded", own.join(", "));
  return headers;
}

function quoted(address: string): string {
  return address.includes(":") ? `"[${address}]"` : address;
}
