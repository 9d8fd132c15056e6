import type { Call, GatewayCore } from "#/traffic/gateway/core/index.ts";
import type { Exchange } from "./exchange.ts";
import type { Program } from "./program.ts";
import type { ServiceProcess } from "./service-process.ts";
import type { Setting } from "./setting.ts";
import type { Transaction } from "./transaction.ts";

export interface OpenExchangeOptions {
  readonly setting: Setting;
  readonly listenerAt: (host: string, port: number) => ServiceProcess | undefined;
  /** Name of the gateway that carries it. */
  readonly gateway: string;
  readonly program: Program;
  readonly core: GatewayCore;
  readonly call: Call;
  readonly tx: Transaction;
  readonly depth: number;
  readonly endByMs: number;
  readonly isStream: boolean;
  readonly onAnswer: () => void;
  readonly onOver: (one: OpenExchange) => void;
}

/** A call on its way through a gateway. */
export class OpenExchange {
  readonly #options: OpenExchangeOptions;
  readonly #release: () => void;
  readonly #cancelDeadline: () => void;
  #isOver = false;
  #attempt = 0;
  #isStreaming = false;

  constructor(options: OpenExchangeOptions) {
    this.#options = options;
    const { setting, tx, call, program } = options;
    this.#release = setting.judge.begin(tx, call.service, `a call to ${call.service} through ${options.gateway}`);
    this.#cancelDeadline = program.after(call.deadlineMs - program.monotonic(), () => this.#expire());
    setting.judge.note(
      () =>
        `${options.gateway} ${call.role === "edge" ? "outside" : call.callerInstance} → ${call.service} in generation ${call.generation}, transaction ${tx.id}: ${call.endpoint.instance}`,
    );
  }

  get tx(): Transaction {
    return this.#options.tx;
  }

  get headers(): readonly string[] {
    return this.#options.call.traceHeaders;
  }

  get depth(): number {
    return this.#options.depth;
  }

  get endByMs(): number {
    return this.#options.endByMs;
  }

  get isStream(): boolean {
    return this.#options.isStream;
  }

  dial(): void {
    const { setting, listenerAt, program, call, tx } = this.#options;
    const attempt = ++this.#attempt;
    const { endpoint } = call;
    const port = endpoint.ports[call.port] ?? 0;
    program.after(tx.dice.between(0.05, 2), () => {
      if (this.#isOver || attempt !== this.#attempt) return;
      const process = listenerAt(endpoint.host, port);
      setting.calls.dialled({ call, tx, process, port });
      if (process !== undefined) return process.accept(new Attempt(this, attempt));
      this.#failed(false);
    });
  }

  #failed(wasSent: boolean): void {
    if (this.#isOver) return;
    const { core, call, program, setting, tx } = this.#options;
    const next = core.retry(call, { status: 0, wasSent }, { method: "GET", isReplayable: !this.#isStreaming }, program.monotonic());
    if (next !== undefined) return this.dial();
    setting.calls.unanswered({ call, tx, wasSent });
    this.#end(502);
  }

  resetAttempt(attempt: number): void {
    if (attempt !== this.#attempt) return;
    const { setting, program, tx } = this.#options;
    setting.scheduler.after(tx.dice.between(0, 2), () => program.deliver(() => this.#failed(true)));
  }

  answerAttempt(attempt: number, status: number): void {
    if (attempt !== this.#attempt) return;
    const { setting, program, tx } = this.#options;
    setting.scheduler.after(tx.dice.between(0.05, 1), () =>
      program.deliver(() => {
        if (attempt === this.#attempt) this.#end(status);
      }),
    );
  }

  isOpenAttempt(attempt: number): boolean {
    return !this.#isOver && attempt === this.#attempt;
  }

  becomeStream(): void {
    const { core, call } = this.#options;
    if (this.#isOver) return;
    core.stream(call);
    this.#isStreaming = true;
    this.#cancelDeadline();
  }

  /** Ends a stream whose time is over. */
  look(): void {
    const { call, program, tx } = this.#options;
    if (!this.#isStreaming || program.monotonic() < call.deadlineMs) return;
    tx.touch("its stream was ended");
    tx.excusedBy ??= "its stream was ended";
    this.#end(101);
  }

  #expire(): void {
    this.#options.tx.touch("it lasted longer than maxTransaction");
    this.#options.tx.excusedBy ??= "it lasted longer than maxTransaction";
    this.#end(504);
  }

  #end(status: number): void {
    if (this.#isOver) return;
    const { core, call, program, setting, onAnswer } = this.#options;
    core.end(call, status, program.monotonic());
    this.#over();
    setting.scheduler.after(0.2, onAnswer);
  }

  /** The gateway dies. */
  breakOff(why: string, excuse: string | undefined): void {
    const { tx, setting, onAnswer, call, program } = this.#options;
    tx.touch(why);
    tx.excusedBy ??= excuse;
    // Nobody ends it in time any more: what it still does after that is awaited by nobody.
    if (call.role === "edge" && !this.#isStreaming)
      setting.scheduler.after(call.deadlineMs - program.monotonic(), () => {
        tx.excusedBy ??= "it lasted longer than maxTransaction, and its edge was killed";
      });
    this.#over();
    setting.scheduler.after(tx.dice.between(0, 2), onAnswer);
  }

  #over(): void {
    this.#isOver = true;
    this.#cancelDeadline();
    this.#release();
    this.#options.onOver(this);
  }
}

/** One try of a call: a process that was given up on answers into the void. */
class Attempt implements Exchange {
  readonly #exchange: OpenExchange;
  readonly #number: number;

  constructor(exchange: OpenExchange, number: number) {
    this.#exchange = exchange;
    this.#number = number;
  }

  get tx(): Transaction {
    return this.#exchange.tx;
  }

  get headers(): readonly string[] {
    return this.#exchange.headers;
  }

  get depth(): number {
    return this.#exchange.depth;
  }

  get endByMs(): number {
    return this.#exchange.endByMs;
  }

  get isStream(): boolean {
    return this.#exchange.isStream;
  }

  get isOpen(): boolean {
    return this.#exchange.isOpenAttempt(this.#number);
  }

  becomeStream(): void {
    if (this.isOpen) this.#exchange.becomeStream();
  }

  answer(status: number): void {
    this.#exchange.answerAttempt(this.#number, status);
  }

  reset(): void {
    this.#exchange.resetAttempt(this.#number);
  }
}
