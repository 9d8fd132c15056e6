/** Load on an edge: closed loop to find what a site bears, open loop to measure. */
import { Agent, get } from "node:http";

/** One request and what came of it. Times are Unix ms with fractions. */
export interface Answer {
  /** When it was due: an open loop sends then, whatever else is under way; the latency counts from here. */
  readonly dueMs: number;
  readonly endMs: number;
  readonly outcome: "ok" | "failed" | "mixed";
  /** The version of the changed service that answered; "" if none did. */
  readonly version: string;
  readonly detail: string;
}

export interface Target {
  readonly url: string;
  /** Reads the body of a 200: the version of the changed service, and why it is a mix, if it is one. */
  readonly judge: (body: string) => { readonly version: string; readonly mix?: string };
  /** True for a failure whose text shows that two versions met. */
  readonly isMixFailure?: (body: string) => boolean;
}

const ANSWER_WITHIN_MS = 20_000;
const IN_FLIGHT_MAX = 2000;

export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Requests a second with `connections` that each send the next as soon as they have an answer, over `ms`. */
export async function measureCapacity(target: Target, connections: number, ms: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const untilMs = nowMs() + ms;
  let count = 0;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (nowMs() < untilMs) {
        const answer = await send(target, agent, nowMs());
        if (answer.outcome !== "ok") throw new Error(`the site does not answer well: ${answer.detail}`);
        count++;
      }
    }),
  );
  agent.destroy();
  return (count / ms) * 1000;
}

/** Requests at the times of a Poisson process of `perSecond`, until `stop`. */
export class OpenLoad {
  readonly answers: Answer[] = [];
  readonly #target: Target;
  readonly #perSecond: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT_MAX, scheduling: "fifo" });
  readonly #running = new Set<Promise<void>>();
  #dueMs = nowMs();
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(target: Target, perSecond: number) {
    this.#target = target;
    this.#perSecond = perSecond;
    this.#tick();
  }

  /** Sends no more and waits for what is under way. */
  async stop(): Promise<readonly Answer[]> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await Promise.all(this.#running);
    this.#agent.destroy();
    return this.answers;
  }

  #tick(): void {
    while (this.#dueMs <= nowMs()) {
      if (this.#running.size < IN_FLIGHT_MAX) this.#begin(this.#dueMs);
      else
        this.answers.push({
          dueMs: this.#dueMs,
          endMs: nowMs(),
          outcome: "failed",
          version: "",
          detail: `not sent: ${IN_FLIGHT_MAX} wait for their answers`,
        });
      this.#dueMs += (-Math.log(1 - Math.random()) * 1000) / this.#perSecond;
    }
    if (!this.#isStopped) this.#timer = setTimeout(() => this.#tick(), Math.max(0, this.#dueMs - nowMs()));
  }

  #begin(dueMs: number): void {
    const running = send(this.#target, this.#agent, dueMs).then((answer) => {
      this.answers.push(answer);
      this.#running.delete(running);
    });
    this.#running.add(running);
  }
}

function send({ url, judge, isMixFailure }: Target, agent: Agent, dueMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    const fail = (detail: string): void => {
      resolve({ dueMs, endMs: nowMs(), outcome: isMixFailure?.(detail) === true ? "mixed" : "failed", version: "", detail: detail.slice(0, 1000) });
    };
    const request = get(url, { agent, timeout: ANSWER_WITHIN_MS }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("error", (error) => fail(`the answer broke off: ${error.message}`));
      response.on("end", () => {
        const endMs = nowMs();
        if (response.statusCode !== 200) return fail(`${response.statusCode} ${body}`);
        const { version, mix } = judge(body);
        resolve({ dueMs, endMs, outcome: mix === undefined ? "ok" : "mixed", version, detail: mix ?? "" });
      });
    });
    request.on("timeout", () => request.destroy(new Error(`no answer within ${ANSWER_WITHIN_MS} ms`)));
    request.on("error", (error) => fail(error.message));
  });
}
