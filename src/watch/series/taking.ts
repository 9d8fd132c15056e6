import { z } from "zod";
import { type Clock, describeError, isOrreryError, type Log } from "#/base/index.ts";
import type { PeerHandlers } from "#/state/link/hub/index.ts";
import { type Labels, METRIC_NAME, type Sample, type SeriesStore } from "./contract.ts";

/** Figures of one notice. */
const FIGURES_MAX = 5_000;
/** What a host is told of in the log, once in so long. */
const TELL_MS = 60_000;
/** Label sets that are kept as the same object. */
const LABELS_MAX = 50_000;

const notice = z.object({
  atMs: z.number(),
  figures: z.array(z.tuple([z.string().max(200), z.record(z.string().max(200), z.string().max(1_024)), z.number()])).max(FIGURES_MAX),
});

/** Takes what agents (`component` host) and gateways tell. The label `host` is that of the link, whatever the notice says; so is the source, by which cardinality is bounded: an agent and a gateway do not take each other's place. */
export function takeFigures({
  store,
  clock,
  log,
  component = "host",
}: {
  readonly store: SeriesStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly component?: "host" | "gateway";
}): PeerHandlers {
  let known = new Map<string, Labels>();
  const toldMs = new Map<string, number>();
  const tell = (host: string, message: string): void => {
    const now = clock.monotonic();
    if (now - (toldMs.get(host) ?? Number.NEGATIVE_INFINITY) < TELL_MS) return;
    if (toldMs.size > 10_000) toldMs.clear();
    toldMs.set(host, now);
    log.warn(`series: figures of host ${host}: ${message}`, { host });
  };
  const labelsOf = (host: string, metric: string, more: Readonly<Record<string, string>>): Labels => {
    const key = JSON.stringify([host, metric, more]);
    const found = known.get(key);
    if (found !== undefined) return found;
    if (known.size >= LABELS_MAX) known = new Map();
    const labels = { ...more, [METRIC_NAME]: metric, host };
    known.set(key, labels);
    return labels;
  };
  return {
    notices: {
      "series/figures": (params, { hello: { host } }) => {
        const parsed = notice.safeParse(params);
        if (!parsed.success) return tell(host, "a notice cannot be read; is the agent of another version?");
        const { atMs, figures } = parsed.data;
        const samples = figures.map(([metric, more, value]): Sample => ({ labels: labelsOf(host, metric, more), atMs, value }));
        store.append({ source: `${component}/${host}`, samples }).then(
          ({ refused: [first] }) => first !== undefined && tell(host, `${first.count} samples of ${first.metric} were not taken: ${first.message}`),
          (error: unknown) => tell(host, isOrreryError(error) ? error.message : `unexpected: ${describeError(error)}`),
        );
      },
    },
  };
}
