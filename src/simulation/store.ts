import { OrreryError } from "#/base/index.ts";
import {
  API_VERSION,
  type Gateway,
  type Generation,
  type Instance,
  type Microservice,
  type ObjectMeta,
  type Revision,
  type Route,
  type Site,
  timestamp,
} from "#/model/index.ts";
import type { Dice } from "./dice.ts";
import type { Routine } from "./program.ts";
import type { Scheduler } from "./scheduler.ts";

/** The kinds that the simulation keeps. */
export interface Kinds {
  readonly Site: Site;
  readonly Generation: Generation;
  readonly Revision: Revision;
  readonly Instance: Instance;
  readonly Microservice: Microservice;
  readonly Gateway: Gateway;
  readonly Route: Route;
}
export type KindName = keyof Kinds;
export const KIND_NAMES: readonly KindName[] = ["Site", "Generation", "Revision", "Instance", "Microservice", "Gateway", "Route"];

/** A change as watches tell it: `before` is missing for a new object, `after` for one that is gone. */
export type StoreListener = <K extends KindName>(kind: K, before: Kinds[K] | undefined, after: Kinds[K] | undefined) => void;

/** A copy of all objects. */
export type Backup = { readonly [K in KindName]: readonly Kinds[K][] };

type Meta = Partial<ObjectMeta> & { readonly name: string };

