import type { ServiceMove } from "../contract.ts";

/** Revisions that calls of a service meet in `generation`, whose map says `revision`: that one alone, unless a strategy keeps no versions. While it is being moved, both, the newer one last. `moves` are the service's, oldest first. */
export function revisionsMet(moves: readonly ServiceMove[], generation: number, revision: string): readonly string[] {
  let met: readonly string[] = [revision];
  for (const { before, from, to, isPartial, isIdle } of moves) {
    if (generation >= before || isIdle === true || !met.includes(from)) continue;
    met = [...met.filter((one) => one !== to && (isPartial === true || one !== from)), to];
  }
  return met;
}

/** True if an instance of `revision` may take part in `generation`, whose map says `mapped`: it is what the map says, or what that was moved to. */
export function takesPart(moves: readonly ServiceMove[], generation: number, mapped: string, revision: string): boolean {
  return mapped === revision || revisionsTakingPart(moves, generation, mapped).has(revision);
}

/** All revisions of which instances may take part. */
export function revisionsTakingPart(moves: readonly ServiceMove[], generation: number, mapped: string): ReadonlySet<string> {
  const reached = new Set([mapped]);
  for (const { before, from, to } of moves) if (generation < before && reached.has(from)) reached.add(to);
  return reached;
}
