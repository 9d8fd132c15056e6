import { describeLate } from "#/traffic/routing/distribution/index.ts";
import type { GatewayReport, TablePosition } from "#/traffic/routing/index.ts";
import { BackgroundWork } from "./background.ts";
import { howCallsEnd, type OpenCalls, openCalls } from "./open-calls.ts";
import type { Wait } from "./state.ts";

/** A gateway that exists, whether it answers now or not. */
export interface KnownGateway {
  readonly name: string;
  readonly host: string;
  readonly isConnected: boolean;
  /** Why it cannot keep a newer table on its disk, as it has told last; absent: nothing is known to hinder it. */
  readonly tableFailure?: string;
  /** Since when it is not connected; absent while it is. */
  readonly lostSinceMs?: number;
  readonly incarnation: number;
  /** When the incarnation before was found ended with calls open; absent: never. */
  readonly incarnationSinceMs?: number;
  /** Until then what it had in flight is unknown. */
  readonly unknownUntilMs?: number;
  /** Newest generation at that time. */
  readonly incarnationCounter?: number;
}

export interface DrainPolicy {
  readonly lingerMs: number;
}

interface Round {
  readonly number: number;
  readonly askedAtMs: number;
  readonly reports: Map<string, GatewayReport>;
}

interface Drain {
  /** First table that does not stamp the generation. */
  readonly unstamped: TablePosition;
  readonly sinceMs: number;
  readonly whole: Quietness;
  /** Of those calls alone that can reach a service. */
  readonly scopes: Map<string, Quietness>;
  readonly open: Map<string, OpenCalls>;
}

interface Quietness {
  /** Services that are called; `undefined`: any. */
  readonly services: ReadonlySet<string> | undefined;
  /** End of the first of the successive quiet rounds, and what had been started until then, by gateway. */
  quiet?: { readonly atMs: number; readonly started: ReadonlyMap<string, string> };
  isEmpty: boolean;
}

/** Calls of one generation that can reach a service, as `scope` of a question. */
export interface Scope {
  readonly name: string;
  readonly services: ReadonlySet<string>;
}

/** An instance that may have work for a generation that no call shows. */
export interface BusyDeclared {
  readonly instance: string;
  readonly service: string;
  /** When it was made, by this leader's clock; absent: long ago. */
  readonly createdMs?: number;
}

/** More than one leader can ask: a year of ten a second is 2^28. */
const ROUNDS_PER_EPOCH = 2 ** 30;

/** A gateway answers at once: one that has not for so long is named. */
const SILENT_AFTER_MS = 1000;

/** Counts, over rounds, what is in flight of each generation that is no longer stamped. Memory of one leader; a new one begins with everything unknown.
 *
 *  A round is a number that every gateway answers with counts taken after it has heard the number; the next is asked only when all have answered, so a round lies wholly after the one before.
 *  A generation is empty when two successive rounds saw, at every gateway, no open call of it, at a table that no longer stamps it, with nothing started in between, and `linger` lies between them
 *  (F. Mattern, "Algorithms for distributed termination detection", 1987: the four-counter method). A gateway that does not answer leaves the round open: unknown is not zero. */
export class DrainLedger {
  readonly #drains = new Map<number, Drain>();
  readonly #background = new BackgroundWork();
  /** By generation: instances that may have work for it that no call shows. */
  #busyDeclared: (generation: number) => readonly BusyDeclared[] = () => [];
  #gateways: readonly KnownGateway[] = [];
  #policy: DrainPolicy = { lingerMs: 500 };
  #round: Round | undefined;
  #roundNumber: number;
  #lastCompletedAtMs = Number.NEGATIVE_INFINITY;

  /** `epoch` of the leader: its rounds have numbers above those of every former leader, which gateways may still remember. */
  constructor(epoch = 0) {
    this.#roundNumber = epoch * ROUNDS_PER_EPOCH;
  }

  /** What the site's spec says. */
  setPolicy(policy: DrainPolicy): void {
    this.#policy = policy;
  }

