import { isOrreryError, OrreryError } from "#/base/index.ts";
import { hasSwitched, isOver } from "#/face/views/lanes/index.ts";
import { API_VERSION, type Generation, generation, type Revision, revision, type Update, update } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { GenerationMap } from "#/traffic/update/core/index.ts";
import type { CliContext } from "../context.ts";
import { objectPath } from "../kubernetes.ts";
import type { Options } from "../options.ts";
import { loadSite } from "../update-outcome.ts";
import { askedBy, makeUpdates, type Wish } from "./update-making.ts";
import { abortUpdate, withUpdate } from "./update-steering.ts";

/** `orrery update rollback`: goes back from an Update in the way that is open: one that is still under way is given up, one that is served is followed by an Update back to what was served before it. */
export async function rollBack(context: CliContext, options: Options, name: string): Promise<number> {
  const given = await giveUp(context, options, name);
  if (given !== undefined) return given;
  let services: Wish["spec"]["services"] = [];
  await withUpdate(context, options, name, async (api, one) => {
    services = wayBack(one, await loadServed(api), await loadUpdates(api), await loadKept(api));
    return 0;
  });
  if (services.length === 0) {
    context.terminal.out(`update ${name} was gone back from already: what was served before it is served`);
    return 0;
  }
  const spec = { services, message: `rollback of ${name}`, ...askedBy(options) };
  return makeUpdates(context, [{ apiVersion: API_VERSION, kind: update.kind, metadata: { generateName: "rollback-" }, spec }], options);
}

/** The exit status of giving it up; `undefined`: it is not under way, or has switched meanwhile. An Update back would wait for its turn until all new transactions have what is to be undone. */
async function giveUp(context: CliContext, options: Options, name: string): Promise<number | undefined> {
  const { terminal } = context;
  let isUnderWay = false;
  await withUpdate(context, options, name, async (_, one) => {
    isUnderWay = !isOver(one) && !hasSwitched(one);
    return 0;
  });
  if (!isUnderWay) return undefined;
  if (options.dryRun === true) {
    terminal.out(`update ${name} is still under way: it would be given up, and no other update be made`);
    return 0;
  }
  terminal.note(`update ${name} is still under way: giving it up; that goes back at once`);
  return abortUpdate(context, options, name).catch((error: unknown) => {
    if (!isOrreryError(error, "cli/too-late")) throw error;
    terminal.note(`update ${name} has switched meanwhile`);
    return undefined;
  });
}

/** What to ask for, to have again what was served before `one`; nothing, if that is served. `served`: what new transactions have now. `kept`: revisions that can still be asked for; absent: all.
 *  @throws cli/nothing-before: it has changed nothing
 *  @throws cli/too-late: later updates would be undone with it; the message names them, and what to type instead */
export function wayBack(one: Update, served: GenerationMap, all: readonly Update[], kept?: ReadonlySet<string>): Wish["spec"]["services"] {
  const { name } = one.metadata;
  const { phase, revisions = [] } = one.status ?? {};
  const [service = ""] = one.spec.services.map((each) => each.name);
  const history = `see what was done: orrery update history ${service}`;
  if (isOver(one) && phase !== "Complete")
    throw new OrreryError("cli/nothing-before", `update ${name} ended without effect (${phase}): there is nothing to go back from; ${history}`);
  const changed = revisions.filter(({ from, to }) => from !== to);
  if (revisions.length > 0 && changed.length === 0)
    throw new OrreryError("cli/nothing-before", `update ${name} changed nothing: what it asked for was served already; ${history}`);
  const back = changed.flatMap((each) => (each.from === undefined ? [] : [{ service: each.service, from: each.from, to: each.to }]));
  if (back.length === 0) throw new OrreryError("cli/nothing-before", `update ${name} has nothing to go back to: nothing was served before it`);
  const later = back.filter(({ service: each, from, to }) => served[each] !== to && served[each] !== from);
  if (later.length > 0) throw laterOnes(one, later, { served, all, kept });
  const under = underWay(one, all);
  if (under !== undefined)
    throw new OrreryError(
      "cli/too-late",
      `update ${under.metadata.name} of ${service} is under way, and going back from ${name} would wait until it is over; give that up first: orrery update abort ${under.metadata.name}`,
    );
  return back.flatMap(({ service: each, from, to }) => (served[each] === to ? [{ name: each, to: from }] : []));
}

function laterOnes(
  one: Update,
  later: readonly { readonly service: string; readonly from: string }[],
  { served, all, kept }: { readonly served: GenerationMap; readonly all: readonly Update[]; readonly kept: ReadonlySet<string> | undefined },
): OrreryError {
  const { name } = one.metadata;
  const newest = (service: string): Update | undefined =>
    all
      .filter((each) => (each.status?.generation ?? 0) > (one.status?.generation ?? 0) && (each.status?.phase === "Complete" || hasSwitched(each)))
      .filter((each) => each.status?.revisions?.some((revision) => revision.service === service) === true)
      .toSorted((a, b) => (b.status?.generation ?? 0) - (a.status?.generation ?? 0))[0];
  const names = [...new Set(later.flatMap(({ service }) => newest(service)?.metadata.name ?? []))];
  const found = later.map(({ service }) => `${service} has ${served[service] ?? "nothing"}`).join(", ");
  const by = names.length === 0 ? "" : ` by ${names.join(", ")}`;
  const pruned = later.filter(({ from }) => kept?.has(from) === false);
  const before = `to have what was served before ${name}`;
  const commands = [
    ...(names.length === 0 ? [] : [`to go back from the newest: ${names.map((each) => `orrery update rollback ${each}`).join(" and ")}`]),
    pruned.length > 0
      ? `${before}, apply the manifest of then: ${pruned.map(({ from }) => from).join(", ")} ${pruned.length === 1 ? "is" : "are"} not kept any more (revisionHistoryLimit)`
      : `${before}: ${later.map(({ service, from }) => `orrery update ${service} --to ${from}`).join(" and ")}`,
  ];
  return new OrreryError(
    "cli/too-late",
    `too late to go back from ${name} alone: ${found} since then${by}, which would be undone, too; ${commands.join("; ")}`,
  );
}

/** Another Update of its services that would have to end first. */
function underWay(one: Update, all: readonly Update[]): Update | undefined {
  const names = new Set(one.spec.services.map((service) => service.name));
  return all.find(
    (other) =>
      other.metadata.name !== one.metadata.name &&
      !isOver(other) &&
      !hasSwitched(other) &&
      other.spec.services.some((service) => names.has(service.name)),
  );
}

/** The map of the generation that new transactions have. */
async function loadServed(api: Client): Promise<GenerationMap> {
  const number = (await loadSite(api))?.status?.stamp?.generation;
  const { items } = (await api.request({ path: objectPath(generation) })).body as { readonly items: readonly Generation[] };
  return items.find((one) => one.spec.number === number)?.spec.map ?? {};
}

async function loadKept(api: Client): Promise<ReadonlySet<string>> {
  const { items } = (await api.request({ path: objectPath(revision) })).body as { readonly items: readonly Revision[] };
  return new Set(items.map((one) => one.metadata.name));
}

async function loadUpdates(api: Client): Promise<readonly Update[]> {
  return ((await api.request({ path: objectPath(update) })).body as { readonly items: readonly Update[] }).items;
}
