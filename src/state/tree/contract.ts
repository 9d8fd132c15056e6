import { OrreryError } from "#/base/index.ts";

/** The tree: a small hierarchical key-value store with versions, atomic multi, watch and sessions.
 *  SQLite on one machine, ZooKeeper on a site. Promises nothing that ZooKeeper cannot keep. */

/** An absolute path of non-empty segments, `/a/b`; no trailing slash; segments hold no `/` and no NUL. Parents need not exist. At most 1,024 bytes. */
export type TreePath = string;

/** Position in the history of the whole tree: rises with every committed change (ZooKeeper's zxid). A whole number below 2^53. */
export type TreeVersion = number;

export interface TreeNode {
  readonly path: TreePath;
  /** UTF-8 text, at most `VALUE_BYTES_MAX` bytes. */
  readonly value: string;
  /** Version of the change that last wrote this node: what a compare-and-set names. */
  readonly version: TreeVersion;
  /** Version of the change that created it. */
  readonly createdVersion: TreeVersion;
  /** The session whose end deletes this node, if any. */
  readonly session?: string;
}

export const VALUE_BYTES_MAX: number = 900 * 1024;

/** What every engine asks of a value before it writes it; whoever only wants to know whether it would asks alone. `index`: of the operation in its `multi`.
 *  @throws tree/too-large */
export function checkValue(path: TreePath, value: string, index = 0): void {
  if (value.length * 3 <= VALUE_BYTES_MAX) return;
  const bytes = Buffer.byteLength(value);
  if (bytes > VALUE_BYTES_MAX)
    throw new OrreryError("tree/too-large", `the value of ${path} has ${bytes} bytes; at most ${VALUE_BYTES_MAX}`, {
      details: { path, bytes, index },
    });
}

export interface MultiOptions {
  /** It ends something, and must be possible on a full disk: an engine that has kept some room for that uses it. */
  readonly isUrgent?: boolean;
}

/** One step of a `multi`. `version`: the node's version must be exactly this; absent: any. */
export type TreeOperation =
  | { readonly op: "create"; readonly path: TreePath; readonly value: string; readonly session?: string }
  | { readonly op: "set"; readonly path: TreePath; readonly value: string; readonly version?: TreeVersion }
  | { readonly op: "delete"; readonly path: TreePath; readonly version?: TreeVersion }
  | { readonly op: "check"; readonly path: TreePath; readonly version?: TreeVersion; readonly absent?: boolean };

export interface TreeListing {
  /** Ordered by path (byte order). */
  readonly nodes: readonly TreeNode[];
  /** Everything up to here is in `nodes`: a watch from here misses nothing. */
  readonly version: TreeVersion;
}

/** What a watch delivers. Of a key changed several times only the latest value need be delivered. `version` rises from event to event of one key.
 *  `synced`: nothing up to `version` is missing; resume only from such marks. */
export type TreeEvent =
  | { readonly type: "put"; readonly node: TreeNode }
  | { readonly type: "deleted"; readonly path: TreePath; readonly version: TreeVersion }
  | { readonly type: "synced"; readonly version: TreeVersion };

export interface TreeSession {
  readonly id: string;
  /** Resolves when the session has ended, by `end` or by expiry; its ephemeral nodes are gone then. */
  readonly ended: Promise<void>;
  /** Deletes the session's nodes and ends it. Idempotent. */
  end(): Promise<void>;
}

/** Any operation may also fail with
 *  @throws tree/path: not an absolute path of non-empty segments
 *  @throws tree/busy: too much is waiting (backoff); tree/unavailable: the disk or server does not answer as it should; whether a change was kept is unknown: read again (backoff)
 *  @throws tree/closed: after `close` */
export interface Tree {
  /** The node at `path`, or `undefined`. */
  get(path: TreePath): Promise<TreeNode | undefined>;
  /** All nodes at and below `prefix` (whole segments), in one consistent reading. */
  list(prefix: TreePath): Promise<TreeListing>;
  /** Names of the direct children of `path`, ordered, also of those that exist only as parents of others. */
  children(path: TreePath): Promise<readonly string[]>;
  /** @throws tree/exists: there is such a node
   *  @throws tree/session-ended: the session is over; begin another */
  create(path: TreePath, value: string, options?: { readonly session?: string }): Promise<TreeVersion>;
  /** @throws tree/missing: no such node
   *  @throws tree/conflict: its version is not `version`; read again, then retry */
  set(path: TreePath, value: string, options?: { readonly version?: TreeVersion }): Promise<TreeVersion>;
  /** Deletes one node, not those below it.
   *  @throws tree/missing, tree/conflict as `set` */
  delete(path: TreePath, options?: { readonly version?: TreeVersion }): Promise<TreeVersion>;
  /** All or nothing, as one change with one version. When it resolves, the change survives SIGKILL and power loss. At most 1,000 operations.
   *  @throws tree/exists, tree/missing, tree/conflict: `details.index` names the failing operation; nothing was done
   *  @throws tree/too-large: a value above `VALUE_BYTES_MAX`
   *  @throws tree/full: no room on the disk; nothing was done; free some, then retry
   *  @throws tree/damaged: the file cannot be read as written; restore a backup */
  multi(operations: readonly TreeOperation[], options?: MultiOptions): Promise<TreeVersion>;
  /** Events of all nodes at and below `prefix` after version `from`, then on as they happen, until `signal` aborts (the iterator then ends).
   *  A consumer that lags by more than 10,000 events is ended with `tree/gone`.
   *  @throws tree/gone: `from` is compacted away or lies in the future: list again */
  watch(prefix: TreePath, from: TreeVersion, signal: AbortSignal): AsyncIterable<TreeEvent>;
  /** A session with ephemeral nodes; it ends with the process, at the latest `ttlMs` after it (default 10 s). */
  session(options?: { readonly ttlMs?: number }): Promise<TreeSession>;
  close(): Promise<void>;
}
