import {
  type BlockRef,
  ByteReader,
  ByteWriter,
  decodeColumn,
  encodeColumn,
  type Segment,
  type SegmentFile,
  type SegmentFolder,
  type SegmentFooter,
} from "#/watch/segments/index.ts";
import { metricOf } from "../promql/series-key.ts";

/** Of raw samples: `time`, `value`. Of a tier: `time`, `last`, `min`, `max`, `sum`, `count`, `increase`. */
export type Column = "time" | "value" | "last" | "min" | "max" | "sum" | "count" | "increase";

export interface SeriesFooter extends SegmentFooter {
  readonly columns: readonly Column[];
  readonly series: number;
  readonly rows: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** By metric: the block that tells of its series. */
  readonly metrics: Readonly<Record<string, BlockRef>>;
}

/** Of one metric: its series in the order of their keys, and the groups in which their columns stand. */
interface Section {
  readonly groups: readonly (readonly BlockRef[])[];
  readonly series: readonly SectionSeries[];
}

/** Key, group, place in the group, rows, first and last time. */
type SectionSeries = readonly [key: string, group: number, place: number, rows: number, minMs: number, maxMs: number];

/** One series of a segment that is being written. */
export interface SeriesRows {
  readonly key: string;
  readonly columns: readonly Float64Array[];
  readonly rows: number;
}

const GROUP_SERIES_MAX = 64;
const GROUP_BYTES_MAX = 64 * 1024;

export type SeriesFolder = SegmentFolder<SeriesFooter>;
export type SeriesSegment = Segment<SeriesFooter>;

/** Writes a segment of series, which must come in the order of their keys. Series of one metric stand together, in groups whose columns are compressed apart, so that a question reads only what it asks for. */
export class SeriesSegmentWriter {
  readonly #columns: readonly Column[];
  readonly #begun: ReturnType<SeriesFolder["begin"]>;
  readonly #out: readonly ByteWriter[];
  readonly #one = new ByteWriter();
  readonly #metrics: Record<string, BlockRef> = Object.create(null) as Record<string, BlockRef>;
  #metric: string | undefined;
  #groups: (readonly BlockRef[])[] = [];
  #series: SectionSeries[] = [];
  #placed = 0;
  #seriesCount = 0;
  #rows = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = Number.NEGATIVE_INFINITY;

  constructor(folder: SeriesFolder, kind: string, fromMs: number, toMs: number, columns: readonly Column[]) {
    this.#columns = columns;
    this.#begun = folder.begin(kind, fromMs, toMs);
    this.#out = columns.map(() => new ByteWriter(GROUP_BYTES_MAX));
  }

  add({ key, columns, rows }: SeriesRows): void {
    if (rows === 0) return;
    const metric = metricOf(key);
    if (metric !== this.#metric) {
      this.#endMetric();
      this.#metric = metric;
    }
    const times = columns[0] as Float64Array;
    const minMs = times[0] as number;
    const maxMs = times[rows - 1] as number;
    this.#series.push([key, this.#groups.length, this.#placed, rows, minMs, maxMs]);
    let bytes = 0;
    columns.forEach((column, index) => {
      this.#one.clear();
      encodeColumn(this.#one, column, 0, rows);
      const out = this.#out[index] as ByteWriter;
      out.unsigned(this.#one.length);
      out.append(this.#one.bytes);
      bytes = Math.max(bytes, out.length);
    });
    this.#placed += 1;
    this.#seriesCount += 1;
    this.#rows += rows;
    this.#minMs = Math.min(this.#minMs, minMs);
    this.#maxMs = Math.max(this.#maxMs, maxMs);
    if (this.#placed >= GROUP_SERIES_MAX || bytes >= GROUP_BYTES_MAX) this.#endGroup();
  }

  /** `undefined`: there was nothing to be written. */
  finish(replaces: readonly string[] = []): SeriesSegment | undefined {
    this.#endMetric();
    if (this.#seriesCount === 0) {
      this.abandon();
      return undefined;
    }
    return this.#begun.finish({
      columns: this.#columns,
      series: this.#seriesCount,
      rows: this.#rows,
      minMs: this.#minMs,
      maxMs: this.#maxMs,
      metrics: this.#metrics,
      ...(replaces.length > 0 && { replaces }),
    });
  }

  abandon(): void {
    this.#begun.writer.abandon();
  }

  #endGroup(): void {
    if (this.#placed === 0) return;
    this.#groups.push(
      this.#out.map((out) => {
        const ref = this.#begun.writer.add(out.bytes);
        out.clear();
        return ref;
      }),
    );
    this.#placed = 0;
  }

  #endMetric(): void {
    if (this.#metric === undefined) return;
    this.#endGroup();
    const section: Section = { groups: this.#groups, series: this.#series };
    this.#metrics[this.#metric] = this.#begun.writer.add(Buffer.from(JSON.stringify(section)));
    this.#groups = [];
    this.#series = [];
    this.#metric = undefined;
  }
}

