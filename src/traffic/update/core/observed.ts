import type { GateVerdict } from "./gate.ts";
import type { GenerationMap, OpenGeneration, Refusal, SiteState, Wait } from "./state.ts";

export interface UpdatePolicy {
  /** Generations that may be open at once. */
  readonly openMax: number;
  /** Wishes must have been quiet so long before they are issued. */
  readonly settleMs: number;
  /** Longest wait for new instances. */
  readonly readyWithinMs: number;
  /** Longest time that new transactions are held. */
  readonly holdMs: number;
}

/** A gateway as the leader sees it. */
export interface ObservedGateway {
  readonly name: string;
  readonly host: string;
  readonly isConnected: boolean;
  /** See `KnownGateway`. */
  readonly tableFailure?: string;
  /** True if it has acknowledged a table of this leader in which `generation` was already distributed. */
  knows(generation: number): boolean;
  /** Since when it is waited for: that it acknowledges such a table, or that it comes back; `undefined` while it is offered none. */
  awaitedMs(generation: number): number | undefined;
}

export interface Readiness {
  readonly wanted: number;
  /** Those on which an update may count: ready without a break for `minReadyMs`. */
  readonly ready: number;
  /** Absent: 0. */
  readonly minReadyMs?: number;
  /** Ready ones that have been told that they are active. */
  readonly active?: number;
  /** Those whose status says that calls may come to them, whether or not their host is heard. */
  readonly toldCallable?: number;
  /** Why it is not ready, quoting its last words where there are any. */
  readonly reason?: string;
  /** Where a person sees more while it lasts. */
  readonly hint?: string;
  /** Ready ones by host. */
  readonly readyOn?: ReadonlyMap<string, number>;
}

/** What someone asked for explicitly: an Update whose templates are written. */
export interface UpdateIntent {
  readonly name: string;
  /** Services to which its strategy applies; absent: all that change. */
  readonly services?: readonly string[];
  /** True: asked for as one, and refused as one. Changed templates that came together are not. */
  readonly isWhole?: boolean;
  readonly strategy?: OpenGeneration["strategy"];
  readonly ramp?: { readonly steps: readonly { readonly share: number; readonly holdMs: number }[]; readonly key?: string };
  /** How streams of older generations to its services are ended: after `afterMs`, absent: never. */
  readonly streamEnds?: { readonly afterMs?: number };
  readonly isPaused: boolean;
  readonly isPromoted: boolean;
  readonly isAborted: boolean;
  /** True: its record has come to its end. */
  readonly isEnded?: boolean;
  readonly message?: string;
}

/** What the leader sees. Pure data and lookups; nothing here changes during a step. */
export interface Observed {
  readonly policy: UpdatePolicy;
  /** Service to the revision that its template says. Services that are being deleted are missing. Another wish is another map. */
  readonly wanted: ReadonlyMap<string, string>;
  /** When `wanted` last changed, or now while a revision is still being made. */
  readonly wantedChangedMs: number;
  /** Services whose template does not come to rest: what is served of them stays, and the others wait for them no longer. */
  readonly leftOut: ReadonlySet<string>;
  /** Templates that go on changing for long, and those of which no revision is made. */
  readonly unsettled: readonly Wait[];
  /** Map of an issued generation; `undefined` if its object is missing. */
  mapOf(generation: number): GenerationMap | undefined;
  /** `claim`: only instances that this generation has claimed count. */
  readinessOf(revision: string, claim?: number): Readiness;
  /** How the manifest of a service wants its new revisions to come. */
  howOf(service: string): Pick<UpdateIntent, "strategy" | "ramp"> | undefined;
  /** How `revision` takes over an exclusive service; `undefined` where the service is not exclusive. */
  handoverOf(service: string, revision: string): "hold" | "compatible" | undefined;
  /** Exclusive services, and of which revisions instances are there; `true`: some of these may be more than passive. Seen after this leader took the lead, and by the same eyes that plan instances. */
  readonly exclusive: ReadonlyMap<string, ReadonlyMap<string, boolean>>;
  /** What forbids to update `services` now: a condition of a Resource that is true, or not known. */
  interlockOf(services: readonly string[], nowMs: number): Wait | undefined;
  readonly gateways: readonly ObservedGateway[];
  /** True if nothing of `generation` is or may be in flight; else what it waits for. `scope`: only what can reach the service of that name, or under `HOLD_SCOPE` the services that are held. */
  drainOf(generation: number, scope?: string): { readonly isEmpty: boolean; readonly waits: readonly Wait[] };
  /** The Update that asks for changes of `services` and is not yet under way, if any. */
  updateFor(services: readonly string[]): UpdateIntent | undefined;
  updateNamed(name: string): UpdateIntent | undefined;
  /** True if an Update asks for what was refused, and was made after that: a person wants it tried again. */
  isAskedAgain(refusal: Refusal): boolean;
  /** The two generations compared since the present step of the ramp began; `undefined` where no gate is asked for. */
  gateOf(fresh: number, old: number, sinceMs: number): GateVerdict | undefined;
  /** Highest number among Generation objects, named or not. */
  readonly numberMax: number;
}

export interface Step {
  /** The state to write; `site` itself when there is nothing to do. */
  readonly site: SiteState;
  /** A Generation to create before `site` is written. One that was created and never named was never issued. */
  readonly issue?: { readonly number: number; readonly map: GenerationMap; readonly cause: string };
  /** What happened, for history and Events. */
  readonly happened: readonly Happening[];
  /** Per generation, what it waits for; key 0: the next update, not yet issued. */
  readonly waits: ReadonlyMap<number, readonly Wait[]>;
  /** Look again at this time even if nothing is reported. */
  readonly wakeAtMs?: number;
}

/** The waits of a step that has set something in order and not looked what is waited for: the next one does. */
export const NOT_LOOKED: ReadonlyMap<number, readonly Wait[]> = new Map();

export type Happening =
  | {
      readonly what: "issued" | "distributing" | "held" | "ramped" | "switched" | "released" | "closed";
      readonly generation: number;
      readonly services: readonly string[];
    }
  | { readonly what: "given"; readonly generation: number; readonly services: readonly string[]; readonly revision: string }
  | { readonly what: "fenced" | "unfenced"; readonly generation: number; readonly services: readonly string[]; readonly hosts: readonly string[] }
  | { readonly what: "aborted" | "returned"; readonly generation: number; readonly services: readonly string[]; readonly reason: string };

/** A generation on its way to be stamped, and what there is to decide by. */
export interface Situation {
  readonly site: SiteState;
  readonly pending: OpenGeneration;
  /** The map of `pending`. */
  readonly map: GenerationMap;
  /** The map that the site should have. */
  readonly target: GenerationMap;
  readonly intent: UpdateIntent | undefined;
  readonly observed: Observed;
  readonly nowMs: number;
  /** To be filled with what is waited for. */
  readonly waits: Map<number, readonly Wait[]>;
}
