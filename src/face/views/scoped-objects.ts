import type { StoredObject } from "#/model/index.ts";
import type { Consumer, SeenObjects } from "./followed.ts";
import type { Silence, Source } from "./source.ts";

type Test = (object: StoredObject) => boolean;

/** The objects of a kind that one set of rights shows: which ones is decided once for each version of an object, whatever is asked of them and by how many; who may see a tenth of them looks through a tenth. */
export class ScopedObjects implements Source<StoredObject> {
  readonly consumers: Set<Consumer> = new Set();
  readonly filled: Promise<void>;
  readonly #base: Source<StoredObject>;
  readonly #isShown: Test;
  readonly #shown = new Map<string, StoredObject>();
  #changed = new Set<string>();

  constructor(base: Source<StoredObject>, isShown: Test) {
    this.#base = base;
    this.#isShown = isShown;
    this.filled = base.filled;
    for (const [key, object] of base.entries()) if (isShown(object)) this.#shown.set(key, object);
  }

  get size(): number {
    return this.#shown.size;
  }

  get isFilled(): boolean {
    return this.#base.isFilled;
  }

  get silence(): Silence | undefined {
    return this.#base.silence;
  }

  get(key: string): StoredObject | undefined {
    return this.#shown.get(key);
  }

  entries(): Iterable<readonly [string, StoredObject]> {
    return this.#shown;
  }

  listen(onChange: () => void): () => void {
    return this.#base.listen(onChange);
  }

  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed;
    if (changed.size > 0) this.#changed = new Set();
    return changed;
  }

  /** `key` is now `object`; absent: it is gone. */
  put(key: string, object: StoredObject | undefined): void {
    if (object !== undefined && this.#isShown(object)) this.#shown.set(key, object);
    else if (!this.#shown.delete(key)) return;
    this.#changed.add(key);
  }
}

/** All scopes in which the objects of a kind are looked at now. */
export class Scopes {
  readonly #base: Source<StoredObject>;
  readonly #byTest = new Map<Test, ScopedObjects>();

  constructor(base: Source<StoredObject>) {
    this.#base = base;
  }

  get size(): number {
    return this.#byTest.size;
  }

  /** Those that `isShown` lets through, which answers from the object alone, and the same each time. It stays while somebody is told of its changes. */
  within({ viewed, facets, search, release }: SeenObjects, isShown: Test): SeenObjects {
    let scoped = this.#byTest.get(isShown);
    if (scoped === undefined) {
      this.prune();
      scoped = new ScopedObjects(this.#base, isShown);
      this.#byTest.set(isShown, scoped);
    }
    return { viewed, facets, search, release, source: scoped, consumers: scoped.consumers };
  }

  put(key: string, object: StoredObject | undefined): void {
    for (const scoped of this.#byTest.values()) scoped.put(key, object);
  }

  all(): Iterable<ScopedObjects> {
    return this.#byTest.values();
  }

  /** Forgets those at which nobody looks any more. */
  prune(): void {
    for (const [test, { consumers }] of this.#byTest) if (consumers.size === 0) this.#byTest.delete(test);
  }
}
