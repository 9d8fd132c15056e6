import { isOrreryError, type Random } from "#/base/index.ts";
import type { Tree, TreeNode, TreePath, TreeSession, TreeVersion } from "../contract.ts";

export interface LockOptions {
  readonly tree: Tree;
  /** Parent of the waiters' nodes. */
  readonly path: TreePath;
  /** The lock is lost when this session ends. */
  readonly session: TreeSession;
  readonly random: Random;
  /** Gives up waiting, and lets go of a lock that is held. */
  readonly signal: AbortSignal;
  /** Told to whoever looks; default empty. */
  readonly value?: string;
}

export interface Lock {
  /** Rises from holder to holder: what a guarded service compares to refuse a former holder (a fencing token). */
  readonly token: TreeVersion;
  /** Our node: `check` it in a multi to write only while the lock is held. */
  readonly path: TreePath;
  /** Resolves when the lock is no longer held, for whatever reason. */
  readonly lost: Promise<void>;
  /** Lets go. Idempotent. */
  release(): Promise<void>;
}

/** Waits for its turn, first come, first served, and then holds the lock until `release`, the end of the session or of `signal`.
 *  @throws the signal's reason, when it is aborted before the lock is held */
export async function acquireLock(options: LockOptions): Promise<Lock> {
  const { tree, path, session, random, signal, value } = options;
  signal.throwIfAborted();
  const own = `${path}/${random.uuid()}`;
  const token = await tree.create(own, value ?? "", { session: session.id });
  try {
    await waitForTurn(tree, path, own, signal);
  } catch (error) {
    await remove(tree, own);
    throw error;
  }
  const held = new AbortController();
  const lost = Promise.withResolvers<void>();
  held.signal.addEventListener("abort", () => lost.resolve(), { once: true });
  const release = async (): Promise<void> => {
    signal.removeEventListener("abort", onAbort);
    held.abort();
    await remove(tree, own);
  };
  const onAbort = (): void => void release().catch(() => held.abort());
  signal.addEventListener("abort", onAbort, { once: true });
  void waitForDeletion(tree, own, token, held.signal).then(
    () => held.abort(),
    () => held.abort(),
  );
  return { token, path: own, lost: lost.promise, release };
}

/** Waits until no older waiter is left. Each waits for the one before it only, so that a release wakes one. */
async function waitForTurn(tree: Tree, path: TreePath, own: TreePath, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const { nodes, version } = await tree.list(path);
    const waiters = nodes
      .filter((node) => node.session !== undefined)
      .sort((a, b) => a.createdVersion - b.createdVersion || (a.path < b.path ? -1 : 1));
    const before: TreeNode | undefined = waiters[waiters.findIndex((node) => node.path === own) - 1];
    if (before === undefined) return;
    await waitForDeletion(tree, before.path, version, signal);
  }
}

/** Resolves when `path` is deleted after `from`, or when that may have been missed; rejects with the signal's reason. */
async function waitForDeletion(tree: Tree, path: TreePath, from: TreeVersion, signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  try {
    for await (const event of tree.watch(path, from, AbortSignal.any([signal, stop.signal]))) {
      if (event.type === "deleted" && event.path === path) return;
    }
  } catch (error) {
    if (!isOrreryError(error, "tree/gone")) throw error;
    return;
  } finally {
    stop.abort();
  }
  signal.throwIfAborted();
}

async function remove(tree: Tree, path: TreePath): Promise<void> {
  try {
    await tree.delete(path);
  } catch (error) {
    // It went with its session, or the tree itself is closed and ends the session.
    if (!isOrreryError(error, "tree/missing") && !isOrreryError(error, "tree/closed")) throw error;
  }
}
