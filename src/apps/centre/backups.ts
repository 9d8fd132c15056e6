import { chmod, mkdir, stat } from "node:fs/promises";
import path from "node:path";
import { type Clock, OrreryError } from "#/base/index.ts";

/** What has to stay free for the site itself. */
const LEFT_BYTES_MIN = 128 * 1024 * 1024;

export interface BackupsOptions {
  /** Where they are put. */
  readonly folder: string;
  /** The file of the store. */
  readonly file: string;
  /** Writes a whole copy of the store. */
  readonly copy: (file: string) => Promise<void>;
  /** Of the disk on which `folder` is; `undefined`: not known. */
  readonly freeBytes: () => number | undefined;
  readonly clock: Clock;
}

/** Backups of the store, on the centre's machine: one at a time, and only where the site has room to go on afterwards. */
export class Backups {
  readonly #options: BackupsOptions;
  #isMaking = false;

  constructor(options: BackupsOptions) {
    this.#options = options;
  }

  /** @throws api/busy: one is being made; api/unavailable: too little room is free */
  async make(): Promise<{ readonly file: string; readonly bytes: number }> {
    if (this.#isMaking) throw new OrreryError("api/busy", "a backup is being made: ask again when it is there", { retry: "backoff" });
    this.#isMaking = true;
    try {
      return await this.#make();
    } finally {
      this.#isMaking = false;
    }
  }

  async #make(): Promise<{ readonly file: string; readonly bytes: number }> {
    const { folder, copy, clock } = this.#options;
    await this.#checkRoom();
    const file = path.join(folder, `${new Date(clock.now()).toISOString().replaceAll(":", "")}.db`);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await copy(file);
    // It holds every secret of the site.
    await chmod(file, 0o600);
    return { file, bytes: (await stat(file)).size };
  }

  async #checkRoom(): Promise<void> {
    const { folder, file, freeBytes } = this.#options;
    const needed = (await stat(file)).size + LEFT_BYTES_MIN;
    const free = freeBytes();
    if (free === undefined || free >= needed) return;
    const mib = (bytes: number): number => Math.floor(bytes / 1024 / 1024);
    throw new OrreryError(
      "api/unavailable",
      `${mib(free)} MiB are free on the disk of ${folder}, a backup takes ${mib(needed)}, with what the site needs to go on: move older backups away, or free some room`,
    );
  }
}
