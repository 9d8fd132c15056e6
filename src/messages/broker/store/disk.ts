import { close, fdatasync, writeFile } from "node:fs";
import { promisify } from "node:util";

/** What the journal does to files, so that tests can let it fail as a disk fails. Each is done outside the thread that calls. */
export interface Disk {
  /** Writes all of `bytes` at the end. */
  append(descriptor: number, bytes: Buffer): Promise<void>;
  /** What was appended survives a loss of power when this resolves. */
  sync(descriptor: number): Promise<void>;
}

export const systemDisk: Disk = {
  append: promisify<number, Buffer, void>(writeFile),
  sync: promisify(fdatasync),
};

export const closeFile: (descriptor: number) => Promise<void> = promisify(close);
