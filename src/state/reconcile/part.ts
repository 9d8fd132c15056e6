/** What a capability gives to a centre, as one value from its own room. `apps/` lists the parts; nothing else knows one by name. */
import type { Clock, Log, MetricSource, Port, Random } from "#/base/index.ts";
import type { Action, Kind, StoredObject } from "#/model/index.ts";
import type { Board, PeerHandlers, Peers } from "#/state/link/hub/index.ts";
import type { ListOptions, ObjectKey, Store } from "#/state/store/index.ts";
import type { Controller } from "./controller.ts";
import type { LocalCopy, Reflector } from "./reflector.ts";

/** A capability of a centre. */
export interface CentrePart {
  /** A DNS label, by which a Site leaves it out. */
  readonly name: string;
  /** One sentence. */
  readonly description: string;
  /** True: no site works without it. */
  readonly isEssential?: boolean;
  /** Stored, served and listed with it. */
  readonly kinds: readonly PartKind[];
  readonly controllers: readonly ControllerDeclaration[];
  /** Topics below /live that it fills. */
  readonly topics?: readonly string[];
  /** What agents and gateways may do with objects, beside reading all. */
  readonly rights?: readonly PeerRight[];
}

/** A kind, and how a centre keeps its local copy. */
export interface PartKind<K extends Kind = Kind> {
  readonly kind: K;
  /** True: stored for all centres and watched by them, and never served: no path, no list of kinds, no manifest knows it. For what must not leave the centre. Default false. */
  readonly isFaceless?: boolean;
  readonly selection?: Pick<ListOptions, "namespace" | "labelSelector" | "fieldSelector">;
  /** By name: what `byIndex` finds an object by. */
  readonly indexes?: Readonly<Record<string, (object: K["$object"]) => string | undefined>>;
  /** What a person is told who deletes objects: the warnings. Absent: nothing.
   *  @throws store/immutable: one of them must not be deleted now; why, and what to do instead */
  readonly checkDeletion?: (store: Store, keys: readonly ObjectKey[]) => Promise<readonly string[]>;
}

/** `partKind(instance, {indexes: …})`: with the types of the kind's objects. */
export function partKind<K extends Kind>(kind: K, more: Omit<PartKind<K>, "kind"> = {}): PartKind {
  return { kind, ...more } as PartKind;
}

/** The kinds of `parts` that have a face: what is served, listed and applied. */
export function servedKinds(parts: readonly Pick<CentrePart, "kinds">[]): readonly Kind[] {
  return parts.flatMap(({ kinds }) => kinds.flatMap(({ kind, isFaceless = false }) => (isFaceless ? [] : kind)));
}

/** All kinds of `parts`: what is stored. */
export function storedKinds(parts: readonly Pick<CentrePart, "kinds">[]): readonly Kind[] {
  return parts.flatMap(({ kinds }) => kinds.map(({ kind }) => kind));
}

export interface PeerRight {
  readonly who: "agents" | "gateways";
  readonly verbs: readonly ("create" | "update" | "patch" | "delete")[];
  /** `instances`, `instances/status`. */
  readonly resources: readonly string[];
}

/** Kinds, each under the name by which the reader calls its copy. */
export type Reads = Readonly<Record<string, Kind>>;

/** The local copies of what somebody reads. */
export type CachesOf<R extends Reads> = { readonly [K in keyof R]: Reflector<R[K]> };

/** The same for who only looks, whoever keeps the copies. */
export type CopiesOf<R extends Reads> = { readonly [K in keyof R]: LocalCopy<R[K]["$object"]> };

/** What works in a leading centre, with its inputs and outputs: it gets nothing else, and a write to another kind is refused. After cosi-project's controllers. */
export interface ControllerDeclaration<R extends Reads = Reads> {
  /** Such as `route-controller`. */
  readonly name: string;
  readonly reads: R;
  readonly writes: readonly Kind[];
  /** What others give and it needs; these start before it. */
  readonly uses?: readonly Port<unknown>[];
  /** What it uses where somebody gives it, and does without where nobody does; who gives it starts before. */
  readonly mayUse?: readonly Port<unknown>[];
  /** What it gives to others. */
  readonly gives?: readonly Port<unknown>[];
  /** Called once when the centre has taken the lead and all copies are filled. */
  readonly start: (context: ControllerContext<R>) => Worker;
}

