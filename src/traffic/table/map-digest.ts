/** Eight hex digits that differ, but for an accident, where the maps of two generations do (FNV-1a). */
export function mapDigest(assignments: Iterable<readonly [service: string, revision: string]>): string {
  let hash = 0x811c_9dc5 | 0;
  for (const [service, revision] of [...assignments].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const text = `${service} ${revision}\n`;
    for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}
