import { type Log, OrreryError } from "#/base/index.ts";
import { SegmentFolder } from "#/watch/segments/index.ts";
import { lowerBound } from "./head.ts";
import { DAY_MS, type SeriesRetention } from "./options.ts";
import { mergeRows, rollUp, TIER_COLUMNS, type TierRows } from "./rollup.ts";
import {
  BlockCache,
  type Column,
  type FoundSeries,
  findSeries,
  type SeriesFolder,
  type SeriesFooter,
  type SeriesRows,
  type SeriesSegment,
  SeriesSegmentWriter,
} from "./series-segment.ts";

export const HOUR_MS = 3_600_000;
const RAW = "raw";
const RAW_COLUMNS: readonly Column[] = ["time", "value"];
/** Segments that are larger are left as they are: there is nothing to be won. */
const MERGE_ROWS_MAX = 30_000_000;
/** So far back an increase looks for the sample before the first. */
const BEFORE_MS = 5 * 60_000;

/** Lets others work, where it has worked for a while. */
export type Pause = () => Promise<void> | undefined;

export interface SegmentStoreOptions {
  readonly folder: string;
  readonly retention: SeriesRetention;
  readonly cacheBytesMax: number;
  readonly log: Log;
}

/** Sealed segments: raw ones by the hour, and those of the tiers, which are merged by the day and, where their rows are hours, by thirty days. */
export class SegmentStore {
  readonly #options: SegmentStoreOptions;
  readonly #folder: SeriesFolder;
  readonly #cache: BlockCache;
  /** Hours of which a tier was made and came to nothing. */
  readonly #empty = new Set<string>();

  constructor(options: SegmentStoreOptions) {
    this.#options = options;
    this.#folder = SegmentFolder.open<SeriesFooter>(options.folder, options.log);
    this.#cache = new BlockCache(options.cacheBytesMax);
  }

  get bytes(): number {
    return this.#folder.bytes;
  }

  get count(): number {
    return this.#folder.segments.length;
  }

  /** The earliest sample or row that is kept, of what has this resolution, or of all. */
  oldestMs(resolutionMs?: number): number | undefined {
    const kind = resolutionMs === undefined ? undefined : kindOf(resolutionMs);
    const found = this.#folder.segments.filter((one) => kind === undefined || one.kind === kind).map(({ file }) => file.footer.minMs);
    return found.length === 0 ? undefined : Math.min(...found);
  }

  /** Until when a tier was made. */
  rolledToMs(resolutionMs: number): number {
    const kind = kindOf(resolutionMs);
    return this.#folder.segments.reduce((latest, one) => (one.kind === kind ? Math.max(latest, one.toMs) : latest), Number.NEGATIVE_INFINITY);
  }

