/** Series: samples with labels over time, and questions about them in PromQL. One contract, an engine in each folder beside it; where they differ, they declare it. */
import { port } from "#/base/index.ts";
import { type Labels, METRIC_NAME, STALE } from "./promql/labels.ts";

export { type Labels, METRIC_NAME, STALE };

export interface Sample {
  readonly labels: Labels;
  /** Unix milliseconds, a whole number. */
  readonly atMs: number;
  readonly value: number;
}

/** Samples that came together. */
export interface SampleBatch {
  /** Who has observed them: a host, a device, the centre itself. Cardinality is bounded for each metric of each source, so that one cannot take the place of others. */
  readonly source: string;
  readonly samples: readonly Sample[];
  /** What metrics mean; the last that was said counts. */
  readonly metadata?: Readonly<Record<string, MetricMetadata>>;
}

export interface MetricMetadata {
  readonly type: "counter" | "gauge" | "histogram" | "summary" | "unknown";
  readonly help: string;
  readonly unit: string;
}

export type RefusalReason =
  /** Older than `lateMs` before now. */
  | "late"
  /** Further ahead of now than clocks may be apart. */
  | "future"
  /** Another value stands at its time. */
  | "duplicate"
  /** A new series, of a metric and source that have too many. */
  | "cardinality"
  /** Its labels, time or value cannot be kept. */
  | "invalid";

/** Samples of one metric that were not taken. */
export interface Refusal {
  readonly reason: RefusalReason;
  readonly metric: string;
  readonly count: number;
  /** For people: what was found, and what to do. */
  readonly message: string;
}

export interface Appended {
  readonly taken: number;
  readonly refused: readonly Refusal[];
}

export interface QueryBounds {
  /** What is not answered by then is given up. Default 30 s. */
  readonly timeoutMs?: number;
  /** Which data to read: 0 is raw, else a tier of the store's. Default: the finest that has the whole time, or a coarser one where the question is as coarse. */
  readonly resolutionMs?: number;
  readonly signal?: AbortSignal;
}

export interface InstantQuery extends QueryBounds {
  readonly expression: string;
  readonly atMs: number;
  /** How far back the latest sample is looked for. Default 5 min. */
  readonly lookbackMs?: number;
}

export interface RangeQuery extends QueryBounds {
  readonly expression: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  readonly lookbackMs?: number;
}

/** One series of an answer. */
export interface AnsweredSeries {
  readonly labels: Labels;
  readonly times: Float64Array;
  readonly values: Float64Array;
}

/** What a question came to; of an instant, each series has one value. */
export type AnsweredData =
  | { readonly type: "vector" | "matrix"; readonly series: readonly AnsweredSeries[] }
  | { readonly type: "scalar"; readonly atMs: number; readonly value: number }
  | { readonly type: "string"; readonly atMs: number; readonly value: string };

export type Answer = AnsweredData & {
  /** 0: raw samples; else each value is of so long. Absent: the engine does not tell. */
  readonly resolutionMs?: number;
  readonly warnings: readonly string[];
};

/** Series that meet all matchers of at least one of `selectors`, with a sample in the time. */
export interface SeriesSelection {
  /** PromQL selectors: `host_cpu_percent{host=~"a.*"}`. Empty: all, where labels are asked for. */
  readonly selectors: readonly string[];
  readonly fromMs: number;
  readonly toMs: number;
  /** At most so many; absent or 0: as many as an answer may have. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/** What an engine does differently; nobody asks for its name. */
export interface SeriesCapabilities {
  /** What it evaluates of raw samples equals Prometheus 3, value by value. */
  readonly isExact: boolean;
  /** New series above the bound are refused and named. */
  readonly boundsCardinality: boolean;
  /** Each sample that is late, too far ahead or invalid is told with its reason. */
  readonly tellsRefusals: boolean;
  /** So is one with another value at the time of one that is there. */
  readonly tellsDuplicates: boolean;
  /** What `append` has answered survives the end of the process. */
  readonly survivesCrash: boolean;
  /** What was answered by `append` is found by the next query. */
  readonly readsOwnWrites: boolean;
  /** Answers name their resolution. */
  readonly tellsResolution: boolean;
}

/** Counts since the start, and present sizes. */
export interface SeriesFigures {
  readonly taken: number;
  readonly refused: Readonly<Record<RefusalReason, number>>;
  /** Not taken as the engine failed: a full disk, a remote that is away for too long. */
  readonly lost: number;
  readonly activeSeries: number;
  readonly bytes: number;
  readonly segments: number;
  readonly oldestMs?: number;
}

/** A store of series.
 *
 *  *Order*: a sample is taken while it is at most 10 minutes older than now, in whatever order it comes; the same sample again changes nothing. Gaps stay gaps.
 *  *Bounds*: new series of a metric and source above the limit are refused, named and counted; known ones go on.
 *  *Crash*, where `survivesCrash`: what `append` has answered survives the end of the process; a power failure takes at most the last 5 seconds.
 *  *Errors*: `series/invalid` (the expression; what it says), `series/unsupported` (what is not evaluated, by name), `series/too-fine` (a range below twice the resolution of what is kept), `series/too-large` (more samples than a question may read), `series/timeout`, `series/full` (backoff: the disk), `series/unavailable` (backoff). */
export interface SeriesStore {
  readonly capabilities: SeriesCapabilities;
  /** @throws series/full, series/busy, series/unavailable: nothing of the batch was taken */
  append(batch: SampleBatch): Promise<Appended>;
  query(query: InstantQuery): Promise<Answer>;
  queryRange(query: RangeQuery): Promise<Answer>;
  series(selection: SeriesSelection): Promise<readonly Labels[]>;
  /** Sorted. */
  labelNames(selection: SeriesSelection): Promise<readonly string[]>;
  /** Sorted. */
  labelValues(name: string, selection: SeriesSelection): Promise<readonly string[]>;
  metadata(): Promise<Readonly<Record<string, MetricMetadata>>>;
  figures(): SeriesFigures;
  /** Takes nothing new, writes what it has, ends. */
  close(): Promise<void>;
}

/** At which a centre gives its store of series to its parts. */
export const SERIES = port<SeriesStore>("series");

/** How late a sample may come. */
export const LATE_MS: number = 10 * 60_000;
/** How far the clock of a source may be ahead. */
export const AHEAD_MS: number = 10 * 60_000;
export const LOOKBACK_MS: number = 5 * 60_000;
export const QUERY_MS: number = 30_000;
/** Steps of one question, as in Prometheus. */
export const STEPS_MAX = 11_000;
