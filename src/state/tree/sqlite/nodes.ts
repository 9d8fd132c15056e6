import type { DatabaseSync, StatementSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { OrreryError } from "#/base/index.ts";
import type { TreeEvent, TreeNode, TreeOperation, TreePath, TreeVersion } from "../contract.ts";

type Row = Record<string, unknown>;

/** A state that was put back may be older than what was seen of it by so many changes. */
const HISTORY_LEAP = 2 ** 32;

/** The node table: reads, and single steps of a change within a transaction that the caller holds. */
export class Nodes {
  readonly #file: string;
  readonly #head: StatementSync;
  readonly #get: StatementSync;
  readonly #range: StatementSync;
  readonly #next: StatementSync;
  readonly #changed: StatementSync;
  readonly #deleted: StatementSync;
  readonly #ofSession: StatementSync;
  readonly #ephemeral: StatementSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #remove: StatementSync;
  readonly #bury: StatementSync;
  readonly #compactTo: StatementSync;
  readonly #compact: StatementSync;
  readonly #readMeta: StatementSync;
  readonly #writeMeta: StatementSync;

  constructor(database: DatabaseSync, file: string) {
    this.#file = file;
    const columns = "path, version, created, session, crc, value";
    this.#head = database.prepare("SELECT version, created, session FROM node WHERE path = ?");
    this.#get = database.prepare(`SELECT ${columns} FROM node WHERE path = ?`);
    this.#range = database.prepare(`SELECT ${columns} FROM node WHERE path > ? AND path < ? ORDER BY path`);
    this.#next = database.prepare("SELECT path FROM node WHERE path >= ? AND path < ? ORDER BY path LIMIT 1");
    this.#changed = database.prepare(`SELECT ${columns} FROM node WHERE path > ?1 AND path < ?2 AND version > ?3 ORDER BY version LIMIT ?4`);
    this.#deleted = database.prepare("SELECT path, version FROM tombstone WHERE version > ? ORDER BY version");
    this.#ofSession = database.prepare("SELECT path FROM node WHERE session = ?");
    this.#ephemeral = database.prepare("SELECT path FROM node WHERE session IS NOT NULL");
    this.#insert = database.prepare(
      "INSERT INTO node (path, version, created, session, crc, value) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO NOTHING",
    );
    this.#update = database.prepare("UPDATE node SET version = ?, crc = ?, value = ? WHERE path = ?");
    this.#remove = database.prepare("DELETE FROM node WHERE path = ?");
    this.#bury = database.prepare("INSERT OR REPLACE INTO tombstone (version, path, at_ms) VALUES (?, ?, ?)");
    this.#compactTo = database.prepare("SELECT max(version) AS version FROM tombstone WHERE version <= ? AND at_ms <= ?");
    this.#compact = database.prepare("DELETE FROM tombstone WHERE version <= ?");
    this.#readMeta = database.prepare("SELECT value FROM meta WHERE key = ?");
    this.#writeMeta = database.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)");
  }

  get(path: TreePath): TreeNode | undefined {
    const row = this.#get.get(path);
    return row === undefined ? undefined : this.#node(row);
  }

  list(prefix: TreePath): TreeNode[] {
    const nodes = this.#range.all(...below(prefix)).map((row) => this.#node(row));
    const own = prefix === "/" ? undefined : this.get(prefix);
    if (own !== undefined) nodes.unshift(own);
    return nodes;
  }

  /** Names of the direct children, also of those that are only parents of others. Skips from child to child, so that large subtrees cost nothing. */
  children(path: TreePath): string[] {
    const [base, end] = below(path);
    const names = new Set<string>();
    for (let cursor = base; ; ) {
      const row = this.#next.get(cursor, end);
      if (row === undefined) break;
      const found = String(row["path"]);
      const slash = found.indexOf("/", base.length);
      names.add(slash < 0 ? found.slice(base.length) : found.slice(base.length, slash));
      // No path holds a control character, so nothing lies between `found` and this.
      cursor = slash < 0 ? `${found}\u0001` : `${found.slice(0, slash)}0`;
    }
    return [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }

  /** What changed below `prefix` after `from`, by version; `undefined` if there is more than `eventsMax` of it. */
  changes(prefix: TreePath, from: TreeVersion, eventsMax: number): TreeEvent[] | undefined {
    const [after, before] = below(prefix);
    const events: (TreeEvent & { readonly version: TreeVersion })[] = [];
    const own = prefix === "/" ? undefined : this.get(prefix);
    if (own !== undefined && own.version > from) events.push({ type: "put", node: own, version: own.version });
    for (const row of this.#changed.all(after, before, from, eventsMax + 1)) {
      const node = this.#node(row);
      events.push({ type: "put", node, version: node.version });
    }
    for (const row of this.#deleted.iterate(from)) {
      const path = String(row["path"]);
      if (path === prefix || (path > after && path < before)) events.push({ type: "deleted", path, version: Number(row["version"]) });
      if (events.length > eventsMax) return undefined;
    }
    return events.length > eventsMax ? undefined : events.sort((a, b) => a.version - b.version);
  }

  pathsOfSession(session: string): TreePath[] {
    return this.#ofSession.all(session).map((row) => String(row["path"]));
  }

  /** Paths of all ephemeral nodes: at opening they are left over from a process that has ended. */
  ephemeralPaths(): TreePath[] {
    return this.#ephemeral.all().map((row) => String(row["path"]));
  }

  /** Carries out one step as part of the change `version`; the event that tells of it, if it changed anything.
   *  @throws tree/exists, tree/missing, tree/conflict */
  apply(operation: TreeOperation, version: TreeVersion, nowMs: number): TreeEvent | undefined {
    const { path } = operation;
    if (operation.op === "create") {
      const { value, session } = operation;
      if (this.#insert.run(path, version, version, session ?? null, crc32(value), value).changes === 0)
        throw new OrreryError("tree/exists", `${path} exists already`, { details: { path, version: this.#head.get(path)?.["version"] } });
      return { type: "put", node: { path, value, version, createdVersion: version, ...(session !== undefined && { session }) } };
    }
    const head = this.#head.get(path);
    if (operation.op === "check" && operation.absent === true) {
      if (head !== undefined) throw new OrreryError("tree/exists", `${path} exists, but must not`, { details: { path, version: head["version"] } });
      return undefined;
    }
    if (head === undefined) throw new OrreryError("tree/missing", `${path} does not exist`, { details: { path } });
    if (operation.version !== undefined && operation.version !== head["version"]) {
      const details = { path, expected: operation.version, found: head["version"] };
      throw new OrreryError(
        "tree/conflict",
        `${path} is at version ${String(head["version"])}, not ${operation.version}; read it again, then retry`,
        { retry: "after-reread", details },
      );
    }
    switch (operation.op) {
      case "set": {
        this.#update.run(version, crc32(operation.value), operation.value, path);
        const session = head["session"];
        return {
          type: "put",
          node: { path, value: operation.value, version, createdVersion: Number(head["created"]), ...(typeof session === "string" && { session }) },
        };
      }
      case "delete":
        this.#remove.run(path);
        this.#bury.run(version, path, nowMs);
        return { type: "deleted", path, version };
      case "check":
        return undefined;
    }
  }

  /** Forgets deletions up to `version` that are not younger than `untilMs`; the newest forgotten version, or `undefined` if none was. */
  compact(version: TreeVersion, untilMs: number): TreeVersion | undefined {
    const newest = this.#compactTo.get(version, untilMs)?.["version"];
    if (typeof newest !== "number") return undefined;
    this.#compact.run(newest);
    this.#writeMeta.run("compacted", String(newest));
    return newest;
  }

  readVersion(): TreeVersion {
    return Number(this.#meta("version") ?? 0);
  }

  writeVersion(version: TreeVersion): void {
    this.#writeMeta.run("version", String(version));
  }

  /** Deletions up to here are forgotten. */
  compactedVersion(): TreeVersion {
    return Number(this.#meta("compacted") ?? 0);
  }

  /** The history's id; made with `make` the first time. */
  history(make: () => string): string {
    const known = this.#meta("history");
    if (known !== undefined) return known;
    const made = make();
    this.#writeMeta.run("history", made);
    return made;
  }

  /** Begins another history, from the next opening on. */
  beginHistory(id: string): void {
    this.#writeMeta.run("begins", "1");
    this.#writeMeta.run("history", id);
  }

  /** Where a history has just begun: versions that came after the state that it begins with are not given again, and whoever has seen any has to read anew. */
  leapIfBegun(): void {
    if (this.#meta("begins") !== "1") return;
    const version = this.readVersion() + HISTORY_LEAP;
    this.writeVersion(version);
    this.#compact.run(version);
    this.#writeMeta.run("compacted", String(version));
    this.#writeMeta.run("begins", "0");
  }

  #meta(key: string): string | undefined {
    const value = this.#readMeta.get(key)?.["value"];
    return typeof value === "string" ? value : undefined;
  }

  #node(row: Row): TreeNode {
    const value = String(row["value"]);
    const path = String(row["path"]);
    // SQLite has no checksum of its own pages' contents: a flipped bit in a value would pass unseen.
    if (crc32(value) !== row["crc"])
      throw new OrreryError(
        "tree/damaged",
        `${this.#file}: the value of ${path} is not what was written; keep a copy of the file and restore a backup`,
        { details: { file: this.#file, path } },
      );
    const session = row["session"];
    return { path, value, version: Number(row["version"]), createdVersion: Number(row["created"]), ...(typeof session === "string" && { session }) };
  }
}

/** The open range of paths below `prefix`: '0' is the character after '/'. */
function below(prefix: TreePath): readonly [after: string, before: string] {
  return prefix === "/" ? ["/", "0"] : [`${prefix}/`, `${prefix}0`];
}
