import { type Clock, isOrreryError, OrreryError } from "#/base/index.ts";
import { type Kind, type Role, type StoredObject, type User, user } from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";
import { accessGuard, GUARD_NAME } from "./access-guard.ts";
import type { RoleSpec } from "./built-in-roles.ts";

/** So long an admin that was to go counts as gone, whatever a centre still sees of it. */
const LEAVING_MS = 60_000;
const ATTEMPTS_MAX = 20;

export interface LastAdminOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Whether a User decides who may do what; with a role as it would be, if one is given (`undefined`: without it). */
  readonly isAdmin: (one: User, change?: { readonly role: string; readonly spec: RoleSpec | undefined }) => boolean;
}

/** Keeps the last admin: where there are Users who decide who may do what, one of them stays, also if two are taken away at once, by two people or at two centres. */
export class LastAdmin {
  readonly #options: LastAdminOptions;

  constructor(options: LastAdminOptions) {
    this.#options = options;
  }

  /** Asked just before a User or Role becomes `after`.
   *  @throws access/last-admin: nobody would be left */
  async check(kind: Kind, before: StoredObject | undefined, after: StoredObject | undefined, isDryRun = false): Promise<void> {
    const { store, clock, isAdmin } = this.#options;
    if (before === undefined) return;
    for (let attempt = 1; ; attempt++) {
      const guard = await store.get(accessGuard, { name: GUARD_NAME });
      const { items } = await store.list(user);
      const nowMs = clock.now();
      const leaving = (guard?.spec.leaving ?? []).filter((one) => one.until > nowMs && one.until <= nowMs + LEAVING_MS);
      const isHere = (one: User): boolean => !leaving.some(({ uid }) => uid === one.metadata.uid) && one.metadata.deletionTimestamp === undefined;
      const admins = items.filter((one) => isHere(one) && isAdmin(one));
      const gone =
        kind === user
          ? admins.filter((one) => one.metadata.uid === before.metadata.uid && (after === undefined || !isAdmin(after as User)))
          : admins.filter((one) => !isAdmin(one, { role: before.metadata.name, spec: (after as Role | undefined)?.spec }));
      if (gone.length === 0) return;
      if (gone.length === admins.length)
        throw new OrreryError(
          "access/last-admin",
          `${gone.map((one) => `User ${one.metadata.name}`).join(", ")} would no longer be admin, and nobody else is: make another one first: orrery user add NAME --role admin`,
        );
      if (isDryRun) return;
      const spec = {
        leaving: [...leaving, ...gone.map((one) => ({ uid: one.metadata.uid, until: nowMs + LEAVING_MS }))],
        turn: (guard?.spec.turn ?? 0) + 1,
      };
      try {
        if (guard === undefined) await store.create(accessGuard, { metadata: { name: GUARD_NAME }, spec });
        else await store.update(accessGuard, { metadata: { name: GUARD_NAME, resourceVersion: guard.metadata.resourceVersion }, spec });
        return;
      } catch (error) {
        // Somebody else has one leave at the same time: look again who is left.
        if (attempt >= ATTEMPTS_MAX || (!isOrreryError(error, "store/conflict") && !isOrreryError(error, "store/exists"))) throw error;
      }
    }
  }
}
