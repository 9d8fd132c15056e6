import { existsSync } from "node:fs";
import { backoffDelayMs, type Clock, describeError, isOrreryError, type Log, OrreryError, type Random, sleep } from "#/base/index.ts";
import {
  type ConditionInput,
  DEFAULT_NAMESPACE,
  setCondition,
  timestamp,
  VOLUME_FINALIZER,
  VOLUME_HAD_ANNOTATION,
  type Volume,
  volume,
  volumeName,
} from "#/model/index.ts";
import { Reflector } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import type { Runner } from "./runner.ts";
import { claimVolume, describeFound, folderOfVolume, readOwner, removeVolume, volumesOf } from "./volumes.ts";

const BACKOFF = { firstMs: 500, maxMs: 30_000 };
const LOOK_MS = 500;
/** So long a start waits for the centre to say whose a folder is: an instance that has ended comes back without it. */
const ASK_MS_MAX = 3000;

export interface VolumeKeeperOptions {
  readonly store: Store;
  readonly host: string;
  /** `<data>/agent/volumes`. */
  readonly volumesFolder: string;
  /** Folders that are being removed: nothing that uses one may be started until it is gone. */
  readonly leaving: Set<string>;
  /** One of them is gone: what had to wait may go on. */
  readonly onGone: () => void;
  /** True while something that uses the folder runs, or may; `but` is left out. */
  readonly isUsed: (folder: string, but?: Runner) => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** What tells of data that was found in a Volume's folder. */
const FOUND_EVENTS = { unmarked: "VolumeFound", "set-aside": "VolumeSetAside", "taken-over": "VolumeTakenOver" } as const;
const FOUND_REASONS = { unmarked: "Unmarked", "set-aside": "SetAside", "taken-over": "TakenOver" } as const;

/** Looks after the Volumes of this host: sees to it that the folder of each holds its data and no other's, says where it is, and removes one that a person has deleted, once nothing uses it. Nothing else ever removes one. */
export class VolumeKeeper {
  readonly #options: VolumeKeeperOptions;
  readonly #removing = new Set<string>();
  /** Uid of the Volume for which a folder was claimed last, by folder. */
  readonly #claimed = new Map<string, string>();
  /** What is still to be said in a Volume's status, by its uid. */
  readonly #found = new Map<string, ConditionInput>();

  constructor(options: VolumeKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    const { store, host, clock, random, log, signal } = this.#options;
    const volumes = new Reflector({ store, kind: volume, clock, random, log, selection: { fieldSelector: `spec.host=${host}` } });
    volumes.listen((before, after) => {
      if (before !== undefined && before.metadata.uid !== after?.metadata.uid) this.#forget(before);
      if (after === undefined || this.#removing.has(after.metadata.uid)) return;
      if (after.metadata.deletionTimestamp === undefined) return void this.#tell(after);
      this.#removing.add(after.metadata.uid);
      void remove(this.#options, after)
        .catch((error: unknown) => log.error(`cannot remove volume ${after.metadata.name}: ${describeError(error)}`))
        .finally(() => this.#removing.delete(after.metadata.uid));
    });
    void volumes.run(signal);
  }

  /** Before the instance of `runner` is started: the centre is asked whose its folders are. While it is away they are taken as they are.
   *  @throws agent/volume: as `claimVolume`; or the centre does not know the Volume yet */
  async claim(runner: Runner): Promise<void> {
    const { spec, metadata } = runner.instance;
    for (const { name, folder } of volumesOf(runner.instance, this.#options.volumesFolder)) {
      const owner = readOwner(folder);
      if (owner !== undefined && this.#claimed.get(folder) === owner) continue;
      const key = { name: volumeName(spec.service ?? "", name, spec.slot), namespace: metadata.namespace ?? DEFAULT_NAMESPACE };
      const one = await this.#ask(key);
      if (one === "unknown") continue;
      if (one === undefined && owner !== undefined)
        throw new OrreryError(
          "agent/volume",
          `the Volume ${key.name} is not there, and ${folder} holds data of one that was: the centre makes it anew; nothing has to be done`,
        );
      if (one === undefined) continue;
      this.#claim(one, folder, runner);
      void this.#tell(one);
    }
  }

  async #ask(key: { readonly name: string; readonly namespace: string }): Promise<Volume | undefined | "unknown"> {
    const { store, clock, signal } = this.#options;
    const over = new AbortController();
    const late = sleep(clock, ASK_MS_MAX, AbortSignal.any([signal, over.signal])).then(
      () => "unknown" as const,
      () => "unknown" as const,
    );
    try {
      return await Promise.race([store.get(volume, key), late]);
    } catch {
      return "unknown";
    } finally {
      over.abort();
    }
  }

  #claim(one: Volume, folder: string, runner?: Runner): void {
    const { store, isUsed, log } = this.#options;
    const { uid, name, annotations, deletionTimestamp } = one.metadata;
    if (deletionTimestamp !== undefined) throw new OrreryError("agent/volume", `its volume ${name} is being removed`);
    const found = claimVolume(folder, {
      uid,
      isKnown: one.status?.folder !== undefined,
      isHad: annotations?.[VOLUME_HAD_ANNOTATION] !== undefined,
      isUsed: isUsed(folder, runner),
    });
    this.#claimed.set(folder, uid);
    const message = describeFound(found, folder);
    if (found.what === "own" || message === undefined) return;
    log.warn(message, { volume: name });
    store.emit({ kind: volume, object: one, type: "Warning", reason: FOUND_EVENTS[found.what], message, component: "agent" });
    this.#found.set(uid, { type: "DataFound", status: "True", reason: FOUND_REASONS[found.what], message });
  }

  /** Says where the volume is, once it is known that what is there is its data. */
  async #tell(one: Volume): Promise<void> {
    const { log, volumesFolder } = this.#options;
    try {
      const folder = folderOfVolume(one, volumesFolder);
      if (this.#claimed.get(folder) !== one.metadata.uid) this.#claim(one, folder);
      await this.#write(one, folder);
    } catch (error) {
      // The watch brings the newer object, or the next start of an instance, or of the agent, tells it.
      if (!isOrreryError(error, "store/conflict") && !isOrreryError(error, "store/missing"))
        log.warn(`cannot tell where volume ${one.metadata.name} is: ${describeError(error)}`);
    }
  }

  async #write(one: Volume, folder: string): Promise<void> {
    const { store, clock } = this.#options;
    const { uid, resourceVersion } = one.metadata;
    const found = this.#found.get(uid);
    if (one.status?.folder === folder && found === undefined) return;
    const nowMs = clock.now();
    const conditions = found === undefined ? {} : { conditions: [...setCondition(one.status?.conditions, found, nowMs)] };
    const body = { metadata: { resourceVersion }, status: { folder, observedAt: timestamp(nowMs), ...conditions } };
    await store.patch(volume, one.metadata, { type: "merge", body }, { subresource: "status", fieldManager: "orrery-agent" });
    this.#found.delete(uid);
  }

  #forget(gone: Volume): void {
    const folder = folderOfVolume(gone, this.#options.volumesFolder);
    if (this.#claimed.get(folder) === gone.metadata.uid) this.#claimed.delete(folder);
    this.#found.delete(gone.metadata.uid);
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
      const owner = readOwner(folder);
      // What another Volume has left there is not its data: it is no more removed than used.
      const isOwn = owner === undefined || owner === uid;
      const wasThere = isOwn && existsSync(folder);
      if (isOwn) await removeVolume(folder);
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
