import { mkdirSync, renameSync, statSync, unlinkSync } from "node:fs";
import path from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { type Clock, describeError, type Log, OrreryError, type Random } from "#/base/index.ts";
import { type EntryHash, encodeLine, NOTHING_BEFORE, readLine, splitLines } from "./chain/index.ts";
import { findChainEnd, type OwnWords } from "./chain-end.ts";
import { ChainFile } from "./chain-file.ts";
import { headFile, listSegments, reserveFile, segmentFile } from "./chain-folder.ts";
import { ChainReserve } from "./chain-reserve.ts";
import type { AuditEntry } from "./contract.ts";

/** A file is closed when it is so large; what is exported and removed is whole files. */
const SEGMENT_BYTES = 8 * 1024 * 1024;
/** Entries that wait to be written; more are refused. */
const PENDING_MAX = 10_000;
const BATCH_MAX = 1_000;
/** What nobody waits for is on disk after this. */
const SYNC_MS = 1_000;
/** What nobody waits for waits so long for others. */
const COMPANY_MS = 20;
/** How often it is looked whether the file is still the one of its name. */
const LOOK_MS = 1_000;
const NEAR_LIMIT = 0.8;
/** What the audit has to tell of itself, and cannot yet. */
const OWN_MAX = 20;

export interface ChainWriterOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Of all files together: at it, only what is urgent is taken. */
  readonly bytesMax: () => number;
  readonly segmentBytes?: number;
  /** The first entry of each file but the first: with it, a file can be checked alone. */
  readonly fileWords: OwnWords;
  /** A file is closed: it is signed before the next one begins. */
  readonly onClosed: (position: Position) => Promise<void>;
}

/** The last entry that is on disk, and its file. */
export interface Position {
  readonly seq: number;
  readonly hash: EntryHash;
  readonly file: string;
}

export type NewEntry = Omit<AuditEntry, "seq">;

export interface AppendOptions {
  /** Taken also on a full disk and at the limit. */
  readonly isUrgent: boolean;
  /** Waited for until it is on disk; else until the system has it. */
  readonly isDurable: boolean;
}

interface Pending extends AppendOptions {
  readonly entry: NewEntry;
  readonly resolve: (seq: number) => void;
  readonly reject: (error: unknown) => void;
}

interface Encoded {
  readonly text: string;
  readonly seq: number;
  readonly hash: EntryHash;
}

/** Appends entries to the chain of a folder, in the order in which they come; all that wait are written together, with one sync. The only writer of the folder: what another one does to its files is found before each write, told in the chain, and the chain goes on. */
export class ChainWriter {
  readonly #options: ChainWriterOptions;
  readonly #reserve: ChainReserve;
  #pending: Pending[] = [];
  #working: Promise<void> | undefined;
  #file: ChainFile | undefined;
  #seq = 0;
  #hash: EntryHash = NOTHING_BEFORE;
  /** Sequence of the last entry that is not only in the reserve. */
  #mainSeq = 0;
  /** Of closed files. */
  #closedBytes = 0;
  #own: OwnWords[] = [];
  #isBroken = false;
  #isUnsynced = false;
  #syncing: Promise<void> = Promise.resolve();
  #cancelSync = (): void => {};
  #hurry = (): void => {};
  /** Entries that were told, and of these written or refused. */
  #told = 0;
  #done = 0;
  #flushes: { readonly upTo: number; readonly resolve: () => void }[] = [];
  #lookedMs = Number.NEGATIVE_INFINITY;
  #lost = 0;
  #untoldLost = 0;
  #unwritable: string | undefined;
  readonly #found = new Map<string, string>();

  private constructor(options: ChainWriterOptions) {
    this.#options = options;
    this.#reserve = new ChainReserve(reserveFile(options.folder));
  }

