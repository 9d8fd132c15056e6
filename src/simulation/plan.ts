import type { StrategyName } from "#/model/index.ts";
import type { KindName } from "./store.ts";

/** How a service passes on the trace of the request that it serves. `leaky` ones now and then pass on that of another. */
export type Forwarding = "everything" | "w3c" | "b3" | "b3Multi" | "second" | "nothing" | "leaky";

export interface ServicePlan {
  readonly name: string;
  readonly forwarding: Forwarding;
  /** Uses a thing that only one revision may use at a time. */
  readonly isExclusive?: boolean;
  /** Services that it declares to call; absent: any. */
  readonly calls?: readonly string[];
  /** It has work now and then that no call shows, and says so. */
  readonly tellsBusy?: boolean;
  /** How its manifest wants its new revisions to come; absent: consistent. */
  readonly way?: StrategyName;
  /** It is not updated while the interlock is on. */
  readonly isInterlocked?: boolean;
}

export interface GatewayPlan {
  readonly name: string;
  readonly host: string;
  readonly roles: readonly ("edge" | "host")[];
  /** When it is started first. */
  readonly atMs: number;
}

/** How a revision starts: after so long it is ready, or never. */
export interface StartPlan {
  readonly minMs: number;
  readonly maxMs: number;
  readonly isNever?: boolean;
  /** It is ready each time, and ends soon afterwards: before it has been so for `minReadyMs`. */
  readonly isFlapping?: boolean;
}

/** What someone does to the templates or the update that is under way. */
export type Wish =
  | {
      readonly atMs: number;
      readonly what: "template";
      readonly service: string;
      readonly version: string;
      readonly ramp?: RampPlan;
      readonly strategy?: StrategyName;
    }
  | { readonly atMs: number; readonly what: "interlock"; readonly is: "True" | "False" | "Unknown" }
  | { readonly atMs: number; readonly what: "delete" | "create"; readonly service: string; readonly version: string }
  | { readonly atMs: number; readonly what: "scale"; readonly service: string; readonly replicas: number }
  | { readonly atMs: number; readonly what: "delete-instance"; readonly service: string; readonly index: number }
  | { readonly atMs: number; readonly what: "ask-again"; readonly service: string }
  | { readonly atMs: number; readonly what: "pause" | "resume" | "promote" | "abort" };

export interface RampPlan {
  readonly steps: readonly { readonly share: number; readonly holdMs: number }[];
  readonly key?: string;
  readonly gate: "none" | "passes" | "fails" | "undecided";
}

export type Fault =
  | { readonly atMs: number; readonly what: "kill-gateway"; readonly gateway: string; readonly forMs: number; readonly when: Moment }
  | {
      readonly atMs: number;
      readonly what: "restart-gateway" | "cut-link" | "hang-link" | "lose-table";
      readonly gateway: string;
      readonly forMs: number;
    }
  | { readonly atMs: number; readonly what: "slow-link"; readonly gateway: string; readonly forMs: number; readonly delayMs: number }
  | { readonly atMs: number; readonly what: "end-gateway"; readonly gateway: string; readonly forMs: number }
  /** As soon as it has its first table, its link breaks and the leader dies. */
  | { readonly atMs: number; readonly what: "vanish"; readonly gateway: string; readonly forMs: number }
  | { readonly atMs: number; readonly what: "kill-leader" | "pause-leader"; readonly forMs: number; readonly when: Moment }
  /** Another centre is elected although the leader works on. */
  | { readonly atMs: number; readonly what: "second-leader" | "stall-store"; readonly forMs: number }
  /** The store is put back to what it was at `backupAtMs`: restored, or its file copied behind Orrery's back. `isWhole`: everything was stopped for that; else gateways and instances go on meanwhile. */
  | {
      readonly atMs: number;
      readonly what: "put-back";
      readonly backupAtMs: number;
      readonly how: "restored" | "copied";
      readonly isWhole: boolean;
      readonly forMs: number;
    }
  /** The agent of a host stands still, or is away; what it has started goes on. */
  | { readonly atMs: number; readonly what: "pause-agent"; readonly host: string; readonly forMs: number }
  /** A host has too much to do: no check of an instance is answered in time, though calls are. */
  | { readonly atMs: number; readonly what: "starve-host"; readonly host: string; readonly forMs: number }
  /** The leader hears nothing of one kind of object. */
  | { readonly atMs: number; readonly what: "break-watch"; readonly kind: KindName; readonly forMs: number }
  | { readonly atMs: number; readonly what: "crash-instance"; readonly service: string; readonly index: number; readonly forMs: number };

/** When exactly: at once, or after the next Generation was made, Site was written, generation was closed, or Instance was marked for deletion; or when a leader has looked whether it leads and is about to change instances. */
export type Moment = "now" | "issue" | "decision" | "closing" | "deletion" | "look";

/** A request from outside. Everything that it causes is rolled from its own seed. */
export interface RootPlan {
  readonly atMs: number;
  readonly seed: number;
  readonly edge: number;
  readonly isStream: boolean;
  /** The service that it asks first. */
  readonly entry: string;
}

/** A fault that waits for its moment, or for calls to end, does so at most this long. */
export const WAIT_MAX_MS = 1000;

/** One run, as data: a part can be left out and the rest stays. */
export interface Scenario {
  readonly seed: number;
  readonly services: readonly ServicePlan[];
  readonly gateways: readonly GatewayPlan[];
  readonly hosts: readonly string[];
  readonly replicas: number;
  readonly lingerMs: number;
  readonly settleMs: number;
  readonly maxTransactionMs: number;
  /** A service whose route lets transactions last longer than the site does. */
  readonly longRoute: { readonly service: string; readonly maxTransactionMs: number } | undefined;
  readonly readyWithinMs: number;
  /** New instances have to stay ready for so long. */
  readonly minReadyMs: number;
  /** Longest time that new transactions are held. */
  readonly holdMs: number;
  /** Revisions that declare a compatible handover. */
  readonly compatible: readonly string[];
  readonly maxOpen: number;
  /** Streams of a generation that is no longer stamped end after so long; `undefined`: they are waited for. */
  readonly streamsEndAfterMs: number | undefined;
  /** By revision; others start within 20 to 150 ms. */
  readonly starts: Readonly<Record<string, StartPlan>>;
  /** Watches of one kind may lag behind those of others by so much. */
  readonly lagMaxMs: number;
  /** True: every leader but the first hears late of what happens to the Site, and not of one kind or another. */
  readonly isLaterLeaderLate: boolean;
  /** Usual time of a message between gateway and centre. */
  readonly linkMaxMs: number;
  /** Ports that an agent has for each host: few, so that they are given again at once. */
  readonly portsPerHost: number;
  /** Share of handlers that work on after their answer. */
  readonly backgroundShare: number;
  /** Share of steps that take long. */
  readonly thinkingShare: number;
  /** Share of a gateway's table writes that are slow. */
  readonly slowDiskShare: number;
  readonly wishes: readonly Wish[];
  readonly faults: readonly Fault[];
  readonly roots: readonly RootPlan[];
  /** One service starts slowly, and others change again and again meanwhile; nothing else happens. */
  readonly isRhythm?: true;
  /** When the last wish and the last fault are over. */
  readonly calmFromMs: number;
}

/** How long a transaction may last, wherever it begins. */
export function longestTransactionMs({ maxTransactionMs, longRoute }: Scenario): number {
  return Math.max(maxTransactionMs, longRoute?.maxTransactionMs ?? 0);
}
