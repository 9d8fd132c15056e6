import { closeSync, fdatasync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

const syncData = promisify(fdatasync);

/** The file of a chain that is being written to. What is appended is there whole, or not at all. */
export class ChainFile {
  readonly path: string;
  readonly #descriptor: number;
  #size: number;

  /** Makes it if it is not there. @throws what the system says */
  constructor(file: string) {
    this.path = file;
    const isNew = statSync(file, { throwIfNoEntry: false }) === undefined;
    this.#descriptor = openSync(file, "a+", 0o600);
    this.#size = fstatSync(this.#descriptor).size;
    if (isNew) syncFolder(path.dirname(file));
  }

  get size(): number {
    return this.#size;
  }

  /** Hands `bytes` to the system: they stay when this process is killed; for a loss of power, `sync`. @throws what the system says; nothing of them is left then */
  append(bytes: Buffer): void {
    try {
      writeFileSync(this.#descriptor, bytes);
    } catch (error) {
      ftruncateSync(this.#descriptor, this.#size);
      throw error;
    }
    this.#size += bytes.length;
  }

  async sync(): Promise<void> {
    await syncData(this.#descriptor);
  }

  /** What somebody else has done to it; `atName`: also whether it still stands there. `removed`: nothing of that name is there, or another file; what was written can still be read here. `changed`: it is longer or shorter than what was written. */
  look({ atName }: { readonly atName: boolean }): "removed" | "changed" | undefined {
    const own = fstatSync(this.#descriptor);
    if (own.size !== this.#size) return "changed";
    if (own.nlink === 0) return "removed";
    if (!atName) return undefined;
    const there = statSync(this.path, { throwIfNoEntry: false });
    return there?.ino === own.ino && there.dev === own.dev ? undefined : "removed";
  }

  /** All that was written. */
  content(): Buffer {
    const bytes = Buffer.alloc(this.#size);
    let done = 0;
    while (done < bytes.length) {
      const read = readSync(this.#descriptor, bytes, done, bytes.length - done, done);
      if (read === 0) break;
      done += read;
    }
    return bytes.subarray(0, done);
  }

  /** Cuts off what stands behind `size`. */
  cut(size: number): void {
    ftruncateSync(this.#descriptor, size);
    fsyncSync(this.#descriptor);
    this.#size = size;
  }

  /** How long it is by now, whoever wrote to it. */
  presentSize(): number {
    return fstatSync(this.#descriptor).size;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
