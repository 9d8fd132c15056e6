import { closeSync, fdatasync, fdatasyncSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, statSync, write } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { syncFolder } from "#/work/process/index.ts";
import type { TrapRecord } from "./trap-record.ts";

const FILE = /^(\d{13})\.jsonl$/;
const writeText = promisify(write) as (descriptor: number, bytes: Buffer) => Promise<{ readonly bytesWritten: number }>;
const sync = promisify(fdatasync);

export interface TrapLogLimits {
  /** A file is begun anew above this. */
  readonly fileBytesMax: number;
  readonly filesMax: number;
}
export const TRAP_LOG_LIMITS: TrapLogLimits = { fileBytesMax: 4 * 1024 * 1024, filesMax: 64 };

/** Traps in files of lines, cut by size; the oldest go. What `append` has resolved for survives power loss. */
export class TrapLog {
  readonly #folder: string;
  readonly #limits: TrapLogLimits;
  #descriptor: number | undefined;
  #bytes = 0;
  #newest = 0;

  constructor(folder: string, limits: TrapLogLimits = TRAP_LOG_LIMITS) {
    this.#folder = folder;
    this.#limits = limits;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#newest = this.#files().at(-1) ?? 0;
  }

  /** One call at a time. Rejects if they are not kept; then what was written of them is no whole line, or is kept twice at worst. */
  async append(records: readonly TrapRecord[], nowMs: number): Promise<void> {
    const descriptor = this.#open(nowMs);
    const bytes = Buffer.from(records.map((one) => `${JSON.stringify(one)}\n`).join(""), "utf8");
    try {
      for (let from = 0; from < bytes.length; ) from += (await writeText(descriptor, bytes.subarray(from))).bytesWritten;
      await sync(descriptor);
    } catch (error) {
      // Half a line is ended by the next file.
      this.close();
      throw error;
    }
    this.#bytes += bytes.length;
  }

  /** The newest first, of whole lines; `isWanted` chooses. At most `limit`; a file is read at a time. */
  read(limit: number, isWanted: (record: TrapRecord) => boolean): TrapRecord[] {
    const found: TrapRecord[] = [];
    for (const start of this.#files().toReversed()) {
      let text: string;
      try {
        text = readFileSync(this.#path(start), "utf8");
      } catch {
        // It has just gone, as the oldest.
        continue;
      }
      for (const line of text.split("\n").toReversed()) {
        const record = parse(line);
        if (record === undefined || !isWanted(record)) continue;
        found.push(record);
        if (found.length >= limit) return found;
      }
    }
    return found;
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** A start begins a file of its own: the last of the former may end in half a line. */
  #open(nowMs: number): number {
    if (this.#descriptor !== undefined && this.#bytes < this.#limits.fileBytesMax) return this.#descriptor;
    this.close();
    const start = Math.max(Math.floor(nowMs), this.#newest + 1);
    const descriptor = openSync(this.#path(start), "a", 0o600);
    fdatasyncSync(descriptor);
    syncFolder(this.#folder);
    this.#descriptor = descriptor;
    this.#bytes = statSync(this.#path(start)).size;
    this.#newest = start;
    const files = this.#files();
    for (const old of files.slice(0, Math.max(0, files.length - this.#limits.filesMax))) rmSync(this.#path(old), { force: true });
    return descriptor;
  }

  #files(): number[] {
    return readdirSync(this.#folder)
      .flatMap((name) => FILE.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  }

  #path(start: number): string {
    return path.join(this.#folder, `${String(start).padStart(13, "0")}.jsonl`);
  }
}

function parse(line: string): TrapRecord | undefined {
  if (line === "") return undefined;
  try {
    return JSON.parse(line) as TrapRecord;
  } catch {
    return undefined;
  }
}
