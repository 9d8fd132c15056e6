import { type EventEmitter, once } from "node:events";
import type { Http2Stream } from "node:http2";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Clock } from "#/base/index.ts";
import { type Exchange, headerOf, type Reply, type Response } from "./exchange.ts";
import { endedReason } from "./open-streams.ts";
import { SharedLine } from "./shared-line.ts";

const compress = promisify(gzip);

/** Shorter answers cost more to compress than to send. */
const GZIP_BYTES_MIN = 128 * 1024;
const TEXT_CHARACTERS_MAX = 64 * 1024;
/** A reader that takes nothing for so long is cut. */
export const STALLED_MS = 30_000;

/** Sends `reply`; resolves when all was handed to the system, or the client is gone. */
export async function sendReply(exchange: Exchange, reply: Reply, clock: Clock): Promise<void> {
  if ("isTaken" in reply) return;
  const { response, warnings } = exchange;
  const headers: Record<string, string | number | string[]> = { "content-type": reply.contentType, "cache-control": "no-cache, private" };
  if (warnings.length > 0) headers["warning"] = warnings.slice(0, 20).map((text) => `299 - ${quoted(text)}`);
  if ("chunks" in reply) {
    writeHead(response, reply.status, headers);
    if (exchange.method === "HEAD") {
      await reply.chunks[Symbol.asyncIterator]().return?.();
      response.end();
      return;
    }
    // HTTP/2 sends the head at once; HTTP/1 would keep it for the first chunk.
    if ("flushHeaders" in response) response.flushHeaders();
    return await sendChunks(response, reply.chunks, exchange.signal, clock, reply.contentType);
  }
  const { text } = reply;
  // A short text goes out in one piece with its head; as a Buffer it would be a second one.
  let body: string | Buffer = typeof text === "string" && text.length > TEXT_CHARACTERS_MAX ? Buffer.from(text) : text;
  const isEncoded = reply.headers?.["content-encoding"] !== undefined;
  if (!isEncoded && body.length >= GZIP_BYTES_MIN && /\bgzip\b/.test(headerOf(exchange.request, "accept-encoding") ?? "")) {
    body = await compress(body, { level: 1 });
    headers["content-encoding"] = "gzip";
    headers["vary"] = "Accept-Encoding";
  }
  if (isGone(response)) return;
  writeHead(response, reply.status, { ...headers, ...reply.headers, "content-length": Buffer.byteLength(body) });
  response.end(exchange.method === "HEAD" ? "" : body);
}

/** Nobody reads any more. */
function isGone(response: Response): boolean {
  // Of a stream of HTTP/2 that is closed, Node.js forgets even that.
  return "stream" in response ? ((response.stream as Http2Stream | undefined)?.destroyed ?? true) : response.destroyed;
}

function writeHead(response: Response, status: number, headers: Record<string, string | number | string[]>): void {
  // The two classes declare the same method with types that do not unite.
  (response as { writeHead(code: number, headers: Record<string, string | number | string[]>): unknown }).writeHead(status, headers);
}

async function sendChunks(
  response: Response,
  chunks: AsyncIterable<string | Buffer | SharedLine>,
  signal: AbortSignal,
  clock: Clock,
  contentType: string,
): Promise<void> {
  for await (const chunk of chunks) {
    // What was ended may tell why in its last words.
    if (signal.aborted && endedReason(signal) === undefined) break;
    const full = chunk instanceof SharedLine ? writeLine(response, chunk) : write(response, chunk);
    if (full === undefined) continue;
    // Back pressure ends in the store's bounded queue: it gives up a watcher that lags too far.
    const cancel = clock.after(STALLED_MS, () => cut(response), { background: true });
    await once(full, "drain", { signal }).catch(() => undefined);
    cancel();
  }
  const ended = endedReason(signal);
  // A watch has said so itself, in its own form.
  if (ended !== undefined && contentType.startsWith("text/plain")) write(response, `orrery: ${ended.message}\n`);
  // Also when the server stops: the reader is told of a whole answer. One that is gone does not mind.
  response.end();
}

/** Writes; what drains before more may be written, if anything. */
function write(response: Response, chunk: string | Buffer): EventEmitter | undefined {
  return (response as { write(text: string | Buffer): boolean }).write(chunk) ? undefined : response;
}

/** The same for a line that others are sent, too. Over HTTP/1.1 it goes to the socket as the chunk that it is for all of them: made into one by `response`, it would be put together and copied for each, in four pieces. */
function writeLine(response: Response, line: SharedLine): EventEmitter | undefined {
  if ("stream" in response) return write(response, line.bytes);
  const { socket } = response;
  // Behind another answer there is no socket yet; to HTTP/1.0 nothing is sent in chunks; what was written in this turn is still in `response`.
  if (socket === null || !response.chunkedEncoding || !response.headersSent || response.writableCorked > 0) return write(response, line.bytes);
  return socket.destroyed || socket.write(line.chunk) ? undefined : socket;
}

/** Ends the exchange at once, sent or not. */
export function cut(response: Response): void {
  if ("stream" in response) response.stream.destroy();
  else response.destroy();
}

/** A header's quoted-string; other characters than printable ASCII are shown as `?`. */
function quoted(text: string): string {
  return `"${text.replaceAll(/[^\x20-\x7e]/g, "?").replaceAll(/["\\]/g, "\\$&")}"`;
}
