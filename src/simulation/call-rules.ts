import type { StampPlan } from "#/model/index.ts";
import type { Call, Refusal } from "#/traffic/gateway/core/index.ts";
import type { Excuses } from "./excuses.ts";
import type { HostRequest } from "./host-request.ts";
import type { Judge } from "./judge.ts";
import type { Person } from "./person.ts";
import type { RootPlan } from "./plan.ts";
import type { ServiceBook } from "./service-book.ts";
import type { SeenGateway, SeenProcess } from "./sight.ts";
import type { Stage } from "./stage.ts";
import type { Transaction } from "./transaction.ts";

/** What must hold of each request and each call. */
export class CallRules {
  readonly #judge: Judge;
  readonly #services: ServiceBook;
  readonly #person: Person;
  readonly #excuses: Excuses;

  constructor({ judge, services }: Stage, { person, excuses }: { readonly person: Person; readonly excuses: Excuses }) {
    this.#judge = judge;
    this.#services = services;
    this.#person = person;
    this.#excuses = excuses;
  }

  /** The transaction that an admitted call of an instance belongs to. */
  transactionOf(gateway: SeenGateway, request: HostRequest, call: Call): Transaction {
    const { tx, caller } = request;
    if (request.leakedFrom !== undefined) return this.#leakedCall(gateway, request, request.leakedFrom, call);
    if (request.headers.length > 0 && tx.era !== gateway.era) return this.#formerCall(gateway, request, tx, call);
    if (request.headers.length > 0) {
      if (call.generation !== tx.generation)
        this.#judge.violate("C", `a call of transaction ${tx.id} of generation ${tx.generation} was given generation ${call.generation}`);
      return tx;
    }
    if (!this.#judge.eras.revisionsOf(call.generation, caller.service, gateway.era).has(caller.revision))
      this.#judge.violate("C", `a call of ${caller.instance} without a context was given generation ${call.generation}, which does not have it`);
    return this.#unlabelled(gateway, tx, call);
  }

  #unlabelled(gateway: SeenGateway, tx: Transaction, { generation }: Call): Transaction {
    const [seed, budget] = [tx.dice.whole(0, 0x7fff_ffff), Math.min(tx.budget, 3)];
    return this.#judge.transaction({ generation, era: gateway.era, isFromEdge: false, seed, budget });
  }

