import {
  type Admitted,
  type Call,
  type GatewayCore,
  type Inlet,
  type Refusal,
  RequestHead,
  refuse,
  type Undecided,
} from "#/traffic/gateway/core/index.ts";
import { PROXY_PORT } from "#/traffic/routing/index.ts";
import type { HostRequest } from "./host-request.ts";
import { OpenExchange } from "./open-exchange.ts";
import type { RootPlan } from "./plan.ts";
import type { Program } from "./program.ts";
import type { ServiceProcess } from "./service-process.ts";
import type { Setting } from "./setting.ts";
import type { SeenGateway } from "./sight.ts";
import type { Transaction } from "./transaction.ts";

/** As in src/traffic/gateway/. */
const TABLE_WAIT_MS = 1000;
const CALL_BUDGET = 10;

/** What a gateway dials. */
export interface RequestSurroundings {
  listenerAt(host: string, port: number): ServiceProcess | undefined;
}

export interface GatewayRequestsOptions {
  readonly setting: Setting;
  readonly surroundings: RequestSurroundings;
  readonly gateway: SeenGateway;
  readonly program: Program;
  readonly core: GatewayCore;
}

/** The requests of one start of a gateway, as HttpProxy and Exchange carry them: each is decided by the real core, now or when it has waited, and forwarded. */
export class GatewayRequests {
  readonly #options: GatewayRequestsOptions;
  #waiters: { readonly isOver: () => boolean; readonly tell: () => void }[] = [];
  readonly #open = new Set<OpenExchange>();

  constructor(options: GatewayRequestsOptions) {
    this.#options = options;
  }

  /** Exchanges that are under way. */
  get open(): number {
    return this.#open.size;
  }

  /** Streams of a generation that is no longer stamped end when their revision says so. */
  boundStreams(): void {
    const { core, program } = this.#options;
    core.boundStreams(program.monotonic());
    for (const one of this.#open) one.look();
  }

  /** The process has died: what is in flight breaks off. */
  breakOff(excuse: string | undefined): void {
    this.#waiters = [];
    for (const one of [...this.#open]) one.breakOff("a gateway that carried it was killed", excuse);
    this.#open.clear();
  }

  #wait(isOver: () => boolean, forMs: number, then: () => void): void {
    let isTold = false;
    const tell = (): void => {
      if (isTold) return;
      isTold = true;
      then();
    };
    this.#waiters.push({ isOver, tell });
    this.#options.program.after(forMs, () => {
      this.#waiters = this.#waiters.filter((one) => one.tell !== tell);
      tell();
    });
  }

  /** There is a new table: who has waited for what it says is decided about again. */
  tellWaiters(): void {
    const over = this.#waiters.filter((one) => one.isOver());
    if (over.length === 0) return;
    this.#waiters = this.#waiters.filter((one) => !over.includes(one));
    for (const one of over) one.tell();
  }

