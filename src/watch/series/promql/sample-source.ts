import type { Labels } from "./labels.ts";
import type { Matcher } from "./matcher.ts";

/** The samples of one series, in the order of their times; a value may be `STALE`. Of a coarser tier each row stands for `(time - resolution, time]`, and `values` are the last ones. */
export interface SelectedSeries {
  readonly labels: Labels;
  readonly times: Float64Array;
  readonly values: Float64Array;
  /** Of a coarser tier: what was asked for. */
  readonly rollup?: Rollup;
}

/** What a coarser tier keeps of each span of time. */
export type RollupColumn = "min" | "max" | "sum" | "count" | "last" | "increase";
export type Rollup = Readonly<Partial<Record<RollupColumn, Float64Array>>>;

export interface Selection {
  readonly matchers: readonly Matcher[];
  /** Left-open: samples with `fromMs < time <= toMs`. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly resolutionMs: number;
  /** Of a coarser tier: which columns, beside `last`. */
  readonly columns?: readonly RollupColumn[];
  readonly budget: SampleBudget;
}

/** How much one question may still read and do. */
export interface SampleBudget {
  /** @throws series/too-large */
  take(samples: number): void;
  /** Lets others work, where it has worked for a while.
   *  @throws series/timeout, the reason of an abort */
  pause(): Promise<void> | undefined;
  /** What whoever asked should know of the answer. */
  warn(text: string): void;
}

/** Where an evaluator reads from. */
export interface SampleSource {
  select(selection: Selection): Promise<readonly SelectedSeries[]>;
}
