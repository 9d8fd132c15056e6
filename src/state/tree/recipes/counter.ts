import { isOrreryError, OrreryError } from "#/base/index.ts";
import type { Tree, TreePath } from "../contract.ts";

const ATTEMPTS_MAX = 100;

/** Adds 1 to the counter at `path` (0 if there is none) and returns the new value; no two calls anywhere get the same.
 *  @throws tree/conflict: others were always quicker (retry with backoff)
 *  @throws tree/damaged: the node holds something else than a whole number */
export async function nextCount(tree: Tree, path: TreePath): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const node = await tree.get(path);
    const next = node === undefined ? 1 : parseCount(path, node.value) + 1;
    try {
      await (node === undefined ? tree.create(path, String(next)) : tree.set(path, String(next), { version: node.version }));
      return next;
    } catch (error) {
      if (!isRace(error)) throw error;
    }
  }
  throw new OrreryError("tree/conflict", `the counter ${path} was changed by others at each of ${ATTEMPTS_MAX} attempts`, { retry: "backoff" });
}

/** The number in a counter's node. */
export function parseCount(path: TreePath, value: string): number {
  const count = Number(value);
  if (value === "" || !Number.isSafeInteger(count))
    throw new OrreryError("tree/damaged", `the counter ${path} holds ${JSON.stringify(value.slice(0, 50))}, not a whole number`, {
      details: { path },
    });
  return count;
}

/** True if another writer came between a reading and the write that followed it. */
export function isRace(error: unknown): boolean {
  return isOrreryError(error, "tree/conflict") || isOrreryError(error, "tree/exists") || isOrreryError(error, "tree/missing");
}
