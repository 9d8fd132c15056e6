import type { Clock } from "#/base/index.ts";
import { type GatewayCore, type Refusal, refuse, type Undecided } from "./core/index.ts";

/** A request of a generation that the table does not know waits so long for the table. */
const TABLE_WAIT_MS = 1000;
/** That wait at most. */
const TABLE_WAITERS_MAX = 1000;
/** A request waits so long for a place at an instance. */
const PLACE_WAIT_MS = 250;
/** That wait for a place at most. */
const PLACE_WAITERS_MAX = 1024;

interface Waiter {
  readonly isOver: () => boolean;
  readonly tell: () => void;
}

/** Requests that cannot be decided now, and wait: for another table, or for a place at an instance. */
export class Waiting {
  readonly #core: GatewayCore;
  readonly #clock: Clock;
  #unknown: Waiter[] = [];
  #held: Waiter[] = [];
  /** By service, for a place at one of its instances. */
  readonly #places = new Map<string, Waiter[]>();
  #placeWaiters = 0;
  #isEnded = false;
  /** Requests that wait. */
  open = 0;

  constructor(core: GatewayCore, clock: Clock) {
    this.#core = core;
    this.#clock = clock;
  }

  /** Waits, asking `decide` again whenever that may help, until there is a decision: a refusal if it comes to nothing in time. `isGone`: nobody waits for the answer any more. */
  async settle<D extends { readonly kind: string }>(
    first: Undecided,
    decide: () => D | Undecided,
    isGone: () => boolean,
  ): Promise<Exclude<D, Undecided> | Refusal> {
    this.open++;
    try {
      return await this.#settle(first, decide, isGone);
    } finally {
      this.open--;
    }
  }

  async #settle<D extends { readonly kind: string }>(
    first: Undecided,
    decide: () => D | Undecided,
    isGone: () => boolean,
  ): Promise<Exclude<D, Undecided> | Refusal> {
    const heldUntilMs = this.#clock.monotonic() + this.#core.table.site.holdMs;
    let wasUnknown = false;
    let placeUntilMs: number | undefined;
    let decision: D | Undecided = first;
    while (isUndecided(decision)) {
      if (decision.kind === "held") {
        const { services } = decision;
        const leftMs = heldUntilMs - this.#clock.monotonic();
        if (leftMs <= 0 || this.#isEnded) return refuseHeld(services, this.#core.table.site.holdMs);
        const { heldTransactions } = this.#core.table.limits;
        if (this.#held.length >= heldTransactions)
          return refuse("gateway/overloaded", `${heldTransactions} new transactions are held already; no more are taken`);
        await this.#hold(leftMs);
        if (isGone()) return refuse("gateway/held", "the client has gone while its transaction was held");
      } else if (decision.kind === "full") {
        placeUntilMs ??= this.#clock.monotonic() + PLACE_WAIT_MS;
        const leftMs = placeUntilMs - this.#clock.monotonic();
        if (leftMs <= 0 || this.#isEnded || this.#placeWaiters >= PLACE_WAITERS_MAX || isGone()) return this.#core.refuseFull(decision);
        await this.#place(decision.service, leftMs);
      } else {
        const { generation } = decision;
        // One that stays unknown is refused: any other would be a guess.
        if (wasUnknown || this.#isEnded || this.#unknown.length >= TABLE_WAITERS_MAX) return refuseUnknown(generation);
        wasUnknown = true;
        await this.#until(this.#unknown, () => this.#core.table.generation(generation) !== undefined, TABLE_WAIT_MS);
      }
      decision = decide();
    }
    return decision as Exclude<D, Undecided>;
  }

  async #hold(leftMs: number): Promise<void> {
    const sinceMs = this.#clock.monotonic();
    this.#core.beginHeld();
    const { hold } = this.#core.table.stamp ?? {};
    await this.#until(this.#held, () => this.#core.table.stamp?.hold !== hold, leftMs);
    this.#core.endHeld(this.#clock.monotonic() - sinceMs);
  }

  async #place(service: string, leftMs: number): Promise<void> {
    let waiters = this.#places.get(service);
    if (waiters === undefined) {
      waiters = [];
      this.#places.set(service, waiters);
    }
    this.#placeWaiters++;
    await this.#until(waiters, () => false, leftMs);
    this.#placeWaiters--;
    if (waiters.length === 0 && this.#places.get(service) === waiters) this.#places.delete(service);
  }

  /** A call of `service` is over: whoever waits longest may have its place. */
  placeFreed(service: string): void {
    if (this.#placeWaiters > 0) this.#places.get(service)?.shift()?.tell();
  }

  #until(waiters: Waiter[], isOver: () => boolean, timeoutMs: number): Promise<void> {
    if (isOver()) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#clock.after(timeoutMs, () => {
        const index = waiters.indexOf(waiter);
        if (index >= 0) waiters.splice(index, 1);
        resolve();
      });
      const waiter: Waiter = {
        isOver,
        tell: () => {
          cancel();
          resolve();
        },
      };
      waiters.push(waiter);
    });
  }

  /** Another table is in force. */
  tableChanged(): void {
    for (const waiters of [this.#unknown, this.#held]) {
      if (waiters.length === 0) continue;
      for (const one of waiters.splice(0)) {
        if (one.isOver()) one.tell();
        else waiters.push(one);
      }
    }
  }

  /** The gateway stops: nothing is waited for any more. */
  end(): void {
    this.#isEnded = true;
    for (const waiters of [this.#unknown, this.#held, ...this.#places.values()]) for (const one of waiters.splice(0)) one.tell();
  }
}

/** True for what has to wait. */
export function isUndecided(decision: { readonly kind: string }): decision is Undecided {
  return decision.kind === "held" || decision.kind === "full" || decision.kind === "unknown-generation";
}

function refuseHeld(services: readonly string[], holdMs: number): Refusal {
  return refuse("gateway/held", `${services.join(", ")} is being handed over to another revision, which took longer than ${holdMs} ms: try again`);
}

function refuseUnknown(generation: number): Refusal {
  return refuse(
    "gateway/unknown-generation",
    `generation ${generation} is not in this gateway's table: it is closed, or newer than what the gateway could fetch`,
    { generation },
  );
}
