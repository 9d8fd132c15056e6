export {
  AHEAD_MS,
  type Answer,
  type AnsweredData,
  type AnsweredSeries,
  type Appended,
  type InstantQuery,
  type Labels,
  LOOKBACK_MS,
  METRIC_NAME,
  type MetricMetadata,
  QUERY_MS,
  type RangeQuery,
  type Refusal,
  type RefusalReason,
  type Sample,
  type SampleBatch,
  SERIES,
  type SeriesCapabilities,
  type SeriesFigures,
  type SeriesSelection,
  type SeriesStore,
  STALE,
} from "./contract.ts";
export { foldSeries } from "./fold.ts";
export { noSeries } from "./no-series.ts";
export { seriesPart } from "./part.ts";