/** The truth: objects with versions and compare-and-set, each write at one moment. Requests take their time, and are carried out even if who asked has died meanwhile. */
export class SimulatedStore {
  readonly #scheduler: Scheduler;
  readonly #dice: Dice;
  readonly #objects: { readonly [K in KindName]: Map<string, Kinds[K]> } = {
    Site: new Map(),
    Generation: new Map(),
    Revision: new Map(),
    Instance: new Map(),
    Microservice: new Map(),
    Gateway: new Map(),
    Route: new Map(),
  };
  readonly #listeners: StoreListener[] = [];
  readonly #putBackListeners: (() => void)[] = [];
  /** How often it was put back. */
  #putBacks = 0;
  #version = 0;
  /** Requests that arrive before this are carried out then. */
  stalledUntilMs = 0;
  /** Slowest way of a request, either direction. */
  readonly #delayMaxMs: number;

  constructor(scheduler: Scheduler, dice: Dice) {
    this.#scheduler = scheduler;
    this.#dice = dice;
    this.#delayMaxMs = dice.pick([1, 3, 10]);
  }

  listen(listener: StoreListener): () => void {
    this.#listeners.push(listener);
    return () => {
      const index = this.#listeners.indexOf(listener);
      if (index >= 0) this.#listeners.splice(index, 1);
    };
  }

  /** Calls `listener` after the store was put back: no watch tells what that has changed. */
  onPutBack(listener: () => void): void {
    this.#putBackListeners.push(listener);
  }

  /** All objects as they are now. */
  backup(): Backup {
    return Object.fromEntries(KIND_NAMES.map((kind) => [kind, this.list(kind)])) as unknown as Backup;
  }

  /** Everything is as it was then. What is on its way arrives nowhere; nothing is answered for `downMs`. */
  putBack(backup: Backup, downMs: number): void {
    this.#putBacks++;
    this.stalledUntilMs = Math.max(this.stalledUntilMs, this.#scheduler.elapsedMs + downMs);
    for (const kind of KIND_NAMES) {
      const objects = this.#objects[kind] as Map<string, unknown>;
      objects.clear();
      for (const one of backup[kind]) objects.set(one.metadata.name, one);
    }
    for (const listener of this.#putBackListeners) listener();
  }

  get<K extends KindName>(kind: K, name: string): Kinds[K] | undefined {
    return this.#objects[kind].get(name);
  }

  list<K extends KindName>(kind: K): Kinds[K][] {
    return [...this.#objects[kind].values()];
  }

  /** @throws store/exists */
  create<K extends KindName>(kind: K, input: { readonly metadata: Meta; readonly spec?: unknown; readonly status?: unknown }): Kinds[K] {
    const { name } = input.metadata;
    if (this.#objects[kind].has(name)) throw new OrreryError("store/exists", `${kind} ${name} exists already`, { retry: "after-reread" });
    const version = String(++this.#version);
    const object = {
      apiVersion: API_VERSION,
      kind,
      metadata: {
        namespace: "default",
        ...input.metadata,
        uid: `${kind}-${version}`,
        resourceVersion: version,
        generation: 1,
        creationTimestamp: timestamp(this.#scheduler.nowMs),
      },
      spec: input.spec ?? {},
      ...(input.status === undefined ? {} : { status: input.status }),
    } as unknown as Kinds[K];
    this.#put(kind, undefined, object);
    return object;
  }

  /** Replaces spec and metadata's finalizers (`part` spec) or the status. `metadata.resourceVersion`, if given, must be current.
   *  @throws store/missing, store/conflict */
  update<K extends KindName>(
    kind: K,
    input: { readonly metadata: Meta; readonly spec?: unknown; readonly status?: unknown },
    part: "spec" | "status",
  ): Kinds[K] {
    const { name, resourceVersion, uid } = input.metadata;
    const former = this.#objects[kind].get(name);
    if (former === undefined) throw new OrreryError("store/missing", `no ${kind} ${name}`, { retry: "after-reread" });
    if (
      (resourceVersion !== undefined && resourceVersion !== former.metadata.resourceVersion) ||
      (uid !== undefined && uid !== former.metadata.uid)
    ) {
      throw new OrreryError("store/conflict", `${kind} ${name} has moved`, { retry: "after-reread" });
    }
    const finalizers = part === "spec" ? (input.metadata.finalizers ?? former.metadata.finalizers) : former.metadata.finalizers;
    if (former.metadata.deletionTimestamp !== undefined && (finalizers?.length ?? 0) === 0) return this.#remove(kind, former);
    const isSpecChanged = part === "spec" && input.spec !== undefined && input.spec !== former.spec;
    const after = {
      ...former,
      metadata: {
        ...former.metadata,
        ...(finalizers === undefined ? {} : { finalizers }),
        generation: former.metadata.generation + (isSpecChanged ? 1 : 0),
        resourceVersion: String(++this.#version),
      },
      ...(part === "spec" ? { spec: input.spec ?? former.spec } : { status: input.status }),
    } as Kinds[K];
    this.#put(kind, former, after);
    return after;
  }

  /** Marks for deletion, or removes what has no finalizer. Nothing happens if it is gone.
   *  @throws store/conflict: a precondition does not hold */
  delete(
    kind: KindName,
    name: string,
    preconditions: { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined } = {},
  ): void {
    const former = this.#objects[kind].get(name);
    if (former === undefined) return;
    const { uid, resourceVersion, finalizers, deletionTimestamp } = former.metadata;
    if ((preconditions.uid ?? uid) !== uid || (preconditions.resourceVersion ?? resourceVersion) !== resourceVersion) {
      throw new OrreryError("store/conflict", `${kind} ${name} has moved`, { retry: "after-reread" });
    }
    if (deletionTimestamp !== undefined) return;
    if ((finalizers?.length ?? 0) === 0) {
      this.#remove(kind, former);
      return;
    }
    const metadata = { ...former.metadata, deletionTimestamp: timestamp(this.#scheduler.nowMs), resourceVersion: String(++this.#version) };
    this.#put(kind, former as never, { ...former, metadata } as never);
  }

  #put<K extends KindName>(kind: K, before: Kinds[K] | undefined, after: Kinds[K]): void {
    this.#objects[kind].set(after.metadata.name, after);
    for (const listener of [...this.#listeners]) listener(kind, before, after);
  }

  #remove<K extends KindName>(kind: K, former: Kinds[K]): Kinds[K] {
    this.#version++;
    this.#objects[kind].delete(former.metadata.name);
    for (const listener of [...this.#listeners]) listener(kind, former, undefined);
    return former;
  }

  /** Carries `act` out after the way there, unless it is lost then; gives its result, or throws its error, after the way back. */
  *request<T>(act: () => T, isLost: () => boolean = () => false): Routine<T> {
    let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
    const putBacks = this.#putBacks;
    yield (resume) => {
      const arriveMs = Math.max(this.#delayMs(), this.stalledUntilMs - this.#scheduler.elapsedMs);
      this.#scheduler.after(arriveMs, () => {
        if (isLost()) return;
        try {
          if (putBacks !== this.#putBacks) throw new OrreryError("store/unavailable", "the centre was stopped", { retry: "backoff" });
          outcome = { value: act() };
        } catch (error) {
          outcome = { error };
        }
        this.#scheduler.after(this.#delayMs(), resume);
      });
    };
    if (outcome === undefined) throw new Error("a request was resumed before its answer");
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  }

  #delayMs(): number {
    return this.#dice.chance(0.02) ? this.#dice.between(0, 20 * this.#delayMaxMs) : this.#dice.between(0.1, this.#delayMaxMs);
  }
}
