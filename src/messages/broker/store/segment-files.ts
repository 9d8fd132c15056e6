import { close, fsync, linkSync, mkdirSync, open, readdirSync, readFileSync, truncateSync, unlink } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

const openFile = promisify(open);
const unlinkFile = promisify(unlink);
const closeFile = promisify(close);
const syncFile = promisify(fsync);
const NAME = /^(\d{10,})\.log$/;

/** The numbered files of a log. */
export class SegmentFiles {
  readonly #folder: string;
  #folderDescriptor: number | undefined;

  /** Makes the folder. */
  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Ascending. */
  numbers(): readonly number[] {
    return readdirSync(this.#folder)
      .flatMap((name) => NAME.exec(name)?.[1] ?? [])
      .map(Number)
      .toSorted((a, b) => a - b);
  }

  /** At the start, where nobody waits. */
  readNow(number: number): Buffer {
    return readFileSync(this.#file(number));
  }

  cut(number: number, length: number): void {
    truncateSync(this.#file(number), length);
  }

  async read(number: number): Promise<Buffer> {
    return await readFile(this.#file(number));
  }

  /** Keeps a damaged one under another name: what cannot be read here may be read by a person. */
  setAside(number: number): string {
    const folder = path.join(this.#folder, "damaged");
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const name = path.join(folder, path.basename(this.#file(number)));
    try {
      linkSync(this.#file(number), name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    return name;
  }

  /** Makes it; it is there after a loss of power, too. Returns its descriptor. */
  async create(number: number): Promise<number> {
    const descriptor = await openFile(this.#file(number), "ax", 0o600);
    this.#folderDescriptor ??= await openFile(this.#folder, "r");
    await syncFile(this.#folderDescriptor);
    return descriptor;
  }

  async remove(number: number): Promise<void> {
    await unlinkFile(this.#file(number));
  }

  /** Gives up the folder. */
  async close(): Promise<void> {
    if (this.#folderDescriptor !== undefined) await closeFile(this.#folderDescriptor);
    this.#folderDescriptor = undefined;
  }

  #file(number: number): string {
    return path.join(this.#folder, `${String(number).padStart(10, "0")}.log`);
  }
}
