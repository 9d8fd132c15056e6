import { Worker } from "node:worker_threads";
import { type RunResult, runSeed } from "./run.ts";

/** What came of many seeds. */
export interface BatchResult {
  readonly seeds: number;
  readonly failures: readonly RunResult[];
  readonly generations: number;
  readonly transactions: number;
  readonly calls: number;
  readonly events: number;
  readonly held: number;
  readonly passed: number;
  readonly holds: number;
  readonly handovers: number;
}

/** Seeds that are handed to a thread at once. */
const CHUNK = 25;
/** Failures that are kept; more tell nothing new. */
const FAILURES_MAX = 20;

export interface Chunk {
  readonly from: number;
  readonly count: number;
}

export function addUp(results: Iterable<RunResult>): BatchResult {
  const sum = {
    seeds: 0,
    failures: [] as RunResult[],
    generations: 0,
    transactions: 0,
    calls: 0,
    events: 0,
    held: 0,
    passed: 0,
    holds: 0,
    handovers: 0,
  };
  for (const one of results) {
    sum.seeds++;
    sum.generations += one.generations;
    sum.transactions += one.transactions;
    sum.calls += one.calls;
    sum.events += one.events;
    sum.held += one.held;
    sum.passed += one.passed;
    sum.holds += one.holds;
    sum.handovers += one.handovers;
    if (one.violations.length > 0) sum.failures.push(one);
  }
  return sum;
}

/** Runs the seeds of a chunk here. */
export function runChunk({ from, count }: Chunk): BatchResult {
  return addUp(Array.from({ length: count }, (_, index) => runSeed(from + index)));
}

function merge(a: BatchResult, b: BatchResult): BatchResult {
  return {
    seeds: a.seeds + b.seeds,
    failures: [...a.failures, ...b.failures].sort((x, y) => x.seed - y.seed).slice(0, FAILURES_MAX),
    generations: a.generations + b.generations,
    transactions: a.transactions + b.transactions,
    calls: a.calls + b.calls,
    events: a.events + b.events,
    held: a.held + b.held,
    passed: a.passed + b.passed,
    holds: a.holds + b.holds,
    handovers: a.handovers + b.handovers,
  };
}

/** Runs `count` seeds from `from` on in `workers` threads. Ends early when `signal` aborts, with what was done until then. */
export async function runSeeds(options: {
  readonly from: number;
  readonly count: number;
  readonly workers: number;
  readonly onProgress?: (done: BatchResult) => void;
  readonly signal?: AbortSignal;
}): Promise<BatchResult> {
  const { from, count, workers, onProgress, signal } = options;
  let next = from;
  let done = addUp([]);
  const take = (): Chunk | undefined => {
    if (next >= from + count || signal?.aborted === true) return undefined;
    const chunk = { from: next, count: Math.min(CHUNK, from + count - next) };
    next += chunk.count;
    return chunk;
  };
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL("./batch-worker.ts", import.meta.url));
      const hand = (): void => {
        const chunk = take();
        if (chunk === undefined) void worker.terminate().then(() => resolve());
        else worker.postMessage(chunk);
      };
      worker.on("message", (result: BatchResult) => {
        done = merge(done, result);
        onProgress?.(done);
        hand();
      });
      worker.once("error", reject);
      hand();
    });
  await Promise.all(Array.from({ length: workers }, work));
  return done;
}
