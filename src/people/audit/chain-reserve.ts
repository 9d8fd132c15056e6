import { closeSync, fdatasyncSync, openSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { linesOfReserve } from "./chain-folder.ts";

const RESERVE_BYTES = 256 * 1024;
const AGAIN_MS = 10_000;

/** A file of zeros beside the chain. On a full disk, what must go on is written over them: that needs no room, and nobody else can take it. */
export class ChainReserve {
  readonly #file: string;
  #isThere = false;
  #used = Buffer.alloc(0);
  #triedMs = Number.NEGATIVE_INFINITY;

  /** Holds nothing before the first `refill`. */
  constructor(file: string) {
    this.#file = file;
  }

  /** What is kept there: whole lines. */
  get lines(): Buffer {
    return this.#used;
  }

  get isThere(): boolean {
    return this.#isThere;
  }

  /** Takes the room if it is not held yet; looks at most every ten seconds. */
  refill(): void {
    const nowMs = performance.now();
    if (this.#isThere || nowMs - this.#triedMs < AGAIN_MS) return;
    this.#triedMs = nowMs;
    try {
      if ((statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0) < RESERVE_BYTES) this.#make();
      this.#used = Buffer.from(linesOfReserve(readFileSync(this.#file)));
      this.#isThere = true;
    } catch {
      // No room for it: the state says so, and it is tried again.
    }
  }

  #make(): void {
    const former = statSync(this.#file, { throwIfNoEntry: false }) === undefined ? Buffer.alloc(0) : linesOfReserve(readFileSync(this.#file));
    const temporary = `${this.#file}.new`;
    try {
      writeFileSync(temporary, Buffer.concat([former, Buffer.alloc(RESERVE_BYTES - former.length)]), { mode: 0o600, flush: true });
      renameSync(temporary, this.#file);
    } catch (error) {
      try {
        unlinkSync(temporary);
      } catch {
        // It was not even made.
      }
      throw error;
    }
  }

  /** Keeps `bytes`, on disk; false: there is no room left in it. @throws what the system says */
  append(bytes: Buffer): boolean {
    if (!this.#isThere || this.#used.length + bytes.length > RESERVE_BYTES) return false;
    const used = Buffer.concat([this.#used, bytes]);
    this.#write(used);
    this.#used = used;
    return true;
  }

  /** Forgets what is kept: it stands in the chain by now. */
  clear(): void {
    if (this.#used.length === 0) return;
    this.#write(Buffer.alloc(this.#used.length));
    this.#used = Buffer.alloc(0);
  }

  #write(bytes: Buffer): void {
    const descriptor = openSync(this.#file, "r+");
    try {
      writeFileSync(descriptor, bytes);
      fdatasyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }
}
