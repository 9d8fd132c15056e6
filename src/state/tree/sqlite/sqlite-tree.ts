import { rename, rm } from "node:fs/promises";
import { backup, type DatabaseSync } from "node:sqlite";
import { type Clock, OrreryError, type Random } from "#/base/index.ts";
import {
  checkValue,
  type MultiOptions,
  type Tree,
  type TreeEvent,
  type TreeListing,
  type TreeNode,
  type TreeOperation,
  type TreePath,
  type TreeSession,
  type TreeVersion,
} from "../contract.ts";
import { checkPath, checkPrefix } from "../path.ts";
import { CommitQueue } from "./commit-queue.ts";
import { openDatabase } from "./database.ts";
import { Nodes } from "./nodes.ts";
import { Reserve } from "./reserve.ts";
import { translateSqliteError } from "./sqlite-error.ts";
import { gone, LAG_EVENTS_MAX, Watchers } from "./watchers.ts";

const OPERATIONS_MAX = 1_000;
/** Deletions that are so many times `changesMin` changes old are forgotten however young: the bound of the history's size. */
const CHANGES_FACTOR_MAX = 10;

export interface SqliteTreeOptions {
  /** The database; made if it is missing, its folder must exist. */
  readonly file: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Deletions are remembered for watchers while they are among the last `changesMin` changes (default 100,000) or younger than `ageMsMin` (default an hour). */
  readonly history?: { readonly changesMin?: number; readonly ageMsMin?: number };
  /** How long opening waits for a former process to let go of the file; default 2,000. It blocks. */
  readonly lockTimeoutMs?: number;
  /** Most bytes of the database; default none but the disk's. */
  readonly bytesMax?: number;
}

/** A tree in one SQLite file, for one process. Beside the contract: `history`, `compact`, `backup`. */
export class SqliteTree implements Tree {
  /** Id of this history of versions: a restored backup begins a new one. */
  readonly history: string;
  readonly #file: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #changesMin: number;
  readonly #ageMsMin: number;
  readonly #database: DatabaseSync;
  readonly #nodes: Nodes;
  readonly #commits: CommitQueue;
  readonly #watchers = new Watchers();
  readonly #sessions = new Map<string, { end: () => Promise<void>; close: () => void }>();
  #compactedVersion: TreeVersion;
  #compactionDueVersion: TreeVersion;
  #isClosed = false;

