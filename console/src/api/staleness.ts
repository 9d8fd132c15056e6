/** How much a value that is shown may be believed. One rule for all pages. */

/** A source that should have said something so many times and has not is silent. */
const MISSED_MAX = 3;
/** Of what has no heartbeat of its own: written when it changes, so its age says nothing. */
export const NO_BEAT = undefined;

export interface Sighting {
  /** When it was seen; undefined: by nobody yet. */
  readonly seenAtMs: number | undefined;
  /** How often its source says something even if nothing changes; `NO_BEAT`: only when it changes. */
  readonly beatMs: number | undefined;
  /** Since when the stream, or the source behind it, is known to be cut; undefined: it is not. */
  readonly cutAtMs: number | undefined;
  /** The server's time. */
  readonly nowMs: number;
}

export type Belief =
  /** As good as it gets. */
  | "live"
  /** It was so; whether it still is, nobody can say. */
  | "stale"
  /** Nobody has ever said. */
  | "unknown";

/** Whether a value is still to be believed. Unknown is the state at the start and after every break until it was told anew: a value of before a cut stays stale until it is seen again. */
export function beliefIn({ seenAtMs, beatMs, cutAtMs, nowMs }: Sighting): Belief {
  if (seenAtMs === undefined || !Number.isFinite(seenAtMs)) return "unknown";
  if (cutAtMs !== undefined) return "stale";
  // A clock that is ahead elsewhere makes nothing younger than now.
  if (beatMs !== undefined && nowMs - seenAtMs > beatMs * MISSED_MAX) return "stale";
  return "live";
}
