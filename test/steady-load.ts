import { readdirSync, readFileSync } from "node:fs";
import { Agent, get, type RequestOptions } from "node:http";
import path from "node:path";
import type { Kill } from "./running-site.ts";

/** One request and what came of it. Times are those of `performance.now()`. */
export interface Sent {
  readonly count: number;
  /** Sent as the Host header: stands in the access log. */
  readonly id: string;
  readonly startMs: number;
  readonly endMs: number;
  /** `mixed`: answered by two versions of one service. */
  readonly outcome: "ok" | "failed" | "mixed";
  /** HTTP status; 0: no answer. */
  readonly status: number;
  /** For failures: the error or the beginning of the answer. */
  readonly detail: string;
  /** Versions by service, as the answer tells. */
  readonly servedBy: string;
  /** True if not even a connection was made. */
  readonly isRefused: boolean;
}

export interface Judgement {
  /** What mixes, if anything does. */
  readonly mix?: string;
  readonly servedBy: string;
}

export interface LoadOptions {
  /** What the `count`th request asks for. */
  readonly url: (count: number) => string;
  readonly perSecond: number;
  /** Further headers of the `count`th request. */
  readonly headers?: (count: number) => Readonly<Record<string, string>>;
  /** Reads the body of a 200. */
  readonly judge: (body: string) => Judgement;
  /** True for a failure whose text shows that two versions met. */
  readonly isMixFailure?: (body: string) => boolean;
}

const ANSWER_WITHIN_MS = 20_000;
const IN_FLIGHT_MAX = 400;

