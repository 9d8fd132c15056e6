import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { accessSync, closeSync, constants, fstatSync, openSync, readSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** Memory first: a command's output, that of a `stop` script above all, does not depend on a disk with room. */
const FOLDERS: readonly string[] = ["/dev/shm", tmpdir()];
const READ_BYTES = 64 * 1024;

/** A file without a name to which a child process writes. Of a file, and of nothing else, a program knows that what it wrote is written: to a full pipe Node.js writes later, and `process.exit` loses what it has not written by then (measured: all but the first 64 KiB).
 *  It takes what the child writes as fast as it comes: whoever holds one looks at `length`, reads, and gives the room back by `dropUpTo`. */
export class OutputFile {
  /** For the child's `stdio`: it appends. */
  readonly writeDescriptor: number;
  /** By it the file is known among the open files of a process. */
  readonly name: string;
  readonly #readDescriptor: number;
  #droppedTo = 0;

  /** @throws the system's error where none can be made */
  constructor() {
    this.name = `orrery-output-${process.pid}-${randomBytes(8).toString("hex")}`;
    const file = path.join(folderForOutput(), this.name);
    this.writeDescriptor = openSync(file, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      this.#readDescriptor = openSync(file, constants.O_RDWR);
    } catch (error) {
      closeSync(this.writeDescriptor);
      throw error;
    } finally {
      unlinkSync(file);
    }
  }

  /** Bytes written so far. */
  get length(): number {
    return fstatSync(this.#readDescriptor).size;
  }

  /** Bytes that take room: written and not dropped. */
  get held(): number {
    return this.length - this.#droppedTo;
  }

  /** At most 64 KiB from `position`; empty at the end. */
  read(position: number): Buffer {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    return buffer.subarray(0, readSync(this.#readDescriptor, buffer, 0, buffer.length, position));
  }

  /** The newest bytes, at most `bytesMax`, and how many came before them. */
  newest(bytesMax: number): { readonly bytes: Buffer; readonly before: number } {
    const { length } = this;
    const before = Math.max(0, length - bytesMax, this.#droppedTo);
    const bytes = Buffer.alloc(length - before);
    let read = 0;
    while (read < bytes.length) {
      const count = readSync(this.#readDescriptor, bytes, read, bytes.length - read, before + read);
      if (count === 0) break;
      read += count;
    }
    return { bytes: bytes.subarray(0, read), before };
  }

  /** Gives back the room of everything before `position`. False: this machine cannot (no `fallocate`, or a file system without holes). */
  async dropUpTo(position: number): Promise<boolean> {
    const isDropped = await punchHole(`/proc/${process.pid}/fd/${this.#readDescriptor}`, position);
    if (isDropped) this.#droppedTo = Math.max(this.#droppedTo, position);
    return isDropped;
  }

  close(): void {
    closeSync(this.writeDescriptor);
    closeSync(this.#readDescriptor);
  }
}

/** Gives the first `length` bytes of a file back to its disk; the file keeps its length. False where holes are not possible. */
export function punchHole(file: string, length: number): Promise<boolean> {
  return new Promise((resolve) => {
    execFile("fallocate", ["--punch-hole", "--offset", "0", "--length", String(length), file], { timeout: 60_000 }, (error) =>
      resolve(error === null),
    );
  });
}

function folderForOutput(): string {
  for (const folder of FOLDERS) {
    try {
      accessSync(folder, constants.W_OK | constants.X_OK);
      return folder;
    } catch {
      // The next one.
    }
  }
  return tmpdir();
}
