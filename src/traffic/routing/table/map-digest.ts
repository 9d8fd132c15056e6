import { fnv1a } from "#/base/index.ts";

/** Eight hex digits that differ, but for an accident, where the maps of two generations do. */
export function mapDigest(assignments: Iterable<readonly [service: string, revision: string]>): string {
  const lines = [...assignments].map(([service, revision]) => `${service} ${revision}\n`).sort();
  return fnv1a(lines.join("")).toString(16).padStart(8, "0");
}
