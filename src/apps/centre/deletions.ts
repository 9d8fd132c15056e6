import { OrreryError } from "#/base/index.ts";
import { generation, generationName, type Kind, microservice, revision, SITE_NAME, site } from "#/model/index.ts";
import type { ObjectKey, Store } from "#/store/index.ts";
import { type GenerationMap, readSiteState, type SiteState } from "#/update/core/index.ts";

/** What a person is told who deletes an object: the warnings.
 *  @throws store/immutable: transactions meet it; the message says what to do instead */
export async function checkDeletion(store: Store, kind: Kind, key: ObjectKey): Promise<readonly string[]> {
  if (kind.kind === microservice.kind) return await callersOf(store, key);
  if (kind.kind !== generation.kind && kind.kind !== revision.kind) return [];
  const state = readSiteState((await store.get(site, { ...key, name: SITE_NAME }))?.status);
  const reason = state === undefined ? undefined : kind.kind === generation.kind ? whyOpen(state, key) : await whyServed(store, state, key);
  if (reason !== undefined)
    throw new OrreryError("store/immutable", `${kind.singular} ${key.name} is not deleted: ${reason}`, { details: { kind: kind.kind, ...key } });
  return [];
}

function whyOpen({ generations }: SiteState, { name }: ObjectKey): string | undefined {
  const open = generations.find((one) => name === generationName(one.number));
  if (open === undefined) return undefined;
  return `it is ${open.phase}: it says which revisions its transactions meet. What to do to end it: orrery update show`;
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

async function callersOf(store: Store, { name, namespace }: ObjectKey): Promise<readonly string[]> {
  const { items } = await store.list(microservice, namespace === undefined ? {} : { namespace });
  const callers = items
    .filter((one) => one.metadata.deletionTimestamp === undefined && one.metadata.name !== name && one.spec.template.calls?.includes(name) === true)
    .map((one) => one.metadata.name);
  if (callers.length === 0) return [];
  return [`${callers.join(", ")} still ${callers.length === 1 ? "calls" : "call"} ${name}: from the switch on these calls are refused (503)`];
}
