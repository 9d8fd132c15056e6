import type { Answer, Appended, InstantQuery, Labels, MetricMetadata, QueryBounds, RangeQuery, SeriesFigures, SeriesSelection } from "../contract.ts";
import type { SeriesLimits, SeriesRetention } from "./options.ts";

/** With what the thread is started. */
export interface ThreadData {
  readonly folder: string;
  readonly retention: Partial<SeriesRetention>;
  readonly limits: Partial<SeriesLimits>;
}

/** A batch in columns: labels go over once, and are numbers from then on. */
export interface PackedBatch {
  readonly source: string;
  /** Numbers above all before: in the order of `labels`. */
  readonly labels: readonly Labels[];
  /** True: all numbers are given anew. */
  readonly isReset: boolean;
  readonly ids: Uint32Array;
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly metadata?: Readonly<Record<string, MetricMetadata>>;
}

type Sent<T extends QueryBounds> = Omit<T, "signal">;

export type ThreadWish =
  | { readonly do: "append"; readonly batch: PackedBatch }
  | { readonly do: "query"; readonly query: Sent<InstantQuery> }
  | { readonly do: "queryRange"; readonly query: Sent<RangeQuery> }
  | { readonly do: "series" | "labelNames"; readonly selection: Omit<SeriesSelection, "signal"> }
  | { readonly do: "labelValues"; readonly name: string; readonly selection: Omit<SeriesSelection, "signal"> }
  | { readonly do: "metadata" | "close" };

export type ToThread = { readonly id: number; readonly wish: ThreadWish } | { readonly cancel: number };

export interface ThreadError {
  readonly code: string;
  readonly message: string;
  readonly retry: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export type ThreadAnswer =
  | { readonly appended: Appended }
  | { readonly answer: Answer }
  | { readonly labels: readonly Labels[] }
  | { readonly names: readonly string[] }
  | { readonly metadata: Readonly<Record<string, MetricMetadata>> }
  | { readonly error: ThreadError }
  | { readonly done: true };

export type FromThread =
  | { readonly id: number; readonly told: ThreadAnswer; readonly figures?: SeriesFigures }
  | { readonly log: "info" | "warn" | "error"; readonly message: string; readonly fields?: Readonly<Record<string, unknown>> }
  | { readonly figures: SeriesFigures };
