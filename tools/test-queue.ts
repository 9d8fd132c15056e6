import { cpus, freemem } from "node:os";
import { setTimeout as wait } from "node:timers/promises";

export interface QueueLimits {
  /** So many jobs run at once whatever the machine does. */
  readonly least: number;
  /** So many while `hasRoom` says that the machine waits. */
  readonly most: number;
  readonly hasRoom: () => boolean;
  /** The time between two looks: so long an added job is given to show what it needs. */
  readonly lookMs: number;
}

/** Runs all jobs in order, beside each other: `least` at once, and more up to `most` while there is room. A job must not reject. */
export async function runBeside(jobs: readonly (() => Promise<void>)[], { least, most, hasRoom, lookMs }: QueueLimits): Promise<void> {
  const running = new Set<Promise<void>>();
  let lookAtMs = performance.now() + lookMs;
  for (const job of jobs) {
    while (running.size >= least) {
      const leftMs = lookAtMs - performance.now();
      if (leftMs > 0) await waitForOne(running, leftMs);
      else if (running.size >= most) await Promise.race(running);
      else {
        lookAtMs = performance.now() + lookMs;
        if (hasRoom()) break;
      }
    }
    const one = job().finally(() => running.delete(one));
    running.add(one);
  }
  await Promise.all(running);
}

/** Until one of them has ended, but no longer than `timeoutMs`. */
async function waitForOne(running: ReadonlySet<Promise<void>>, timeoutMs: number): Promise<void> {
  const timer = new AbortController();
  await Promise.race([...running, wait(timeoutMs, undefined, { signal: timer.signal }).catch(() => {})]);
  timer.abort();
}

/** Processors that idle less than this share of the time are needed by what runs already. */
const IDLE_SHARE_MIN = 0.4;
/** A whole site with its test has some 350 MB; the system and other users keep the rest. */
const FREE_BYTES_MIN = 1_500_000_000;

/** Says whether the machine, whoever uses it, had processors idle since the last question, and has memory for one test more. */
export function watchRoom(readTimes: () => Times = readProcessors, readFree: () => number = freemem): () => boolean {
  let before = readTimes();
  return () => {
    const now = readTimes();
    const allMs = now.allMs - before.allMs;
    const share = allMs > 0 ? (now.idleMs - before.idleMs) / allMs : 0;
    before = now;
    return share >= IDLE_SHARE_MIN && readFree() >= FREE_BYTES_MIN;
  };
}

interface Times {
  readonly idleMs: number;
  readonly allMs: number;
}

/** Of all processors together, since the machine began. */
function readProcessors(): Times {
  let [idleMs, allMs] = [0, 0];
  for (const { times } of cpus()) {
    idleMs += times.idle;
    allMs += times.idle + times.user + times.nice + times.sys + times.irq;
  }
  return { idleMs, allMs };
}