/** What was read of segments and may be asked for again, bounded by its bytes. The longest unused goes first. */
export class BlockCache {
  readonly #bytesMax: number;
  readonly #items = new Map<string, { readonly value: unknown; readonly bytes: number }>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get<T>(key: string, load: () => { readonly value: T; readonly bytes: number }): T {
    const known = this.#items.get(key);
    if (known !== undefined) {
      this.#items.delete(key);
      this.#items.set(key, known);
      return known.value as T;
    }
    const item = load();
    this.#items.set(key, item);
    this.#bytes += item.bytes;
    for (const [oldest, { bytes }] of this.#items) {
      if (this.#bytes <= this.#bytesMax || oldest === key) break;
      this.#items.delete(oldest);
      this.#bytes -= bytes;
    }
    return item.value;
  }
}

/** One series of a segment, found and not read yet. */
export interface FoundSeries {
  readonly key: string;
  readonly rows: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** Its columns, in the order in which they are named. */
  read(columns: readonly Column[]): readonly Float64Array[];
}

/** The series of `metric` (absent: of all) in a segment. */
export function* findSeries(segment: SeriesSegment, metric: string | undefined, cache: BlockCache): Generator<FoundSeries> {
  const { metrics } = segment.file.footer;
  const names = metric === undefined ? Object.keys(metrics) : Object.hasOwn(metrics, metric) ? [metric] : [];
  for (const name of names) {
    const section = loadSection(segment.file, metrics[name] as BlockRef, cache);
    for (const [key, group, place, rows, minMs, maxMs] of section.series) {
      const refs = section.groups[group] ?? [];
      yield { key, rows, minMs, maxMs, read: (columns) => columns.map((column) => readColumn(segment.file, refs, column, place, rows, cache)) };
    }
  }
}

function loadSection(file: SegmentFile<SeriesFooter>, ref: BlockRef, cache: BlockCache): Section {
  return cache.get(`${file.file} ${ref[0]}`, () => {
    const text = file.read(ref).toString("utf8");
    return { value: JSON.parse(text) as Section, bytes: text.length * 3 };
  });
}

/** A decompressed column of a group: its bytes, and where each series begins. */
interface GroupColumn {
  readonly bytes: Uint8Array;
  readonly starts: readonly number[];
}

function readColumn(
  file: SegmentFile<SeriesFooter>,
  refs: readonly BlockRef[],
  column: Column,
  place: number,
  rows: number,
  cache: BlockCache,
): Float64Array {
  const ref = refs[file.footer.columns.indexOf(column)];
  if (ref === undefined) throw new Error(`${file.file} has no column ${column}`);
  const { bytes, starts } = cache.get(`${file.file} ${ref[0]}`, () => {
    const read = file.read(ref);
    return { value: { bytes: read, starts: startsOf(read) } satisfies GroupColumn, bytes: read.length };
  });
  const values = new Float64Array(rows);
  decodeColumn(new ByteReader(bytes, starts[place] ?? 0), rows, values);
  return values;
}

function startsOf(bytes: Uint8Array): readonly number[] {
  const starts: number[] = [];
  const reader = new ByteReader(bytes);
  while (reader.at < bytes.length) {
    const length = reader.unsigned();
    starts.push(reader.at);
    reader.skip(length);
  }
  return starts;
}
