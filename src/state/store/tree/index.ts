import { TreeStore, type TreeStoreOptions } from "./tree-store.ts";

export type { TreeStore, TreeStoreOptions };

/** A store over `options.tree`. It follows the tree, so that other processes may write there, too; close it before the tree.
 *  @throws store/damaged, tree/damaged: restore a backup */
export async function openTreeStore(options: TreeStoreOptions): Promise<TreeStore> {
  return await TreeStore.open(options);
}
