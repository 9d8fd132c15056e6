import { realpathSync } from "node:fs";
import type { LeftInstance } from "#/cli/index.ts";
import { findMarkedProcesses } from "#/process/index.ts";

/** Instances whose agent put its files into `data`, as their processes say: also when nothing of the platform runs. Ordered by name. */
export function findLeftInstances(data: string): readonly LeftInstance[] {
  let folder: string;
  try {
    folder = realpathSync(data);
  } catch {
    // Nothing was ever started there.
    return [];
  }
  const first = new Map<string, LeftInstance & { readonly startTime: number }>();
  for (const { stat, environment } of findMarkedProcesses({ ORRERY_DATA: folder })) {
    const { ORRERY_INSTANCE: uid, ORRERY_INSTANCE_NAME: name, ORRERY_SERVICE: service } = environment;
    if (uid === undefined || name === undefined) continue;
    const { pid, startTime } = stat;
    const known = first.get(uid);
    // What a process starts carries its marks, too.
    if (known === undefined || startTime < known.startTime) first.set(uid, { name, pid, startTime, ...(service === undefined ? {} : { service }) });
  }
  return [...first.values()].map(({ startTime: _, ...one }) => one).toSorted((a, b) => a.name.localeCompare(b.name));
}
