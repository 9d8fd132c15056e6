/** How the revisions of one service do beside each other. Pure. */
import type { CallFigures } from "../../../../src/face/views/protocol.ts";
import { failedShare } from "../call-figures.ts";

export interface RevisionFigures extends CallFigures {
  readonly revision?: string;
  readonly calls: number;
}

/** Fewer calls than these say nothing of what others meet. */
const CALLS_MIN = 20;
/** Of 1: so many more failures are seen. */
const ERRORS_MORE = 0.005;
const SLOWER = 2;

export interface Worse {
  readonly errors: boolean;
  readonly latency: boolean;
}

const NOT_WORSE: Worse = { errors: false, latency: false };

/** Whether what comes does worse than what is served, by the last minute: a hint for the eye, no gate. */
export function worseThan(coming: RevisionFigures | undefined, served: RevisionFigures | undefined): Worse {
  if (coming === undefined || served === undefined || coming.calls < CALLS_MIN || served.calls < CALLS_MIN) return NOT_WORSE;
  const [fresh, former] = [coming, served].map(({ p95Ms }) => (p95Ms === null ? Number.POSITIVE_INFINITY : (p95Ms ?? 0)));
  return {
    errors: failedShare(coming) > failedShare(served) + ERRORS_MORE,
    latency: (former ?? 0) > 0 && (fresh ?? 0) !== (former ?? 0) && (fresh ?? 0) >= (former ?? 0) * SLOWER,
  };
}
