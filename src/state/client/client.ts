import { type ClientHttp2Session, type ClientHttp2Stream, constants } from "node:http2";
import { type Clock, describeError, type Log, OrreryError, type Random } from "#/base/index.ts";
import { createLink, type Hello, LineReader, type Link, type LinkHandlers, type Welcome } from "#/state/link/index.ts";
import { Connection } from "./connection.ts";
import { type KeepLinkOptions, type KeptLink, keepLink } from "./kept-link.ts";
import { statusError } from "./status-error.ts";

const ANSWER_BYTES_MAX = 256 * 1024 * 1024;
const LINE_BYTES_MAX = 32 * 1024 * 1024;
const REQUEST_MS_MAX = 30_000;

export interface ClientOptions {
  /** `https://host:port` of the API. */
  readonly url: string;
  /** PEM of the site's CA (`<data>/pki/ca.crt`). */
  readonly ca: string;
  /** The name that the server's certificate must have, instead of that in `url`: a server of another site is refused before the token is sent. */
  readonly serverName?: string | undefined;
  /** Bearer token (`<data>/tokens/<user>`). */
  readonly token: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Told to the server for its logs: `orrery-agent/0.1.0`. */
  readonly userAgent: string;
}

export interface ClientRequest {
  /** Default GET. */
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Absolute, without query: `/apis/orrery.dev/v1/…`. */
  readonly path: string;
  /** A list is sent as one value after the other. */
  readonly query?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Sent as JSON; a string is sent as it is. */
  readonly body?: unknown;
  /** Default application/json. */
  readonly contentType?: string;
  /** Default application/json. */
  readonly accept?: string;
  /** Others, with lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** For the whole answer, of streams for its beginning; default 30 s. */
  readonly timeoutMs?: number;
}

export interface Answer {
  /** 200 to 299. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Parsed JSON, or text where the answer is none. */
  readonly body: unknown;
}

/** The API's own client. Everything, links too, goes over one TCP connection, which is made when needed and made anew after a loss.
 *  @throws client/unavailable (backoff): not connected, or lost before the answer: the outcome of a write is unknown, unless `details.wasSent` is false
 *  @throws client/timeout (backoff), client/untrusted, client/closed
 *  @throws api/unauthorized, api/forbidden, api/bad-request, api/missing, store/…: what the API answers, with code, retry and details as it was thrown there */
export interface Client {
  readonly url: string;
  request(request: ClientRequest): Promise<Answer>;
  /** The lines of a streamed answer as they come, with back pressure. Ends at the end of the answer; a lost connection throws. */
  lines(request: ClientRequest): AsyncIterable<string>;
  /** A streamed text in pieces as they come; no piece ends inside of a character. */
  text(request: ClientRequest): AsyncIterable<string>;
  /** Opens an exchange in lines of JSON, both ways at once. `body` is its first line.
   *  @throws as `request`, for the answer's head */
  openExchange(request: ClientRequest): Promise<Exchange>;
  /** Opens a link and says hello.
   *  @throws link/refused: the centre does not want it; the message says why */
  openLink(hello: Hello, handlers?: LinkHandlers): Promise<{ readonly link: Link; readonly welcome: Welcome }>;
  /** Holds a link open: dials, and dials again after each loss with 0.1 to 2 s between, until `stop`. */
  keepLink(options: KeepLinkOptions): KeptLink;
  /** Ends the connection and everything on it. */
  close(): Promise<void>;
}

/** Lines both ways. */
export interface Exchange {
  /** Those of the other side. Ends at its end; a lost connection throws. */
  readonly lines: AsyncIterable<string>;
  /** Sends `value` as a line; resolves when more may be sent. */
  send(value: unknown): Promise<void>;
  close(): void;
}

/** A client for one API. Connects when first used. */
export function createClient(options: ClientOptions): Client {
  return new Http2Client(options);
}

interface OpenAnswer {
  readonly stream: ClientHttp2Stream;
  readonly status: number;
  readonly headers: Answer["headers"];
}

class Http2Client implements Client {
  readonly url: string;
  readonly #options: ClientOptions;
  readonly #connection: Connection;
  readonly #closing = new AbortController();

  constructor(options: ClientOptions) {
    this.url = options.url;
    this.#options = options;
    this.#connection = new Connection(options);
  }

  async request(request: ClientRequest): Promise<Answer> {
    const { signal, done } = this.#limit(request);
    try {
      const { stream, status, headers } = await this.#open(request, signal);
      const body = parseBody(await readAll(stream), headers);
      if (status >= 400) throw statusError(status, body);
      if (status === 202) throwWaiting(body);
      return { status, headers, body };
    } finally {
      done();
    }
  }

  async *lines(request: ClientRequest): AsyncGenerator<string, void, undefined> {
    const reader = new LineReader(LINE_BYTES_MAX);
    for await (const chunk of this.#chunks(request)) yield* reader.push(chunk);
    const rest = reader.rest();
    if (rest !== "") yield rest;
  }

  async *text(request: ClientRequest): AsyncGenerator<string, void, undefined> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#chunks(request)) yield decoder.decode(chunk, { stream: true });
  }

