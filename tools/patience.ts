import { availableParallelism, loadavg } from "node:os";

/** Longer than this nothing is waited for, however busy the machine is. */
const PATIENCE_MAX = 10;

/** How many times longer than on an idle machine something may take now: by how many programs have wanted each processor in the last minute. */
export function patience(load: number = loadavg()[0] ?? 0, processors: number = availableParallelism()): number {
  return Math.min(PATIENCE_MAX, Math.max(1, load / processors));
}

/** Calls `onEnd` after `timeoutMs` of a machine that has time: while others want it, the limit moves away. Returns what cancels it. */
export function patientTimeout(timeoutMs: number, onEnd: () => void, patienceNow: () => number = patience): () => void {
  let [leftMs, beforeMs] = [timeoutMs, performance.now()];
  const timer = setInterval(
    () => {
      const nowMs = performance.now();
      leftMs -= (nowMs - beforeMs) / patienceNow();
      beforeMs = nowMs;
      if (leftMs > 0) return;
      clearInterval(timer);
      onEnd();
    },
    Math.min(1000, timeoutMs),
  );
  return () => clearInterval(timer);
}
