import { isOrreryError, type LastGuard, type Log, OrreryError } from "#/base/index.ts";
import type { LinkHandlers } from "./contract.ts";
import { encodeError, type Message, STREAM_ITEMS_MAX } from "./message.ts";

/** Calls and streams that the other side may have under way at once. */
const RUNNING_MAX = 1_000;

type Question = Extract<Message, { readonly t: "call" | "open" | "cancel" | "more" | "notice" }>;

interface AnsweringOptions {
  readonly handlers: LinkHandlers;
  readonly log: Log;
  /** Told of what a handler throws that is no OrreryError. */
  readonly guard?: LastGuard | undefined;
  /** Throws when the link is down. */
  readonly send: (message: Message) => void;
  readonly drained: () => Promise<void>;
}

interface Running {
  readonly controller: AbortController;
  /** Items that may still be sent. */
  credit: number;
  wake: () => void;
}

/** The side of a link that answers: runs the handlers for what the other side asks. */
export class Answering {
  readonly #options: AnsweringOptions;
  readonly #running = new Map<number, Running>();

  constructor(options: AnsweringOptions) {
    this.#options = options;
  }

  /** @throws link/malformed: the id is in use */
  take(message: Question): void {
    switch (message.t) {
      case "notice":
        return this.#notice(message.method, message.params);
      case "cancel":
        return this.#cancel(message.id, new OrreryError("link/cancelled", "the other side gave up"));
      case "more": {
        const running = this.#running.get(message.id);
        if (running === undefined) return;
        running.credit = Math.min(running.credit + message.items, STREAM_ITEMS_MAX);
        return running.wake();
      }
      default:
        void this.#run(message);
    }
  }

  /** Aborts everything under way. */
  abort(reason: unknown): void {
    for (const id of [...this.#running.keys()]) this.#cancel(id, reason);
  }

  #cancel(id: number, reason: unknown): void {
    const running = this.#running.get(id);
    running?.controller.abort(reason);
    running?.wake();
  }

  #notice(method: string, params: unknown): void {
    const handler = own(this.#options.handlers.notices, method);
    if (handler === undefined) return this.#options.log.debug("link: notice that nobody handles", { method });
    try {
      handler(params);
    } catch (error) {
      this.#failed(`a notice ${method} could not be handled`, error);
    }
  }

  async #run({ t, id, method, params }: Extract<Question, { readonly t: "call" | "open" }>): Promise<void> {
    const running: Running = { controller: new AbortController(), credit: STREAM_ITEMS_MAX, wake: () => {} };
    let last: Message;
    try {
      if (this.#running.has(id)) throw new OrreryError("link/malformed", `id ${id} is in use`);
      if (this.#running.size >= RUNNING_MAX) throw new OrreryError("link/busy", `${RUNNING_MAX} calls are under way`, { retry: "backoff" });
      this.#running.set(id, running);
      last = t === "call" ? { t: "ok", id, value: await this.#call(method, params, running) } : await this.#stream({ id, method, params, running });
    } catch (error) {
      last = { t: "error", id, error: encodeError(error) };
      if (last.error.code === "link/failed" && !running.controller.signal.aborted) this.#failed(`a call ${method} failed`, error);
    }
    if (this.#running.get(id) === running) this.#running.delete(id);
    if (running.controller.signal.aborted) return;
    try {
      this.#options.send(last);
    } catch (error) {
      // The link is down, or the answer is too long for it.
      if (last.t === "ok") this.#trySendError(id, error);
    }
  }

  #failed(what: string, error: unknown): void {
    const { guard, log } = this.#options;
    if (guard !== undefined && !isOrreryError(error)) guard.caught("link message", error);
    else log.error(`link: ${what}`, { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }

  #trySendError(id: number, error: unknown): void {
    try {
      this.#options.send({ t: "error", id, error: encodeError(error) });
    } catch {
      // The link is down: nobody waits for the answer.
    }
  }

  async #call(method: string, params: unknown, running: Running): Promise<unknown> {
    const handler = own(this.#options.handlers.calls, method);
    if (handler === undefined) throw unknownMethod(method);
    return await handler(params, running.controller.signal);
  }

  async #stream({
    id,
    method,
    params,
    running,
  }: {
    readonly id: number;
    readonly method: string;
    readonly params: unknown;
    readonly running: Running;
  }): Promise<Message> {
    const handler = own(this.#options.handlers.streams, method);
    if (handler === undefined) throw unknownMethod(method);
    const { signal } = running.controller;
    for await (const value of handler(params, signal)) {
      while (running.credit === 0 && !signal.aborted) {
        await new Promise<void>((resolve) => {
          running.wake = resolve;
        });
      }
      if (signal.aborted) break;
      running.credit -= 1;
      this.#options.send({ t: "item", id, value });
      await this.#options.drained();
    }
    return { t: "end", id };
  }
}

function own<T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}

function unknownMethod(method: string): OrreryError {
  return new OrreryError("link/unknown-method", `the other side does not know ${method}: is it of another version?`);
}
