import { OrreryError } from "#/base/index.ts";
import type { Kind, Site, StoredObject } from "#/model/index.ts";
import type { CentrePart } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";

/** The parts that a Site wants: all but those that it does without. */
export function chosenParts(all: readonly CentrePart[], spec: Site["spec"] | undefined): readonly CentrePart[] {
  return all.filter((part) => part.isEssential === true || spec?.without?.includes(part.name) !== true);
}

/** Whether a Site may do without what it names.
 *  @throws store/invalid: there is no such part, no site works without it, or there are still objects of its kinds */
export async function checkWithout(all: readonly CentrePart[], store: Store, next: StoredObject): Promise<void> {
  const { without = [] } = next.spec as Site["spec"];
  const causes: { field: string; message: string }[] = [];
  for (const [index, name] of without.entries()) {
    const message = await whyNot(all, store, name);
    if (message !== undefined) causes.push({ field: `spec.without[${index}]`, message });
  }
  if (causes.length === 0) return;
  throw new OrreryError("store/invalid", causes.map(({ field, message }) => `${field}: ${message}`).join("; "), { details: { causes } });
}

async function whyNot(all: readonly CentrePart[], store: Store, name: string): Promise<string | undefined> {
  const part = all.find((one) => one.name === name);
  const allowed = all.filter((one) => one.isEssential !== true).map((one) => one.name);
  if (part === undefined) return `there is no capability ${name}; allowed: ${allowed.join(", ")}`;
  if (part.isEssential === true) return `no site works without ${name}; allowed: ${allowed.join(", ")}`;
  for (const { kind } of part.kinds) {
    const { items, remainingItemCount = 0 } = await store.list(kind, { limit: 1 });
    if (items.length > 0) return `there are ${items.length + remainingItemCount} ${kind.plural}; delete them first: orrery get ${kind.plural}`;
  }
  return undefined;
}

/** What a person is told who deletes objects, by the parts. */
export async function checkDeletion(
  parts: readonly CentrePart[],
  store: Store,
  kind: Kind,
  keys: Parameters<NonNullable<CentrePart["kinds"][number]["checkDeletion"]>>[1],
): Promise<readonly string[]> {
  const check = parts.flatMap((part) => part.kinds).find((one) => one.kind === kind)?.checkDeletion;
  return check === undefined || keys.length === 0 ? [] : await check(store, keys);
}
