import { mkdirSync, writeFileSync } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import path from "node:path";
import { describeError, type Log } from "#/base/index.ts";
import type { Table, TablePosition, TableUpdate } from "#/traffic/routing/index.ts";
import { applyChange, isOlder, isSamePosition, parseTable, parseTableChange } from "#/traffic/routing/table/index.ts";
import { readIfThere, syncFolder } from "./durable-file.ts";

/** The journal is folded into the snapshot when it has grown beyond this. */
const JOURNAL_BYTES_MAX = 4 * 1024 * 1024;
const RETRY_MS = 1000;

export interface TableFileOptions {
  readonly folder: string;
  readonly log: Log;
  /** `position` and everything before it survives power loss now. */
  readonly onDurable: (position: TablePosition) => void;
}

/** The gateway's copy of its table on disk: a snapshot (`table.json`) and the changes since (`table.journal`, one JSON line each). Writes are gathered: one at a time is under way, the next holds all that came meanwhile. */
export class TableFile {
  readonly #options: TableFileOptions;
  readonly #snapshot: string;
  readonly #journal: string;
  #handle: FileHandle | undefined;
  #journalBytes = 0;
  #lines: string[] = [];
  #table: Table | undefined;
  /** True: the next write is a snapshot. */
  #isWhole = true;
  #writing: Promise<void> | undefined;
  #isClosed = false;
  #failure: string | undefined;

  constructor(options: TableFileOptions) {
    this.#options = options;
    this.#snapshot = path.join(options.folder, "table.json");
    this.#journal = path.join(options.folder, "table.journal");
  }

  /** Why the newest table could not be written; `undefined` once it is, or while nothing is known to hinder it. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** The last durable table; `undefined` if there is none or it is damaged (which is logged: the centre will send another). */
  load(): Table | undefined {
    try {
      mkdirSync(this.#options.folder, { recursive: true, mode: 0o700 });
      const text = readIfThere(this.#snapshot);
      if (text === undefined) return undefined;
      return this.#replay(parseTable(JSON.parse(text)));
    } catch (error) {
      this.#options.log.error("the table on disk cannot be read; waiting for the centre's", { file: this.#snapshot, error: describeError(error) });
      return undefined;
    }
  }

  /** Stops at the first line that does not follow: a write that power loss cut short was never acknowledged. */
  #replay(snapshot: Table): Table {
    let table = snapshot;
    for (const line of (readIfThere(this.#journal) ?? "").split("\n")) {
      if (line === "") continue;
      try {
        const change = parseTableChange(JSON.parse(line));
        if (isOlder(change.position, table.position) || isSamePosition(change.position, table.position)) continue;
        table = applyChange(table, change);
      } catch {
        break;
      }
    }
    return table;
  }

  /** Takes what was just applied; `table` is the result. */
  save(update: TableUpdate, table: Table): void {
    this.#table = table;
    if ("table" in update) this.#isWhole = true;
    if (!this.#isWhole && "change" in update) this.#lines.push(JSON.stringify(update.change));
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    // One turn of the loop later, so that a burst of changes becomes one write.
    await new Promise<void>((resolve) => setImmediate(resolve));
    for (;;) {
      const table = this.#table as Table;
      try {
        if (this.#isWhole || this.#handle === undefined || this.#journalBytes > JOURNAL_BYTES_MAX) await this.#writeSnapshot(table);
        else await this.#append();
        this.#failure = undefined;
        this.#options.onDurable(table.position);
      } catch (error) {
        this.#isWhole = true;
        this.#failure = describeError(error);
        this.#options.log.error("cannot keep the table on disk; the centre waits for this gateway until it can", {
          folder: this.#options.folder,
          error: describeError(error),
        });
        await new Promise<void>((resolve) => setTimeout(resolve, this.#isClosed ? 0 : RETRY_MS).unref());
        if (this.#isClosed) break;
        continue;
      }
      if (table === this.#table) break;
    }
    this.#writing = undefined;
  }

  async #writeSnapshot(table: Table): Promise<void> {
    this.#isWhole = false;
    this.#lines = [];
    const temporary = `${this.#snapshot}.tmp`;
    const handle = await open(temporary, "w", 0o600);
    try {
      await handle.writeFile(JSON.stringify(table));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, this.#snapshot);
    syncFolder(this.#options.folder);
    // Changes in the old journal are older than the snapshot: a crash in between leaves lines that are skipped.
    await this.#handle?.close();
    this.#handle = undefined;
    writeFileSync(this.#journal, "", { mode: 0o600 });
    syncFolder(this.#options.folder);
    this.#handle = await open(this.#journal, "a", 0o600);
    this.#journalBytes = 0;
  }

  async #append(): Promise<void> {
    const text = `${this.#lines.join("\n")}\n`;
    this.#lines = [];
    await this.#handle?.appendFile(text);
    await this.#handle?.datasync();
    this.#journalBytes += text.length;
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
    await this.#handle?.close();
    this.#handle = undefined;
  }
}
