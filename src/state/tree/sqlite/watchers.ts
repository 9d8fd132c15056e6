import { BoundedQueue, OrreryError } from "#/base/index.ts";
import type { TreeEvent, TreePath, TreeVersion } from "../contract.ts";
import { isWithin } from "../path.ts";

/** Events that one consumer may lag behind, and the most watches at a time. */
export const LAG_EVENTS_MAX: number = 10_000;
const WATCHERS_MAX = 1_000;
/** A watcher whose keys do not change still learns the version after so many changes of others, so that its mark is not compacted away. */
const QUIET_VERSIONS_MAX = 1_000;

interface Watcher {
  readonly prefix: TreePath;
  readonly queue: BoundedQueue<TreeEvent>;
  syncedVersion: TreeVersion;
}

/** Hands committed events to everyone who watches. */
export class Watchers {
  readonly #watchers = new Set<Watcher>();

  /** Events of `prefix` from now on (`version` is now), until `remove`.
   *  @throws tree/busy: too many watches */
  add(prefix: TreePath, version: TreeVersion): Watcher {
    if (this.#watchers.size >= WATCHERS_MAX) throw new OrreryError("tree/busy", `there are ${WATCHERS_MAX} watches already`, { retry: "backoff" });
    const watcher: Watcher = { prefix, queue: new BoundedQueue(LAG_EVENTS_MAX), syncedVersion: version };
    this.#watchers.add(watcher);
    return watcher;
  }

  remove(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    watcher.queue.end();
  }

  /** Gives `events`, after which nothing up to `version` is missing. */
  publish(events: readonly TreeEvent[], version: TreeVersion): void {
    for (const watcher of this.#watchers) {
      let isTold = version - watcher.syncedVersion >= QUIET_VERSIONS_MAX;
      let hasRoom = true;
      for (const event of events) {
        const path = event.type === "put" ? event.node.path : event.type === "deleted" ? event.path : undefined;
        if (path === undefined || !isWithin(path, watcher.prefix)) continue;
        hasRoom &&= watcher.queue.offer(event);
        isTold = true;
      }
      if (isTold) {
        watcher.syncedVersion = version;
        hasRoom &&= watcher.queue.offer({ type: "synced", version });
      }
      if (!hasRoom) {
        this.#watchers.delete(watcher);
        watcher.queue.fail(gone(`the watch of ${watcher.prefix} lags by more than ${LAG_EVENTS_MAX} events`));
      }
    }
  }

  /** Ends every watch with `reason`, or, without one, as if it were aborted. */
  close(): void {
    for (const watcher of this.#watchers) watcher.queue.end();
    this.#watchers.clear();
  }
}

/** The error by which a watcher learns that it must list again. */
export function gone(what: string): OrreryError {
  return new OrreryError("tree/gone", `${what}; list again and watch from there`, { retry: "after-reread" });
}
