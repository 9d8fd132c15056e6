import type { RepeatedCarrier } from "#/traffic/trace/index.ts";
import type { Origin } from "./origin.ts";

/** What a header is to a proxy. Numbers, because each header of each request is looked up. */
const PASS = 0;
const DROP = 1;
const HOST = 2;
const CONNECTION = 3;
const CONTENT_LENGTH = 4;
const TRANSFER_ENCODING = 5;
const UPGRADE = 6;
const TRACEPARENT = 7;
const TRACESTATE = 8;
const B3 = 9;
const B3_TRACE_ID = 10;
const B3_SPAN_ID = 11;
const B3_SAMPLED = 12;
const B3_OTHER = 13;
const GENERATION = 14;
const FORWARDED = 15;
const VIA = 16;
const EXPECT = 17;
const TE = 18;
const TRAILER = 19;
const PROXY_AUTHORIZATION = 20;
const COOKIE = 21;

const NAMES: Readonly<Record<string, number>> = {
  host: HOST,
  connection: CONNECTION,
  "content-length": CONTENT_LENGTH,
  "transfer-encoding": TRANSFER_ENCODING,
  upgrade: UPGRADE,
  traceparent: TRACEPARENT,
  tracestate: TRACESTATE,
  b3: B3,
  "x-b3-traceid": B3_TRACE_ID,
  "x-b3-spanid": B3_SPAN_ID,
  "x-b3-sampled": B3_SAMPLED,
  "x-b3-parentspanid": B3_OTHER,
  "x-b3-flags": B3_OTHER,
  "x-orrery-generation": GENERATION,
  forwarded: FORWARDED,
  "x-forwarded-for": FORWARDED,
  "x-forwarded-host": FORWARDED,
  "x-forwarded-proto": FORWARDED,
  "x-forwarded-port": FORWARDED,
  "x-forwarded": FORWARDED,
  "forwarded-for": FORWARDED,
  "x-real-ip": FORWARDED,
  "x-client-ip": FORWARDED,
  "client-ip": FORWARDED,
  "x-cluster-client-ip": FORWARDED,
  "true-client-ip": FORWARDED,
  "cf-connecting-ip": FORWARDED,
  "cf-connecting-ipv6": FORWARDED,
  "fastly-client-ip": FORWARDED,
  "x-remote-ip": FORWARDED,
  "x-remote-addr": FORWARDED,
  "x-host": FORWARDED,
  "x-original-host": FORWARDED,
  "x-original-url": FORWARDED,
  "x-original-uri": FORWARDED,
  "x-original-method": FORWARDED,
  "x-original-forwarded-for": FORWARDED,
  "x-rewrite-url": FORWARDED,
  "x-scheme": FORWARDED,
  "x-url-scheme": FORWARDED,
  "front-end-https": FORWARDED,
  "x-envoy-external-address": FORWARDED,
  via: VIA,
  expect: EXPECT,
  // Hop by hop (RFC 9110, 7.6.1), what is meant for the proxy itself, and what a CGI program would take for its HTTP_PROXY.
  proxy: DROP,
  "keep-alive": DROP,
  "proxy-connection": DROP,
  "proxy-authorization": PROXY_AUTHORIZATION,
  "proxy-authenticate": DROP,
  te: TE,
  trailer: TRAILER,
  "http2-settings": DROP,
  // Frequent ones that pass, so that they need no lower-casing.
  accept: PASS,
  "accept-encoding": PASS,
  "accept-language": PASS,
  authorization: PASS,
  "cache-control": PASS,
  "content-type": PASS,
  cookie: COOKIE,
  // The console's, of the page: a browser has no reason to bring it here.
  "orrery-session": DROP,
  origin: PASS,
  referer: PASS,
  "user-agent": PASS,
};

const codes = new Map<string, number>();
for (const [name, code] of Object.entries(NAMES)) {
  codes.set(name, code);
  codes.set(
    name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase()),
    code,
  );
}

/** Names remembered beside those above; clients choose them, so they are bounded in number and length. */
const REMEMBERED_MAX = 1000;
const REMEMBERED_LENGTH_MAX = 64;
let remembered = new Map<string, number>();

function codeOf(name: string): number {
  return codes.get(name) ?? remembered.get(name) ?? remember(name);
}

function remember(name: string): number {
  const code = lookUp(name.toLowerCase());
  if (name.length > REMEMBERED_LENGTH_MAX) return code;
  if (remembered.size >= REMEMBERED_MAX) remembered = new Map();
  remembered.set(name, code);
  return code;
}

