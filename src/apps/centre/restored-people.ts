import { describeError, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { type User, user } from "#/model/index.ts";
import { keepPasswords } from "#/people/login/index.ts";
import type { Store } from "#/state/store/index.ts";
import { openTreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree } from "#/state/tree/sqlite/index.ts";
import { STORED_KINDS } from "./parts.ts";

/** Brings nobody back with a backup: users who were disabled or removed since it was made are disabled in what was restored, and passwords that were changed since stay changed. Sessions, tokens and links end with the history anyway.
 *  `restored`, `former`: files of trees that no process has open. Returns what a person should know. */
export async function keepPeopleOut(restored: string, former: string): Promise<readonly string[]> {
  try {
    return await withStore(former, (before) => withStore(restored, (now) => compare(now, before)));
  } catch (error) {
    return [`who was disabled or removed since the backup could not be read from ${former} (${describeError(error)}): look at orrery user list`];
  }
}

async function compare(now: Store, before: Store): Promise<readonly string[]> {
  const known = new Map((await before.list(user)).items.map((one) => [one.metadata.name, one]));
  const told: string[] = [];
  for (const one of (await now.list(user)).items) {
    const why = whyOut(one, known.get(one.metadata.name));
    if (why === undefined) continue;
    await now.update(user, { metadata: one.metadata, spec: { ...one.spec, disabled: true } });
    told.push(`user ${one.metadata.name} is disabled: ${why}; if that is wrong: orrery user enable ${one.metadata.name}`);
  }
  const changed = await keepPasswords(now, before, (name) => !known.has(name));
  return [...told, ...changed.map((name) => `the password of user ${name} is not the one of the backup: it was changed or taken away since`)];
}

function whyOut(one: User, former: User | undefined): string | undefined {
  if (one.spec.disabled) return undefined;
  if (former === undefined || former.metadata.uid !== one.metadata.uid) return "they were removed since the backup";
  return former.spec.disabled ? "they were disabled since the backup" : undefined;
}

async function withStore<T>(file: string, use: (store: Store) => Promise<T>): Promise<T> {
  const tree = await openSqliteTree({ file, clock: systemClock, random: systemRandom });
  try {
    const store = await openTreeStore({ tree, clock: systemClock, random: systemRandom, kinds: STORED_KINDS, log: silentLog });
    try {
      return await use(store);
    } finally {
      await store.close();
    }
  } finally {
    await tree.close();
  }
}
