import { once } from "node:events";
import { WebSocket } from "ws";
import type { ClientWish, ServerMessage, ViewWish } from "#/face/views/protocol.ts";

/** Where the server of server.ts is. */
export interface ServerAddress {
  readonly port: number;
  /** Of plain HTTP, for a browser. */
  readonly plainPort: number;
  readonly adminToken: string;
  readonly ca: string;
}

/** A console with the views of a page: overview, counts, and lists of its own or as all others have them. */
export class ConsoleTab {
  readonly delayMs: number[] = [];
  bytes = 0;
  readonly #socket: WebSocket;
  readonly #views: Readonly<Record<string, ViewWish>>;
  readonly #waiting = new Map<string, (atMs: number) => void>();
  #ask = 0;

  private constructor(socket: WebSocket, number: number) {
    this.#socket = socket;
    this.#views = viewsOf(number);
    socket.on("message", (data: Buffer) => this.#take(data));
  }

  static async open({ port, ca }: ServerAddress, token: string, number: number): Promise<ConsoleTab> {
    const socket = new WebSocket(`wss://127.0.0.1:${port}/views`, { ca, headers: { authorization: `Bearer ${token}` } });
    await once(socket, "open");
    return new ConsoleTab(socket, number);
  }

  /** Opens all its views; the times until each was there. */
  async begin(): Promise<number[]> {
    return await Promise.all(Object.entries(this.#views).map(([id, view]) => this.#asked({ op: "open", id, view })));
  }

  async search(text: string): Promise<number> {
    return await this.#asked({
      op: "change",
      id: "search",
      view: { of: "objects", resource: "instances", search: text, limit: 60, columns: "table" },
    });
  }

  close(): void {
    this.#socket.terminate();
  }

  #asked(wish: Extract<ClientWish, { readonly view: unknown }>): Promise<number> {
    this.#ask += 1;
    const key = `${wish.id} ${this.#ask}`;
    const beganMs = performance.now();
    const answered = new Promise<number>((resolve) => this.#waiting.set(key, resolve));
    this.#socket.send(JSON.stringify({ ...wish, ask: this.#ask }));
    return answered.then((atMs) => atMs - beganMs);
  }

  #take(data: Buffer): void {
    const nowMs = performance.now();
    this.bytes += data.length;
    const told = JSON.parse(data.toString("utf8")) as ServerMessage;
    if (!("id" in told)) return;
    if ("error" in told) throw new Error(`${told.id}: ${told.error.message}`);
    if ("put" in told)
      for (const { seen } of told.put) {
        const delayMs = seen === undefined ? -1 : Date.now() - Date.parse(seen.at);
        // What moved only, and what was seen long ago, was not written now.
        if (delayMs >= 0 && delayMs < 10_000) this.delayMs.push(delayMs);
      }
    if (!("ask" in told) || told.ask === undefined) return;
    const key = `${told.id} ${told.ask}`;
    this.#waiting.get(key)?.(nowMs);
    this.#waiting.delete(key);
  }
}

function viewsOf(number: number): Record<string, ViewWish> {
  const columns = ["name", "state", "Host", "Restarts", "PID", "Service", "Phase", "created", "reason", ".spec.slot"];
  const by = columns[number % columns.length] ?? "name";
  const descending = number % 2 === 1;
  const offset = (number % 7) * 100;
  return {
    overview: { of: "overview" },
    counts: { of: "counts", resource: "instances", by: "state" },
    services: { of: "objects", resource: "microservices", sort: { by: "state" }, limit: 60, columns: "table" },
    instances: { of: "objects", resource: "instances", sort: { by, descending }, offset, limit: 60, columns: "table" },
    things: {
      of: "objects",
      resource: "resources",
      filter: { state: ["critical", "major", "changing"] },
      sort: { by: number % 2 === 0 ? "Observed" : "Place", descending },
      offset,
      limit: 60,
      columns: "table",
    },
    one: { of: "object", resource: "instances", name: `service-${number}-v1-0` },
    search: { of: "objects", resource: "instances", search: number === 0 ? "service-1" : `service-${number}`, limit: 60, columns: "table" },
  };
}