/** A name that means the same as a known one to a program that reads `_` and `.` as `-` (CGI, WSGI, PHP and others do) goes no further: `X_Forwarded_For` would be taken for the gateway's own word, `Content_Length` for the framing. */
function lookUp(lower: string): number {
  const known = codes.get(lower);
  if (known !== undefined) return known;
  if (lower.startsWith("x-forwarded-")) return FORWARDED;
  if (!lower.includes("_") && !lower.includes(".")) return PASS;
  const meant = lower.replaceAll(/[_.]/g, "-");
  return meant.startsWith("x-forwarded-") || meant.startsWith("x-orrery-") || (codes.get(meant) ?? PASS) !== PASS || SECRETS.has(meant) ? DROP : PASS;
}

/** Pass, but in their own spelling only. */
const SECRETS: ReadonlySet<string> = new Set(["authorization", "cookie"]);

/** The trailers of a request that go on: what is plain, and changes neither framing nor meaning (RFC 9110, 6.5.1). Names and values in turn. */
export function passTrailers(raw: readonly string[]): readonly string[] {
  if (raw.length === 0) return raw;
  const passed: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    if (codeOf(name) === PASS && !NO_TRAILERS.has(name.toLowerCase())) passed.push(name, raw[index + 1] as string);
  }
  return passed;
}

const NO_TRAILERS: ReadonlySet<string> = new Set([
  "authorization",
  "cache-control",
  "content-encoding",
  "content-range",
  "content-type",
  "cookie",
  "max-forwards",
  "pragma",
  "range",
]);

const CONSOLE_COOKIE = "orrery-";

/** Cookies without those of the console. Browsers send a host's cookies to all of its ports: a service has no use for this one but a bad one. */
function withoutConsole(cookies: string): string {
  return cookies
    .split(";")
    .filter((one) => !/^\s*orrery-[0-9a-f]{8}-\d+(?:-known|-state)?\s*(?:=|$)/.test(one))
    .join(";")
    .trim();
}

/** Shared by all requests without such headers; never written to. */
const NONE: readonly string[] = [];

/** The head of a request, read once: what passes on as it is, and what the proxy looks at. */
export class RequestHead {
  readonly method: string;
  /** As the client wrote it. */
  readonly target: string;
  /** Headers that pass on, name and value in turn, as the client wrote them. */
  readonly passed: string[] = [];
  host: string | undefined;
  contentLength: string | undefined;
  isChunked = false;
  /** The client wants the connection to end with the answer, whatever else it says of it. */
  isLast = false;
  /** Names of the trailers that the client announces. */
  trailer: string | undefined;
  /** The client takes trailers. */
  acceptsTrailers = false;
  /** Protocol that the client wants to go over to, as in `websocket`. */
  upgrade: string | undefined;
  /** Forwarded, X-Forwarded-* and X-Real-IP, name and value in turn. */
  forwarded: readonly string[] = NONE;
  via: string | undefined;
  /** For the proxy that has asked for it: this gateway on a proxy port, else a service that is one itself. */
  proxyAuthorization: string | undefined;
  traceparent: string | undefined;
  tracestate: string | undefined;
  b3: string | undefined;
  b3TraceId: string | undefined;
  b3SpanId: string | undefined;
  b3Sampled: string | undefined;
  b3Other: readonly string[] = NONE;
  generation: string | undefined;
  /** Who asks; set for what comes from outside. */
  origin: Origin | undefined;
  /** Further values of carriers of the trace that came more than once. */
  repeated: RepeatedCarrier[] | undefined;
  /** Why the request is ambiguous or malformed, and must be refused with 400. */
  violation: string | undefined;

