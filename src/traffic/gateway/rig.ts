import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import {
  type Agent,
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  request,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import { type Log, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { MemoryFeed } from "./feed/memory-feed.ts";
import { sketchTable, type TableSketch } from "./feed/table-sketch.ts";
import { Gateway, type GatewayOptions } from "./gateway.ts";

/** What an answer was. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The body as JSON. */
  readonly json: Record<string, unknown>;
}

/** What an echoing instance saw. */
export interface Echo {
  readonly instance: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A table in which everything goes to `portal`, whose instances listen on these ports. */
export function portalSite(ports: readonly number[], more: Partial<TableSketch> = {}): TableSketch {
  return {
    generations: { 3: { portal: "portal-v1" } },
    revisions: { "portal-v1": ports.map((port, index) => ({ instance: `portal-${index}`, port })) },
    services: { portal: { port: 1 } },
    routes: [{ service: "portal", path: { prefix: "/" } }],
    ...more,
  };
}

/** A running gateway that ends with the test. */
export async function rigOf(t: TestContext, options: Partial<GatewayOptions> = {}): Promise<Rig> {
  const rig = await Rig.start(undefined, options);
  t.after(() => rig.close());
  return rig;
}

/** A gateway with instances around it, for tests: real sockets, a temporary folder, a feed driven by hand. */
export class Rig {
  readonly folder = mkdtempSync(path.join(tmpdir(), "orrery-gateway-"));
  readonly feed = new MemoryFeed();
  readonly gateway: Gateway;
  readonly #stops: (() => unknown)[] = [];
  #version = 0;

  constructor(options: Partial<GatewayOptions> = {}) {
    this.gateway = new Gateway(this.options(options));
  }

  options(more: Partial<GatewayOptions> = {}): GatewayOptions {
    const log: Log = silentLog;
    return {
      name: "main",
      host: "h",
      folder: path.join(this.folder, "gateway"),
      accessLogFile: path.join(this.folder, "access.log"),
      edge: { address: "127.0.0.1", port: 0 },
      feed: () => this.feed,
      uptimeMs: () => performance.now(),
      clock: systemClock,
      random: systemRandom,
      log,
      ...more,
    };
  }

  /** Starts a gateway; with a table, if one is given. */
  static async start(sketch?: TableSketch, options: Partial<GatewayOptions> = {}): Promise<Rig> {
    const rig = new Rig(options);
    await rig.gateway.start();
    if (sketch !== undefined) rig.table(sketch);
    return rig;
  }

  /** Puts a whole table in force, newer than those before. */
  table(sketch: TableSketch): void {
    this.feed.update({ table: sketchTable({ version: ++this.#version, ...sketch }) });
  }

  get edgePort(): number {
    return Number(new URL(this.gateway.edgeUrl ?? "").port);
  }

  onClose(stop: () => unknown): void {
    this.#stops.push(stop);
  }

  async close(): Promise<void> {
    await this.gateway.stop({ graceMs: 0 });
    for (const stop of this.#stops.reverse()) await stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The access log's lines, once the gateway has stopped. */
  accessLines(): Record<string, unknown>[] {
    return readFileSync(path.join(this.folder, "access.log"), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** An HTTP instance; default: it tells what it saw. Returns its port. */
  async instance(name: string, handler: RequestListener = (req, res) => void echo(name, req, res)): Promise<number> {
    const server = createHttpServer(handler);
    this.onClose(() => {
      server.close();
      server.closeAllConnections();
    });
    return await listen(server);
  }

  /** A TCP instance. Returns its port. */
  async tcpInstance(onConnection: (socket: Socket) => void): Promise<number> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("error", () => {});
      this.onClose(() => socket.destroy());
      onConnection(socket);
    });
    this.onClose(() => server.close());
    return await listen(server);
  }

  /** A request to the edge. */
  get(target: string, options: SendOptions = {}): Promise<Answer> {
    return send({ port: this.edgePort, path: target, ...options });
  }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** A port on which nothing listens. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A loopback address that no other test uses. */
export function callerAddress(): string {
  const part = (): number => 1 + Math.floor(Math.random() * 250);
  return `127.${16 + Math.floor(Math.random() * 200)}.${part()}.${part()}`;
}

async function echo(instance: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  let body = "";
  for await (const chunk of req) body += String(chunk);
  res.end(JSON.stringify({ instance, method: req.method, url: req.url, headers: req.headers, body }));
}

export interface SendOptions {
  readonly host?: string;
  readonly port?: number;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
  readonly signal?: AbortSignal;
  /** Default: a connection of its own. */
  readonly agent?: Agent;
}

/** One request. */
export function send(options: SendOptions & { readonly path: string }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { host = "127.0.0.1", method = "GET", headers = {}, body, ...rest } = options;
    const outgoing = request({ agent: false, ...rest, host, method, headers: headers as Record<string, string> }, (res) => {
      let text = "";
      res.setEncoding("utf8");
      res.on("data", (chunk: string) => {
        text += chunk;
      });
      res.on("end", () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body: text, json: parse(text) }));
      res.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** Sends bytes as they are and returns all that comes back until the connection ends, or until `isEnough`. */
export function sendRaw(
  port: number,
  text: string | Buffer,
  options: { readonly host?: string; readonly isEnough?: (answer: string) => boolean } = {},
): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect({ port, host: options.host ?? "127.0.0.1" }, () => socket.write(text));
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      answer += chunk;
      if (options.isEnough?.(answer) === true) socket.destroy();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(answer));
  });
}

/** The rest of a promise's life in one object: for events that a test waits for. */
export function signalOf<T = void>(): PromiseWithResolvers<T> {
  return Promise.withResolvers<T>();
}
