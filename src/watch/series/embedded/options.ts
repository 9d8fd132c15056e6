import type { CardinalityBounds } from "./head.ts";

/** How long what is kept. */
export interface SeriesRetention {
  /** Raw samples; default 24 h. */
  readonly rawMs: number;
  /** Coarser tiers, the finer first; default 1 min for 30 days, 1 h for 2 years. */
  readonly tiers: readonly { readonly resolutionMs: number; readonly keepMs: number }[];
  /** Of all segments together; above it the oldest go first, the finest of them before coarser ones. Default 4 GiB. */
  readonly bytesMax: number;
}

export interface SeriesLimits extends CardinalityBounds {
  /** Samples in memory, from which on they are sealed before their hour has ended: some 16 bytes each. Twice as many are never held. */
  readonly headSamplesMax: number;
  /** Samples that one question may read, and values that its steps may make. */
  readonly querySamplesMax: number;
  /** Of what was read of segments. */
  readonly cacheBytesMax: number;
}

const HOUR_MS = 3_600_000;
export const DAY_MS: number = 24 * HOUR_MS;

export const DEFAULT_RETENTION: SeriesRetention = {
  rawMs: DAY_MS,
  tiers: [
    { resolutionMs: 60_000, keepMs: 30 * DAY_MS },
    { resolutionMs: HOUR_MS, keepMs: 730 * DAY_MS },
  ],
  bytesMax: 4 * 1024 * 1024 * 1024,
};

export const DEFAULT_LIMITS: SeriesLimits = {
  metricSeriesMax: 5_000,
  sourceSeriesMax: 50_000,
  seriesMax: 200_000,
  headSamplesMax: 2_000_000,
  querySamplesMax: 10_000_000,
  cacheBytesMax: 32 * 1024 * 1024,
};
