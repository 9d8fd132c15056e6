import { describeError, isOrreryError, type MetricFamily, port } from "#/base/index.ts";
import { resource } from "#/model/index.ts";
import { type CentrePart, declareController } from "#/state/reconcile/index.ts";
import { METRIC_NAME, type SampleBatch, SERIES } from "#/watch/series/index.ts";
import { familySamples } from "./family-figures.ts";
import { LOOK_MS } from "./notices.ts";
import { lookAtProcess, processFigures } from "./process-figures.ts";
import { ResourceFigures } from "./resource-figures.ts";

/** At which a centre's process gives what it says at /metrics. */
export const OWN_METRICS = port<() => Promise<readonly MetricFamily[]>>("own-metrics");

/** How often a failure is told. */
const TELL_MS = 10 * 60_000;

const figureTeller = declareController({
  name: "figure-teller",
  reads: { resources: resource },
  writes: [],
  uses: [SERIES],
  mayUse: [OWN_METRICS],
  start({ caches, use, find, clock, log, signal }) {
    const series = use(SERIES);
    const ownMetrics = find(OWN_METRICS);
    const resources = new ResourceFigures();
    let toldMs = Number.NEGATIVE_INFINITY;
    const tell = (message: string): void => {
      if (clock.monotonic() - toldMs < TELL_MS) return;
      toldMs = clock.monotonic();
      log.warn(`series: ${message}`);
    };
    const take = async (batch: SampleBatch): Promise<void> => {
      const { refused } = await series.append(batch);
      // What was told at the same time already, or observed long ago, is no fault.
      const first = refused.find((one) => one.reason === "cardinality" || one.reason === "invalid");
      if (first !== undefined) tell(`${first.count} samples of ${first.metric} of ${batch.source} were not taken: ${first.message}`);
    };
    const look = async (): Promise<void> => {
      const atMs = Math.floor(clock.now());
      const own = processFigures("centre", lookAtProcess()).map(([metric, labels, value]) => ({
        labels: { ...labels, [METRIC_NAME]: metric },
        atMs,
        value,
      }));
      const said = familySamples((await ownMetrics?.()) ?? [], atMs, { component: "centre" });
      await take({ source: "centre", samples: [...own, ...said] });
      for (const { resource: name, samples } of resources.read(caches.resources.values())) await take({ source: `resource/${name}`, samples });
    };
    return {
      async run(ended) {
        while (!ended.aborted && !signal.aborted) {
          await look().catch((error: unknown) => {
            // A site that keeps none, or whose store tells itself that it is away.
            if (!isOrreryError(error, "series/unavailable")) tell(`the centre's own figures were not taken: ${describeError(error)}`);
          });
          await new Promise<void>((resolve) => {
            const cancel = clock.after(LOOK_MS, resolve, { background: true });
            ended.addEventListener(
              "abort",
              () => {
                cancel();
                resolve();
              },
              { once: true },
            );
          });
        }
      },
    };
  },
});

/** What the centre sees itself, as series. */
export const centreFiguresPart: CentrePart = {
  name: "figures",
  description: "Keeps what the centre says of itself, and the numbers observed of Resources, as series.",
  kinds: [],
  controllers: [figureTeller],
};
