import { isDeepStrictEqual } from "node:util";
import { OrreryError } from "#/base/index.ts";
import { type ConditionInput, type Kind, SITE_NAME, type Site, type StoredObject, setCondition, site } from "#/model/index.ts";
import type { CentrePart } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";

/** What a centre runs. */
export interface ChosenParts {
  readonly parts: readonly CentrePart[];
  /** Why a part runs that the Site would do without, by the part's name. */
  readonly kept: ReadonlyMap<string, string>;
}

/** The parts that a Site wants, and those of whose kinds there are objects whatever it wants: what nobody acts on must not look as if somebody did. The API refuses to leave such a part out, but it goes on with its kinds until the centre starts again. */
export async function chooseParts(all: readonly CentrePart[], store: Store, spec: Site["spec"] | undefined): Promise<ChosenParts> {
  const wanted = new Set(wantedParts(all, spec));
  const kept = new Map<string, string>();
  for (const part of all) {
    const why = wanted.has(part) ? undefined : await usedStill(part, store);
    if (why !== undefined) kept.set(part.name, why);
  }
  return { parts: all.filter((part) => wanted.has(part) || kept.has(part.name)), kept };
}

/** The parts that a Site wants: all but those that it does without. */
export function wantedParts(all: readonly CentrePart[], spec: Site["spec"] | undefined): readonly CentrePart[] {
  return all.filter((part) => part.isEssential === true || spec?.without?.includes(part.name) !== true);
}

/** Says at the Site whether it does without what it names, and why not.
 *  @throws store/conflict: the Site has changed meanwhile; try again */
export async function tellKept(store: Store, { kept }: ChosenParts, nowMs: number): Promise<void> {
  const present = await store.get(site, { name: SITE_NAME });
  if (present === undefined) return;
  const { metadata, spec, status } = present;
  const { without = [] } = spec;
  const former = status?.conditions ?? [];
  const conditions =
    without.length === 0 ? former.filter(({ type }) => type !== DOES_WITHOUT) : setCondition(former, doesWithout(without, kept), nowMs);
  if (isDeepStrictEqual(conditions, former)) return;
  const input = { metadata, spec, status: { ...status, conditions: [...conditions] } };
  await store.update(site, input, { subresource: "status", fieldManager: "orrery-centre" });
}

const DOES_WITHOUT = "DoesWithout";

function doesWithout(without: readonly string[], kept: ReadonlyMap<string, string>): ConditionInput {
  const type = DOES_WITHOUT;
  if (kept.size === 0) return { type, status: "True", reason: "AsWished", message: `this site does without ${without.join(", ")}` };
  const message = [...kept].map(([name, why]) => `${name} goes on: ${why}`).join("; ");
  return { type, status: "False", reason: "StillUsed", message: `${message}; when they have gone the centre starts again without` };
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
  return await usedStill(part, store);
}

async function usedStill(part: CentrePart, store: Store): Promise<string | undefined> {
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
