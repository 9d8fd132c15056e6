import type { Duty } from "#/model/index.ts";
import type { Exchange } from "./exchange.ts";
import type { Caller, HostInlet } from "./host-request.ts";
import type { Forwarding } from "./plan.ts";
import { Program, type Routine } from "./program.ts";
import type { Setting } from "./setting.ts";
import type { Transaction } from "./transaction.ts";

/** Which of the headers it was given a service passes on. */
const FORWARDED: Readonly<Record<Forwarding, readonly string[]>> = {
  everything: ["traceparent", "tracestate", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-orrery-generation"],
  w3c: ["traceparent", "tracestate"],
  b3: ["b3"],
  b3Multi: ["x-b3-traceid", "x-b3-spanid", "x-b3-sampled"],
  second: ["x-orrery-generation"],
  nothing: [],
  leaky: ["traceparent", "tracestate", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-orrery-generation"],
};
/** How often a leaky service takes the trace of a request that it, or another instance of it, served before. */
const LEAK_SHARE = 0.15;
/** How often a service calls one that it has not declared. */
const STRAY_SHARE = 0.01;
const DEPTH_MAX = 3;
/** How often a request leaves work that no call shows, where the service says when it has some. */
const LABOUR_SHARE = 0.1;
/** Handlers of one transaction that work on after their answer. */
const BACKGROUND_MAX = 4;

/** What services keep of requests, and the gateways through which they call. */
export interface ServiceSurroundings {
  /** What leaky services keep of requests, in a place that all their revisions share. */
  readonly leaks: Map<string, { readonly tx: Transaction; readonly headers: readonly string[] }>;
  /** `undefined`: it is down. */
  hostGateway(host: string): HostInlet | undefined;
}

export interface ServiceProcessOptions {
  readonly setting: Setting;
  readonly surroundings: ServiceSurroundings;
  readonly instance: string;
  readonly host: string;
  readonly service: string;
  readonly revision: string;
  readonly port: number;
  readonly callerAddress: string;
  readonly duty: Duty;
}

/** In whose name a process works: what it was asked for, and until when it may go on. */
interface Errand {
  readonly tx: Transaction;
  readonly headers: readonly string[];
  readonly depth: number;
  readonly endByMs: number;
}

interface Work {
  readonly tx: Transaction;
  /** True: a call that is being answered, which gateways can see. */
  readonly isAnswering: boolean;
  readonly release: () => void;
}

/** A process of a service: answers calls, and makes calls of its own while it does and shortly afterwards. */
export class ServiceProcess implements Caller {
  readonly #setting: Setting;
  readonly #surroundings: ServiceSurroundings;
  readonly #program: Program;
  readonly #forwarded: readonly string[];
  readonly instance: string;
  readonly host: string;
  readonly service: string;
  readonly revision: string;
  readonly port: number;
  readonly callerAddress: string;
  readonly #work = new Set<Work>();
  readonly #exchanges = new Set<Exchange>();
  readonly #isLeaky: boolean;
  readonly #tellsBusy: boolean;
  #labours = 0;
  /** What it may do, as it was told. */
  #duty: Duty;

  constructor(options: ServiceProcessOptions) {
    const { setting, instance } = options;
    this.#setting = setting;
    this.#surroundings = options.surroundings;
    this.#program = new Program(setting.scheduler, instance);
    const forwarding = setting.services.forwardingOf(options.service);
    this.#forwarded = FORWARDED[forwarding];
    this.#isLeaky = forwarding === "leaky";
    this.#tellsBusy = setting.services.tellsBusy(options.service);
    this.instance = instance;
    this.host = options.host;
    this.service = options.service;
    this.revision = options.revision;
    this.port = options.port;
    this.callerAddress = options.callerAddress;
    this.#duty = options.duty;
  }

  get duty(): Duty {
    return this.#duty;
  }

  /** The agent says what it may do now. */
  tell(duty: Duty): void {
    this.#setting.judge.note(() => `${this.instance} is told that it is ${duty}`);
    this.#duty = duty;
    this.#setting.rules.duty(this);
  }

  /** True while it works on something that no call shows. */
  get isBusy(): boolean {
    return this.#labours > 0;
  }

  get isAlive(): boolean {
    return this.#program.isAlive;
  }

  #begin(tx: Transaction, isAnswering: boolean): () => void {
    const end = this.#setting.judge.begin(tx, this.service, `${this.instance} ${isAnswering ? "answers" : "works on"}`);
    const work: Work = {
      tx,
      isAnswering,
      release: () => {
        this.#work.delete(work);
        end();
      },
    };
    this.#work.add(work);
    return work.release;
  }

  /** A request has come in. */
  accept(exchange: Exchange): void {
    this.#setting.rules.request(this, exchange.tx);
    this.#exchanges.add(exchange);
    if (this.#isLeaky && exchange.tx.dice.chance(0.3)) this.#surroundings.leaks.set(this.service, { tx: exchange.tx, headers: exchange.headers });
    const release = this.#begin(exchange.tx, true);
    this.#program.spawn(this.#serve(exchange, release));
  }

  *#serve(exchange: Exchange, release: () => void): Routine {
    const { tx, headers, depth, endByMs } = exchange;
    if (exchange.isStream) yield* this.#talk(exchange);
    else yield* this.#answer({ tx, headers, depth, endByMs }, depth === 0 ? 4 : 2);
    exchange.answer(200);
    this.#exchanges.delete(exchange);
    release();
  }

  *#answer(errand: Errand, stepsMax: number): Routine {
    const { tx, endByMs, depth } = errand;
    const { dice } = tx;
    const steps = dice.whole(0, stepsMax);
    for (let step = 0; step < steps; step++) {
      yield dice.chance(this.#setting.scenario.thinkingShare) ? dice.between(100, 500) : dice.between(0.2, 12);
      if (this.#setting.scheduler.elapsedMs > endByMs || depth >= DEPTH_MAX) break;
      yield* this.#callSome(errand, dice.pick([1, 1, 2, 3]));
    }
    yield dice.chance(this.#setting.scenario.thinkingShare / 2) ? dice.between(50, 300) : dice.between(0.2, 4);
    if (this.#tellsBusy && dice.chance(LABOUR_SHARE) && this.#setting.scheduler.elapsedMs < endByMs)
      this.#program.spawn(this.#labour(errand, this.#begin(tx, false)));
    // What carries no context, or another's, is not seen to go on.
    if (
      this.#forwarded.length > 0 &&
      !this.#isLeaky &&
      depth < DEPTH_MAX &&
      tx.background < BACKGROUND_MAX &&
      dice.chance(this.#setting.scenario.backgroundShare) &&
      this.#setting.scheduler.elapsedMs < endByMs
    )
      this.#program.spawn(this.#workOn(errand, this.#begin(tx, false)));
  }

  /** Background work: further calls after the answer, each within half of `linger` after what went before. */
  *#workOn(errand: Errand, release: () => void): Routine {
    const { lingerMs } = this.#setting.scenario;
    const { dice } = errand.tx;
    const times = dice.whole(1, 4);
    errand.tx.background++;
    for (let time = 0; time < times; time++) {
      yield dice.chance(0.5) ? dice.between(0, lingerMs / 2 - 1.5) : dice.between(lingerMs / 3, lingerMs / 2 - 1.5);
      errand.tx.budget = Math.max(1, errand.tx.budget);
      // What makes no call that is carried is not seen to go on.
      if (!(yield* this.#callSome({ ...errand, depth: DEPTH_MAX - 1 }, 1))) break;
    }
    release();
  }

  /** A job in the background, much longer than `linger`, and now and then a call when it is done. */
  *#labour(errand: Errand, release: () => void): Routine {
    const { lingerMs } = this.#setting.scenario;
    const { dice } = errand.tx;
    this.#labours++;
    this.#setting.judge.tally.labours++;
    yield dice.between(lingerMs, lingerMs + 900);
    if (!this.#isLeaky && this.#forwarded.length > 0 && dice.chance(0.5)) {
      errand.tx.budget = Math.max(1, errand.tx.budget);
      yield* this.#callSome({ ...errand, depth: DEPTH_MAX - 1 }, 1);
    }
    this.#labours--;
    release();
  }

  /** A WebSocket: open for a while, with calls now and then, until either end has enough. */
  *#talk(exchange: Exchange): Routine {
    const { tx } = exchange;
    const { scheduler, scenario } = this.#setting;
    const untilMs = scheduler.elapsedMs + tx.dice.between(100, 1.6 * scenario.maxTransactionMs);
    exchange.becomeStream();
    while (scheduler.elapsedMs < untilMs && exchange.isOpen) {
      yield tx.dice.between(5, 250);
      if (!exchange.isOpen) break;
      tx.budget = Math.max(tx.budget, 1);
      const errand = { tx, headers: exchange.headers, depth: exchange.depth, endByMs: scheduler.elapsedMs + 0.3 * scenario.maxTransactionMs };
      yield* this.#callSome(errand, 1);
    }
  }

  /** So many calls at once; goes on when all have been answered. False: none was made, or one was refused. */
  *#callSome(errand: Errand, count: number): Routine<boolean> {
    const services: string[] = [];
    for (let index = 0; index < count && errand.tx.budget > 0; index++) {
      const service = this.#setting.services.pick(errand.tx, errand.tx.dice.chance(STRAY_SHARE) ? undefined : this.service);
      if (service === undefined) break;
      errand.tx.budget--;
      services.push(service);
    }
    if (services.length === 0) return false;
    let left = services.length;
    let isEach = true;
    yield (resume) => {
      for (const service of services) {
        this.#call(errand, service, (wasRefused) => {
          if (wasRefused) isEach = false;
          if (--left === 0) resume();
        });
      }
    };
    return isEach;
  }

  /** A call to another service through the host's gateway. */
  #call(errand: Errand, service: string, onAnswer: (wasRefused: boolean) => void): void {
    const { tx, depth, endByMs } = errand;
    const leaked = this.#isLeaky && tx.dice.chance(LEAK_SHARE) ? this.#surroundings.leaks.get(this.service) : undefined;
    const headers = forward((leaked ?? errand).headers, this.#forwarded);
    this.#program.after(tx.dice.between(0.05, 1), () => {
      const gateway = this.#surroundings.hostGateway(this.host);
      if (gateway !== undefined)
        return gateway.hostRequest({
          tx,
          headers,
          service,
          depth: depth + 1,
          endByMs,
          caller: this,
          leakedFrom: leaked?.tx,
          onAnswer: (wasRefused) => this.#program.deliver(() => onAnswer(wasRefused)),
        });
      tx.touch("the host's gateway was down");
      onAnswer(true);
    });
  }

  /** It dies by itself. */
  crash(): void {
    this.#setting.judge.note(() => `${this.instance} crashes`);
    this.#die("an instance that worked for it has crashed");
  }

  /** The agent stops it: nothing may be in flight here. */
  stop(): void {
    const { judge } = this.#setting;
    judge.note(() => `${this.instance} is stopped`);
    // One of several that a person takes away finishes its calls; what it does besides, or for a gateway that has died, is its own affair.
    const isTakenAway = judge.isNeeded(this.service, this.revision);
    for (const { tx, isAnswering } of this.#work) {
      // So does one whose calls were moved to another revision.
      const isMoved = judge.eras.revisionsOf(tx.generation, this.service).size > 1;
      if ((isTakenAway || isMoved) && (!isAnswering || tx.touchedBy !== undefined)) continue;
      // What no gateway counts any more, because it was cut or its gateway has died, is awaited by its generation alone.
      if (tx.excusedBy !== undefined && (!isAnswering || tx.touchedBy !== undefined)) continue;
      judge.violate("S", `${this.instance} was stopped while it worked for transaction ${tx.id} of generation ${tx.generation}`);
    }
    this.#die("an instance that worked for it was stopped");
  }

  /** Its agent ends it, whatever it works on: nobody else knows of it. */
  lose(): void {
    this.#setting.judge.note(() => `${this.instance} is ended`);
    this.#die("an instance that worked for it was ended");
  }

  #die(why: string): void {
    this.#program.kill();
    for (const { tx, release } of [...this.#work]) {
      tx.touch(why);
      release();
    }
    for (const exchange of this.#exchanges) exchange.reset();
    this.#exchanges.clear();
  }
}

/** The headers among `names`, as a tracing library passes them on. */
function forward(headers: readonly string[], names: readonly string[]): string[] {
  const passed: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string;
    if (names.includes(name.toLowerCase())) passed.push(name, headers[index + 1] as string);
  }
  return passed;
}
