import type { LeftInstance } from "#/face/cli/index.ts";
import { findSiteProcesses } from "./supervisor/site-processes.ts";

/** Instances of the site of a data folder that run, as their processes say: also when nothing of the platform runs. Ordered by name. */
export function findLeftInstances(data: string): readonly LeftInstance[] {
  const first = new Map<string, LeftInstance>();
  // Oldest first: what a process starts belongs to the instance, too.
  for (const { pid, uid, instance, service } of findSiteProcesses(data)) {
    if (uid === undefined || instance === undefined || first.has(uid)) continue;
    first.set(uid, { name: instance, pid, ...(service === undefined ? {} : { service }) });
  }
  return [...first.values()].toSorted((a, b) => a.name.localeCompare(b.name));
}
