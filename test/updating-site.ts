import assert from "node:assert/strict";
import { generation, type Microservice, microservice, SITE_NAME, site as siteKind, type Update, update } from "#/model/index.ts";
import { type RunningSite, slowness } from "./running-site.ts";
import { findMixedCalls, readAccessLog } from "./steady-load.ts";

const ENDED: ReadonlySet<string> = new Set(["Complete", "Aborted", "RolledBack", "Superseded"]);

/** Sets fields of the Site's spec. */
export async function setPolicy(site: RunningSite, spec: Readonly<Record<string, unknown>>): Promise<void> {
  await site.store.patch(siteKind, { name: SITE_NAME }, { type: "merge", body: { spec } });
}

/** Makes the site's transactions end sooner than is usual: after a gateway was killed they are waited for. Returns the Site's `maxTransaction` in milliseconds:
 *  where the machine has time it is much longer than a request of these tests takes, and where it is busy as much longer, up to what a busy machine needs. */
export async function shortenTransactions(site: RunningSite): Promise<number> {
  const ms = Math.round(Math.min(5000, 2500 * (await slowness())));
  await setPolicy(site, { maxTransaction: `${ms}ms` });
  return ms;
}

/** Asks for an update by an object of kind Update; `how`: further fields of its spec. The centre may just be away: then it is asked again. */
export async function createUpdate(
  site: RunningSite,
  name: string,
  to: Readonly<Record<string, string>>,
  how: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const services = Object.entries(to).map(([service, version]) => ({ name: service, to: version }));
  await site.until(`update ${name} is taken`, async () => {
    if ((await site.store.get(update, { name })) !== undefined) return true;
    await site.store.create(update, { metadata: { name }, spec: { services, message: "asked by a test", ...how } });
    return true;
  });
}

/** Waits until no Update is under way any more; returns all. */
export async function untilUpdatesEnd(site: RunningSite, timeoutMs = 60_000): Promise<readonly Update[]> {
  const list = async (): Promise<readonly Update[]> => (await site.store.list(update)).items;
  const open = (all: readonly Update[]): readonly Update[] => all.filter((one) => !ENDED.has(one.status?.phase ?? ""));
  try {
    const { found } = await site.until(
      "all updates have ended",
      async () => ((all) => (open(all).length === 0 ? all : undefined))(await list()),
      timeoutMs,
    );
    return found;
  } catch (error) {
    const waiting = open(await list()).map((one) => `${one.metadata.name}: ${one.status?.phase} ${JSON.stringify(one.status?.waits ?? [])}`);
    throw new Error(`these updates do not end:\n${waiting.join("\n")}\n${(error as Error).message}`);
  }
}

/** Waits until one generation is open and exactly the instances run that templates want, and nothing else. */
export async function untilSettled(site: RunningSite, timeoutMs = 60_000): Promise<void> {
  const look = async (): Promise<string | undefined> => {
    const status = (await site.store.get(siteKind, { name: SITE_NAME }))?.status;
    const open = status?.generations ?? [];
    if (open.length !== 1 || open[0]?.phase !== "Active") return `open generations: ${open.map((one) => `${one.number} ${one.phase}`).join(", ")}`;
    const map = (await site.store.get(generation, { name: `g${open[0].number}` }))?.spec.map ?? {};
    const wanted = new Map<string, number>();
    for (const one of (await site.store.list(microservice)).items) {
      const revision = one.status?.revision ?? "";
      if (map[one.metadata.name] !== revision)
        return `${one.metadata.name}: generation ${open[0].number} has ${map[one.metadata.name]}, its template says ${revision}`;
      wanted.set(revision, one.spec.replicas);
    }
    const found = new Map<string, number>();
    for (const one of await site.instances())
      if (one.spec.revision !== undefined) found.set(one.spec.revision, (found.get(one.spec.revision) ?? 0) + 1);
    const differs = [...new Set([...wanted.keys(), ...found.keys()])].filter((revision) => wanted.get(revision) !== found.get(revision));
    if (differs.length > 0)
      return differs.map((revision) => `${found.get(revision) ?? 0} instances of ${revision}, wanted are ${wanted.get(revision) ?? 0}`).join("; ");
    return await site.findFault();
  };
  let last: string | undefined;
  const isSettled = async (): Promise<true | undefined> => {
    last = await look();
    return last === undefined ? true : undefined;
  };
  await site.until("settled", isSettled, timeoutMs).catch((error: Error) => assert.fail(`${last}: ${error.message}`));
}

/** Fails if the access log tells of a call that was served by another revision than its generation says. Returns how many calls were looked at. */
export async function assertCallsConsistent(site: RunningSite): Promise<number> {
  const { items } = await site.store.list(generation);
  const maps = new Map(items.map((one) => [one.spec.number, one.spec.map]));
  const lines = readAccessLog(site.data);
  const mixed = findMixedCalls(lines, maps);
  assert.deepEqual(mixed.slice(0, 10), [], `${mixed.length} calls were served by a revision that their generation does not have`);
  return lines.filter((line) => line.revision !== undefined && maps.has(line.generation ?? 0)).length;
}

/** What something waits for, as its status tells. */
export interface SeenWait {
  readonly reason: string;
  readonly object: string;
  readonly since: string;
  readonly message: string;
}

/** The Update as it is now. */
export async function getUpdate(site: RunningSite, name: string): Promise<Update | undefined> {
  return await site.store.get(update, { name });
}

/** Waits until an Update is in one of `phases`. */
export async function untilPhase(site: RunningSite, name: string, ...phases: string[]): Promise<Update> {
  const { found } = await site.until(`${name} is ${phases.join(" or ")}`, async () => {
    const one = await getUpdate(site, name);
    return phases.includes(one?.status?.phase ?? "") ? one : undefined;
  });
  return found;
}

/** Waits until an Update says that it waits for what `isIt` tells. */
export async function untilWait(
  site: RunningSite,
  name: string,
  isIt: (one: { reason: string; object: string; message: string }) => boolean,
): Promise<SeenWait> {
  let last: Update | undefined;
  try {
    const { found } = await site.until(`${name} waits`, async () => {
      last = await getUpdate(site, name);
      return last?.status?.waits?.find(isIt);
    });
    return found;
  } catch (error) {
    const { items } = await site.store.list(generation);
    throw new Error(`${JSON.stringify(last?.status)}\n${JSON.stringify(items.slice(-2).map((one) => one.status))}\n${(error as Error).message}`);
  }
}

/** The Microservice, also where the centre was away for a moment. */
export async function serviceNamed(site: RunningSite, name: string): Promise<Microservice> {
  const { found } = await site.until(`${name} is read`, () => site.store.get(microservice, { name }));
  return found;
}

/** The version of a service that its template does not say. */
export async function otherVersion(site: RunningSite, service: string): Promise<string> {
  return (await serviceNamed(site, service)).spec.template.version === "v1" ? "v2" : "v1";
}
