/** Headers of an answer that are for one hop only (RFC 9110, 7.6.1), by their lower-case names. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "transfer-encoding",
  "te",
  "upgrade",
]);
/** What no trailer may change (RFC 9110, 6.5.1). */
const NO_TRAILERS: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  "trailer",
  "content-length",
  "content-encoding",
  "content-type",
  "content-range",
  "host",
  "set-cookie",
  "location",
  "cache-control",
  "authorization",
]);

/** The head of an answer as it goes on. */
export interface PassedHead {
  /** Names and values in turn. */
  readonly headers: string[];
  /** Bytes of the body, where they are told. */
  readonly length: number | undefined;
  /** Content-Type; empty if there is none. */
  readonly type: string;
  /** The protocols that a 426 asks for. For this hop only, as of any other answer, but a 426 without them says nothing (RFC 9110, 15.5.22). */
  readonly upgrade: string | undefined;
}

/** True for answers that have no body, whatever their heads say (RFC 9112, 6.3). */
export function hasNoBody(status: number, method: string): boolean {
  return method === "HEAD" || status === 204 || status === 304 || status < 200;
}

/** `raw`: names and values in turn. `isChunkable`: the client can be sent chunks, and so trailers. */
export function passResponseHeaders(raw: readonly string[], status: number, isChunkable: boolean): PassedHead {
  const headers: string[] = [];
  let length: number | undefined;
  let type = "";
  let trailer: string | undefined;
  let upgrade: string | undefined;
  let named: ReadonlySet<string> | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    const value = raw[index + 1] as string;
    const lower = name.toLowerCase();
    if (lower === "content-length") {
      // A 204 has none (RFC 9110, 8.6); a client that believes it would wait for a body.
      if (status === 204 || status < 200) continue;
      length = Number(value);
    } else if (lower === "content-type") type = value;
    else if (lower === "connection") named = tokensOf(value, named);
    else if (lower === "trailer") trailer = value;
    else if (lower === "upgrade" && status === 426) upgrade = upgrade === undefined ? value : `${upgrade}, ${value}`;
    // What the service asks of its client when it is a proxy itself; in any other answer it would be taken for the gateway's own demand.
    const isDemand = status === 407 && lower === "proxy-authenticate";
    if (lower === "trailer" || (HOP_BY_HOP.has(lower) && !isDemand)) continue;
    headers.push(name, value);
  }
  if (named !== undefined) {
    for (let index = headers.length - 2; index >= 0; index -= 2) if (named.has((headers[index] as string).toLowerCase())) headers.splice(index, 2);
  }
  if (trailer !== undefined && isChunkable && length === undefined) headers.push("Trailer", trailer);
  return { headers, length, type, upgrade };
}

function tokensOf(value: string, former: ReadonlySet<string> | undefined): ReadonlySet<string> | undefined {
  if (value === "keep-alive" || value === "close" || value === "Keep-Alive") return former;
  const tokens = value
    .split(",")
    .map((token) => token.trim().toLowerCase())
    .filter((token) => token !== "content-length" && token !== "content-type");
  return new Set([...(former ?? []), ...tokens]);
}

/** Of an interim answer (103 and its like), as Node takes them. */
export function passInterimHeaders(raw: readonly string[]): [string, string][] {
  const { headers } = passResponseHeaders(raw, 103, false);
  const passed: [string, string][] = [];
  for (let index = 0; index < headers.length; index += 2) passed.push([headers[index] as string, headers[index + 1] as string]);
  return passed;
}

/** The trailers of an answer that go on, as Node takes them. */
export function passResponseTrailers(raw: readonly string[]): [string, string][] {
  const passed: [string, string][] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    if (!NO_TRAILERS.has(name.toLowerCase())) passed.push([name, raw[index + 1] as string]);
  }
  return passed;
}

/** The protocol to which an answer goes over, as it says. */
export function upgradeOf(headers: readonly string[]): string | undefined {
  for (let index = 0; index < headers.length; index += 2) if (headers[index]?.toLowerCase() === "upgrade") return headers[index + 1];
  return undefined;
}
