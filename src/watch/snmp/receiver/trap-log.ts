import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import path from "node:path";
import { syncFolder } from "#/work/process/index.ts";
import type { TrapRecord } from "./trap-record.ts";

const FILE = /^(\d{13})\.jsonl$/;

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
  #file: FileHandle | undefined;
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
    const file = await this.#open(nowMs);
    const bytes = Buffer.from(records.map((one) => `${JSON.stringify(one)}\n`).join(""), "utf8");
    try {
      await file.appendFile(bytes);
      await file.datasync();
    } catch (error) {
      // Half a line is ended by the next file.
      await this.close();
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

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** A start begins a file of its own: the last of the former may end in half a line. */
  async #open(nowMs: number): Promise<FileHandle> {
    if (this.#file !== undefined && this.#bytes < this.#limits.fileBytesMax) return this.#file;
    await this.close();
    const start = Math.max(Math.floor(nowMs), this.#newest + 1);
    const file = await open(this.#path(start), "a", 0o600);
    this.#file = file;
    syncFolder(this.#folder);
    this.#bytes = 0;
    this.#newest = start;
    const files = this.#files();
    for (const old of files.slice(0, Math.max(0, files.length - this.#limits.filesMax))) rmSync(this.#path(old), { force: true });
    return file;
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
