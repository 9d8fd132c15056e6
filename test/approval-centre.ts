/** A centre, as far as approvals go, that ends at a step of its choice. Run as a program (`DATA STEP before|after`), it approves as eva what waits, and kills itself with SIGKILL there. */

import { STORED_KINDS } from "#/apps/centre/parts.ts";
import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { type Approval, approval } from "#/model/index.ts";
import { type Access, fixedRoles, type Identity, openAccess } from "#/people/access/index.ts";
import type { Store } from "#/state/store/index.ts";
import { openTreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree } from "#/state/tree/sqlite/index.ts";

export type Writing = "create" | "update" | "patch" | "delete";

/** `store`, whose write number `step` (from 1) is where `end` is called, before it or after it. */
export function endingStore(store: Store, step: number, when: "before" | "after", end: () => Promise<never>): Store {
  let count = 0;
  const call = async (name: Writing, args: readonly unknown[]): Promise<unknown> => {
    count += 1;
    const isHere = count === step;
    if (isHere && when === "before") await end();
    const result = await (store[name] as (...given: readonly unknown[]) => Promise<unknown>).call(store, ...args);
    if (isHere) await end();
    return result;
  };
  return new Proxy(store, {
    get(target, name) {
      if (["create", "update", "patch", "delete"].includes(String(name))) return (...args: readonly unknown[]) => call(name as Writing, args);
      const value = Reflect.get(target, name) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A person of that name, whose User has the uid `uid`. */
export const person = (name: string, uid: string): Identity => ({ name, uid, groups: [], via: "token" });

/** What decides and carries out, over a store. */
export async function openPeople(
  store: Store,
  { signal, history, resuming }: { readonly signal: AbortSignal; readonly history: string; readonly resuming?: (one: Approval) => object },
): Promise<Access> {
  const common = { clock: systemClock, random: systemRandom, log: silentLog, signal, history };
  const access = openAccess({ store, kinds: STORED_KINDS, machine: fixedRoles([]), ...common, ...(resuming !== undefined && { resuming }) });
  await access.ready;
  return access;
}

if (import.meta.main) {
  const [, , file = "", step = "1", when = "before"] = process.argv;
  const tree = await openSqliteTree({ file, clock: systemClock, random: systemRandom });
  const store = await openTreeStore({ tree, clock: systemClock, random: systemRandom, kinds: STORED_KINDS, log: silentLog });
  const killed = endingStore(store, Number(step), when as "before" | "after", () => {
    process.kill(process.pid, "SIGKILL");
    return new Promise<never>(() => {});
  });
  const { user } = await import("#/model/index.ts");
  const access = await openPeople(killed, { signal: new AbortController().signal, history: tree.history });
  const eva = (await store.get(user, { name: "eva" }))?.metadata.uid ?? "";
  for (const { metadata } of (await store.list(approval, { fieldSelector: "status.phase=Waiting" })).items)
    await access.approvals.approve(person("eva", eva), metadata.name);
  process.exit(0);
}
