import type { Duty, Instance } from "#/model/index.ts";
import type { GatewayPlan } from "./plan.ts";

/** What can be seen of a process of a service. */
export interface SeenProcess {
  readonly instance: string;
  readonly host: string;
  readonly service: string;
  readonly revision: string;
  /** What it may do, as it was told. */
  readonly duty: Duty;
}

/** What can be seen of a gateway. */
export interface SeenGateway {
  readonly plan: GatewayPlan;
  /** How often the store had been put back when the centre of its table began. */
  readonly era: number;
  /** The leader whose table it has. */
  readonly epoch: number;
  /** It was declared dead, and never starts again. */
  readonly hasEnded: boolean;
  /** True if its next calls of `generation` could be routed: it runs or would start with a table that has it. A gateway without any table serves nothing, and knows enough. */
  knows(generation: number): boolean;
  /** True if its table says that instances of `revision` may take part in `generation`. */
  admits(generation: number, service: string, revision: string): boolean;
  /** True if its table keeps `generation` from an instance of the service on its host. */
  isFenced(service: string, generation: number): boolean;
}

/** What can be seen of the whole site. */
export interface SeenSite {
  readonly gateways: readonly SeenGateway[];
  /** Those that live. */
  processesOf(service: string): readonly SeenProcess[];
  /** Why gateways hold an instance, as the newest leader says. */
  holders(instance: Instance): string | undefined;
}