  /** A call of a transaction that began before the store was put back, or by a gateway that has not heard of that. */
  #formerCall(gateway: SeenGateway, { service }: HostRequest, tx: Transaction, call: Call): Transaction {
    const [then, now] = [this.#judge.eras.mapOf(tx.generation, tx.era), this.#judge.eras.mapOf(call.generation, gateway.era)];
    // One in 256 ids has the check of another history, too: that does no harm where the number means the same.
    if (call.generation !== tx.generation || JSON.stringify(then) !== JSON.stringify(now))
      this.#judge.violate(
        "C",
        `a call of transaction ${tx.id} to ${service}, which began in generation ${tx.generation} of another history, was given generation ${call.generation}`,
      );
    return tx;
  }

  /** A call in the name of another transaction: whatever becomes of it, no revision may act in a generation that has another one. */
  #leakedCall(gateway: SeenGateway, request: HostRequest, from: Transaction, call: Call): Transaction {
    const { tx, caller } = request;
    if (from.era !== gateway.era) this.#formerCall(gateway, request, from, call);
    else if (call.generation !== from.generation)
      this.#judge.violate("C", `a leaked context of generation ${from.generation} was given generation ${call.generation}`);
    else if (!this.#judge.eras.revisionsPlanned(call.generation, caller.service, gateway.era).has(caller.revision))
      this.#judge.violate(
        "C",
        `${caller.instance} has made a call in generation ${call.generation}, which does not have it: its context came from another transaction`,
      );
    return this.#unlabelled(gateway, tx, call);
  }

  /** A gateway has dialled what should be an instance of the right revision. */
  dialled(about: { readonly call: Call; readonly tx: Transaction; readonly process: SeenProcess | undefined; readonly port: number }): void {
    const { call, tx, process, port } = about;
    if (process === undefined) return;
    if (tx.era === this.#judge.era) this.#judgeHeld(call, tx, process);
    if (tx.isFromEdge && tx.era === this.#judge.era && this.#judge.isFenced(process.host, call.generation))
      this.#judge.violate("A", `transaction ${tx.id} of generation ${call.generation} met ${process.instance}, whose host serves nothing so new`);
    const right = this.#judge.eras.revisionsOf(call.generation, call.service, tx.era);
    if (right.has(process.revision)) return;
    this.#judge.violate(
      "C",
      `transaction ${tx.id} of generation ${call.generation} called ${call.service} at port ${port} and met ${process.instance}, not ${[...right].join(" or ") || "nothing"}`,
    );
  }

  refused(gateway: SeenGateway, request: HostRequest, decision: Refusal): void {
    const { tx, service, caller } = request;
    const why = `${decision.code}: ${decision.detail}`;
    this.#judge.note(() => `${gateway.plan.name} refuses transaction ${tx.id}, ${caller.instance} → ${service}: ${why}`);
    if (decision.code === "gateway/not-declared" && this.#services.callsOf(caller.service)?.includes(service) === false) return;
    // An instance that a person has added may be called through an edge before its host's own gateway listens for it.
    if (decision.code === "gateway/connect" && this.#person.hasChangedInstances) return tx.touch("its instance had just been added");
    // So it is where instances are replaced under the calls.
    const isNew = decision.code === "gateway/connect" || !gateway.admits(tx.generation, caller.service, caller.revision);
    if (isNew && this.#judge.eras.movedBy(caller.service, caller.revision).some((strategy) => strategy === "rolling" || strategy === "recreate"))
      return tx.touch("its instance had just been replaced");
    if (
      request.headers.length === 0 ||
      request.leakedFrom !== undefined ||
      gateway.isFenced(service, tx.generation) ||
      this.#excuses.isExcused(tx, gateway.plan.host, service) ||
      this.#isMisled(gateway, tx.generation, service) ||
      this.#excuses.lostTables.has(gateway.plan.name)
    )
      return;
    this.#judge.violate(
      "A",
      `a call of transaction ${tx.id} of generation ${tx.generation} to ${service} was refused by ${gateway.plan.name}: ${why}`,
    );
    tx.touch("it was refused before");
  }

  /** It still hears a former leader, whose view of what was moved is as old and uneven as its caches: a strategy that keeps no versions has nothing else to go by. */
  #isMisled(gateway: SeenGateway, generation: number, service: string): boolean {
    return gateway.epoch < (this.#judge.site?.epoch ?? 0) && this.#judge.eras.revisionsOf(generation, service).size > 1;
  }

  refusedRoot(gateway: SeenGateway, { entry }: RootPlan, refusal: Refusal): void {
    this.#judge.note(() => `${gateway.plan.name} refuses a request from outside: ${refusal.code}: ${refusal.detail}`);
    if (refusal.generation === undefined || this.#excuses.lostTables.has(gateway.plan.name) || gateway.era !== this.#judge.era) return;
    if (this.#judge.eras.mapOf(refusal.generation)?.[entry] === undefined || this.#excuses.isShaken(gateway.plan.host, entry, refusal.generation))
      return;
    if (gateway.isFenced(entry, refusal.generation) || this.#isMisled(gateway, refusal.generation, entry)) return;
    this.#judge.violate("A", `a request from outside was refused by ${gateway.plan.name}: ${refusal.detail}`);
  }

  unanswered(about: { readonly call: Call; readonly tx: Transaction; readonly wasSent: boolean }): void {
    const { call, tx } = about;
    this.#judge.note(() => `transaction ${tx.id}: ${call.service} does not answer`);
    const excused = this.#excuses.isExcused(tx, call.endpoint.host, call.service);
    if (!excused) this.#judge.violate("A", `a call of transaction ${tx.id} of generation ${call.generation} to ${call.endpoint.instance} failed`);
  }

  /** A new transaction waits at an edge. */
  held(gateway: SeenGateway, { entry }: RootPlan, hold: StampPlan["hold"]): void {
    this.#judge.tally.held++;
    if (gateway.era !== this.#judge.era) return;
    if (hold === undefined || !this.#services.canReach(entry, hold.services, hold.to))
      this.#judge.violate("A", `a request to ${entry} is held at ${gateway.plan.name}, and cannot reach ${hold?.services.join(", ")}`);
  }

  /** A new transaction passes while others wait. */
  passed(gateway: SeenGateway, { entry }: RootPlan, hold: NonNullable<StampPlan["hold"]>, generation: number): void {
    this.#judge.tally.passed++;
    if (gateway.era !== this.#judge.era) return;
    if (generation !== hold.to) this.#judge.violate("P", `a request to ${entry} joins generation ${generation}, for whose end others are held`);
    if (this.#services.canReach(entry, hold.services, hold.to))
      this.#judge.violate("S", `a request to ${entry} passes, and can reach ${hold.services.join(", ")}, which is held`);
  }

  /** Nobody meets the new revision of what is held before all others have gone. */
  #judgeHeld(call: Call, tx: Transaction, process: SeenProcess): void {
    const { stamp, generations = [] } = this.#judge.site ?? {};
    const isHolding = generations.some((one) => one.number === stamp?.hold?.to && one.phase === "Holding");
    if (isHolding && stamp?.hold?.to === call.generation && stamp.hold.services.includes(call.service))
      this.#judge.violate("S", `transaction ${tx.id} of generation ${call.generation} met ${process.instance} while ${call.service} is held`);
  }
}
