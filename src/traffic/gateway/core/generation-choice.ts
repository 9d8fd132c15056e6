import type { Random } from "#/base/index.ts";
import { type Caller, callerName, isOfService } from "./call.ts";
import type { CallLedger } from "./call-ledger.ts";
import type { Held } from "./decision.ts";
import type { GenerationState, LiveTable } from "./live-table.ts";
import { type Refusal, refuse } from "./refusal.ts";
import type { RequestHead } from "./request-head.ts";
import { stampedGeneration } from "./stamp.ts";

/** Chooses the generation of what comes without the context of one. */
export class GenerationChoice {
  readonly #table: LiveTable;
  readonly #ledger: CallLedger;
  readonly #random: Random;

  constructor(table: LiveTable, ledger: CallLedger, random: Random) {
    this.#table = table;
    this.#ledger = ledger;
    this.#random = random;
  }

  /** That of a new transaction which begins with a call of `service`. `head`: absent of a TCP connection. */
  stamped(service: string, head: RequestHead | undefined, client: string): GenerationState | Refusal | Held {
    const plan = this.#table.stamp;
    if (plan === undefined) return refuseNotInService();
    if (plan.hold !== undefined && this.#table.isHeld(service)) return { kind: "held", services: plan.hold.services };
    const history = this.#table.position?.history ?? "";
    const number = stampedGeneration(plan, { history, head, client, random: this.#random });
    return (
      this.#table.generation(number) ??
      refuse("gateway/no-generation", `generation ${number} is to be stamped but is not in the table`, { generation: number })
    );
  }

  /** That of a call without a context. */
  ofUnlabelled(call: {
    readonly caller: Caller;
    readonly service: string;
    readonly client: string;
    readonly isTcp: boolean;
  }): GenerationState | Refusal | Held {
    const { caller, service, client, isTcp } = call;
    if (isOfService(caller)) {
      this.#ledger.unlabelled(callerName(caller), isTcp);
      // A TCP connection has no place for a context: rejecting it would forbid every `protocol: tcp`. Where the caller is known, it is bound to a generation of its own revision.
      if (this.#table.site.unlabelled === "reject" && !(isTcp && caller !== undefined)) {
        this.#ledger.refusedCall(caller, "unlabelled", service);
        return refuse(
          "gateway/unlabelled",
          "the site's policy is unlabelled: reject; forward traceparent (or b3, or x-orrery-generation) from the request that you serve",
        );
      }
    }
    if (caller?.generation !== undefined) return this.#generationOfRun(caller, caller.generation, service);
    if (caller === undefined || caller.revision === "") return this.stamped(service, undefined, client);
    const found = this.#newestOf(caller);
    if (found !== undefined) return found;
    this.#ledger.refusedCall(caller, "no-generation", service);
    return refuse(
      "gateway/no-generation",
      `no generation in service has ${caller.revision}: it is not in use yet, or not any more; begin nothing while $ORRERY_STATE holds passive`,
    );
  }

  /** A run of a job is one transaction: all that it calls meets the generation of its start, which is kept open for it. */
  #generationOfRun(caller: NonNullable<Caller>, number: number, service: string): GenerationState | Refusal {
    const found = this.#table.generation(number);
    if (found !== undefined) return found;
    this.#ledger.refusedCall(caller, "no-generation", service);
    return refuse(
      "gateway/no-generation",
      `${caller.instance} was started in generation ${number}, which is not open any more (was the store put back?): run the job again`,
      { generation: number },
    );
  }

  /** The newest open generation in service that maps the caller's own revision, or has been moved to it. Only if there is none, one that was gone back from, as long as it is open; or else the oldest that was moved to it once, or may be: what is only planned has nothing to do yet. One that is only being prepared is not in service: its instances are passive. */
  #newestOf(caller: NonNullable<Caller>): GenerationState | undefined {
    const plan = this.#table.stamp;
    if (plan === undefined) return undefined;
    const { ramp, hold, returned } = plan;
    // It may be part of a running transaction, so it is not held: what can reach a service that is handed over stays with the generation before.
    const newest = hold === undefined || this.#table.isHeld(caller.service) ? plan.generation : hold.to;
    const isRamped = ramp !== undefined && this.#random.next() < ramp.share;
    let rampOnly: GenerationState | undefined;
    let backFrom: GenerationState | undefined;
    let once: GenerationState | undefined;
    for (const one of this.#table.generations) {
      if (!this.#table.takesPart(one, caller.service, caller.revision)) continue;
      if (one.number === ramp?.to) {
        if (isRamped) return one;
        rampOnly = one;
      } else if (one.number > newest) {
        if (returned?.includes(one.number) === true && this.#table.meets(one, caller.service, caller.revision)) backFrom ??= one;
      } else if (this.#table.meets(one, caller.service, caller.revision)) return one;
      else once = one;
    }
    return rampOnly ?? backFrom ?? once;
  }
}

/** Nothing is stamped. */
export function refuseNotInService(): Refusal {
  return refuse(
    "gateway/no-generation",
    "no generation is in service yet: the site is starting, has no services, or its store was put back and not every gateway has heard of it yet",
  );
}