  async openLink(hello: Hello, handlers: LinkHandlers = {}): Promise<{ readonly link: Link; readonly welcome: Welcome }> {
    const { signal, done } = this.#limit({ path: "/link" });
    let stream: ClientHttp2Stream;
    try {
      const opened = await this.#open({ method: "POST", path: "/link", contentType: "application/x-ndjson" }, signal, true);
      stream = opened.stream;
      if (opened.status >= 400) throw statusError(opened.status, parseBody(await readAll(stream), opened.headers));
    } finally {
      done();
    }
    const { clock, log } = this.#options;
    const link = createLink({ duplex: stream, handlers, clock, log });
    try {
      return { link, welcome: (await link.call("hello", hello)) as Welcome };
    } catch (error) {
      link.close("hello failed");
      throw error;
    }
  }

  async openExchange(request: ClientRequest): Promise<Exchange> {
    const { signal, done } = this.#limit(request);
    let opened: OpenAnswer;
    try {
      opened = await this.#open(request, signal, true);
      if (opened.status >= 400) throw statusError(opened.status, parseBody(await readAll(opened.stream), opened.headers));
    } finally {
      done();
    }
    const { stream } = opened;
    const { url } = this;
    return {
      lines: linesOf(stream, url),
      async send(value) {
        if (stream.destroyed || stream.writableEnded || stream.write(`${JSON.stringify(value)}\n`)) return;
        await new Promise<void>((resolve) => {
          const go = (): void => {
            stream.off("drain", go).off("close", go);
            resolve();
          };
          stream.on("drain", go).on("close", go);
        });
      },
      close: () => void stream.destroy(),
    };
  }

  keepLink(options: KeepLinkOptions): KeptLink {
    return keepLink({
      ...options,
      open: () => this.openLink(typeof options.hello === "function" ? options.hello() : options.hello, options.handlers),
      clock: this.#options.clock,
      random: this.#options.random,
      log: this.#options.log,
      signal: this.#closing.signal,
    });
  }

  async close(): Promise<void> {
    this.#closing.abort(new OrreryError("client/closed", "the client was closed"));
    await this.#connection.close();
  }

  async *#chunks(request: ClientRequest): AsyncGenerator<Buffer, void, undefined> {
    const { signal, done } = this.#limit(request);
    let opened: OpenAnswer;
    try {
      opened = await this.#open(request, signal);
      if (opened.status >= 400) throw statusError(opened.status, parseBody(await readAll(opened.stream), opened.headers));
    } finally {
      done();
    }
    const { stream } = opened;
    const onAbort = (): void => {
      stream.destroy(toError(request.signal?.reason));
    };
    request.signal?.addEventListener("abort", onAbort, { once: true });
    let isWhole = false;
    stream.once("end", () => {
      isWhole = true;
    });
    try {
      request.signal?.throwIfAborted();
      for await (const chunk of stream) yield chunk as Buffer;
      if (!isWhole || stream.rstCode !== constants.NGHTTP2_NO_ERROR) throw new Error("cut by the server");
    } catch (error) {
      throw request.signal?.aborted === true ? request.signal.reason : lost(this.url, error);
    } finally {
      request.signal?.removeEventListener("abort", onAbort);
      stream.destroy();
    }
  }

  /** A signal that also fires at the time limit and at the client's end. */
  #limit({ method = "GET", path, signal, timeoutMs = REQUEST_MS_MAX }: ClientRequest): { readonly signal: AbortSignal; done(): void } {
    const controller = new AbortController();
    const follow = (source: AbortSignal | undefined): (() => void) => {
      const onAbort = (): void => controller.abort(source?.reason);
      if (source?.aborted === true) onAbort();
      source?.addEventListener("abort", onAbort, { once: true });
      return () => source?.removeEventListener("abort", onAbort);
    };
    const stops = [
      follow(signal),
      follow(this.#closing.signal),
      this.#options.clock.after(timeoutMs, () =>
        controller.abort(
          new OrreryError("client/timeout", `${method} ${path}: no answer from ${this.url} within ${timeoutMs} ms`, { retry: "backoff" }),
        ),
      ),
    ];
    return {
      signal: controller.signal,
      done() {
        for (const stop of stops) stop();
      },
    };
  }

  /** The answer's head. `signal` cuts the stream until the caller is done with it. */
  async #open(request: ClientRequest, signal: AbortSignal, isTwoWay = false): Promise<OpenAnswer> {
    try {
      return await this.#send(await this.#connection.session(), request, signal, isTwoWay);
    } catch (error) {
      // A session that the server has just ended, or a read whose answer has not begun, may be tried again on a new connection; a write must not.
      const isUnsent = ["ERR_HTTP2_INVALID_SESSION", "ERR_HTTP2_GOAWAY_SESSION", "ERR_HTTP2_SESSION_ERROR"].includes(
        String((error as NodeJS.ErrnoException).code),
      );
      const mayRepeat =
        error instanceof OrreryError
          ? error.code === "client/unavailable" && error.details["isUnanswered"] === true && (request.method ?? "GET") === "GET"
          : isUnsent;
      if (!mayRepeat || signal.aborted) throw error instanceof OrreryError || signal.aborted ? error : lost(this.url, error, { wasSent: false });
      return await this.#send(await this.#connection.session(), request, signal, isTwoWay);
    }
  }

  async #send(session: ClientHttp2Session, request: ClientRequest, signal: AbortSignal, isTwoWay: boolean): Promise<OpenAnswer> {
    signal.throwIfAborted();
    const { method = "GET", body, accept = "application/json", contentType = "application/json" } = request;
    const content = body === undefined ? undefined : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
    const stream = session.request(
      {
        ":method": method,
        ":path": request.path + formatQuery(request.query),
        authorization: `Bearer ${this.#options.token}`,
        accept,
        "user-agent": this.#options.userAgent,
        ...request.headers,
        ...(content === undefined || isTwoWay ? {} : { "content-length": content.length }),
        ...(content === undefined && !isTwoWay ? {} : { "content-type": contentType }),
      },
      { endStream: content === undefined && !isTwoWay },
    );
    const onAbort = (): void => {
      stream.destroy(toError(signal.reason));
    };
    signal.addEventListener("abort", onAbort, { once: true });
    stream.once("close", () => signal.removeEventListener("abort", onAbort));
    return await new Promise<OpenAnswer>((resolve, reject) => {
      // Stays for the stream's life: a reset after the head is told to whoever reads, and must not crash the process.
      stream.on("error", (error) => reject(signal.aborted ? signal.reason : lost(this.url, error, { isUnanswered: true })));
      stream.once("close", () =>
        reject(signal.aborted ? signal.reason : lost(this.url, new Error("closed without an answer"), { isUnanswered: true })),
      );
      stream.once("response", ({ ":status": status = 0, ...headers }) => resolve({ stream, status, headers: headers as Answer["headers"] }));
      if (content !== undefined && isTwoWay) stream.write(Buffer.concat([content, Buffer.from("\n")]));
      else if (content !== undefined) stream.end(content);
    });
  }
}