  /** Opens the chain, or begins one: `isNew`. Never throws: a folder that cannot be written to keeps nobody from starting; it is tried again with each entry. */
  static async open(options: ChainWriterOptions): Promise<{ readonly writer: ChainWriter; readonly isNew: boolean }> {
    const writer = new ChainWriter(options);
    try {
      return { writer, isNew: await writer.#findEnd() };
    } catch (error) {
      writer.#isBroken = true;
      writer.#refused(error);
      return { writer, isNew: false };
    }
  }

  /** Resolves with the entry's sequence when it is kept.
   *  @throws audit/unwritable, audit/busy */
  append(entry: NewEntry, how: AppendOptions): Promise<number> {
    if (this.#pending.length >= PENDING_MAX)
      return Promise.reject(new OrreryError("audit/busy", `${PENDING_MAX} entries wait to be written to the audit; try again`, { retry: "backoff" }));
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#pending.push({ entry, ...how, resolve, reject });
    this.#told += 1;
    if (how.isDurable) this.#hurry();
    this.#working ??= this.#drain();
    return promise;
  }

  /** Tells something of the audit itself, as soon as it can be written. Resolves when it is kept, or cannot be for now. */
  async tell(words: OwnWords): Promise<void> {
    const entry: NewEntry = { at: this.#now(), is: "chain", action: words.action, detail: words.detail };
    try {
      await this.append(entry, { isUrgent: true, isDurable: true });
    } catch {
      if (this.#own.length < OWN_MAX) this.#own.push(words);
    }
  }

  /** An entry that could not be kept: it is counted, and told when it can be. */
  lose(): void {
    this.#lost += 1;
    this.#untoldLost += 1;
  }

  get lost(): number {
    return this.#lost;
  }

  /** Of the last entry. */
  get seq(): number {
    return this.#seq;
  }

  get bytes(): number {
    return this.#closedBytes + (this.#file?.size ?? 0) + this.#reserve.lines.length;
  }

  /** Lines that are kept in the reserve until the disk has room again. */
  get reserved(): Buffer {
    return this.#reserve.lines;
  }

  get isWritable(): boolean {
    return this.#unwritable === undefined && this.bytes < this.#options.bytesMax();
  }

  get alarms(): readonly string[] {
    const max = this.#options.bytesMax();
    return [
      ...(this.#unwritable === undefined ? [] : [this.#unwritable]),
      ...(this.bytes < max * NEAR_LIMIT ? [] : [`${this.bytes} of at most ${max} bytes are used: ${HOW_TO_MAKE_ROOM}`]),
      ...(this.#reserve.isThere ? [] : ["the reserve for a full disk cannot be held: make room on the disk"]),
      ...this.#found.values(),
    ];
  }

  /** Resolves when what has been told so far is handed to the system, or refused. */
  async flush(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#done >= this.#told) return;
    this.#flushes.push({ upTo: this.#told, resolve });
    this.#hurry();
    await promise;
  }

  /** The last entry that is on disk in a file of the chain, for who signs it; `undefined`: none, or the latest are only in the reserve. */
  async settled(): Promise<Position | undefined> {
    await this.flush();
    const file = this.#file;
    if (file === undefined || this.#mainSeq !== this.#seq || this.#isBroken) return undefined;
    const position = { seq: this.#seq, hash: this.#hash, file: file.path };
    await this.#sync();
    return this.#isBroken ? undefined : position;
  }

  /** Closed files whose entries all come before `upTo`, with the sequence of the last entry of each. */
  async closedUpTo(upTo: number): Promise<readonly { readonly file: string; readonly last: number }[]> {
    const segments = await listSegments(this.#options.folder);
    return segments.flatMap(({ file }, index) => {
      const next = segments[index + 1];
      return next === undefined || next.first - 1 > upTo || file === this.#file?.path ? [] : [{ file, last: next.first - 1 }];
    });
  }

  /** Removes closed files, with their heads. */
  remove(files: readonly string[]): void {
    for (const file of files) {
      this.#closedBytes -= statSync(file, { throwIfNoEntry: false })?.size ?? 0;
      for (const one of [file, headFile(file)]) if (statSync(one, { throwIfNoEntry: false }) !== undefined) unlinkSync(one);
    }
  }

  /** Writes what waits, then lets go of the files. */
  async close(): Promise<void> {
    await this.flush();
    this.#cancelSync();
    await this.#sync();
    this.#file?.close();
    this.#file = undefined;
  }

  async #drain(): Promise<void> {
    // What is told in the same turn of the event loop is written together.
    await turn();
    while (this.#pending.length > 0) {
      if (this.#flushes.length === 0 && !this.#pending.some(({ isDurable }) => isDurable)) await this.#company();
      const batch = this.#pending.splice(0, BATCH_MAX);
      try {
        await this.#commit(batch);
      } catch (error) {
        for (const one of batch) one.reject(unwritable(this.#options.folder, error));
      }
      this.#done += batch.length;
      for (const flush of this.#flushes) if (flush.upTo <= this.#done) flush.resolve();
      this.#flushes = this.#flushes.filter(({ upTo }) => upTo > this.#done);
    }
    this.#working = undefined;
  }

  /** Waits a moment for what has to be on disk: outcomes go with the next intents. */
  #company(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(COMPANY_MS, resolve);
      this.#hurry = () => {
        cancel();
        resolve();
      };
    });
  }

  async #commit(batch: readonly Pending[]): Promise<void> {
    const taken = this.#withinLimit(batch);
    if (taken.length === 0) return;
    let encoded: readonly Encoded[];
    try {
      if (this.#isBroken) await this.#findEnd();
      this.#look();
      this.#settle();
      const own = this.#ownEntries();
      encoded = this.#encode([...own, ...taken.map(({ entry }) => entry)]);
      this.#open().append(Buffer.from(encoded.map(({ text }) => text).join("")));
      this.#own = [];
      this.#untoldLost = 0;
    } catch (error) {
      this.#refused(error);
      return this.#keepUrgent(taken, error);
    }
    const last = encoded.at(-1);
    if (last !== undefined) ({ seq: this.#seq, hash: this.#hash } = last);
    this.#mainSeq = this.#seq;
    this.#isUnsynced = true;
    if (taken.some(({ isDurable }) => isDurable)) await this.#sync();
    else this.#syncLater();
    if (this.#isBroken) throw new Error("the disk did not keep what was written");
    this.#unwritable = undefined;
    const first = encoded.length - taken.length;
    for (const [index, one] of taken.entries()) one.resolve(encoded[first + index]?.seq ?? 0);
    if ((this.#file?.size ?? 0) >= (this.#options.segmentBytes ?? SEGMENT_BYTES)) await this.#closeSegment();
  }

  /** What may be taken at the limit; the others are refused. */
  #withinLimit(batch: readonly Pending[]): readonly Pending[] {
    const max = this.#options.bytesMax();
    if (this.bytes < max) return batch;
    for (const one of batch)
      if (!one.isUrgent)
        one.reject(
          new OrreryError(
            "audit/unwritable",
            `the audit has reached its limit of ${max} bytes: ${HOW_TO_MAKE_ROOM}; logging in, stopping and deleting go on`,
          ),
        );
    return batch.filter(({ isUrgent }) => isUrgent);
  }

  /** On a disk that takes nothing more, what is urgent is kept in the reserve, without what it changed. */
  #keepUrgent(taken: readonly Pending[], cause: unknown): void {
    for (const one of taken) {
      try {
        const [line] = one.isUrgent ? this.#encode([withoutChange(one.entry)]) : [];
        if (line === undefined || !this.#reserve.append(Buffer.from(line.text))) one.reject(unwritable(this.#options.folder, cause));
        else {
          ({ seq: this.#seq, hash: this.#hash } = line);
          one.resolve(line.seq);
        }
      } catch (error) {
        one.reject(unwritable(this.#options.folder, error));
      }
    }
  }

  /** Puts what the reserve keeps into the chain. */
  #settle(): void {
    this.#reserve.refill();
    const lines = this.#reserve.lines;
    if (lines.length === 0) return;
    const left = [...splitLines(lines)].filter((line) => (readLine(line)?.entry.seq ?? 0) > this.#mainSeq);
    if (left.length > 0) this.#open().append(Buffer.from(left.map((line) => `${line.toString("utf8")}\n`).join("")));
    this.#mainSeq = this.#seq;
    this.#reserve.clear();
  }

  #encode(entries: readonly NewEntry[]): readonly Encoded[] {
    let seq = this.#seq;
    let prev = this.#hash;
    return entries.map((entry) => {
      seq += 1;
      const { text, hash } = encodeLine({ seq, ...entry }, prev);
      prev = hash;
      return { text, seq, hash };
    });
  }

  #ownEntries(): readonly NewEntry[] {
    const lost: readonly OwnWords[] = this.#untoldLost === 0 ? [] : [{ action: "chain.lost", detail: { entries: this.#untoldLost } }];
    const first = this.#file === undefined && this.#seq > 0 ? [this.#options.fileWords] : [];
    return [...first, ...this.#own, ...lost].map(({ action, detail }) => ({ at: this.#now(), is: "chain", action, detail }));
  }

  #open(): ChainFile {
    this.#file ??= new ChainFile(segmentFile(this.#options.folder, this.#mainSeq + 1));
    return this.#file;
  }

  /** Finds out what somebody has done to the file since the last write. */
  #look(): void {
    const file = this.#file;
    const nowMs = this.#options.clock.monotonic();
    const isDue = nowMs - this.#lookedMs >= LOOK_MS;
    if (isDue) this.#lookedMs = nowMs;
    const what = file?.look({ atName: isDue });
    if (file === undefined || what === undefined) return;
    const name = path.basename(file.path);
    if (what === "removed") this.#putBack(file);
    else {
      this.#own.push({ action: "chain.damaged", detail: { file: name, bytes: file.size, found: file.presentSize() } });
      file.close();
      this.#file = undefined;
      this.#closedBytes += file.size;
      if (file.path === segmentFile(this.#options.folder, this.#mainSeq + 1)) renameSync(file.path, this.#aside(file.path));
    }
    const text = `${name} was ${what === "removed" ? "removed" : "changed"} by somebody while the centre wrote to it; see: orrery audit verify`;
    this.#found.set(name, text);
    this.#options.log.error(`audit: ${text}`);
  }

  /** Writes the file anew from what is still open. */
  #putBack(file: ChainFile): void {
    const { folder } = this.#options;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (statSync(file.path, { throwIfNoEntry: false }) !== undefined) renameSync(file.path, this.#aside(file.path));
    const again = new ChainFile(file.path);
    again.append(file.content());
    this.#file = again;
    this.#isUnsynced = true;
    file.close();
    this.#own.push({ action: "chain.removed", detail: { file: path.basename(file.path), bytes: again.size } });
  }

  #aside(file: string): string {
    return `${file}.foreign-${this.#options.random.uuid().slice(0, 8)}`;
  }

  async #findEnd(): Promise<boolean> {
    this.#file?.close();
    this.#file = undefined;
    mkdirSync(this.#options.folder, { recursive: true, mode: 0o700 });
    this.#reserve.refill();
    const end = await findChainEnd(this.#options.folder, this.#options.random);
    this.#isBroken = false;
    if (end !== undefined) {
      this.#seq = end.seq;
      this.#hash = end.hash;
      this.#mainSeq = end.seq;
      this.#file = end.file;
      this.#closedBytes = end.bytes;
      this.#own.push(...end.told);
      for (const { action, detail } of end.told) {
        this.#options.log.warn(`audit: ${action}`, detail);
        if (action === "chain.damaged")
          this.#found.set(String(detail["file"]), `${detail["file"]} is not as the centre left it; see: orrery audit verify`);
      }
    }
    for (const line of splitLines(this.#reserve.lines)) {
      const read = readLine(line);
      if (read !== undefined && read.entry.seq > this.#seq) [this.#seq, this.#hash] = [read.entry.seq, read.hash];
    }
    return end === undefined && this.#seq === 0;
  }

  async #closeSegment(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    await this.#sync();
    if (this.#isBroken) return;
    try {
      await this.#options.onClosed({ seq: this.#seq, hash: this.#hash, file: file.path });
    } catch (error) {
      // It stays open, and is tried again with the next entry.
      this.#options.log.warn(`audit: ${path.basename(file.path)} could not be signed`, { error: describeError(error) });
      return;
    }
    this.#closedBytes += file.size;
    file.close();
    this.#file = undefined;
  }

  #sync(): Promise<void> {
    if (this.#isUnsynced && this.#file !== undefined) this.#syncing = this.#syncFile(this.#file);
    return this.#syncing;
  }

  async #syncFile(file: ChainFile): Promise<void> {
    this.#cancelSync();
    this.#isUnsynced = false;
    try {
      await file.sync();
    } catch (error) {
      // The system may have dropped what it could not write: what is there is read again.
      this.#isBroken = true;
      this.#refused(error);
    }
  }

  #syncLater(): void {
    this.#cancelSync();
    this.#cancelSync = this.#options.clock.after(SYNC_MS, () => void this.#sync(), { background: true });
  }

  #refused(error: unknown): void {
    const text = `nothing can be written to ${this.#options.folder}: ${describeError(error)}`;
    if (this.#unwritable !== text) this.#options.log.error(`audit: ${text}`);
    this.#unwritable = text;
  }

  #now(): string {
    return new Date(this.#options.clock.now()).toISOString();
  }
}

const HOW_TO_MAKE_ROOM = "export and remove what is old (orrery audit export FILE, orrery audit prune FILE), or raise spec.audit.bytes of the Site";

function withoutChange({ change, ...entry }: NewEntry): NewEntry {
  return change === undefined ? entry : { ...entry, detail: { ...entry.detail, changeLeftOut: true } };
}

function unwritable(folder: string, error: unknown): OrreryError {
  return new OrreryError(
    "audit/unwritable",
    `the action was not done, as it cannot be written to the audit in ${folder}: ${describeError(error)}; make room on its disk, or make the folder writable. Reading, logging in, stopping and deleting go on`,
    { cause: error },
  );
}