  /** All gateways that exist now. */
  setGateways(gateways: readonly KnownGateway[], nowMs: number): void {
    this.#gateways = gateways;
    this.#completeRound(nowMs);
  }

  /** Which instances may have work for a generation that no call shows: they are asked before it counts as empty. */
  setBusyDeclared(instancesOf: (generation: number) => readonly BusyDeclared[]): void {
    this.#busyDeclared = instancesOf;
    this.#background.keepOnly(new Set(this.draining.flatMap((generation) => instancesOf(generation).map((one) => one.instance))));
  }

  /** Parts of a generation that are counted by themselves, too: calls that can reach a service. Those that are not named any more are forgotten. */
  setScopes(generation: number, scopes: readonly Scope[]): void {
    const drain = this.#drains.get(generation);
    if (drain === undefined) return;
    for (const name of drain.scopes.keys()) if (!scopes.some((one) => one.name === name)) drain.scopes.delete(name);
    for (const { name, services } of scopes) {
      const known = drain.scopes.get(name)?.services;
      if (known === services) continue;
      if (known === undefined || known.size !== services.size || [...services].some((one) => !known.has(one)))
        drain.scopes.set(name, { services, isEmpty: false });
    }
  }

  /** Instances that are to be asked now whether they are busy: those of generations of which no call is seen. */
  busyToAsk(nowMs: number): readonly string[] {
    return [...this.#drains].flatMap(([generation, drain]) =>
      [drain.whole, ...drain.scopes.values()].flatMap((part) =>
        part.quiet === undefined || part.isEmpty ? [] : this.#background.toAsk(this.#busyIn(generation, part), part.quiet.atMs, nowMs),
      ),
    );
  }

  /** What an instance said; `askedAtMs` by this leader's clock. */
  busyAnswered(instance: string, answer: Parameters<BackgroundWork["answered"]>[1]): void {
    this.#background.answered(instance, answer);
  }

