import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { describeError, isOrreryError, type Log } from "#/base/index.ts";
import { SegmentFile } from "#/watch/segments/index.ts";
import { LogSource, replaceFile } from "#/work/process/index.ts";
import { Masker } from "../core/mask.ts";
import { type LogOwner, ownerKey, parseOwnerKey } from "../core/record.ts";
import { type LogFooter, parseSegmentName, type SealedRecord, type WrittenSegment, writeSegments } from "./log-segment.ts";
import { markOf, type Place, placeIn } from "./place.ts";
import { type LiveSource, readRecords } from "./source-records.ts";

/** How much is kept of one owner's lines. */
export interface Keeping {
  /** On disk. */
  readonly bytesMax: number;
  readonly ageMaxMs: number;
}

export const KEEPING_DEFAULT: Keeping = { bytesMax: 256 * 1024 ** 2, ageMaxMs: 30 * 86_400_000 };
/** All owners of a host together. */
export const HOST_BYTES_MAX: number = 8 * 1024 ** 3;
/** Of the logs of one owner, one sealing reads at most so much; what is more comes with the next. */
export const SEALED_BYTES_MAX: number = 16 * 1024 ** 2;

/** A sealed segment, by its name alone: it is opened when it is looked into. */
export interface ArchivedSegment {
  readonly owner: LogOwner;
  readonly path: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly sequence: number;
  readonly bytes: number;
}

/** What is not there any more, and why. */
export interface Dropped {
  readonly records: number;
  readonly bytes: number;
  /** Time of the newest of it. */
  readonly untilMs: number;
  /** `rotation`: it was written faster than it could be sealed. */
  readonly why: "size" | "age" | "disk" | "rotation";
}

interface Owned {
  readonly owner: LogOwner;
  readonly folder: string;
  segments: ArchivedSegment[];
  sequence: number;
  dropped: Dropped[];
  keeping?: Keeping | undefined;
}

/** The sealed lines of one host: a folder for each owner, in it files cut by time. A file has its name when it is whole, and is gone when it is unlinked; nothing is ever rewritten. One thread works with it. */
export class LogArchive {
  readonly #folder: string;
  readonly #log: Log;
  readonly #owned = new Map<string, Owned>();
  readonly #places = new Map<string, Place>();

  constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#log = log;
    for (const namespace of foldersIn(folder))
      for (const name of foldersIn(path.join(folder, namespace))) {
        const owner = parseOwnerKey(`${namespace}/${name}`);
        if (owner !== undefined) this.#take(owner);
      }
  }

  /** Newest last, as far as is known by names. */
  segments(isWanted: (owner: LogOwner) => boolean = () => true): readonly ArchivedSegment[] {
    return [...this.#owned.values()].flatMap(({ owner, segments }) => (isWanted(owner) ? segments : []));
  }

  dropped(isWanted: (owner: LogOwner) => boolean): readonly { readonly owner: string; readonly dropped: readonly Dropped[] }[] {
    return [...this.#owned.entries()].flatMap(([key, { owner, dropped }]) =>
      dropped.length > 0 && isWanted(owner) ? [{ owner: key, dropped }] : [],
    );
  }

  get bytes(): number {
    return [...this.#owned.values()].reduce((sum, { segments }) => sum + bytesOf(segments), 0);
  }

  owners(): readonly { readonly owner: LogOwner; readonly bytes: number; readonly segments: number }[] {
    return [...this.#owned.values()].map(({ owner, segments }) => ({ owner, bytes: bytesOf(segments), segments: segments.length }));
  }

  /** Up to where the log of `source` is sealed; 0 where nothing of it is, or where it is not the same log any more. `sinceMs`: nothing of it is older. */
  async placeOf(owner: LogOwner, source: LiveSource, sinceMs: number): Promise<number> {
    const known = this.#places.get(source.uid) ?? this.#findPlace(owner, source.uid, sinceMs);
    return (await placeIn(new LogSource(source.logPath), known)) ?? this.#forget(source.uid);
  }

  /** Seals what is whole of `sources`; returns how many bytes of their logs that were.
   *  @throws what the system says, ENOSPC where there is no room whatever was given up for it: the lines stay in their logs */
  async seal(options: {
    readonly owner: LogOwner;
    readonly sources: readonly (LiveSource & { readonly sinceMs: number })[];
    readonly nowMs: number;
    readonly turn: () => Promise<void>;
  }): Promise<{ readonly bytes: number; readonly records: number }> {
    const { owner, sources, nowMs, turn } = options;
    const records: SealedRecord[] = [];
    const bytesMax = Math.max(256 * 1024, Math.floor(SEALED_BYTES_MAX / Math.max(1, sources.length)));
    const begun: number[] = [];
    for (const [number, source] of sources.entries()) {
      const from = await this.placeOf(owner, source, source.sinceMs);
      begun.push(from);
      await this.#noteLost(owner, source, from, nowMs);
      const masker = new Masker(source.secrets);
      for await (const batch of readRecords(source, { from, bytesMax, nowMs, masker, hasOpen: false })) {
        for (const record of batch) records.push({ ...record, source: number });
        await turn();
      }
    }
    if (records.length === 0) return { bytes: 0, records: 0 };
    records.sort((a, b) => a.atMs - b.atMs);
    const owned = this.#take(owner);
    const named = sources.map(({ uid, instance }) => ({ uid, instance }));
    let written = 0;
    for (;;) {
      try {
        await writeSegments({
          folder: owned.folder,
          records: records.slice(written),
          sources: named,
          nextSequence: () => ++owned.sequence,
          written: (segment) => {
            written += segment.footer.records;
            this.#add(owned, segment);
          },
          turn,
        });
        break;
      } catch (error) {
        if (!isFull(error)) throw error;
        // On a full disk the oldest lines make room for new ones.
        if (!this.#dropOldest("disk")) throw error;
      }
    }
    let bytes = 0;
    for (const [number, source] of sources.entries()) {
      const place = this.#places.get(source.uid);
      if (place === undefined || place.to === begun[number]) continue;
      bytes += place.to - (begun[number] ?? 0);
      const mark = await markOf(new LogSource(source.logPath), place.to);
      this.#places.set(source.uid, { to: place.to, mark });
    }
    this.#writePlaces(
      owned,
      sources.map(({ uid }) => uid),
    );
    return { bytes, records: records.length };
  }

  /** Removes what is more or older than is kept; what it told of is what went. */
  keepWithin(
    keeping: (owner: LogOwner) => Keeping,
    nowMs: number,
    { hostBytesMax = HOST_BYTES_MAX, isLive = () => false }: { readonly hostBytesMax?: number; readonly isLive?: (owner: LogOwner) => boolean } = {},
  ): readonly { readonly owner: LogOwner; readonly dropped: Dropped }[] {
    const gone: { owner: LogOwner; dropped: Dropped }[] = [];
    for (const owned of this.#owned.values()) {
      const { bytesMax, ageMaxMs } = keeping(owned.owner);
      const old = owned.segments.filter(({ toMs }) => toMs < nowMs - ageMaxMs);
      if (old.length > 0) gone.push({ owner: owned.owner, dropped: this.#drop(owned, old, "age") });
      const much: ArchivedSegment[] = [];
      let bytes = bytesOf(owned.segments);
      for (const segment of owned.segments) {
        if (bytes <= bytesMax) break;
        much.push(segment);
        bytes -= segment.bytes;
      }
      if (much.length > 0) gone.push({ owner: owned.owner, dropped: this.#drop(owned, much, "size") });
      // The places of logs that are written to stand there.
      if (owned.segments.length === 0 && !isLive(owned.owner) && owned.dropped.every(({ untilMs }) => untilMs < nowMs - ageMaxMs))
        this.#removeOwner(owned);
    }
    while (this.bytes > hostBytesMax) if (!this.#dropOldest("disk", gone)) break;
    return gone;
  }

  /** How much is kept of an owner's lines: as `given`, which is remembered, or as it was given last; `undefined`: nobody has ever said. */
  keepingOf(owner: LogOwner, given: Keeping | undefined): Keeping | undefined {
    const owned = this.#owned.get(ownerKey(owner));
    if (owned === undefined) return given;
    const file = path.join(owned.folder, "keeping.json");
    owned.keeping ??= readJson<Keeping>(file);
    if (given === undefined || isDeepStrictEqual(given, owned.keeping)) return owned.keeping;
    try {
      replaceFile(file, `${JSON.stringify(given)}\n`);
      owned.keeping = given;
    } catch {
      // A full disk: the next time.
    }
    return given;
  }

  /** The place of a log is not needed any more. */
  forget(uid: string): void {
    this.#places.delete(uid);
  }

  /** What rotation has taken before it could be sealed. */
  async #noteLost(owner: LogOwner, source: LiveSource, from: number, nowMs: number): Promise<void> {
    const bytes = from === 0 ? 0 : (await new LogSource(source.logPath).begin()) - from;
    if (bytes <= 0) return;
    this.#noteDropped(this.#take(owner), { why: "rotation", records: 0, bytes, untilMs: nowMs });
    this.#places.set(source.uid, { to: from + bytes });
    this.#log.warn(`logs: ${bytes} bytes of ${source.instance} were rotated away before they could be sealed`, { owner: ownerKey(owner) });
  }

  #forget(uid: string): 0 {
    this.#places.set(uid, { to: 0 });
    return 0;
  }

  #take(owner: LogOwner): Owned {
    const key = ownerKey(owner);
    const known = this.#owned.get(key);
    if (known !== undefined) {
      mkdirSync(known.folder, { recursive: true, mode: 0o700 });
      return known;
    }
    const folder = path.join(this.#folder, key);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const segments: ArchivedSegment[] = [];
    for (const name of readdirSync(folder)) {
      if (name.endsWith(".partial")) rmSync(path.join(folder, name), { force: true });
      const parsed = parseSegmentName(name);
      if (parsed === undefined) continue;
      const file = path.join(folder, name);
      segments.push({ owner, path: file, ...parsed, bytes: statSync(file).size });
    }
    segments.sort((a, b) => a.toMs - b.toMs || a.sequence - b.sequence);
    const owned: Owned = {
      owner,
      folder,
      segments,
      sequence: segments.reduce((most, { sequence }) => Math.max(most, sequence), 0),
      dropped: readJson<Dropped[]>(path.join(folder, "dropped.json")) ?? [],
    };
    this.#owned.set(key, owned);
    return owned;
  }

  #add(owned: Owned, { name, fromMs, toMs, bytes, footer }: WrittenSegment): void {
    const segment = { owner: owned.owner, path: path.join(owned.folder, name), fromMs, toMs, sequence: owned.sequence, bytes };
    owned.segments = [...owned.segments, segment].sort((a, b) => a.toMs - b.toMs || a.sequence - b.sequence);
    for (const { uid, to } of footer.sources) if (to > 0) this.#places.set(uid, { to });
  }

  /** What the segments themselves say; `places.json` beside them tells the marks. */
  #findPlace(owner: LogOwner, uid: string, sinceMs: number): Place {
    const owned = this.#owned.get(ownerKey(owner));
    let place: Place = { to: 0 };
    if (owned !== undefined) {
      const written = readJson<Readonly<Record<string, Place>>>(path.join(owned.folder, "places.json"))?.[uid];
      if (written !== undefined) place = written;
      for (const segment of owned.segments.toSorted((a, b) => b.sequence - a.sequence)) {
        if (segment.toMs < sinceMs) break;
        const to = this.#placeIn(segment, uid);
        if (to === 0) continue;
        // Sealed, and not written beside it: it ended in between.
        if (to > place.to) place = { to };
        break;
      }
    }
    this.#places.set(uid, place);
    return place;
  }

  #placeIn(segment: ArchivedSegment, uid: string): number {
    try {
      const file = new SegmentFile<LogFooter>(segment.path);
      try {
        return file.footer.sources.find((one) => one.uid === uid)?.to ?? 0;
      } finally {
        file.close();
      }
    } catch (error) {
      this.#log.warn(`logs: ${describeError(error)}`);
      return 0;
    }
  }

  #writePlaces(owned: Owned, uids: readonly string[]): void {
    const places = Object.fromEntries(uids.flatMap((uid) => (this.#places.has(uid) ? [[uid, this.#places.get(uid)]] : [])));
    try {
      replaceFile(path.join(owned.folder, "places.json"), `${JSON.stringify(places)}\n`);
    } catch {
      // The segments tell the places, too.
    }
  }

  #drop(owned: Owned, segments: readonly ArchivedSegment[], why: Dropped["why"]): Dropped {
    let records = 0;
    let bytes = 0;
    for (const segment of segments) {
      try {
        const file = new SegmentFile<LogFooter>(segment.path);
        records += file.footer.records;
        bytes += file.footer.bytes;
        file.close();
      } catch (error) {
        if (!isOrreryError(error, "segments/damaged") && (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
      rmSync(segment.path, { force: true });
    }
    owned.segments = owned.segments.filter((one) => !segments.includes(one));
    const untilMs = Math.max(...segments.map(({ toMs }) => toMs));
    const dropped = { why, records, bytes, untilMs };
    this.#noteDropped(owned, dropped);
    return dropped;
  }

  #noteDropped(owned: Owned, { why, records, bytes, untilMs }: Dropped): void {
    const former = owned.dropped.find((one) => one.why === why);
    const sum = {
      why,
      records: records + (former?.records ?? 0),
      bytes: bytes + (former?.bytes ?? 0),
      untilMs: Math.max(untilMs, former?.untilMs ?? 0),
    };
    owned.dropped = [...owned.dropped.filter((one) => one !== former), sum];
    try {
      replaceFile(path.join(owned.folder, "dropped.json"), `${JSON.stringify(owned.dropped)}\n`);
    } catch {
      // A full disk: told, if not kept.
    }
  }

  #dropOldest(why: Dropped["why"], gone?: { owner: LogOwner; dropped: Dropped }[]): boolean {
    let oldest: { readonly owned: Owned; readonly segment: ArchivedSegment } | undefined;
    for (const owned of this.#owned.values()) {
      const [segment] = owned.segments;
      if (segment !== undefined && (oldest === undefined || segment.toMs < oldest.segment.toMs)) oldest = { owned, segment };
    }
    if (oldest === undefined) return false;
    const dropped = this.#drop(oldest.owned, [oldest.segment], why);
    gone?.push({ owner: oldest.owned.owner, dropped });
    if (gone === undefined)
      this.#log.warn("logs: the disk is full: the oldest lines made room for new ones", { owner: ownerKey(oldest.owned.owner), ...dropped });
    return true;
  }

  #removeOwner({ owner, folder }: Owned): void {
    this.#owned.delete(ownerKey(owner));
    rmSync(folder, { recursive: true, force: true });
  }
}

function bytesOf(segments: readonly ArchivedSegment[]): number {
  return segments.reduce((sum, one) => sum + one.bytes, 0);
}

function isFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "");
}

function foldersIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as T;
  } catch {
    return undefined;
  }
}