/** Requests at a steady pace, whether answers come or not (open loop); half of them on connections of their own. */
export class SteadyLoad {
  readonly sent: Sent[] = [];
  readonly #options: LoadOptions;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #begunMs = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #running = new Set<Promise<void>>();
  #count = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), 1000 / options.perSecond);
  }

  /** How many were sent, answered or not. */
  get begun(): number {
    return this.#count;
  }

  /** Sends no more and waits for what is under way. */
  async stop(): Promise<readonly Sent[]> {
    clearInterval(this.#timer);
    await Promise.all(this.#running);
    this.#agent.destroy();
    return this.sent;
  }

  #tick(): void {
    const due = Math.floor(((performance.now() - this.#begunMs) / 1000) * this.#options.perSecond);
    while (this.#count < due) {
      this.#count += 1;
      if (this.#running.size >= IN_FLIGHT_MAX) throw new Error(`${IN_FLIGHT_MAX} requests wait for their answers: the site does not bear the load`);
      const request = this.#send(this.#count);
      this.#running.add(request);
      void request.finally(() => this.#running.delete(request));
    }
  }

  #send(count: number): Promise<void> {
    const [id, isKept] = [`r${count}.load`, count % 2 === 0];
    const { url, judge, isMixFailure } = this.#options;
    const startMs = performance.now();
    let isConnected = false;
    return new Promise((resolve) => {
      const finish = (status: number, body: string, failure?: string): void => {
        const judgement = status === 200 && failure === undefined ? judge(body) : undefined;
        const mix = judgement?.mix ?? (isMixFailure?.(body) === true ? body.slice(0, 2000) : undefined);
        this.sent.push({
          count,
          id,
          startMs,
          endMs: performance.now(),
          outcome: mix !== undefined ? "mixed" : judgement === undefined ? "failed" : "ok",
          status,
          detail: mix ?? failure ?? body.slice(0, 2000),
          servedBy: judgement?.servedBy ?? "",
          isRefused: !isConnected,
        });
        resolve();
      };
      const options: RequestOptions = {
        agent: isKept ? this.#agent : false,
        headers: { ...this.#options.headers?.(count), host: id },
        timeout: ANSWER_WITHIN_MS,
      };
      const request = get(url(count), options, (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
        response.on("end", () => finish(response.statusCode ?? 0, body));
        response.on("error", (error) => finish(response.statusCode ?? 0, body, `the answer broke off: ${error.message}`));
      });
      request.on("socket", (socket) => {
        if (socket.connecting) socket.once("connect", () => (isConnected = true));
        else isConnected = true;
      });
      request.on("timeout", () => request.destroy(new Error(`no answer within ${ANSWER_WITHIN_MS} ms`)));
      request.on("error", (error) => finish(0, "", error.message));
    });
  }
}

/** A line of the access log, as far as it is needed here. */
export interface AccessLine {
  readonly role: "edge" | "host";
  /** The Host header. */
  readonly host?: string;
  readonly traceId?: string;
  readonly generation?: number;
  readonly caller?: string;
  readonly service?: string;
  readonly revision?: string;
  readonly instance?: string;
  readonly error?: string;
}

/** All lines of the access log of a data folder. The last line of a gateway that was killed may be half written. */
export function readAccessLog(data: string): AccessLine[] {
  const folder = path.join(data, "logs");
  return readdirSync(folder)
    .filter((name) => name.startsWith("access.log"))
    .flatMap((name) => readFileSync(path.join(folder, name), "utf8").split("\n"))
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as AccessLine];
      } catch {
        return [];
      }
    });
}

/** How long after it was killed a process may still be the reason of a failure. Longer than what is promised, which is checked by itself: a starved machine is not the product's fault. */
const BACK_WITHIN_MS = 15_000;

/** The failures that no kill excuses: those that were neither in a killed process nor connecting to one. Only gateways and instances may be the reason of any. */
export function unexcused(sent: readonly Sent[], kills: readonly Kill[]): Sent[] {
  const outages = kills.map((kill) => ({ kill, refusedUntilMs: kill.atMs + Math.min(refusedForMs(sent, kill), BACK_WITHIN_MS) }));
  return sent.filter((one) => one.outcome === "failed" && !outages.some(({ kill, refusedUntilMs }) => isExcused(one, kill, refusedUntilMs)));
}

function isExcused(one: Sent, kill: Kill, refusedUntilMs: number): boolean {
  if (kill.what === "gateway") {
    const wasInFlight = one.startMs <= kill.atMs && one.endMs >= kill.atMs;
    return (
      one.status === 0 && (wasInFlight || (one.isRefused && one.startMs >= kill.atMs && one.startMs <= refusedUntilMs) || isJustAfter(one, kill))
    );
  }
  if (kill.what !== "instance" || one.endMs < kill.atMs || one.startMs > kill.atMs + BACK_WITHIN_MS) return false;
  // The answer names the instance in which the call was, or which it could not reach; or its revision, when that was the only instance.
  return (
    one.detail.includes(`${kill.name} closed`) ||
    one.detail.includes(`${kill.name}: `) ||
    (kill.isOnly === true && one.detail.includes(`no instance of ${kill.revision} is ready`))
  );
}

/** On a connection that was still there when the kernel had not yet ended the killed process. */
function isJustAfter(one: Sent, kill: Kill): boolean {
  return one.startMs >= kill.atMs && one.startMs <= kill.atMs + 1000;
}

/** How long after the kill of a gateway new connections were refused: until the first that was not. */
export function refusedForMs(sent: readonly Sent[], kill: Kill): number {
  // What broke off on a connection that was still there says nothing about new ones.
  const later = sent.filter((one) => one.startMs >= kill.atMs && (one.status !== 0 || one.isRefused)).sort((a, b) => a.startMs - b.startMs);
  const begin = later.findIndex((one) => one.isRefused);
  const length = later.slice(begin).findIndex((one) => !one.isRefused);
  const last = later[begin + (length < 0 ? later.length - begin : length) - 1];
  return begin < 0 || last === undefined ? 0 : last.startMs - kill.atMs;
}

/** Lines whose revision is not the one that the map of their generation says: each is a call that mixed. Generations that are not in `maps` are passed over. */
export function findMixedCalls(lines: readonly AccessLine[], maps: ReadonlyMap<number, Readonly<Record<string, string>>>): AccessLine[] {
  return lines.filter(({ generation, service, revision }) => {
    const map = generation === undefined ? undefined : maps.get(generation);
    return map !== undefined && service !== undefined && revision !== undefined && map[service] !== revision;
  });
}

/** Failures in a few words, for messages. */
export function summarize(sent: readonly Sent[], kills: readonly Kill[] = []): string {
  const beginMs = sent[0]?.startMs ?? 0;
  const at = (ms: number): string => `${((ms - beginMs) / 1000).toFixed(2)} s`;
  const bad = sent.filter((one) => one.outcome !== "ok");
  return [
    `${sent.length} requests, ${bad.length} failed or mixed`,
    ...kills.map((kill) => `killed ${kill.name} at ${at(kill.atMs)}`),
    ...bad
      .slice(0, 20)
      .map((one) => `${one.outcome} ${one.id} from ${at(one.startMs)} to ${at(one.endMs)}: ${one.status} ${one.detail.slice(0, 500)}`),
  ].join("\n");
}