  /** @throws tree/in-use: another process has the file; tree/damaged; tree/unwritable; tree/full */
  constructor(options: SqliteTreeOptions) {
    this.#file = options.file;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#changesMin = options.history?.changesMin ?? 100_000;
    this.#ageMsMin = options.history?.ageMsMin ?? 3_600_000;
    this.#database = openDatabase(options.file, options.lockTimeoutMs ?? 2_000);
    try {
      if (options.bytesMax !== undefined) this.#limit(options.bytesMax);
      this.#nodes = new Nodes(this.#database, options.file);
      this.history = this.#nodes.history(() => options.random.uuid());
      this.#nodes.leapIfBegun();
      const version = this.#endOldSessions();
      this.#compactedVersion = this.#nodes.compactedVersion();
      this.#compactionDueVersion = version + this.#compactionStep;
      this.#commits = new CommitQueue({
        database: this.#database,
        nodes: this.#nodes,
        file: options.file,
        version,
        now: () => this.#clock.now(),
        ...(options.bytesMax === undefined ? { reserve: new Reserve(options.file) } : {}),
        onCommit: (events, committed) => this.#onCommit(events, committed),
      });
    } catch (error) {
      this.#database.close();
      throw translateSqliteError(error, options.file);
    }
  }

  async get(path: TreePath): Promise<TreeNode | undefined> {
    checkPath(path);
    return this.#read(() => this.#nodes.get(path));
  }

  async list(prefix: TreePath): Promise<TreeListing> {
    checkPrefix(prefix);
    return this.#read(() => ({ nodes: this.#nodes.list(prefix), version: this.#commits.version }));
  }

  async children(path: TreePath): Promise<readonly string[]> {
    checkPrefix(path);
    return this.#read(() => this.#nodes.children(path));
  }

  create(path: TreePath, value: string, options?: { readonly session?: string }): Promise<TreeVersion> {
    return this.multi([{ op: "create", path, value, ...options }]);
  }

  set(path: TreePath, value: string, options?: { readonly version?: TreeVersion }): Promise<TreeVersion> {
    return this.multi([{ op: "set", path, value, ...options }]);
  }

  delete(path: TreePath, options?: { readonly version?: TreeVersion }): Promise<TreeVersion> {
    return this.multi([{ op: "delete", path, ...options }]);
  }

  async multi(operations: readonly TreeOperation[], options: MultiOptions = {}): Promise<TreeVersion> {
    if (operations.length > OPERATIONS_MAX)
      throw new OrreryError("tree/too-large", `${operations.length} operations in one change; at most ${OPERATIONS_MAX}`);
    operations.forEach((operation, index) => {
      checkPath(operation.path);
      if ("value" in operation) checkValue(operation.path, operation.value, index);
      if (operation.op === "create" && operation.session !== undefined && !this.#sessions.has(operation.session))
        throw sessionEnded(operation.session, index);
    });
    return await this.#commits.add(operations, options.isUrgent === true);
  }

  async *watch(prefix: TreePath, from: TreeVersion, signal: AbortSignal): AsyncGenerator<TreeEvent, void, undefined> {
    checkPrefix(prefix);
    if (signal.aborted) return;
    const { missed, version, watcher } = this.#read(() => {
      const now = this.#commits.version;
      if (from > now) throw gone(`version ${from} lies in the future (now ${now})`);
      if (from < this.#compactedVersion) throw gone(`version ${from} is compacted away (history begins at ${this.#compactedVersion})`);
      const changes = from === now ? [] : this.#nodes.changes(prefix, from, LAG_EVENTS_MAX);
      if (changes === undefined) throw gone(`more than ${LAG_EVENTS_MAX} changes below ${prefix} since version ${from}`);
      // Read and registered in one go: no commit can come between.
      return { missed: changes, version: now, watcher: this.#watchers.add(prefix, now) };
    });
    const onAbort = (): void => this.#watchers.remove(watcher);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      for (const event of missed) {
        yield event;
        if (signal.aborted) return;
      }
      yield { type: "synced", version };
      for (;;) {
        const event = await watcher.queue.take();
        if (event === undefined || signal.aborted) return;
        yield event;
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#watchers.remove(watcher);
    }
  }

  async session(_options?: { readonly ttlMs?: number }): Promise<TreeSession> {
    this.#checkOpen();
    const id = this.#random.uuid();
    const ended = Promise.withResolvers<void>();
    let ending: Promise<void> | undefined;
    const end = (): Promise<void> => {
      ending ??= this.#endSession(id).finally(ended.resolve);
      return ending;
    };
    this.#sessions.set(id, { end, close: ended.resolve });
    return { id, ended: ended.promise, end };
  }

  /** Forgets deletions older than the bounds of `history`, or than other bounds; runs by itself from time to time. Watches from before them get `tree/gone`. */
  compact(bounds: { readonly changesMin: number; readonly ageMsMin: number } = { changesMin: this.#changesMin, ageMsMin: this.#ageMsMin }): void {
    this.#read(() => {
      const now = this.#commits.version;
      const byAge = this.#nodes.compact(now - bounds.changesMin, this.#clock.now() - bounds.ageMsMin);
      const byCount = this.#nodes.compact(now - bounds.changesMin * CHANGES_FACTOR_MAX, Number.MAX_SAFE_INTEGER);
      this.#compactedVersion = Math.max(this.#compactedVersion, byAge ?? 0, byCount ?? 0);
    });
  }

  /** The next time that it is opened it has another `history`: what is there may be an earlier state of it, put back by copying files. */
  beginHistory(): void {
    this.#checkOpen();
    this.#nodes.beginHistory(this.#random.uuid());
  }

  /** Copies the whole tree, as of one moment, into `file` (which appears complete or not at all) while work goes on.
   *  @throws tree/full, tree/unwritable */
  async backup(file: string): Promise<void> {
    this.#checkOpen();
    const partial = `${file}.partial`;
    try {
      await rm(partial, { force: true });
      await backup(this.#database, partial, { rate: 1_000 });
      await rename(partial, file);
    } catch (error) {
      await rm(partial, { force: true });
      throw translateSqliteError(error, file);
    }
  }

  /** Commits what was asked for, ends watches and sessions. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    await Promise.all([...this.#sessions.values()].map(({ end }) => end()));
    this.#commits.close();
    this.#isClosed = true;
    this.#watchers.close();
    this.#database.close();
  }

  get #compactionStep(): number {
    return Math.max(1, Math.ceil(this.#changesMin / 10));
  }

  #onCommit(events: readonly TreeEvent[], version: TreeVersion): void {
    this.#watchers.publish(events, version);
    if (version < this.#compactionDueVersion) return;
    this.#compactionDueVersion = version + this.#compactionStep;
    // Not within this commit: its writers are waiting.
    setImmediate(() => {
      if (!this.#isClosed) this.compact();
    }).unref();
  }

  async #endSession(id: string): Promise<void> {
    this.#sessions.delete(id);
    // Nodes of the session that are on their way come first.
    await this.#commits.add([]);
    const paths = this.#read(() => this.#nodes.pathsOfSession(id));
    if (paths.length > 0) await this.#commits.add(paths.map((path) => ({ op: "delete", path })));
  }

  #endOldSessions(): TreeVersion {
    const version = this.#nodes.readVersion();
    const paths = this.#nodes.ephemeralPaths();
    if (paths.length === 0) return version;
    this.#database.exec("BEGIN IMMEDIATE");
    for (const path of paths) this.#nodes.apply({ op: "delete", path }, version + 1, this.#clock.now());
    this.#nodes.writeVersion(version + 1);
    this.#database.exec("COMMIT");
    return version + 1;
  }

  #limit(bytesMax: number): void {
    const page = Number(this.#database.prepare("PRAGMA page_size").get()?.["page_size"]);
    this.#database.exec(`PRAGMA max_page_count = ${Math.ceil(bytesMax / page)}`);
  }

  #read<T>(read: () => T): T {
    this.#checkOpen();
    try {
      return read();
    } catch (error) {
      throw translateSqliteError(error, this.#file);
    }
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new OrreryError("tree/closed", `${this.#file} is closed`);
  }
}

function sessionEnded(session: string, index: number): OrreryError {
  return new OrreryError("tree/session-ended", `session ${session} has ended; begin another`, { details: { session, index } });
}
