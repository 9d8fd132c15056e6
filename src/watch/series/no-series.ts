import { OrreryError } from "#/base/index.ts";
import type { SeriesStore } from "./contract.ts";

function none(): Promise<never> {
  return Promise.reject(new OrreryError("series/unavailable", "this site keeps no series"));
}

/** Of a site that keeps none: takes nothing and knows nothing. */
export const noSeries: SeriesStore = {
  capabilities: {
    isExact: false,
    boundsCardinality: false,
    tellsRefusals: false,
    tellsDuplicates: false,
    survivesCrash: false,
    readsOwnWrites: false,
    tellsResolution: false,
  },
  append: none,
  query: none,
  queryRange: none,
  series: none,
  labelNames: none,
  labelValues: none,
  metadata: none,
  figures: () => ({
    taken: 0,
    refused: { late: 0, future: 0, duplicate: 0, cardinality: 0, invalid: 0 },
    lost: 0,
    activeSeries: 0,
    bytes: 0,
    segments: 0,
  }),
  close: () => Promise.resolve(),
};
