import { isOrreryError, OrreryError } from "#/base/index.ts";
import { API_VERSION, generation, generationName, instance, SITE_NAME, type Site, site } from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";
import type { KnownTable } from "#/traffic/routing/index.ts";
import {
  type GenerationMap,
  isBehind,
  isRestored,
  mapsToCompare,
  nextTerm,
  type OwnTables,
  readSiteState,
  type SiteState,
  statusesToForget,
  withFormer,
} from "./core/index.ts";

/** What `readLedSite` reads. */
export const LED_SITE_READS = { sites: site };

/** Takes the lead: makes the Site if there is none, and raises its epoch, so that what a former leader still tries to write fails. Returns the epoch of this term.
 *  @throws store/conflict: another leader was faster; campaign again */
export async function takeLead(store: Store, namespace: string, history: string, nowMs: number): Promise<number> {
  const present = (await store.get(site, { name: SITE_NAME, namespace })) ?? (await createSite(store, namespace));
  const items = isRestored(present.status, history) ? (await store.list(instance, { namespace })).items : [];
  for (const { metadata, spec } of statusesToForget(present.status, history, items))
    try {
      const input = { metadata: { name: metadata.name, namespace, uid: metadata.uid }, spec, status: {} };
      await store.update(instance, input, { subresource: "status", fieldManager: "orrery-centre" });
    } catch (error) {
      if (!isOrreryError(error, "store/missing")) throw error;
    }
  const status = nextTerm(present.status, history, nowMs);
  await store.update(site, { metadata: present.metadata, spec: present.spec, status }, { subresource: "status", fieldManager: "orrery-centre" });
  return status.epoch;
}

/** True if the table `known` of a gateway tells of what this leader's store has forgotten: the store was put back to an earlier state, and must not be led on with. What `own` does not know yet is read: a map that a cache has not seen is none that does not exist. */
export async function isStoreBehind(store: Store, namespace: string, epoch: number, known: KnownTable, own: OwnTables): Promise<boolean> {
  const state = readSiteState((await store.get(site, { name: SITE_NAME, namespace }))?.status);
  // Another leader of the same store knows more than this one: that is no reason to begin anew.
  if (state?.epoch !== epoch) return false;
  const maps = new Map<number, GenerationMap | undefined>();
  for (const number of mapsToCompare(state, known))
    maps.set(number, own.mapOf(number) ?? (await store.get(generation, { name: generationName(number), namespace }))?.spec.map);
  return isBehind(state, known, { ...own, mapOf: (number) => maps.get(number) });
}

/** Remembers a history of which a gateway has told, so that it is found out once.
 *  @throws store/conflict: the Site has changed meanwhile; it will be found out again */
export async function rememberHistory(store: Store, namespace: string, history: string): Promise<void> {
  const present = await store.get(site, { name: SITE_NAME, namespace });
  const state = readSiteState(present?.status);
  if (present === undefined || state === undefined || history === state.history) return;
  const status = { ...present.status, formerHistories: [...withFormer(state.formerHistories, history)] };
  await store.update(site, { metadata: present.metadata, spec: present.spec, status }, { subresource: "status", fieldManager: "orrery-centre" });
}

/** What the Site says now, for what only the leader may do.
 *  @throws update/not-leading: another centre leads; stop leading */
export async function readLedSite(store: Store, namespace: string, epoch: number): Promise<SiteState> {
  const state = readSiteState((await store.get(site, { name: SITE_NAME, namespace }))?.status);
  if (state?.epoch !== epoch) throw notLeading(state?.epoch, epoch);
  return state;
}

/** Who leads no longer says so by this. */
export function notLeading(led: number | undefined, own: number): OrreryError {
  return new OrreryError("update/not-leading", `the site is led by epoch ${led}, this centre has ${own}: it must stop leading`);
}

async function createSite(store: Store, namespace: string): Promise<Site> {
  try {
    return await store.create(site, { apiVersion: API_VERSION, kind: site.kind, metadata: { name: SITE_NAME, namespace }, spec: {} });
  } catch (error) {
    const present = isOrreryError(error, "store/exists") ? await store.get(site, { name: SITE_NAME, namespace }) : undefined;
    if (present === undefined) throw error;
    return present;
  }
}
