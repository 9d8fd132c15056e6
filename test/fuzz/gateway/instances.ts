import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { fnv1a } from "#/base/index.ts";
import { readRequests } from "./strict-http.ts";

/** What an instance has seen of one request. */
export interface Seen {
  readonly method: string;
  count: number;
  /** Its body, once it was whole. */
  body: string | undefined;
}

/** Three kinds of instances: one that answers as it should, one that says anything, one that is slow and streams. They tell what they have seen, by the last part of the path. */
export class FuzzInstances {
  readonly seen = new Map<string, Seen>();
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  /** Ports by name. */
  async start(): Promise<{ readonly plain: number; readonly raw: number; readonly slow: number }> {
    const plain = createHttpServer((req, res) => this.#plain(req, res));
    const slow = createHttpServer((req, res) => this.#slow(req, res));
    for (const one of [plain, slow]) {
      one.on("upgrade", (_req, socket: Socket) => socket.end("HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n"));
      one.keepAliveTimeout = 5000;
    }
    const raw = createServer((socket) => this.#raw(socket));
    return { plain: await this.#listen(plain), raw: await this.#listen(raw), slow: await this.#listen(slow) };
  }

  async #listen(server: Server): Promise<number> {
    this.#servers.push(server);
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, resolve));
    return (server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  #note(id: string, method: string): Seen {
    const seen = this.seen.get(id) ?? { method, count: 0, body: undefined };
    seen.count++;
    this.seen.set(id, seen);
    return seen;
  }

  #take(req: IncomingMessage): { readonly id: string; readonly seen: Seen } {
    const id = idOfPath(req.url ?? "");
    const seen = this.#note(id, req.method ?? "");
    let body = "";
    req.setEncoding("latin1");
    req.on("data", (part: string) => {
      body += part;
    });
    req.on("error", () => {});
    req.on("end", () => {
      seen.body = body;
    });
    return { id, seen };
  }

  #plain(req: IncomingMessage, res: ServerResponse): void {
    const { id } = this.#take(req);
    req.on("end", () => res.end(`plain ${id}`));
  }

  #slow(req: IncomingMessage, res: ServerResponse): void {
    const { id } = this.#take(req);
    const mood = fnv1a(id) % 8;
    if (mood === 0) return void req.on("end", () => setTimeout(() => res.end(`slow ${id}`), 30));
    if (mood === 1) {
      res.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
      setTimeout(() => res.end("data: 2\n\n"), 20);
      return;
    }
    if (mood === 2) {
      res.write("part");
      setTimeout(() => req.socket.destroy(), 10);
      return;
    }
    if (mood === 3) {
      // Before the body is read, and nothing more of it.
      req.pause();
      res.writeHead(413, { connection: "close" }).end("large");
      return;
    }
    if (mood === 4) {
      res.writeHead(200, { trailer: "X-T", "transfer-encoding": "chunked" });
      res.addTrailers({ "X-T": "1" });
      res.write("a".repeat(70_000));
      return void setTimeout(() => res.end("b"), 5);
    }
    if (mood === 5) return void setTimeout(() => req.socket.resetAndDestroy(), 5);
    if (mood === 6) {
      res.writeEarlyHints({ link: "</a.css>; rel=preload" });
      return void req.on("end", () => res.end("hinted"));
    }
    // Never: the gateway's limit ends it.
    if (fnv1a(`${id} never`) % 8 !== 0) res.end("at once");
  }

  #raw(socket: Socket): void {
    let text = "";
    let done = 0;
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      // What stands in a body is no request.
      for (const { method, target } of readRequests(text).requests.slice(done)) {
        done++;
        const id = idOfPath(target);
        this.#note(id, method);
        say(socket, id);
      }
    });
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((one) => new Promise((resolve) => one.close(resolve))));
  }
}

/** Of the request that a path belongs to. */
export function idOfPath(url: string): string {
  return /\/(?:plain|raw|slow)\/([^/?#]*)/.exec(url)?.[1] ?? url;
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/** What a server may say that nobody should rely on. `!` at the end: and closes. `~`: and resets. */
const SAYINGS = [
  OK,
  OK,
  `${OK}!`,
  "!",
  "~",
  "HTTP/1.1 200 OK\r\n\r\nto the end!",
  "HTTP/1.0 200 OK\r\n\r\nold!",
  `HTTP/1.1 100 Continue\r\n\r\n${OK}`,
  `HTTP/1.1 103 Hints\r\nLink: <a>\r\n\r\n${OK}`,
  `${"HTTP/1.1 102 P\r\n\r\n".repeat(50)}${OK}`,
  "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello!",
  "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nhello",
  "HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n",
  `HTTP/1.1 204 No\r\n\r\n${OK}`,
  `${OK}${OK}`,
  `${OK}garbage`,
  "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf!",
  "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf~",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokx\r\n0\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n!",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
  "HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
  "HTTP/1.1 200 OK\r\nX Y: a\r\n\r\n!",
  "HTTP/1.1 200 OK\r\nX: \x00\r\n\r\n!",
  "HTTP/1.1 200 \xe9\x01\r\nContent-Length: 2\r\n\r\nok",
  "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
  "HTTP/1.1 099 Odd\r\n\r\n!",
  "HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nok",
  "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
  `HTTP/1.1 200 OK\r\nX: ${"y".repeat(40_000)}\r\n\r\n`,
  `HTTP/1.1 413 Large\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx~`,
  "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=0\r\nContent-Length: 2\r\n\r\nok",
  "HTTP/1.1 200 OK\r\nConnection: content-length, x-a\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nok",
  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n!",
  "",
];

function say(socket: Socket, id: string): void {
  const number = fnv1a(`${id} says`);
  const saying = SAYINGS[number % SAYINGS.length] as string;
  const isClosed = saying.endsWith("!");
  const isReset = saying.endsWith("~");
  const bytes = Buffer.from(isClosed || isReset ? saying.slice(0, -1) : saying, "latin1");
  const cut = number % 3 === 0 ? (number >>> 8) % (bytes.length + 1) : bytes.length;
  socket.write(bytes.subarray(0, cut));
  const end = (): void => {
    if (socket.destroyed) return;
    socket.write(bytes.subarray(cut));
    if (isClosed) socket.end();
    if (isReset) setTimeout(() => socket.resetAndDestroy(), 2);
  };
  if (cut === bytes.length) end();
  else setTimeout(end, 3);
}
