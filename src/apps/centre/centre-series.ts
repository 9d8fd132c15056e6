import type { Clock, Log } from "#/base/index.ts";
import { durationMs, type Site } from "#/model/index.ts";
import { openEmbeddedSeries } from "#/watch/series/embedded/index.ts";
import type { SeriesStore } from "#/watch/series/index.ts";
import { openRemoteSeries } from "#/watch/series/remote/index.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Until the tiers of an hour are made, its raw samples are needed. */
const RAW_MS_MIN = 2 * HOUR_MS;

/** The store of series as the Site wants it: the centre's own in `folder`, or one that others run. */
export function openSeries(
  wanted: Site["spec"]["series"],
  options: { readonly folder: string; readonly clock: Clock; readonly log: Log },
): SeriesStore {
  const { folder, clock, log } = options;
  if (wanted === undefined) return openEmbeddedSeries({ folder, clock, log });
  const { raw, minutes, hours, bytes, remote } = wanted;
  if (remote !== undefined) return openRemoteSeries({ url: remote.url, isExact: remote.isPrometheus, clock, log });
  const tiers = [
    { resolutionMs: MINUTE_MS, keepMs: durationMs(minutes) },
    { resolutionMs: HOUR_MS, keepMs: durationMs(hours) },
  ];
  return openEmbeddedSeries({ folder, retention: { rawMs: Math.max(RAW_MS_MIN, durationMs(raw)), tiers, bytesMax: bytes }, clock, log });
}
