import { hash } from "node:crypto";
import { describeError, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { approval, SITE_NAME, type Site, site, timestamp, type User, user } from "#/model/index.ts";
import { keepPasswords } from "#/people/login/index.ts";
import type { Store } from "#/state/store/index.ts";
import { openTreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree } from "#/state/tree/sqlite/index.ts";
import { STORED_KINDS } from "./parts.ts";

type Rule = NonNullable<Site["spec"]["fourEyes"]>[number];

/** Brings nobody back with a backup: users who were disabled or removed since it was made are disabled in what was restored, and passwords that were changed since stay changed. Sessions, tokens and links end with the history anyway.
 *  `restored`, `former`: files of trees that no process has open. Returns what a person should know. */
export async function keepPeopleOut(restored: string, former: string): Promise<readonly string[]> {
  try {
    return await withStore(former, (before) => withStore(restored, (now) => compare(now, before)));
  } catch (error) {
    return [`who was disabled or removed since the backup could not be read from ${former} (${describeError(error)}): look at orrery user list`];
  }
}

/** Where the Site, as it is restored or as it was, wants others to approve a restore: nobody could be asked, so it is a broken glass of the machine's admin until another has looked at it. Returns what a person should know.
 *  `former` is absent where nothing was stored. */
export async function tellRestoreAlone(restored: string, former: string | undefined, name: string): Promise<readonly string[]> {
  const rulesOf = async (store: Store): Promise<readonly Rule[]> =>
    ((await store.get(site, { name: SITE_NAME }))?.spec.fourEyes ?? []).filter(({ actions }) => actions.includes("restore"));
  try {
    const before = former === undefined ? [] : await withStore(former, rulesOf);
    return await withStore(restored, async (now) => {
      const needs = [...new Set([...(await rulesOf(now)), ...before].flatMap(({ approvers }) => approvers))].map((role) => ({ role }));
      if (needs.length === 0) return [];
      const call = `restore ${name}`.slice(0, 1_000);
      const made = await now.create(
        approval,
        {
          metadata: { generateName: "glass-restore-" },
          spec: {
            ...{ actions: ["restore"], verb: "call", object: { kind: site.kind, name: SITE_NAME }, call, needs },
            ...{ by: { name: "admin", via: "machine" }, reason: "on the machine, while no centre ran", hash: hash("sha256", call, "hex") },
            until: timestamp(systemClock.now()),
          },
          status: { phase: "BrokenGlass" },
        },
        { subresource: "status" },
      );
      const who = needs.map(({ role }) => role).join(" and ");
      return [`others have to approve a restore on this site (${who}): one of them looks at it: orrery approval review ${made.metadata.name}`];
    });
  } catch (error) {
    return [`whether others have to approve a restore could not be read (${describeError(error)}): tell them`];
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
