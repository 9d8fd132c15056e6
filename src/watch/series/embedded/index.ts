export { EmbeddedSeries } from "./embedded-series.ts";
export type { SeriesLimits, SeriesRetention } from "./options.ts";
export { type EmbeddedOptions, openEmbeddedSeries } from "./series-thread.ts";
