import type { MetricFamily } from "#/base/index.ts";
import { dashboard } from "#/model/index.ts";
import { type CentrePart, declareController, partKind } from "#/state/reconcile/index.ts";
import { SERIES, type SeriesFigures } from "./contract.ts";
import { takeFigures } from "./taking.ts";

/** Samples over time, and questions about them. */
export const seriesPart: CentrePart = {
  name: "series",
  description: "Keeps figures over time, and answers questions about them as Prometheus does.",
  kinds: [partKind(dashboard)],
  controllers: [
    declareController({
      name: "series-taker",
      reads: {},
      writes: [],
      uses: [SERIES],
      start: ({ use, clock, log }) => {
        const store = use(SERIES);
        return {
          metrics: () => families(store.figures()),
          agents: takeFigures({ store, clock, log }),
          gateways: takeFigures({ store, clock, log, component: "gateway" }),
        };
      },
    }),
  ],
};

function families({ taken, refused, lost, activeSeries, bytes, segments }: SeriesFigures): readonly MetricFamily[] {
  const one = (name: string, type: "counter" | "gauge", help: string, value: number): MetricFamily => ({ name, type, help, samples: [{ value }] });
  return [
    one("orrery_series_samples_total", "counter", "Samples taken into the store of series", taken),
    {
      name: "orrery_series_refused_samples_total",
      type: "counter",
      help: "Samples not taken, by the reason",
      samples: Object.entries(refused).map(([reason, value]) => ({ labels: { reason }, value })),
    },
    one("orrery_series_lost_samples_total", "counter", "Samples not taken as the store failed: a full disk, a remote that is away", lost),
    one("orrery_series_active", "gauge", "Series that took a sample lately", activeSeries),
    one("orrery_series_bytes", "gauge", "Bytes of sealed segments", bytes),
    one("orrery_series_segments", "gauge", "Sealed segments", segments),
  ];
}