  /** `raw`: names and values in turn. */
  constructor(method: string, target: string, raw: readonly string[], httpVersion = "1.1") {
    const isHttp10 = httpVersion === "1.0";
    this.method = method;
    this.target = target;
    let connection: string | undefined;
    let transferEncoding: string | undefined;
    for (let index = 0; index < raw.length; index += 2) {
      const name = raw[index] as string;
      const value = raw[index + 1] as string;
      switch (codeOf(name)) {
        case PASS:
          this.passed.push(name, value);
          break;
        case COOKIE: {
          const kept = value.includes(CONSOLE_COOKIE) ? withoutConsole(value) : value;
          if (kept !== "") this.passed.push(name, kept);
          break;
        }
        case HOST:
          if (this.host !== undefined) this.violation = "more than one Host";
          this.host = value;
          break;
        case CONNECTION:
          connection = connection === undefined ? value : `${connection},${value}`;
          break;
        case CONTENT_LENGTH:
          if (this.contentLength !== undefined) this.violation = "more than one Content-Length";
          if (!/^[0-9]{1,15}$/.test(value)) this.violation = "Content-Length is not a number";
          this.contentLength = value;
          break;
        case TRANSFER_ENCODING:
          if (transferEncoding !== undefined || value.toLowerCase() !== "chunked") this.violation = "Transfer-Encoding other than a single 'chunked'";
          transferEncoding = value;
          break;
        case UPGRADE:
          this.upgrade = value;
          break;
        case TRACEPARENT:
          this.traceparent = this.#last("traceparent", this.traceparent, value);
          break;
        case TRACESTATE:
          // RFC: several tracestate headers are one list.
          this.tracestate = this.tracestate === undefined ? value : `${this.tracestate},${value}`;
          break;
        case B3:
          this.b3 = this.#last("b3", this.b3, value);
          break;
        case B3_TRACE_ID:
          this.b3TraceId = this.#last("b3TraceId", this.b3TraceId, value);
          break;
        case B3_SPAN_ID:
          this.b3SpanId = lastOf(value);
          break;
        case B3_SAMPLED:
          this.b3Sampled = lastOf(value);
          break;
        case B3_OTHER:
          this.b3Other = [...this.b3Other, name, value];
          break;
        case GENERATION:
          this.generation = this.#last("generation", this.generation, value);
          break;
        case FORWARDED:
          this.forwarded = [...this.forwarded, name, value];
          break;
        case VIA:
          this.via = this.via === undefined ? value : `${this.via}, ${value}`;
          break;
        case PROXY_AUTHORIZATION:
          this.proxyAuthorization ??= value;
          break;
        case EXPECT:
          if (value.toLowerCase() !== "100-continue") this.violation = "unknown Expect";
          break;
        case TE:
          this.acceptsTrailers ||= hasToken(value, "trailers");
          break;
        case TRAILER:
          this.trailer = this.trailer === undefined ? value : `${this.trailer}, ${value}`;
          break;
        default:
      }
    }
    this.isChunked = transferEncoding !== undefined;
    if (transferEncoding !== undefined && this.contentLength !== undefined) this.violation = "Content-Length beside Transfer-Encoding";
    if (transferEncoding !== undefined && isHttp10) this.violation = "Transfer-Encoding in HTTP/1.0";
    if (this.host === undefined && !isHttp10) this.violation = "no Host";
    if (connection !== undefined) {
      this.isLast = connection === "close" || hasToken(connection, "close");
      this.#dropNamed(connection);
    }
    if (this.upgrade !== undefined && (connection === undefined || !hasToken(connection, "upgrade"))) this.upgrade = undefined;
  }

  get hasBody(): boolean {
    return this.isChunked || (this.contentLength !== undefined && this.contentLength !== "0");
  }

  /** The last value of a carrier; those before are kept beside it. None holds a comma, by which some clients join two headers of one name. */
  #last(carrier: RepeatedCarrier["carrier"], former: string | undefined, value: string): string {
    if (former === undefined && !value.includes(",")) return value;
    const values = value.split(",").map((one) => one.trim());
    const last = values.pop() as string;
    if (former !== undefined) values.push(former);
    this.repeated = [...(this.repeated ?? []), ...values.map((one) => ({ carrier, value: one }))];
    return last;
  }

  /** Headers named by Connection are for this hop only. Those that the proxy itself decides by cannot be switched off so. */
  #dropNamed(connection: string): void {
    if (connection === "keep-alive" || connection === "close" || connection === "Keep-Alive") return;
    for (const part of connection.split(",")) {
      const token = part.trim().toLowerCase();
      if (token === "" || token === "keep-alive" || token === "close" || token === "upgrade") continue;
      if (codeOf(token) !== PASS) {
        if (token === "host" || token === "content-length" || token === "transfer-encoding") this.violation = `Connection names ${token}`;
        continue;
      }
      for (let index = this.passed.length - 2; index >= 0; index -= 2) if (this.passed[index]?.toLowerCase() === token) this.passed.splice(index, 2);
    }
  }
}

function lastOf(value: string): string {
  return value.slice(value.lastIndexOf(",") + 1).trim();
}

/** True if `list`, a header's value, has `token`, given in lower case. */
export function hasToken(list: string, token: string): boolean {
  return list.split(",").some((part) => part.trim().toLowerCase() === token);
}
