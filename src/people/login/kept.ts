import { type Clock, describeError, isOrreryError, type Log, OrreryError, type Random } from "#/base/index.ts";
import type { Kind } from "#/model/index.ts";
import { Reflector } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";

export interface KeptOptions<K extends Kind> {
  readonly kind: K;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What was read beside the copy is remembered so long: until the copy must have it, and less than a revocation may take. */
const NEWEST_MS = 4_000;
const NEWEST_MAX = 1_000;

/** The objects of one kind, from memory; what the copy does not have yet is asked for. */
export class Kept<K extends Kind> {
  readonly #options: KeptOptions<K>;
  readonly #copy: Reflector<K>;
  /** Made or read since the copy last had them. */
  readonly #newest = new Map<string, { readonly object: K["$object"]; readonly atMs: number }>();
  readonly #onGone: ((object: K["$object"]) => void)[] = [];
  readonly ready: Promise<void>;

  constructor(options: KeptOptions<K>) {
    this.#options = options;
    this.#copy = new Reflector(options);
    this.ready = this.#copy.synced;
    this.#copy.listen((before, after) => {
      const name = (after ?? before)?.metadata.name ?? "";
      this.#newest.delete(name);
      if (after === undefined && before !== undefined) for (const listener of this.#onGone) listener(before);
    });
  }

  /** Keeps the copy until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#copy.run(signal);
  }

  /** From memory. */
  find(name: string): K["$object"] | undefined {
    return this.#fresh(name) ?? this.#copy.get(name);
  }

  /** From memory, else from the store.
   *  @throws access/unavailable (backoff): it cannot be looked up */
  async load(name: string): Promise<K["$object"] | undefined> {
    const known = this.find(name);
    if (known !== undefined) return known;
    const object = await this.#ask(() => this.#options.store.get(this.#options.kind, { name }));
    if (object !== undefined) this.#remember(object);
    return object;
  }

  values(): readonly K["$object"][] {
    const all = new Map<string, K["$object"]>();
    for (const object of this.#copy.values()) all.set(object.metadata.name, object);
    for (const name of [...this.#newest.keys()]) {
      const object = this.#fresh(name);
      if (object !== undefined) all.set(name, object);
    }
    return [...all.values()];
  }

  /** @throws access/unavailable (backoff), store/full */
  async create(name: string, spec: K["$spec"]): Promise<K["$object"]> {
    const object = await this.#ask(() => this.#options.store.create(this.#options.kind, { metadata: { name }, spec }));
    this.#remember(object);
    return object;
  }

  /** Puts `spec` in the place of what `former` had.
   *  @throws store/conflict: somebody else was faster */
  async replace(former: K["$object"], spec: K["$spec"]): Promise<K["$object"]> {
    const { name, resourceVersion, uid } = former.metadata;
    const metadata = { name, uid, ...(resourceVersion !== undefined && { resourceVersion }) };
    const object = await this.#ask(() => this.#options.store.update(this.#options.kind, { metadata, spec }));
    this.#remember(object);
    return object;
  }

  /** Writes the status; what fails is told to the log alone. */
  async note(object: K["$object"], status: K["$status"]): Promise<void> {
    const { store, kind, log } = this.#options;
    try {
      await store.update(
        kind,
        { metadata: { name: object.metadata.name, uid: object.metadata.uid }, spec: object.spec, status },
        { subresource: "status" },
      );
    } catch (error) {
      log.debug(`login: cannot note the use of ${kind.singular} ${object.metadata.name}: ${describeError(error)}`);
    }
  }

  /** Ends it; true for the one who did: of two at once one is told so.
   *  @throws access/unavailable (backoff) */
  async delete(object: K["$object"]): Promise<boolean> {
    const { uid, name } = object.metadata;
    try {
      const gone = await this.#ask(() => this.#options.store.delete(this.#options.kind, { name }, { preconditions: { uid } }));
      return gone !== undefined;
    } catch (error) {
      if (isOrreryError(error, "store/conflict") || isOrreryError(error, "store/missing")) return false;
      throw error;
    } finally {
      this.#newest.delete(name);
    }
  }

  /** Calls `listener` when one is gone. */
  onGone(listener: (object: K["$object"]) => void): void {
    this.#onGone.push(listener);
  }

  #fresh(name: string): K["$object"] | undefined {
    const found = this.#newest.get(name);
    if (found === undefined) return undefined;
    if (this.#options.clock.monotonic() - found.atMs < NEWEST_MS) return found.object;
    this.#newest.delete(name);
    return undefined;
  }

  #remember(object: K["$object"]): void {
    const { name } = object.metadata;
    this.#newest.delete(name);
    if (this.#newest.size >= NEWEST_MAX) this.#newest.delete(this.#newest.keys().next().value ?? "");
    this.#newest.set(name, { object, atMs: this.#options.clock.monotonic() });
  }

  /** What goes wrong with the store must never look like a wrong password. */
  async #ask<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      if (isOrreryError(error) && error.retry !== "backoff") throw error;
      throw new OrreryError("access/unavailable", `what is kept of logins cannot be reached now: ${describeError(error)}`, {
        retry: "backoff",
        cause: error,
      });
    }
  }
}