async function* linesOf(stream: ClientHttp2Stream, url: string): AsyncGenerator<string, void, undefined> {
  const reader = new LineReader(LINE_BYTES_MAX);
  let isWhole = false;
  stream.once("end", () => {
    isWhole = true;
  });
  try {
    for await (const chunk of stream) yield* reader.push(chunk as Buffer);
    if (!isWhole) throw new Error("cut by the server");
  } catch (error) {
    throw lost(url, error);
  } finally {
    stream.destroy();
  }
}

async function readAll(stream: ClientHttp2Stream): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream) {
      bytes += (chunk as Buffer).length;
      if (bytes > ANSWER_BYTES_MAX)
        throw new OrreryError("client/too-large", `the answer is longer than ${ANSWER_BYTES_MAX} bytes: ask for pages (limit)`);
      parts.push(chunk as Buffer);
    }
  } catch (error) {
    throw error instanceof OrreryError ? error : lost("the API", error);
  }
  return Buffer.concat(parts);
}

function parseBody(bytes: Buffer, headers: Answer["headers"]): unknown {
  const text = bytes.toString("utf8");
  if (!String(headers["content-type"] ?? "").startsWith("application/json")) return text;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new OrreryError("client/unavailable", `the answer is no whole JSON (${bytes.length} bytes): ${describeError(error)}`, {
      retry: "backoff",
      details: { wasSent: true },
    });
  }
}

function formatQuery(query: ClientRequest["query"] = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((one): [string, string] => [name, one]),
  );
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}

function lost(
  url: string,
  error: unknown,
  { wasSent = true, isUnanswered = false }: { readonly wasSent?: boolean; readonly isUnanswered?: boolean } = {},
): OrreryError {
  return new OrreryError("client/unavailable", `the connection to ${url} was lost: ${describeError(error)}`, {
    retry: "backoff",
    cause: error,
    details: { wasSent, isUnanswered },
  });
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

/** What waits for others to approve it is not done: who goes on as if it were would tell something untrue.
 *  @throws access/waits */
function throwWaiting(body: unknown): void {
  const { kind, metadata, spec } = (body ?? {}) as {
    readonly kind?: unknown;
    readonly metadata?: { readonly name?: string };
    readonly spec?: { readonly needs?: readonly { readonly role: string }[]; readonly until?: string };
  };
  if (kind !== "Approval") return;
  const name = metadata?.name ?? "";
  const roles = (spec?.needs ?? []).map((one) => one.role).join(" and ");
  throw new OrreryError(
    "access/waits",
    `nothing is done yet: it waits as approval ${name} for ${roles}, until ${spec?.until ?? "then"}; see: orrery approval show ${name}`,
    {
      details: { approval: name },
    },
  );
}
