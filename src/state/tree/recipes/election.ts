import { isOrreryError, OrreryError, type Random } from "#/base/index.ts";
import type { Tree, TreePath, TreeSession } from "../contract.ts";
import { isRace, parseCount } from "./counter.ts";
import { acquireLock } from "./lock.ts";

export interface CampaignOptions {
  readonly tree: Tree;
  /** Parent of the election's nodes: `<path>/candidates/…` and `<path>/epoch`. */
  readonly path: TreePath;
  readonly session: TreeSession;
  readonly random: Random;
  /** Gives up the candidature or the office. */
  readonly signal: AbortSignal;
  /** Who it is, told to whoever asks for the leader; default empty. */
  readonly candidate?: string;
}

export interface Office {
  /** Rises with each leader: it is written with a leader's decisions, so that a former leader's are refused. */
  readonly epoch: number;
  /** Resolves when the office is lost, for whatever reason: stop acting at once. */
  readonly lost: Promise<void>;
  /** Gives up the office. Idempotent. */
  resign(): Promise<void>;
}

/** Waits until it is elected. The epoch is durable before the promise resolves.
 *  @throws the signal's reason, when it is aborted before
 *  @throws tree/session-ended: the session is over; begin another and campaign again */
export async function campaign(options: CampaignOptions): Promise<Office> {
  const { tree, path, session, random, signal, candidate } = options;
  const lock = await acquireLock({ tree, path: `${path}/candidates`, session, random, signal, value: candidate ?? "" });
  try {
    return { epoch: await beginEpoch(tree, `${path}/epoch`, lock.path), lost: lock.lost, resign: lock.release };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** The leader as it named itself, or `undefined` if there is none now. */
export async function findLeader(tree: Tree, path: TreePath): Promise<string | undefined> {
  const { nodes } = await tree.list(`${path}/candidates`);
  return nodes.reduce((oldest, node) => (oldest === undefined || node.createdVersion < oldest.createdVersion ? node : oldest), nodes[0])?.value;
}

async function beginEpoch(tree: Tree, path: TreePath, own: TreePath): Promise<number> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const node = await tree.get(path);
    const epoch = node === undefined ? 1 : parseCount(path, node.value) + 1;
    const held = { op: "check", path: own } as const;
    try {
      await tree.multi(
        node === undefined
          ? [held, { op: "create", path, value: String(epoch) }]
          : [held, { op: "set", path, value: String(epoch), version: node.version }],
      );
      return epoch;
    } catch (error) {
      if (isOrreryError(error, "tree/missing") && error.details["index"] === 0)
        throw new OrreryError("tree/session-ended", "the candidate's session ended; begin another and campaign again", {
          retry: "backoff",
          cause: error,
        });
      if (!isRace(error)) throw error;
    }
  }
  throw new OrreryError("tree/conflict", `the epoch ${path} was changed by others at each attempt`, { retry: "backoff" });
}
