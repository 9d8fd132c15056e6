import type { GenerationMap } from "#/traffic/update/core/index.ts";
import type { Forwarding, ServicePlan } from "./plan.ts";
import type { Transaction } from "./transaction.ts";

const PORT_FIRST = 10_000;

/** What the scenario says of its services, and whom they reach by that. */
export class ServiceBook {
  readonly #plans: readonly ServicePlan[];
  readonly #mapOf: (generation: number) => GenerationMap | undefined;

  /** `mapOf`: what a generation means now. */
  constructor(plans: readonly ServicePlan[], mapOf: (generation: number) => GenerationMap | undefined) {
    this.#plans = plans;
    this.#mapOf = mapOf;
  }

  find(service: string): ServicePlan | undefined {
    return this.#plans.find((one) => one.name === service);
  }

  forwardingOf(service: string): Forwarding {
    return this.find(service)?.forwarding ?? "everything";
  }

  callsOf(service: string): readonly string[] | undefined {
    return this.find(service)?.calls;
  }

  isExclusive(service: string): boolean {
    return this.find(service)?.isExclusive === true;
  }

  isInterlocked(service: string): boolean {
    return this.find(service)?.isInterlocked === true;
  }

  tellsBusy(service: string): boolean {
    return this.find(service)?.tellsBusy === true;
  }

  portOf(service: string): number {
    return PORT_FIRST + this.#plans.findIndex((one) => one.name === service);
  }

  /** True if a transaction of `generation` that begins at `entry` may call one of `services`. */
  canReach(entry: string, services: readonly string[], generation: number): boolean {
    const present = Object.keys(this.#mapOf(generation) ?? {});
    const reached = new Set(present.filter((one) => one === entry));
    for (const one of reached) for (const next of this.callsOf(one) ?? present) if (present.includes(next)) reached.add(next);
    return services.some((one) => reached.has(one));
  }

  /** One of the services that the transaction's generation has, and that `caller` declares, if it is given and declares any. */
  pick(tx: Transaction, caller: string | undefined): string | undefined {
    const calls = caller === undefined ? undefined : this.callsOf(caller);
    const map = this.#mapOf(tx.generation) ?? {};
    // In the order of the plan: what is rolled must not depend on the order in which a leader has seen them.
    const services = this.#plans.flatMap(({ name }) => (map[name] !== undefined && calls?.includes(name) !== false ? [name] : []));
    return services.length === 0 ? undefined : tx.dice.pick(services);
  }
}
