import { OrreryError } from "#/base/index.ts";
import { generation, generationName, type Kind, revision, SITE_NAME, site } from "#/model/index.ts";
import type { ObjectKey, Store } from "#/state/store/index.ts";
import { type GenerationMap, readSiteState, type SiteState } from "./core/index.ts";

/** @throws store/immutable: transactions meet one of them; the message says what to do instead */
export async function checkGenerations(store: Store, keys: readonly ObjectKey[]): Promise<readonly string[]> {
  return await check(store, generation, keys, async (state, key) => whyOpen(state, key));
}

/** @throws store/immutable: transactions meet one of them; the message says what to do instead */
export async function checkRevisions(store: Store, keys: readonly ObjectKey[]): Promise<readonly string[]> {
  return await check(store, revision, keys, (state, key) => whyServed(store, state, key));
}

async function check(
  store: Store,
  kind: Kind,
  keys: readonly ObjectKey[],
  why: (state: SiteState, key: ObjectKey) => Promise<string | undefined>,
): Promise<readonly string[]> {
  const [first] = keys;
  const state = first === undefined ? undefined : readSiteState((await store.get(site, { ...first, name: SITE_NAME }))?.status);
  if (state === undefined) return [];
  for (const key of keys) {
    const reason = await why(state, key);
    if (reason !== undefined)
      throw new OrreryError("store/immutable", `${kind.singular} ${key.name} is not deleted: ${reason}`, { details: { kind: kind.kind, ...key } });
  }
  return [];
}

function whyOpen({ generations }: SiteState, { name }: ObjectKey): string | undefined {
  const open = generations.find((one) => name === generationName(one.number));
  if (open === undefined) return undefined;
  return `it is ${open.phase}: it says which revisions its transactions meet. It goes by itself some time after it has ended; what it waits for: orrery update show`;
}

async function whyServed(store: Store, { generations, moves }: SiteState, { name, namespace }: ObjectKey): Promise<string | undefined> {
  for (const { number, phase } of generations) {
    const map: GenerationMap =
      (await store.get(generation, { name: generationName(number), ...(namespace === undefined ? {} : { namespace }) }))?.spec.map ?? {};
    const service = Object.keys(map).find((one) => map[one] === name);
    if (service !== undefined)
      return `generation ${number} (${phase}) has it for ${service}. Serve another one first: orrery update ${service} --to VERSION`;
  }
  const move = moves.find((one) => one.from === name || one.to === name);
  return move === undefined ? undefined : `calls of ${move.service} are moved to it or from it. Wait until the update is over: orrery update show`;
}