  /** `generation` is no longer stamped from the table at `unstamped` on. Repeats are ignored. */
  begin(generation: number, unstamped: TablePosition, nowMs: number): void {
    if (!this.#drains.has(generation))
      this.#drains.set(generation, { unstamped, sinceMs: nowMs, whole: { services: undefined, isEmpty: false }, scopes: new Map(), open: new Map() });
  }

  /** `generation` is closed, or stamped again. */
  end(generation: number): void {
    this.#drains.delete(generation);
  }

  get draining(): readonly number[] {
    return [...this.#drains.keys()];
  }

  /** The round that gateways should answer now, beginning one at most every `intervalMs` while something drains; `undefined` if none is needed. */
  roundToAsk(nowMs: number, intervalMs: number): number | undefined {
    if (this.#round !== undefined) return this.#round.number;
    if ([...this.#drains.values()].every((drain) => drain.whole.isEmpty)) return undefined;
    if (nowMs < this.#lastCompletedAtMs + intervalMs) return undefined;
    this.#round = { number: ++this.#roundNumber, askedAtMs: nowMs, reports: new Map() };
    return this.#round.number;
  }

  /** Takes a report; those that do not answer the present round are only shown, not counted on. */
  report(report: GatewayReport, nowMs: number): void {
    for (const [generation, drain] of this.#drains) {
      drain.open.set(report.gateway, openCalls(report, generation, drain.open.get(report.gateway), nowMs));
      for (const part of [drain.whole, ...drain.scopes.values()]) {
        if (countOf(report, generation, part.services).open === 0) continue;
        part.isEmpty = false;
        delete part.quiet;
      }
    }
    const round = this.#round;
    if (round === undefined || report.round < round.number) return;
    round.reports.set(report.gateway, report);
    this.#completeRound(nowMs);
  }

  /** Whether `generation` is empty, and if not, on what it waits. `scope`: of its calls only those of that part, if it is counted by itself. */
  stateOf(generation: number, nowMs: number, scope?: string): { readonly isEmpty: boolean; readonly open: number; readonly waits: readonly Wait[] } {
    const drain = this.#drains.get(generation);
    if (drain === undefined) {
      const message = `the first table that does not stamp generation ${generation} is on its way; then counting begins by itself`;
      return { isEmpty: false, open: 0, waits: [{ reason: "Counting", object: `generation/g${generation}`, sinceMs: nowMs, message }] };
    }
    const part = (scope === undefined ? undefined : drain.scopes.get(scope)) ?? drain.whole;
    const waits = this.#unknowns(generation, drain, nowMs);
    let open = 0;
    for (const [gateway, count] of drain.open) {
      if (!this.#gateways.some((one) => one.name === gateway)) continue;
      open += count.open;
      if (count.open > 0 && !part.isEmpty) {
        waits.push({
          reason: "TransactionsOpen",
          object: `gateway/${gateway}`,
          sinceMs: drain.sinceMs,
          message: `${count.open} calls of generation ${generation} are open at gateway ${gateway}${howCallsEnd(count)}`,
        });
      }
    }
    if (!part.isEmpty) waits.push(...this.#silentWaits(generation, drain, nowMs));
    if (waits.length === 0 && !part.isEmpty) waits.push(...this.#busyWaits(generation, part, nowMs));
    if (waits.length === 0 && !part.isEmpty) {
      waits.push({
        reason: "Counting",
        object: `generation/g${generation}`,
        sinceMs: drain.sinceMs,
        message: `nothing of generation ${generation} is seen in flight; two complete rounds of counting, ${this.#policy.lingerMs} ms apart, have to confirm it; nothing has to be done`,
      });
    }
    return { isEmpty: waits.length === 0, open, waits };
  }

  /** Connected gateways that hold up the counting: they do not answer a round, or their counts are of a table that may stamp the generation. */
  #silentWaits(generation: number, drain: Drain, nowMs: number): Wait[] {
    return this.#gateways.flatMap((gateway): Wait[] => {
      const { name, isConnected } = gateway;
      const round = this.#round;
      const position = drain.open.get(name)?.position;
      const isLate = position !== undefined && !isAtLeast(position, drain.unstamped);
      if (!isConnected) return [];
      if (round !== undefined && nowMs >= round.askedAtMs + SILENT_AFTER_MS && round.reports.get(name)?.incarnation !== gateway.incarnation) {
        const message = `gateway ${name} is connected, but has not answered the counting round that was asked at ${new Date(round.askedAtMs).toISOString()}: what it has in flight is unknown. If it hangs, restart it`;
        return [{ reason: "GatewaySilent", object: `gateway/${name}`, sinceMs: round.askedAtMs, message }];
      }
      if (!isLate || nowMs < drain.sinceMs + SILENT_AFTER_MS) return [];
      const message = describeLate(gateway, `a table that does not stamp generation ${generation} any more`);
      return [{ reason: "TableNotAcknowledged", object: `gateway/${name}`, sinceMs: drain.sinceMs, message }];
    });
  }

  #busyIn(generation: number, part: Quietness): readonly string[] {
    // What was made when no call was seen any more has nothing of before.
    const isNew = ({ createdMs }: BusyDeclared): boolean => createdMs !== undefined && part.quiet !== undefined && createdMs > part.quiet.atMs;
    return this.#busyDeclared(generation).flatMap((one) => (part.services?.has(one.service) === false || isNew(one) ? [] : [one.instance]));
  }

  #busyWaits(generation: number, part: Quietness, nowMs: number): Wait[] {
    const { quiet } = part;
    if (quiet === undefined) return [];
    return this.#busyIn(generation, part).flatMap((instance) => {
      const last = this.#background.lastOf(instance);
      if (last === undefined || last.state === "idle") return [];
      const isBusy = last.state === "busy";
      const message = isBusy
        ? `${instance} has work that may belong to generation ${generation}; it goes on when the instance is idle at one look (drain.busy: ${last.message}). If it never is, and what it does may be lost: kubectl delete instance ${instance}`
        : `whether ${instance} has work that may belong to generation ${generation} is not known: ${last.message}. It goes on when it answers; if what it does may be lost: kubectl delete instance ${instance}`;
      return [{ reason: isBusy ? "Busy" : "BusyUnknown", object: `instance/${instance}`, sinceMs: Math.min(nowMs, quiet.atMs), message }];
    });
  }

  #unknowns(generation: number, drain: Drain, nowMs: number): Wait[] {
    const waits: Wait[] = [];
    for (const gateway of this.#gateways) {
      if (!gateway.isConnected) {
        waits.push({
          reason: "GatewayLost",
          object: `gateway/${gateway.name}`,
          sinceMs: gateway.lostSinceMs ?? drain.sinceMs,
          message: `gateway ${gateway.name} is not connected: what it has in flight is unknown. Bring it back, or, if it is surely dead, run: orrery gateway forget ${gateway.name}`,
        });
      }
      const untilMs = gateway.unknownUntilMs ?? Number.NEGATIVE_INFINITY;
      if (gateway.incarnation > 1 && generation <= (gateway.incarnationCounter ?? -1) && nowMs < untilMs) {
        waits.push({
          reason: "FormerIncarnation",
          object: `gateway/${gateway.name}`,
          sinceMs: gateway.incarnationSinceMs ?? drain.sinceMs,
          message: `gateway ${gateway.name} was restarted: what it had in flight before is unknown until the longest transaction is over, at ${new Date(untilMs).toISOString()}; nothing has to be done`,
        });
      }
    }
    return waits;
  }

  #completeRound(nowMs: number): void {
    const round = this.#round;
    if (round === undefined || !this.#gateways.every((gateway) => round.reports.get(gateway.name)?.incarnation === gateway.incarnation)) return;
    this.#round = undefined;
    this.#lastCompletedAtMs = nowMs;
    for (const [generation, drain] of this.#drains)
      for (const part of [drain.whole, ...drain.scopes.values()]) this.#judge(generation, drain, part, round, nowMs);
  }

  #judge(generation: number, drain: Drain, part: Quietness, round: Round, nowMs: number): void {
    const started = new Map<string, string>();
    for (const gateway of this.#gateways) {
      const report = round.reports.get(gateway.name);
      const count = report === undefined ? undefined : countOf(report, generation, part.services);
      if (report === undefined || count === undefined || !isAtLeast(report.position, drain.unstamped) || count.open > 0) {
        delete part.quiet;
        return;
      }
      started.set(gateway.name, `${report.incarnation}:${count.started}`);
    }
    const { quiet } = part;
    if (quiet === undefined || quiet.started.size !== started.size || [...started].some(([gateway, count]) => quiet.started.get(gateway) !== count)) {
      part.quiet = { atMs: nowMs, started };
      return;
    }
    // Asked between the two rounds: what was at work before the first is over, and without a call between them nothing new has begun.
    if (!this.#busyIn(generation, part).every((instance) => this.#background.isIdle(instance, quiet.atMs, round.askedAtMs))) return;
    if (round.askedAtMs >= quiet.atMs + this.#policy.lingerMs) part.isEmpty = true;
  }
}

/** Calls of `services` alone, where the gateway tells them; else all. */
function countOf(
  report: GatewayReport,
  generation: number,
  services: ReadonlySet<string> | undefined,
): { readonly open: number; readonly started: number } {
  const count = report.counts.find((one) => one.generation === generation);
  if (count === undefined) return { open: 0, started: 0 };
  if (services === undefined || count.services === undefined) return { open: count.edge + count.outbound + count.inbound, started: count.started };
  let open = 0;
  let started = 0;
  for (const [service, calls] of Object.entries(count.services)) {
    if (!services.has(service)) continue;
    open += calls.open;
    started += calls.started;
  }
  return { open, started };
}

function isAtLeast(position: TablePosition, floor: TablePosition): boolean {
  if (position.history !== floor.history) return false;
  return position.epoch > floor.epoch || (position.epoch === floor.epoch && position.version >= floor.version);
}