/** `declareController({reads: {routes: route}, start: ({caches}) => caches.routes…})`: with the types of what it reads. */
export function declareController<const R extends Reads>(declaration: ControllerDeclaration<R>): ControllerDeclaration {
  return declaration as unknown as ControllerDeclaration;
}

export interface ControllerContext<R extends Reads = Reads> {
  /** Of the kinds that it declared. */
  readonly store: Store;
  readonly caches: CachesOf<R>;
  /** Who is connected. */
  readonly peers: Peers;
  /** What is observed too often to be stored. */
  readonly board: Board;
  /** This leader's term. */
  readonly epoch: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Ends when the centre does. */
  readonly signal: AbortSignal;
  /** What was given at a port that it declared under `uses`. */
  use<T>(port: Port<T>): T;
  /** What was given at a port that it declared under `mayUse`; `undefined`: nobody gives it here. */
  find<T>(port: Port<T>): T | undefined;
  /** Gives `value` at a port that it declared under `gives`. */
  give<T>(port: Port<T>, value: T): void;
  /** Another centre leads: this one must end. May be called more than once. */
  depose(): void;
}

/** What was started. Every member may be missing. */
export interface Worker {
  /** Works until `signal` aborts; resolves when what was under way has ended. */
  run?(signal: AbortSignal): Promise<void>;
  /** Ends what `run` does not; called in the reverse order of the starts, when all have run to their end. */
  stop?(): Promise<void>;
  /** Pieces of work that threw something that nobody expected, so far. */
  readonly unexpected?: number;
  /** What it takes from agents, and from gateways. */
  readonly agents?: PeerHandlers;
  readonly gateways?: PeerHandlers;
  readonly metrics?: MetricSource;
  readonly paths?: readonly PartPath[];
}

/** A path of the API beside the kinds: JSON in, JSON out; where it is a stream, a line of JSON for each item. */
export interface PartPath {
  /** `/notes/count`: at most five words of letters, digits and dashes. Who may read may GET; POST is for administrators, if `isByObject` does not say otherwise. */
  readonly path: string;
  readonly method: "GET" | "POST";
  /** True: it is for everybody who is known, since `serve` asks of each object: what POST does `caller.act`, what GET tells `caller.sees`. Default false. */
  readonly isByObject?: boolean;
  /** True: what `serve` returns is an `AsyncIterable` of objects; each is sent as it comes. Default false. */
  readonly isStream?: boolean;
  /** @throws OrreryError: answered as its code says */
  readonly serve: (request: {
    readonly query: URLSearchParams;
    readonly body: unknown;
    readonly signal: AbortSignal;
    readonly caller: PathCaller;
  }) => Promise<object>;
}

/** What is read of an object; default the object itself. */
export interface PathReading {
  readonly verb: "get";
  readonly subresource?: string;
}

/** Who has asked. */
export interface PathCaller {
  readonly name: string;
  /** Whether they see `object`: of what they do not see nothing is told. */
  sees(kind: Kind, object: StoredObject, reading?: PathReading): boolean;
  /** Whether they see all objects of `kind`, also those that are not there any more; `*`: of every kind. */
  seesAll(kind: Kind | "*", reading?: PathReading): boolean;
  /** Resolves when they may do `action` with `object`, and the audit has been told that they will. `reason`: why, in their words.
   *  @throws api/forbidden; access/waits: others have to approve it first; audit/...: it cannot be told, so it must not be done */
  act(action: Action, object: StoredObject, more?: { readonly reason?: string }): Promise<void>;
}

/** A controller as a worker that also takes or tells something. */
export function workerOf(controller: Controller, more: Omit<Worker, "run" | "unexpected">): Worker {
  return {
    ...more,
    run: (signal) => controller.run(signal),
    get unexpected() {
      return controller.unexpected;
    },
  };
}