  /** Takes `decide`'s decision when there is one; what waited too long is refused. */
  #settle(
    decide: () => Admitted | Refusal | Undecided,
    untilMs: number,
    take: (decision: Admitted | Refusal) => void,
    onHeld: () => void = () => {},
  ): void {
    const { core, program } = this.#options;
    const decision = decide();
    if (decision.kind === "admitted" || decision.kind === "refusal") return take(decision);
    if (decision.kind === "full") return take(core.refuseFull(decision));
    const nowMs = program.monotonic();
    if (decision.kind === "unknown-generation") {
      const { generation } = decision;
      const refusal = refuse("gateway/unknown-generation", `generation ${generation} is not in the table`, { generation });
      if (nowMs >= untilMs) return take(refusal);
      const isKnown = (): boolean => core.table.generation(generation) !== undefined;
      return this.#wait(isKnown, TABLE_WAIT_MS, () => (isKnown() ? this.#settle(decide, untilMs, take, onHeld) : take(refusal)));
    }
    onHeld();
    if (nowMs >= untilMs) return take(refuse("gateway/held", `${decision.services.join(", ")} is being handed over`));
    const { hold } = core.table.stamp ?? {};
    this.#wait(
      () => core.table.stamp?.hold !== hold,
      untilMs - nowMs,
      () => this.#settle(decide, untilMs, take, onHeld),
    );
  }

  /** A request from outside. */
  fromOutside(root: RootPlan): void {
    const { core, program, gateway } = this.#options;
    const { calls } = this.#options.setting;
    const head = new RequestHead("GET", `/${root.entry}`, ["Host", "site.example", "Cookie", `session=s${root.seed % 50}`]);
    const sentMs = program.monotonic();
    this.#settle(
      () => core.edge(head, "10.0.0.1", program.monotonic()),
      sentMs + core.table.site.holdMs,
      (decision) => {
        if (decision.kind === "refusal") return calls.refusedRoot(gateway, root, decision);
        const { hold } = core.table.stamp ?? {};
        if (hold !== undefined) calls.passed(gateway, root, hold, decision.call.generation);
        this.#forwardRoot(root, decision.call);
      },
      () => calls.held(gateway, root, core.table.stamp?.hold),
    );
  }

  #forwardRoot(root: RootPlan, call: Call): void {
    const { core, gateway, setting } = this.#options;
    const { judge, scenario, scheduler } = setting;
    const { table } = core;
    judge.begun(table.position?.history ?? "", call.generation, table.generation(call.generation)?.assignments ?? new Map());
    const tx = judge.transaction({ generation: call.generation, era: gateway.era, isFromEdge: true, seed: root.seed, budget: CALL_BUDGET });
    const { longRoute, maxTransactionMs } = scenario;
    const longestMs = longRoute?.service === root.entry ? longRoute.maxTransactionMs : maxTransactionMs;
    const endByMs = scheduler.elapsedMs + 0.5 * longestMs;
    this.#forward({ call, tx, depth: 0, endByMs, isStream: root.isStream, onAnswer: () => {} });
  }

  /** A call of an instance of this host. */
  fromInstance(request: HostRequest): void {
    const { core, program, gateway, setting } = this.#options;
    const { judge, scheduler, services, calls } = setting;
    const release = judge.begin(request.tx, request.service, `a call to ${request.service} at ${gateway.plan.name}`);
    const isProxied = request.tx.dice.chance(0.5);
    judge.tally.calls++;
    const decide = (): Admitted | Refusal | Undecided => {
      const { caller, service, headers } = request;
      // It listens on the addresses of the callers that it knows, and on no others.
      if (!core.table.callers.has(caller.callerAddress)) return refuse("gateway/connect", `nothing listens on the address of ${caller.instance} yet`);
      const head = new RequestHead("GET", isProxied ? `http://${service}/` : "/", ["Host", service, ...headers]);
      const inlet: Inlet = {
        kind: isProxied ? "proxy" : "service",
        address: caller.callerAddress,
        port: isProxied ? PROXY_PORT : services.portOf(service),
      };
      const target = core.target(inlet, head);
      if (target.kind === "outside") return refuse("gateway/no-service", `${service} is no service of the site's: the call would go outside`);
      return target.kind === "refusal" ? target : core.host(inlet, target, head, program.monotonic());
    };
    // Killed while it waits: the caller's connection breaks.
    const cancel = program.onDeath(() => {
      release();
      request.tx.touch("a gateway that it waited at was killed");
      scheduler.after(1, () => request.onAnswer(true));
    });
    const take = (decision: Admitted | Refusal): void => {
      cancel();
      release();
      if (decision.kind === "admitted") return this.#forwardFrom(request, decision);
      calls.refused(gateway, request, decision);
      scheduler.after(0.2, () => request.onAnswer(true));
    };
    this.#settle(decide, program.monotonic() + core.table.site.holdMs, take);
  }

  #forwardFrom(request: HostRequest, admitted: Admitted): void {
    const { call } = admitted;
    const { gateway, setting } = this.#options;
    const tx = setting.calls.transactionOf(gateway, request, call);
    this.#forward({ call, tx, depth: request.depth, endByMs: request.endByMs, isStream: false, onAnswer: () => request.onAnswer(false) });
  }

  #forward(about: {
    readonly call: Call;
    readonly tx: Transaction;
    readonly depth: number;
    readonly endByMs: number;
    readonly isStream: boolean;
    readonly onAnswer: () => void;
  }): void {
    const { setting, surroundings, gateway, program, core } = this.#options;
    const exchange = new OpenExchange({
      ...about,
      setting,
      listenerAt: (host, port) => surroundings.listenerAt(host, port),
      gateway: gateway.plan.name,
      program,
      core,
      onOver: (one) => this.#open.delete(one),
    });
    this.#open.add(exchange);
    exchange.dial();
  }
}
