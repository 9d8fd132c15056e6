import { closeSync, fsyncSync, ftruncateSync, openSync, statSync, writeFileSync } from "node:fs";

/** Held beside the database, written and not only allotted, so that it can be given back to the disk. */
const RESERVE_BYTES = 2 * 1024 * 1024;
/** Given back at a time: room for a change of a few pages, several times. */
const STEP_BYTES = 256 * 1024;
const REFILL_EVERY_MS = 10_000;

/** Room on the disk that is kept for changes which must always be possible: those that end things. On a full disk a service would otherwise fill it for ever, as nobody could stop it. */
export class Reserve {
  readonly #file: string;
  #triedMs = Number.NEGATIVE_INFINITY;

  /** `file`: of the database. What cannot be held now is tried again by `refill`. */
  constructor(file: string) {
    this.#file = `${file}.reserve`;
    this.refill();
  }

  /** Gives some of it back to the disk; false: there is none left. */
  release(): boolean {
    const size = this.#size();
    if (size === 0) return false;
    try {
      const descriptor = openSync(this.#file, "r+");
      try {
        ftruncateSync(descriptor, Math.max(0, size - STEP_BYTES));
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
      return true;
    } catch {
      return false;
    }
  }

  /** Takes it again where there is room; looks at most every ten seconds. */
  refill(): void {
    const nowMs = performance.now();
    if (nowMs - this.#triedMs < REFILL_EVERY_MS) return;
    this.#triedMs = nowMs;
    const size = this.#size();
    if (size >= RESERVE_BYTES) return;
    try {
      const descriptor = openSync(this.#file, "a", 0o600);
      try {
        writeFileSync(descriptor, Buffer.alloc(RESERVE_BYTES - size));
      } finally {
        closeSync(descriptor);
      }
    } catch {
      // No room, or no folder to write in: the next time.
    }
  }

  #size(): number {
    return statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0;
  }
}
