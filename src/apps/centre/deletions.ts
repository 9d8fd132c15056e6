import { OrreryError } from "#/base/index.ts";
import {
  DEFAULT_NAMESPACE,
  generation,
  generationName,
  instance,
  type Kind,
  microservice,
  revision,
  SITE_NAME,
  site,
  volume,
  volumeName,
} from "#/model/index.ts";
import type { ObjectKey, Store } from "#/state/store/index.ts";
import { type GenerationMap, readSiteState, type SiteState } from "#/traffic/update/core/index.ts";

/** What a person is told who deletes objects: the warnings.
 *  @throws store/immutable: transactions meet one of them; the message says what to do instead */
export async function checkDeletion(store: Store, kind: Kind, keys: readonly ObjectKey[]): Promise<readonly string[]> {
  const [first] = keys;
  if (first === undefined) return [];
  if (kind.kind === microservice.kind) return await callersOf(store, keys);
  if (kind.kind === volume.kind) return await checkVolumes(store, keys);
  if (kind.kind !== generation.kind && kind.kind !== revision.kind) return [];
  const state = readSiteState((await store.get(site, { ...first, name: SITE_NAME }))?.status);
  if (state === undefined) return [];
  for (const key of keys) {
    const reason = kind.kind === generation.kind ? whyOpen(state, key) : await whyServed(store, state, key);
    if (reason !== undefined)
      throw new OrreryError("store/immutable", `${kind.singular} ${key.name} is not deleted: ${reason}`, { details: { kind: kind.kind, ...key } });
  }
  return [];
}

/** Data that an instance uses, or may, is not removed. */
async function checkVolumes(store: Store, keys: readonly ObjectKey[]): Promise<readonly string[]> {
  const { items } = await store.list(instance);
  for (const { name, namespace = DEFAULT_NAMESPACE } of keys) {
    const user = items.find(
      ({ metadata, spec }) =>
        spec.service !== undefined &&
        (metadata.namespace ?? DEFAULT_NAMESPACE) === namespace &&
        spec.volumes?.some((one) => volumeName(spec.service ?? "", one.name, spec.slot) === name) === true,
    );
    if (user === undefined) continue;
    const service = user.spec.service ?? "";
    throw new OrreryError(
      "store/immutable",
      `volume ${name} is not removed: ${user.metadata.name} uses it. Stop the service first (orrery stop ${service}), or scale it down, or take the volume out of its template`,
      { details: { kind: volume.kind, name, namespace } },
    );
  }
  return keys.map(({ name }) => `volume ${name}: its data is removed for good`);
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

async function callersOf(store: Store, keys: readonly ObjectKey[]): Promise<readonly string[]> {
  const deleted = new Set(keys.map((one) => one.name));
  const { items } = await store.list(microservice);
  const staying = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined && !deleted.has(metadata.name));
  return [...deleted].flatMap((name) => {
    const callers = staying.filter(({ spec }) => spec.template.calls?.includes(name) === true).map(({ metadata }) => metadata.name);
    if (callers.length === 0) return [];
    return [`${callers.join(", ")} still ${callers.length === 1 ? "calls" : "call"} ${name}: from the switch on these calls are refused (503)`];
  });
}
