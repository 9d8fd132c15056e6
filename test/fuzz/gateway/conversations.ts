import { fnv1a, type Random, randomBelow, seededRandom } from "#/base/index.ts";

/** What one client sends on one connection, and how. */
export interface Conversation {
  /** As text, a character a byte. */
  readonly text: string;
  /** Where it is cut into writes. */
  readonly cuts: readonly number[];
  /** How many requests were put into it, before anything was changed. */
  readonly inputs: number;
  /** What the client does once it has sent everything. */
  readonly ending: "wait" | "half-close" | "reset" | "close";
}

const UPSTREAMS = ["plain", "raw", "slow"] as const;
const METHODS = ["GET", "GET", "GET", "POST", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "M-SEARCH", "CONNECT", "get", "G\x00T", ""];
const VERSIONS = ["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "http/1.1", "HTTP/1.2", ""];
const FIELDS = [
  "Host: a",
  "Host: b",
  "Host : a",
  "Connection: close",
  "Connection: keep-alive",
  "Connection: Upgrade",
  "Connection: Upgrade\r\nUpgrade: websocket",
  "Connection: Upgrade\r\nUpgrade: h2c",
  "Connection: Upgrade\r\nUpgrade: TLS/1.2",
  "Connection: content-length",
  "Upgrade: websocket",
  "Content-Length: 0",
  "Content-Length: 3",
  "Content-Length: 3, 3",
  "Content-Length: +3",
  "Content-Length: 99999999999999999999",
  "Content-Length : 3",
  "Content_Length: 3",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: chunked, chunked",
  "Transfer-Encoding: gzip, chunked",
  "Transfer-Encoding: identity",
  "Transfer-Encoding: xchunked",
  "Transfer-Encoding:\x0bchunked",
  "Transfer-Encoding\t: chunked",
  "transfer-encoding: CHUNKED",
  "TE: trailers",
  "Trailer: X-T",
  "Expect: 100-continue",
  "Expect: cake",
  "X-Forwarded-For: 1.2.3.4",
  "X_Forwarded_For: 1.2.3.4",
  "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  "x-orrery-generation: 3-0001-00",
  "X-Folded: a\r\n b",
  "X-Empty:",
  "X-High: \xe9\xff",
  "X-Null: a\x00b",
  " X-Space: a",
  "X-Long: LONG",
  "Cookie: a=b; c=d",
  "Keep-Alive: timeout=1",
  "Range: bytes=0-1",
];
const CHUNK_SIZES = ["", ";x=y", ';x="\r\n"', " ", "g", "0x", "-", "\x00"];

function pick<T>(random: Random, list: readonly T[]): T {
  return list[randomBelow(random, list.length)] as T;
}

function chance(random: Random, oneIn: number): boolean {
  return randomBelow(random, oneIn) === 0;
}

/** Stands in the path of a request. A change of some bytes does not make it another request's. */
export function idOf(number: number, index: number): string {
  const name = `r${number}-${index}`;
  return `${name}-${fnv1a(name).toString(16)}`;
}

/** Of a request that stands in the body of the request `id`, and must not be carried out. */
export function hiddenOf(id: string): string {
  return `${id}-hidden`;
}

/** The conversation of this number; always the same. */
export function conversationOf(number: number): Conversation {
  const random = seededRandom(number);
  const inputs = 1 + randomBelow(random, 4);
  let text = "";
  for (let index = 0; index < inputs; index++) text += requestOf(random, idOf(number, index));
  if (chance(random, 3)) text = changed(random, text);
  const cuts = Array.from({ length: randomBelow(random, 5) }, () => randomBelow(random, text.length + 1)).sort((a, b) => a - b);
  const ending = pick(random, ["wait", "wait", "wait", "wait", "half-close", "half-close", "reset", "close"] as const);
  return { text, cuts, inputs, ending };
}

function requestOf(random: Random, id: string): string {
  const isPlain = !chance(random, 3);
  const upstream = pick(random, UPSTREAMS);
  const method = isPlain ? pick(random, METHODS.slice(0, 8)) : pick(random, METHODS);
  const version = isPlain ? "HTTP/1.1" : pick(random, VERSIONS);
  const path = `/${upstream}/${id}`;
  const target = isPlain
    ? path
    : pick(random, [path, path, `${path}?q=%00`, `http://a${path}`, `//a${path}`, `/x/..${path}`, "*", `${path}#f`, `${path} x`, ""]);
  const fields: string[] = chance(random, 30) ? [] : ["Host: a"];
  for (let count = randomBelow(random, isPlain ? 3 : 6); count > 0; count--) {
    const field = pick(random, FIELDS);
    // Framing of its own is for those that are not meant to be good.
    if (isPlain && /^(?:host|content|transfer|connection|expect| |x-null|x-fold)/i.test(field)) continue;
    fields.push(field === "X-Long: LONG" ? `X-Long: ${"l".repeat(pick(random, [10, 1000, 15_000, 20_000]))}` : field);
  }
  const { field, body } = bodyOf(random, method, isPlain, hiddenOf(id));
  if (field !== undefined) fields.push(field);
  return `${method} ${target} ${version}\r\n${fields.map((one) => `${one}\r\n`).join("")}\r\n${body}`;
}

function bodyOf(random: Random, method: string, isPlain: boolean, hidden: string): { readonly field?: string; readonly body: string } {
  if (isPlain && (method === "GET" || method === "HEAD")) return { body: "" };
  const content = pick(random, [
    "",
    "abc",
    `GET /plain/${hidden} HTTP/1.1\r\nHost: a\r\n\r\n`,
    "0\r\n\r\n",
    "x".repeat(randomBelow(random, 3000)),
    "\x00\xff\r\n",
  ]);
  if (chance(random, 2)) {
    const length = isPlain ? content.length : pick(random, [content.length, content.length, content.length + 1, Math.max(0, content.length - 1)]);
    return { field: `Content-Length: ${length}`, body: content };
  }
  let body = "";
  for (let from = 0; from < content.length; ) {
    const size = 1 + randomBelow(random, content.length);
    const part = content.slice(from, from + size);
    const extension = isPlain ? pick(random, ["", "", ";x=y"]) : pick(random, CHUNK_SIZES);
    body += `${part.length.toString(16)}${extension}\r\n${part}\r\n`;
    from += part.length;
  }
  const trailers = chance(random, 4) ? pick(random, ["X-T: 1\r\n", "Host: b\r\n", "Content-Length: 5\r\n", "bad\r\n", "X-T: a\x00\r\n"]) : "";
  return { field: "Transfer-Encoding: chunked", body: `${body}0\r\n${isPlain && trailers !== "" ? "X-T: 1\r\n" : trailers}\r\n` };
}

/** A few bytes of it are other than they were. */
function changed(random: Random, text: string): string {
  let result = text;
  for (let count = 1 + randomBelow(random, 3); count > 0; count--) {
    const at = randomBelow(random, result.length + 1);
    const length = randomBelow(random, 20);
    const odd = pick(random, ["\r", "\n", "\r\n", "\x00", " ", "\t", ":", "\x7f", "\x80", "\xff", "0", ",", "chunked", "\r\n\r\n", "HTTP/1.1", ";"]);
    const change = randomBelow(random, 5);
    if (change === 0) result = result.slice(0, at) + odd + result.slice(at);
    else if (change === 1) result = result.slice(0, at) + result.slice(at + length);
    else if (change === 2) result = result.slice(0, at) + result.slice(at, at + length).repeat(2) + result.slice(at + length);
    else if (change === 3) result = result.slice(0, at) + String.fromCharCode(randomBelow(random, 256)) + result.slice(at + 1);
    else result = result.slice(0, at);
  }
  return result;
}
