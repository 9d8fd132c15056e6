import type { Clock, Log, Random } from "#/base/index.ts";
import type { Kind } from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";
import type { PartKind, Reads } from "./part.ts";
import { Reflector } from "./reflector.ts";

/** A local copy of each kind that somebody reads, shared by all who read it. */
export class Caches {
  readonly #options: { readonly store: Store; readonly clock: Clock; readonly random: Random; readonly log: Log };
  readonly #kinds: ReadonlyMap<Kind, PartKind>;
  readonly #copies = new Map<Kind, Reflector<Kind>>();

  constructor(kinds: readonly PartKind[], options: { readonly store: Store; readonly clock: Clock; readonly random: Random; readonly log: Log }) {
    this.#options = options;
    this.#kinds = new Map(kinds.map((one) => [one.kind, one]));
  }

  /** The copies under the names that the reader gave them. A kind that is left out has an empty one. Ask before `run` for each kind that nobody has asked for. */
  of<R extends Reads>(reads: R): { readonly [K in keyof R]: Reflector<R[K]> } {
    return Object.fromEntries(Object.entries(reads).map(([name, kind]) => [name, this.#copy(kind)])) as never;
  }

  /** Keeps all copies until `signal` aborts; `ready` resolves when each has been filled once. */
  run(signal: AbortSignal): { readonly ready: Promise<void>; readonly ended: Promise<void> } {
    const kept = [...this.#copies.values()].filter((one) => this.#kinds.has(one.kind));
    return {
      ready: Promise.all(kept.map((one) => one.synced)).then(() => {}),
      ended: Promise.all(kept.map((one) => one.run(signal))).then(() => {}),
    };
  }

  #copy(kind: Kind): Reflector<Kind> {
    const present = this.#copies.get(kind);
    if (present !== undefined) return present;
    const { selection, indexes = {} } = this.#kinds.get(kind) ?? {};
    const made = new Reflector({ ...this.#options, kind, ...(selection === undefined ? {} : { selection }) });
    for (const [name, keyOf] of Object.entries(indexes)) made.addIndex(name, keyOf);
    this.#copies.set(kind, made);
    return made;
  }
}
