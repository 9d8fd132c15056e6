import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Log, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { Gateway, MemoryFeed, sketchTable } from "#/traffic/gateway/index.ts";
import type { FuzzFinding, FuzzOptions, FuzzReport } from "./frame.ts";
import { type Conversation, conversationOf, hiddenOf, idOf } from "./gateway/conversations.ts";
import { FuzzInstances, idOfPath } from "./gateway/instances.ts";
import { readAnswers, readRequests, type StrictRequests } from "./gateway/strict-http.ts";

/** Looks at what is under way. On a machine that stands still the looks stand still, too: they are what time is measured by. */
const TICK_MS = 50;
/** A conversation that is not over after so many hangs. The gateway's own limits below are far shorter. */
const HANG_TICKS = 300;
/** Work between two looks that keeps everybody else waiting. */
const BLOCKED_MS = 2000;
const TIMEOUT_MS = 300;
const TRANSACTION_MS = 1000;
const RETRIES = 1;
/** What is kept of the row is looked at this often. */
const CHECK_EVERY = 20_000;
const GROWTH_BYTES_MAX = 150 * 1024 * 1024;
const FINDINGS_MAX = 50;
const AT_A_TIME = 192;
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

/** A gateway between clients that send anything and three kinds of instances. Oracles: the process lives, without a fault of its own; memory and connections stay bounded; what an instance has seen is what a strict reader finds in the client's bytes, in order, with its body, and nothing behind what it refuses; no request is seen twice that may not be tried again; answers are well-formed; every conversation ends in its time. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const run = new GatewayFuzz(options);
  try {
    await run.start();
    return await run.work();
  } finally {
    await run.stop();
  }
}

class GatewayFuzz {
  readonly #options: FuzzOptions;
  readonly #folder = mkdtempSync(path.join(tmpdir(), "orrery-fuzz-"));
  readonly #feed = new MemoryFeed();
  readonly #upstreams = new FuzzInstances();
  readonly #gateway: Gateway;
  readonly #findings: FuzzFinding[] = [];
  readonly #classes: Record<string, number> = {};
  #port = 0;
  #next: number;
  #requests = 0;
  #conversations = 0;
  #seen = 0;
  #noted = "";
  #ticks = 0;
  #cpuMs = 0;
  #ticker: NodeJS.Timeout | undefined;
  /** Conversations under way, with what ends them and the tick of their beginning. */
  readonly #open = new Map<() => void, number>();
  readonly #onException = (error: unknown): void => this.#fault(undefined, `an exception: ${error instanceof Error ? error.stack : error}`);

  constructor(options: FuzzOptions) {
    this.#options = options;
    this.#next = options.from;
    const log: Log = { ...silentLog, error: (text, fields) => this.#log(`${text} ${JSON.stringify(fields)}`) };
    this.#gateway = new Gateway({
      name: "fuzz",
      host: "h",
      folder: path.join(this.#folder, "gateway"),
      accessLogFile: path.join(this.#folder, "access.log"),
      edge: { address: "127.0.0.1", port: 0 },
      isHost: false,
      feed: () => this.#feed,
      uptimeMs: () => performance.now(),
      clock: systemClock,
      random: systemRandom,
      log,
    });
  }

  #log(text: string): void {
    this.#noted ||= text;
  }

  #fault(number: number | undefined, text: string): void {
    if (this.#findings.length < FINDINGS_MAX)
      this.#findings.push({ input: number ?? this.#next, oracle: number === undefined ? "afterwards" : "conversation", detail: text });
  }

  get #isOver(): boolean {
    return this.#options.signal.aborted || this.#findings.length >= FINDINGS_MAX;
  }

  #class(name: string): void {
    this.#classes[name] = (this.#classes[name] ?? 0) + 1;
  }

  async start(): Promise<void> {
    process.on("uncaughtException", this.#onException);
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    const ports = await this.#upstreams.start();
    await this.#gateway.start();
    this.#port = Number(new URL(this.#gateway.edgeUrl ?? "").port);
    const names = Object.keys(ports) as (keyof typeof ports)[];
    const table = sketchTable({
      site: { maxTransactionMs: TRANSACTION_MS, limits: { accessLogBytes: 1024 * 1024 } },
      generations: { 3: Object.fromEntries(names.map((name) => [name, `${name}-v1`])) },
      revisions: Object.fromEntries(names.map((name) => [`${name}-v1`, [{ instance: name, port: ports[name] }]])),
      services: Object.fromEntries(names.map((name, index) => [name, { port: 10 + index, timeoutMs: TIMEOUT_MS, retries: RETRIES }])),
      routes: names.map((name) => ({ service: name, path: { prefix: `/${name}` } })),
      streamsEndAfterMs: TIMEOUT_MS,
    });
    this.#feed.update({ table });
  }

  #tick(): void {
    this.#ticks++;
    const { user, system } = process.cpuUsage();
    const cpuMs = (user + system) / 1000;
    if (this.#ticks > 1 && cpuMs - this.#cpuMs > BLOCKED_MS)
      this.#fault(undefined, `${Math.round(cpuMs - this.#cpuMs)} ms of work kept everything waiting`);
    this.#cpuMs = cpuMs;
    for (const [end, began] of this.#open) if (this.#ticks - began > HANG_TICKS) end();
  }

  async work(): Promise<FuzzReport> {
    const last = this.#options.from + this.#options.count;
    let bytesMin = Number.POSITIVE_INFINITY;
    while (this.#next < last && !this.#isOver) {
      const until = Math.min(last, this.#next + CHECK_EVERY);
      const part = async (): Promise<void> => {
        while (this.#next < until && !this.#isOver) await this.#converse(this.#next++);
      };
      await Promise.all(Array.from({ length: AT_A_TIME }, part));
      await this.#settle();
      globalThis.gc?.();
      const bytes = process.memoryUsage().rss;
      bytesMin = Math.min(bytesMin, bytes);
      if (bytes > bytesMin + GROWTH_BYTES_MAX) this.#fault(undefined, `memory has grown from ${mebibytes(bytesMin)} to ${mebibytes(bytes)}`);
      this.#options.say?.(`${this.#conversations} connections, ${this.#requests} requests, ${mebibytes(bytes)}`);
    }
    return {
      inputs: this.#conversations,
      findings: this.#findings,
      classes: { ...this.#classes, "requests in all": this.#requests, "requests seen by instances": this.#seen },
    };
  }

  /** Everything that has been begun has to end. */
  async #settle(): Promise<void> {
    const endTick = this.#ticks + HANG_TICKS;
    const open = (): number => this.#gateway.core.open;
    while (open() > 0 && this.#ticks < endTick) await new Promise((resolve) => setTimeout(resolve, 20));
    if (open() > 0) this.#fault(undefined, `${open()} calls have not ended`);
    const connections = this.#upstreams.connections;
    if (connections > 500) this.#fault(undefined, `${connections} connections to instances are open`);
    if (this.#gateway.guard.count > 0) this.#fault(undefined, `${this.#gateway.guard.count} faults were noted; the first: ${this.#noted}`);
    this.#upstreams.seen.clear();
  }

  async #converse(number: number): Promise<void> {
    const conversation = conversationOf(number);
    const strict = readRequests(conversation.text);
    const faultsBefore = this.#gateway.guard.count;
    const { received, isClosed, isLate } = await this.#talk(conversation, strict);
    this.#conversations++;
    this.#requests += conversation.inputs;
    if (this.#gateway.guard.count > faultsBefore) this.#fault(number, `a fault was noted: ${this.#noted}`);
    if (isLate) this.#fault(number, `it hangs; received ${JSON.stringify(received.slice(-300))}`);
    const answers = readAnswers(
      received,
      strict.requests.map((one) => one.method),
      isClosed,
    );
    for (const status of answers.statuses) this.#class(`answers ${status}`);
    if (answers.fault !== undefined) this.#fault(number, answers.fault);
    const most = strict.requests.length + 1;
    if (answers.statuses.length > most) this.#fault(number, `${answers.statuses.length} answers to ${most} requests at most`);
    answers.statuses.forEach((status, index) => {
      if (status < 300 && strict.requests[index] === undefined)
        this.#fault(number, `answer ${index} is ${status}, and a strict reader has no such request`);
    });
    this.#checkSeen(number, conversation, strict);
  }

  #checkSeen(number: number, { text, inputs }: Conversation, strict: StrictRequests): void {
    const { seen } = this.#upstreams;
    const ids = Array.from({ length: inputs }, (_, index) => idOf(number, index));
    for (const id of [...ids, ...ids.map(hiddenOf)]) {
      const one = seen.get(id);
      if (one === undefined) continue;
      this.#seen += one.count;
      const sent = strict.requests.filter((request) => idOfPath(request.target) === id);
      const [first] = sent;
      if (first === undefined) this.#fault(number, `${id} was carried out, and a strict reader has no such request`);
      // A text that was doubled may hold it twice.
      if (text.split(id).length > 2 || first === undefined) continue;
      if (first.method !== one.method) this.#fault(number, `${id} is ${first.method}, was seen as ${one.method}`);
      if (one.body !== undefined && first.isWhole && one.body !== first.body)
        this.#fault(
          number,
          `${id} has the body ${JSON.stringify(first.body.slice(0, 100))}, was seen with ${JSON.stringify(one.body.slice(0, 100))}`,
        );
      if (one.body !== undefined && !first.isWhole) this.#fault(number, `${id} has no whole body, and was taken for whole`);
      if (one.count > (IDEMPOTENT.has(first.method) ? 1 + RETRIES : 1)) this.#fault(number, `${id} was seen ${one.count} times`);
    }
  }

  #talk(conversation: Conversation, strict: StrictRequests): Promise<{ received: string; isClosed: boolean; isLate: boolean }> {
    return new Promise((resolve) => {
      const socket = connect({ port: this.#port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
      let received = "";
      let isClosed = false;
      let isLate = false;
      const finish = (): void => {
        if (!socket.destroyed) socket.destroy();
      };
      const giveUp = (): void => {
        isLate = true;
        finish();
      };
      this.#open.set(giveUp, this.#ticks);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#open.delete(giveUp);
        resolve({ received, isClosed, isLate });
      });
      socket.on("end", () => {
        isClosed = true;
        finish();
      });
      const methods = strict.requests.map((one) => one.method);
      const isEnough = (): boolean => {
        if (strict.rest === "no request" || strict.requests.at(-1)?.isLast === true) return false;
        const { statuses, isWhole, fault } = readAnswers(received, methods, false);
        return fault !== undefined || (isWhole && statuses.length >= strict.requests.length) || statuses.at(-1) === 101;
      };
      socket.on("data", (chunk) => {
        received += chunk.toString("latin1");
        if (conversation.ending === "wait" && isEnough()) finish();
      });
      socket.on("connect", () => void send(socket, conversation, strict));
    });
  }

  async stop(): Promise<void> {
    clearInterval(this.#ticker);
    await this.#gateway.stop({ graceMs: 0 });
    await this.#upstreams.stop();
    process.off("uncaughtException", this.#onException);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function send(socket: Socket, { text, cuts, ending }: Conversation, strict: StrictRequests): Promise<void> {
  const bytes = Buffer.from(text, "latin1");
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    if (socket.destroyed) return;
    if (cut > from) socket.write(bytes.subarray(from, cut));
    from = cut;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  if (socket.destroyed) return;
  // What is not whole would be waited for.
  const isWhole = strict.rest !== "part of a head" && strict.requests.length > 0 && strict.requests.every((one) => one.isWhole);
  if (ending === "half-close" || (ending === "wait" && !isWhole)) socket.end();
  else if (ending === "reset") socket.resetAndDestroy();
  else if (ending === "close") socket.destroy();
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
