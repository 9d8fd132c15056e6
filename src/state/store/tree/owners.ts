import type { Kind, StoredObject } from "#/model/index.ts";

export interface Dependent {
  readonly kind: Kind;
  readonly object: StoredObject;
}

/** Who is owned by whom: the dependents of each owner's uid. */
export class Owners {
  readonly #dependents = new Map<string, Map<string, Dependent>>();

  /** Takes in that `before` became `after` (absent: there was, there is none). */
  change(before: StoredObject | undefined, after: StoredObject | undefined, kind: Kind | undefined): void {
    const former = before?.metadata.ownerReferences;
    const next = after?.metadata.ownerReferences;
    if ((former === undefined && next === undefined) || kind === undefined) return;
    for (const { uid } of former ?? []) {
      const dependents = this.#dependents.get(uid);
      dependents?.delete(before?.metadata.uid ?? "");
      if (dependents?.size === 0) this.#dependents.delete(uid);
    }
    if (after === undefined) return;
    for (const { uid } of next ?? []) {
      const dependents = this.#dependents.get(uid) ?? new Map<string, Dependent>();
      this.#dependents.set(uid, dependents);
      dependents.set(after.metadata.uid, { kind, object: after });
    }
  }

  /** Objects that name the owner `uid`. */
  dependentsOf(uid: string): readonly Dependent[] {
    return [...(this.#dependents.get(uid)?.values() ?? [])];
  }

  hasDependents(uid: string): boolean {
    return this.#dependents.has(uid);
  }
}
