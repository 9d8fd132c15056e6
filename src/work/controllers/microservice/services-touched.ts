import { differingServices, type GenerationMap, type OpenGeneration, type SiteState } from "#/traffic/update/core/index.ts";

/** Services whose instances, duties or status a change of the Site may concern. What all open generations assign alike is not concerned when one of them moves on: an update of one service costs as much in a large site as in a small one. */
export function servicesTouched(
  before: SiteState | undefined,
  after: SiteState | undefined,
  mapOf: (generation: number) => GenerationMap | undefined,
): ReadonlySet<string> {
  const touched = new Set<string>();
  if (before?.refused !== after?.refused) for (const one of [...(before?.refused ?? []), ...(after?.refused ?? [])]) touched.add(one.service);
  const movesBefore = before?.moves ?? [];
  const movesAfter = after?.moves ?? [];
  if (JSON.stringify(movesBefore) !== JSON.stringify(movesAfter)) for (const one of [...movesBefore, ...movesAfter]) touched.add(one.service);
  if (JSON.stringify(before?.preparing) !== JSON.stringify(after?.preparing))
    for (const one of [...(before?.preparing ?? []), ...(after?.preparing ?? [])]) touched.add(one.service);
  if (JSON.stringify(before?.exclusive) !== JSON.stringify(after?.exclusive)) for (const one of after?.exclusive ?? []) touched.add(one.service);
  for (const one of after?.generations ?? [])
    for (const service of one.left ?? [])
      if (before?.generations.find((former) => former.number === one.number)?.left?.includes(service) !== true) touched.add(service);
  const isSame = before?.stamp === after?.stamp && isSameList(before?.generations ?? [], after?.generations ?? []);
  if (isSame) return touched;
  const numbers = new Set([...(before?.generations ?? []), ...(after?.generations ?? [])].map((one) => one.number));
  const maps = [...numbers].sort((a, b) => a - b).map((number) => mapOf(number) ?? NOTHING);
  // Before anything was stamped, or when nothing is any more, every duty may change.
  if (before?.stamp === undefined || after?.stamp === undefined) for (const map of maps) for (const service of Object.keys(map)) touched.add(service);
  // What differs between any two differs between some two neighbours.
  maps.forEach((map, index) => {
    for (const service of index === 0 ? [] : differingServices(maps[index - 1] ?? NOTHING, map)) touched.add(service);
  });
  return touched;
}

const NOTHING: GenerationMap = Object.freeze({});

function isSameList(a: readonly OpenGeneration[], b: readonly OpenGeneration[]): boolean {
  return a.length === b.length && a.every((one, index) => one.number === b[index]?.number && one.phase === b[index]?.phase);
}
