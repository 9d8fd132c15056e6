import { existsSync } from "node:fs";
import { backoffDelayMs, type Clock, describeError, isOrreryError, type Log, type Random, sleep } from "#/base/index.ts";
import { timestamp, VOLUME_FINALIZER, type Volume, volume } from "#/model/index.ts";
import { Reflector } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import { folderOfVolume, removeVolume } from "./volumes.ts";

const BACKOFF = { firstMs: 500, maxMs: 30_000 };
const LOOK_MS = 500;

export interface VolumeKeeperOptions {
  readonly store: Store;
  readonly host: string;
  /** `<data>/agent/volumes`. */
  readonly volumesFolder: string;
  /** Folders that are being removed: nothing that uses one may be started until it is gone. */
  readonly leaving: Set<string>;
  /** One of them is gone: what had to wait may go on. */
  readonly onGone: () => void;
  /** True while something that uses the folder runs, or may. */
  readonly isUsed: (folder: string) => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Looks after the Volumes of this host: says where each is, and removes one that a person has deleted, once nothing uses it. Nothing else ever removes one. */
export function keepVolumes(options: VolumeKeeperOptions): void {
  const { store, host, clock, random, log, signal } = options;
  const volumes = new Reflector({ store, kind: volume, clock, random, log, selection: { fieldSelector: `spec.host=${host}` } });
  const removing = new Set<string>();
  volumes.listen((_, after) => {
    if (after === undefined || removing.has(after.metadata.uid)) return;
    if (after.metadata.deletionTimestamp === undefined) return void tell(options, after);
    removing.add(after.metadata.uid);
    void remove(options, after)
      .catch((error: unknown) => log.error(`cannot remove volume ${after.metadata.name}: ${describeError(error)}`))
      .finally(() => removing.delete(after.metadata.uid));
  });
  void volumes.run(signal);
}

/** Writes where the volume is, once. */
async function tell({ store, volumesFolder, clock, log }: VolumeKeeperOptions, one: Volume): Promise<void> {
  try {
    const folder = folderOfVolume(one, volumesFolder);
    if (one.status?.folder === folder) return;
    const body = { metadata: { resourceVersion: one.metadata.resourceVersion }, status: { folder, observedAt: timestamp(clock.now()) } };
    await store.patch(volume, one.metadata, { type: "merge", body }, { subresource: "status", fieldManager: "orrery-agent" });
  } catch (error) {
    // The watch brings the newer object, or the next start of the agent tells it.
    if (!isOrreryError(error, "store/conflict") && !isOrreryError(error, "store/missing"))
      log.warn(`cannot tell where volume ${one.metadata.name} is: ${describeError(error)}`);
  }
}

async function remove(options: VolumeKeeperOptions, one: Volume): Promise<void> {
  const folder = folderOfVolume(one, options.volumesFolder);
  options.leaving.add(folder);
  try {
    await removeWhenUnused(options, one, folder);
  } finally {
    options.leaving.delete(folder);
    options.onGone();
  }
}

async function removeWhenUnused({ store, isUsed, clock, random, log, signal }: VolumeKeeperOptions, one: Volume, folder: string): Promise<void> {
  const { name, namespace, uid } = one.metadata;
  const key = namespace === undefined ? { name } : { name, namespace };
  for (let failures = 0; !signal.aborted; ) {
    try {
      if (isUsed(folder)) {
        await sleep(clock, LOOK_MS, signal);
        continue;
      }
      const present = await store.get(volume, key);
      // Deleted meanwhile, made anew, or the store was put back to a time when it was wanted.
      if (present?.metadata.uid !== uid || present.metadata.deletionTimestamp === undefined) return;
      const wasThere = existsSync(folder);
      await removeVolume(folder);
      const { resourceVersion, finalizers = [] } = present.metadata;
      const body = { metadata: { resourceVersion, finalizers: finalizers.filter((finalizer) => finalizer !== VOLUME_FINALIZER) } };
      await store.patch(volume, key, { type: "merge", body }, { fieldManager: "orrery-agent" });
      if (wasThere) log.info(`removed volume ${name}: ${folder}`, { volume: name });
      return;
    } catch (error) {
      if (signal.aborted || isOrreryError(error, "store/missing")) return;
      if (++failures === 3) log.warn(`cannot remove volume ${name}: ${describeError(error)}; it is tried again`, { volume: name });
      await sleep(clock, backoffDelayMs(BACKOFF, failures, random), signal).catch(() => {});
    }
  }
}