  /** Segments with samples in `(fromMs, toMs]`. */
  segments(resolutionMs: number | undefined, fromMs: number, toMs: number): readonly SeriesSegment[] {
    const kind = resolutionMs === undefined ? undefined : kindOf(resolutionMs);
    return this.#folder.segments.filter(
      ({ kind: own, file: { footer } }) => (kind === undefined || own === kind) && footer.maxMs > fromMs && footer.minMs <= toMs,
    );
  }

  /** Calls `visit` for each series of the segments; a segment that is damaged is left out, and its error goes to `onDamaged`. */
  async visit(
    segments: readonly SeriesSegment[],
    metric: string | undefined,
    pause: Pause,
    visit: (series: FoundSeries) => void,
    onDamaged: (error: OrreryError) => void,
  ): Promise<void> {
    const unpin = segments.map(({ file }) => file.pin());
    try {
      for (const segment of segments) {
        try {
          for (const series of findSeries(segment, metric, this.#cache)) {
            visit(series);
            const pausing = pause();
            if (pausing !== undefined) await pausing;
          }
        } catch (error) {
          if (!(error instanceof OrreryError) || error.code !== "segments/damaged") throw error;
          onDamaged(error);
        }
      }
    } finally {
      for (const one of unpin) one();
    }
  }

  /** Seals raw samples, each series in order of time, series by their keys; cut by the hour. */
  async sealRaw(
    series: readonly { readonly key: string; readonly times: Float64Array; readonly values: Float64Array }[],
    pause: Pause,
  ): Promise<void> {
    const hours = new Set<number>();
    for (const { times } of series) {
      let at = 0;
      while (at < times.length) {
        const end = hourEnd(times[at] as number);
        hours.add(end);
        at = lowerBound(times, times.length, end + 1);
      }
    }
    const sorted = series.toSorted((a, b) => (a.key < b.key ? -1 : 1));
    for (const end of [...hours].sort((a, b) => a - b))
      await this.#write(RAW, end - HOUR_MS, end, RAW_COLUMNS, pause, function* () {
        for (const { key, times, values } of sorted) {
          const from = lowerBound(times, times.length, end - HOUR_MS + 1);
          const to = lowerBound(times, times.length, end + 1);
          if (to > from) yield { key, columns: [times.subarray(from, to), values.subarray(from, to)], rows: to - from };
        }
      });
  }

  /** Makes the tiers of all hours that end at `closedMs` or before, and whose raw samples are here. */
  async roll(closedMs: number, pause: Pause): Promise<void> {
    for (const { resolutionMs, keepMs } of this.#options.retention.tiers) {
      if (keepMs <= 0) continue;
      const kind = kindOf(resolutionMs);
      const rolled = this.#folder.segments.filter((one) => one.kind === kind);
      const raw = this.#folder.segments.filter((one) => one.kind === RAW);
      const isDone = (end: number): boolean =>
        this.#empty.has(`${kind} ${end}`) || rolled.some(({ fromMs, toMs }) => fromMs <= end - HOUR_MS && toMs >= end);
      const hours = [...new Set(raw.map(({ toMs }) => toMs))].filter((end) => end <= closedMs && !isDone(end));
      for (const end of hours.sort((a, b) => a - b)) if (!(await this.#rollHour(end, resolutionMs, pause))) this.#empty.add(`${kind} ${end}`);
    }
  }

  /** Merges what lies in pieces. */
  async compact(nowMs: number, pause: Pause): Promise<void> {
    const closed = nowMs - HOUR_MS;
    await this.#mergeBy(RAW, HOUR_MS, closed, RAW_COLUMNS, pause);
    for (const { resolutionMs } of this.#options.retention.tiers) {
      await this.#mergeBy(kindOf(resolutionMs), DAY_MS, closed, TIER_COLUMNS, pause);
      if (resolutionMs >= HOUR_MS) await this.#mergeBy(kindOf(resolutionMs), 30 * DAY_MS, closed, TIER_COLUMNS, pause);
    }
  }

  /** Unlinks what is too old, then the oldest of what is too much. Raw samples stay until their tiers are made. */
  expire(nowMs: number): void {
    const { retention, log } = this.#options;
    const keep = new Map([[RAW, retention.rawMs], ...retention.tiers.map(({ resolutionMs, keepMs }) => [kindOf(resolutionMs), keepMs] as const)]);
    this.#folder.remove(this.#folder.segments.filter(({ kind, toMs }) => toMs <= nowMs - (keep.get(kind) ?? 0)));
    const gone: SeriesSegment[] = [];
    let bytes = this.bytes;
    // A coarser tier says much with little: it goes last.
    const kinds = [RAW, ...retention.tiers.map(({ resolutionMs }) => kindOf(resolutionMs))];
    const order = this.#folder.segments.toSorted((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || a.toMs - b.toMs);
    for (const segment of order) {
      if (bytes <= retention.bytesMax) break;
      gone.push(segment);
      bytes -= segment.file.bytes;
    }
    if (gone.length > 0)
      log.warn("series: the store is full to its size; the oldest goes", {
        bytesMax: retention.bytesMax,
        segments: gone.length,
        until: gone.at(-1)?.toMs,
      });
    this.#folder.remove(gone);
  }

  close(): void {
    this.#folder.close();
  }

  async #rollHour(end: number, resolutionMs: number, pause: Pause): Promise<boolean> {
    const from = end - HOUR_MS;
    const parts = new Map<string, FoundSeries[]>();
    const segments = this.segments(0, from - BEFORE_MS, end);
    await this.visit(segments, undefined, pause, collect(parts), (error) => this.#options.log.error(error.message));
    const unpin = segments.map(({ file }) => file.pin());
    try {
      return await this.#write(kindOf(resolutionMs), from, end, TIER_COLUMNS, pause, function* () {
        for (const key of [...parts.keys()].sort()) {
          const [times, values] = mergeRows((parts.get(key) ?? []).map((one) => one.read(RAW_COLUMNS))) as [Float64Array, Float64Array];
          const before = lowerBound(times, times.length, from - BEFORE_MS + 1);
          const rows: TierRows = rollUp(times.subarray(before), values.subarray(before), resolutionMs, from, end);
          yield { key, ...rows };
        }
      });
    } finally {
      for (const one of unpin) one();
    }
  }

  async #mergeBy(kind: string, spanMs: number, closedMs: number, columns: readonly Column[], pause: Pause): Promise<void> {
    const spans = new Map<number, SeriesSegment[]>();
    for (const segment of this.#folder.segments) {
      if (segment.kind !== kind || segment.toMs - segment.fromMs > spanMs) continue;
      const end = Math.ceil(segment.toMs / spanMs) * spanMs;
      if (end <= closedMs) spans.set(end, [...(spans.get(end) ?? []), segment]);
    }
    for (const [end, segments] of spans) {
      const rows = segments.reduce((sum, { file }) => sum + file.footer.rows, 0);
      if (segments.length < 2 || rows > MERGE_ROWS_MAX) continue;
      await this.#merge(kind, end - spanMs, end, columns, segments, pause);
    }
  }

  async #merge(
    kind: string,
    fromMs: number,
    toMs: number,
    columns: readonly Column[],
    segments: readonly SeriesSegment[],
    pause: Pause,
  ): Promise<void> {
    const parts = new Map<string, FoundSeries[]>();
    const inOrder = segments.toSorted((a, b) => a.sequence - b.sequence);
    let isWhole = true;
    await this.visit(inOrder, undefined, pause, collect(parts), (error) => {
      isWhole = false;
      this.#options.log.error(error.message);
    });
    // Merged without what cannot be read, the damaged file would be gone for good.
    if (!isWhole) return;
    const names = inOrder.map(({ file }) => file.file.slice(file.file.lastIndexOf("/") + 1));
    await this.#write(
      kind,
      fromMs,
      toMs,
      columns,
      pause,
      function* () {
        for (const key of [...parts.keys()].sort()) {
          const merged = mergeRows((parts.get(key) ?? []).map((one) => one.read(columns)));
          yield { key, columns: merged, rows: merged[0]?.length ?? 0 };
        }
      },
      names,
    );
  }

  async #write(
    kind: string,
    fromMs: number,
    toMs: number,
    columns: readonly Column[],
    pause: Pause,
    rows: () => Generator<SeriesRows>,
    replaces: readonly string[] = [],
  ): Promise<boolean> {
    const writer = new SeriesSegmentWriter(this.#folder, kind, fromMs, toMs, columns);
    try {
      for (const series of rows()) {
        writer.add(series);
        const pausing = pause();
        if (pausing !== undefined) await pausing;
      }
      return writer.finish(replaces) !== undefined;
    } catch (error) {
      writer.abandon();
      throw error;
    }
  }
}

function collect(parts: Map<string, FoundSeries[]>): (series: FoundSeries) => void {
  return (series) => {
    const known = parts.get(series.key);
    if (known === undefined) parts.set(series.key, [series]);
    else known.push(series);
  };
}

export function hourEnd(atMs: number): number {
  return Math.ceil(atMs / HOUR_MS) * HOUR_MS;
}

/** `raw`, `t60`, `t3600`. */
export function kindOf(resolutionMs: number): string {
  return resolutionMs === 0 ? RAW : `t${resolutionMs / 1_000}`;
}
