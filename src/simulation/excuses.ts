import { WAIT_MAX_MS } from "./plan.ts";
import type { Stage } from "./stage.ts";
import type { Transaction } from "./transaction.ts";

/** Until a change has been seen by every leader and gateway, where watches and links are slow. */
export const SEEN_MS = 400;
/** Every instance of the first generation has had the time to start. */
const STARTED_MS = 1300;
const STARTED_LATE_MS = 2000;
/** After the store was put back: until everything runs that it says, and every gateway has heard of that. */
const PUT_BACK_MS = 4000;
/** That a host is free again reaches gateways that are slow, or were cut off, so late. */
const FREED_LATE_MS = 1000;

/** Knows when what fails is not judged, and why: the site has not come up yet, something has died, or its store was put back a moment ago. */
export class Excuses {
  readonly #stage: Stage;
  readonly #isCentreEnding: () => boolean;
  /** Gateways that have lost their tables. */
  readonly lostTables = new Set<string>();
  #readyMs: number | undefined;
  /** Until then much is missing that the store speaks of. */
  #unsteadyUntilMs = 0;
  /** Until then somebody stands still, or is away. */
  #awayUntilMs = 0;

  /** `isCentreEnding`: a centre that leads has found out that its store was put back, and ends for that. */
  constructor(stage: Stage, isCentreEnding: () => boolean) {
    this.#stage = stage;
    this.#isCentreEnding = isCentreEnding;
  }

  /** The first generation is in service, and all its instances have been ready for so long that everybody has seen it. */
  get hasStarted(): boolean {
    const { scheduler, store } = this.#stage;
    if (scheduler.elapsedMs < STARTED_MS) return false;
    if (this.#readyMs === undefined && store.list("Instance").every((one) => one.status?.ready === true)) this.#readyMs = scheduler.elapsedMs;
    return scheduler.elapsedMs >= Math.min((this.#readyMs ?? Number.POSITIVE_INFINITY) + SEEN_MS, STARTED_LATE_MS);
  }

  /** What a call of the transaction to the service meets on `host` may fail. */
  isExcused(tx: Transaction, host: string, service: string): boolean {
    if (!tx.isFromEdge || tx.touchedBy !== undefined || tx.excusedBy !== undefined) return true;
    return this.isShaken(host, service, tx.generation);
  }

  isShaken(host: string, service: string, generation: number): boolean {
    const { judge } = this.#stage;
    // The first generation of a site comes into service as it is.
    if (!this.hasStarted || this.isUnsteady) return true;
    if (judge.isFenced(host, generation, FREED_LATE_MS) || judge.isRecreated(service)) return true;
    for (const revision of judge.eras.revisionsOf(generation, service)) if (judge.crashed.has(`${host}/${revision}`)) return true;
    return false;
  }

  /** The store was put back a moment ago. */
  get isUnsteady(): boolean {
    return this.#stage.scheduler.elapsedMs < this.#unsteadyUntilMs;
  }

  /** A file was copied back a moment ago, and who leads does not know it, or has just found it out and ends for that: it works by what was. */
  get isUnaware(): boolean {
    return this.isUnsteady && (this.#stage.judge.isPutBackUnnoticed || this.#isCentreEnding());
  }

  /** A fault happens. Who stands still, or is away, hears later that the store was put back. */
  disturbed(forMs: number): void {
    this.#awayUntilMs = Math.max(this.#awayUntilMs, this.#stage.scheduler.elapsedMs + forMs + WAIT_MAX_MS);
    if (this.isUnsteady) this.#unsteadyFor(forMs + WAIT_MAX_MS + PUT_BACK_MS / 2);
  }

  /** The store was put back, and answers again after `forMs`. */
  putBack(forMs: number): void {
    this.#unsteadyFor(Math.max(forMs, this.#awayUntilMs - this.#stage.scheduler.elapsedMs) + PUT_BACK_MS);
  }

  /** A centre has found out that the store was put back. */
  foundOut(): void {
    this.#unsteadyFor(PUT_BACK_MS);
  }

  /** Where links fail, too, nobody knows when all have heard. */
  #unsteadyFor(forMs: number): void {
    const { scenario, scheduler } = this.#stage;
    const isHeard = !scenario.faults.some((one) => one.what.endsWith("-link") || one.what === "vanish");
    this.#unsteadyUntilMs = isHeard ? Math.max(this.#unsteadyUntilMs, scheduler.elapsedMs + forMs) : Number.POSITIVE_INFINITY;
  }
}
